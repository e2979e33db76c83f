/* Sends one datagram to the socket of the service manager. */
#include "daemon/notify.h"

#include <stddef.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <sys/time.h>
#include <sys/un.h>
#include <unistd.h>

/* Fills in the address. Returns its size; 0 if NOTIFY_SOCKET contains none. */
static socklen_t notify_address(struct sockaddr_un *to)
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
    static const struct timeval timeout = {.tv_sec = 1};
    struct sockaddr_un address;
    socklen_t size = notify_address(&address);
    if (size == 0)
        return false;
    int fd = socket(AF_UNIX, SOCK_DGRAM | SOCK_CLOEXEC, 0);
    if (fd < 0)
        return false;
    size_t n = strlen(state);
    bool ok =
        setsockopt(fd, SOL_SOCKET, SO_SNDTIMEO, &timeout, sizeof timeout) == 0 &&
        sendto(fd, state, n, MSG_NOSIGNAL, (const struct sockaddr *)&address, size) == (ssize_t)n;
    close(fd);
    return ok;
}
