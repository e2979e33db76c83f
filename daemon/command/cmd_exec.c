/* hgautod exec: one event from a file, without a queue. */
#include "daemon/command/command.h"
#include "daemon/command/exec.h"

static int execute(const struct env *env, const struct invocation *in)
{
    return exec_event(env, in->operands[0], in->report_dir);
}

int cmd_exec(const struct invocation *in)
{
    struct config *config = command_config(in, true);

    if (config && in->plan)
        config->guard.dry_run = true;
    return command_with_env(in, config, execute);
}
