/* hgautod run: the daemon, in the foreground. */
#include "daemon/command/command.h"
#include "daemon/daemon.h"
#include "daemon/service.h"

static int serve(struct daemon *d, const struct invocation *in)
{
    d->once = in->once;
    return service_run(d);
}

int cmd_run(const struct invocation *in)
{
    return command_daemon(in, command_config(in, false), serve);
}
