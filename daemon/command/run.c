/* hgautod run: the daemon, in the foreground. */
#include "daemon/command/command.h"
#include "daemon/service.h"

static int serve(const struct env *env, const struct invocation *in)
{
    return service_run(env, in->once);
}

int cmd_run(const struct invocation *in)
{
    return command_with_env(in, command_config(in, false), serve);
}
