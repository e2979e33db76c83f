/* hgautod run: runs the daemon in the foreground. */
#include "daemon/command/command.h"
#include "daemon/service.h"

static int run_service(const struct env *env, const struct invocation *in)
{
    return service_run(env, in->once);
}

int cmd_run(const struct invocation *in)
{
    return command_with_env(in, command_config(in, false), run_service);
}
