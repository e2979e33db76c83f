/* Loads the configuration and makes the environment for commands. */
#include <stdio.h>
#include <unistd.h>

#include "daemon/command/command.h"
#include "daemon/descriptors.h"
#include "daemon/env.h"
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

int command_with_env(const struct invocation *in, struct config *config,
                     int (*work)(const struct env *env, const struct invocation *in))
{
    struct env env;
    struct err err = ERR_INIT;
    char text[2048];
    int status = EXIT_USAGE;

    if (!config)
        return EXIT_USAGE;
    descriptors_raise();
    if (env_init(&env, config, &err)) {
        status = work(&env, in);
        env_release(&env);
    } else {
        printable_print(stderr, "hgautod: %s\n", err_text(&err, text, sizeof text));
    }
    config_free(config);
    return status;
}
