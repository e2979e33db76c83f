/* Telling a service manager how the daemon is. */
#include "daemon/notify.h"

#include <stddef.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <sys/time.h>
#include <sys/un.h>
#include <unistd.h>

/* Fills in the address; 0 when NOTIFY_SOCKET names none. */
static socklen_t find_manager(struct sockaddr_un *to)
{
    const char *name = getenv("NOTIFY_SOCKET");
    size_t n = name ? strlen(name) : 0;

    *to = (struct sockaddr_un){.sun_family = AF_UNIX};
    if (n < 2 || n >= sizeof to->sun_path || (*name != '/' && *name != '@'))
        return 0;
    memcpy(to->sun_path, name, n);
    if (*name == '@')
        to->sun_path[0] = '\0';
    return (socklen_t)(offsetof(struct sockaddr_un, sun_path) + n);
}

bool notify_systemd(const char *state)
{
    static const struct timeval patience = {.tv_sec = 1};
    struct sockaddr_un manager;
    socklen_t size = find_manager(&manager);
    size_t n = strlen(state);

    if (size == 0)
        return false;
    int fd = socket(AF_UNIX, SOCK_DGRAM | SOCK_CLOEXEC, 0);
    if (fd < 0)
        return false;
    bool ok =
        setsockopt(fd, SOL_SOCKET, SO_SNDTIMEO, &patience, sizeof patience) == 0 &&
        sendto(fd, state, n, MSG_NOSIGNAL, (const struct sockaddr *)&manager, size) == (ssize_t)n;
    close(fd);
    return ok;
}
