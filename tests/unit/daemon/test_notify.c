/* Tests of telling a service manager: what arrives at the socket that it names. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <sys/un.h>
#include <unistd.h>

#include <cmocka.h>

#include "daemon/notify.h"

/* A manager's socket of this name, "@..." being an abstract one. */
static int manager(const char *name)
{
    struct sockaddr_un address = {.sun_family = AF_UNIX};
    socklen_t size = (socklen_t)(offsetof(struct sockaddr_un, sun_path) + strlen(name));
    int fd = socket(AF_UNIX, SOCK_DGRAM | SOCK_NONBLOCK, 0);

    assert_true(fd >= 0);
    memcpy(address.sun_path, name, strlen(name));
    if (*name == '@')
        address.sun_path[0] = '\0';
    assert_int_equal(bind(fd, (const struct sockaddr *)&address, size), 0);
    assert_int_equal(setenv("NOTIFY_SOCKET", name, 1), 0);
    return fd;
}

static void assert_arrives(int fd)
{
    char got[100] = "";

    assert_true(notify_systemd("READY=1\nSTATUS=Waiting"));
    assert_int_equal(recv(fd, got, sizeof got - 1, 0), strlen("READY=1\nSTATUS=Waiting"));
    assert_string_equal(got, "READY=1\nSTATUS=Waiting");
    close(fd);
}

static void test_a_socket_with_a_path(void **state)
{
    char folder[] = "/tmp/notify-XXXXXX", path[60];

    (void)state;
    assert_non_null(mkdtemp(folder));
    snprintf(path, sizeof path, "%s/socket", folder);
    assert_arrives(manager(path));
    unlink(path);
    rmdir(folder);
}

static void test_an_abstract_socket(void **state)
{
    char name[60];

    (void)state;
    snprintf(name, sizeof name, "@hgautod-test-%ld", (long)getpid());
    assert_arrives(manager(name));
}

static void test_without_a_manager_nothing_is_told(void **state)
{
    char too_long[200];

    (void)state;
    unsetenv("NOTIFY_SOCKET");
    assert_false(notify_systemd("READY=1"));
    setenv("NOTIFY_SOCKET", "/nowhere/socket", 1);
    assert_false(notify_systemd("READY=1"));
    setenv("NOTIFY_SOCKET", "vsock:2:1234", 1);
    assert_false(notify_systemd("READY=1"));
    memset(too_long, 'x', sizeof too_long - 1);
    too_long[0] = '/';
    too_long[sizeof too_long - 1] = '\0';
    setenv("NOTIFY_SOCKET", too_long, 1);
    assert_false(notify_systemd("READY=1"));
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_a_socket_with_a_path),
        cmocka_unit_test(test_an_abstract_socket),
        cmocka_unit_test(test_without_a_manager_nothing_is_told),
    };

    return cmocka_run_group_tests_name("notify", tests, NULL, NULL);
}
