/* What most commands begin with: the configuration, and the daemon made of it. */
#include <stdio.h>
#include <unistd.h>

#include "daemon/command/command.h"
#include "daemon/daemon.h"
#include "daemon/descriptors.h"
#include "lib/base/printable.h"

struct config *command_config(const struct invocation *in, bool may_be_absent)
{
    struct buf problems = buf_make(1 << 20);
    struct config *config = config_load(in->config_path, may_be_absent, environ, &problems);

    if (!config)
        printable_print(stderr, "%s", buf_str(&problems));
    buf_free(&problems);
    return config;
}

int command_daemon(const struct invocation *in, struct config *config,
                   int (*work)(struct daemon *d, const struct invocation *in))
{
    struct daemon d;
    struct err err = ERR_INIT;
    char text[2048];
    int status = EXIT_USAGE;

    if (!config)
        return EXIT_USAGE;
    descriptors_raise();
    if (daemon_init(&d, config, &err)) {
        status = work(&d, in);
        daemon_release(&d);
    } else {
        printable_print(stderr, "hgautod: %s\n", err_text(&err, text, sizeof text));
    }
    config_free(config);
    return status;
}
