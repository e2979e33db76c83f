/* hgautod run: the daemon, in the foreground. */
#include <stdio.h>

#include "daemon/command.h"
#include "daemon/daemon.h"
#include "daemon/service.h"

int cmd_run(const struct invocation *in)
{
    struct daemon d;
    struct err err = ERR_INIT;
    char text[2048];
    int status = EXIT_USAGE;
    struct config *config = command_config(in, false);
    if (!config)
        return EXIT_USAGE;
    if (!daemon_init(&d, config, &err)) {
        fprintf(stderr, "hgautod: %s\n", err_text(&err, text, sizeof text));
    } else {
        d.once = in->once;
        status = service_run(&d);
        daemon_release(&d);
    }
    config_free(config);
    return status;
}
