/* Loads the configuration, makes the environment, and waits, for commands. */
#include <stdio.h>
#include <time.h>
#include <unistd.h>

#include "daemon/command/command.h"
#include "daemon/descriptors.h"
#include "daemon/env.h"
#include "lib/base/printable.h"

#define WAIT_MS 10000
/* If the error requests none. */
#define WAIT_PAUSE_MS 100

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
    if (!config)
        return EXIT_USAGE;
    struct env env;
    struct err err = ERR_INIT;
    char text[2048];
    int status = EXIT_USAGE;
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

struct command_wait command_wait_begin(const struct clock *clock)
{
    return (struct command_wait){.clock = clock, .until_ms = clock->mono_ms(clock) + WAIT_MS};
}

bool command_wait_retry(const struct command_wait *wait, const struct err *err)
{
    int64_t pause_ms = err->retry_after_ms > 0 ? err->retry_after_ms : WAIT_PAUSE_MS;
    bool temporary = err->kind == ERR_UNAVAILABLE || err->kind == ERR_BUSY;
    if (!temporary || wait->clock->mono_ms(wait->clock) + pause_ms > wait->until_ms)
        return false;
    /* A signal may end it early. */
    struct timespec pause = {.tv_sec = pause_ms / 1000, .tv_nsec = pause_ms % 1000 * 1000000};
    nanosleep(&pause, NULL);
    return true;
}
