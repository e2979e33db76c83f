/* hgautod exec: one event from a file, without a queue. */
#include <stdio.h>

#include "daemon/command.h"
#include "daemon/daemon.h"
#include "daemon/exec.h"

int cmd_exec(const struct invocation *in)
{
    struct daemon d;
    struct err err = ERR_INIT;
    char text[2048];
    int status = EXIT_USAGE;
    struct config *config = command_config(in, true);
    if (!config)
        return EXIT_USAGE;
    if (in->plan)
        config->guard.dry_run = true;
    if (!daemon_init(&d, config, &err)) {
        fprintf(stderr, "hgautod: %s\n", err_text(&err, text, sizeof text));
    } else {
        status = exec_event(&d, in->operands[0], in->report_dir);
        daemon_release(&d);
    }
    config_free(config);
    return status;
}
