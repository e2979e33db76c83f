/* hgautod publish: writes the list of actions where Hyperglance looks for it, at the root of each
 * source's store. */
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "daemon/command/catalogue.h"
#include "daemon/command/command.h"
#include "daemon/command/waiting.h"
#include "daemon/env.h"
#include "daemon/source/kinds.h"
#include "daemon/store/store.h"
#include "lib/base/printable.h"

/* A directory's events may be of either cloud. */
static const enum cloud *cloud_of(const struct config_source *source)
{
    static const enum cloud aws = CLOUD_AWS, azure = CLOUD_AZURE;

    switch (source->type) {
    case SOURCE_SQS:
    case SOURCE_S3:
        return &aws;
    case SOURCE_AZURE_QUEUE:
    case SOURCE_AZURE_BLOB:
        return &azure;
    case SOURCE_DIRECTORY:
        break;
    }
    return NULL;
}

/* The list for a source, to be freed, and how many actions are in it; NULL when out of memory. */
static char *make_list(const struct config *config, const struct config_source *source,
                       size_t *count)
{
    struct catalogue c;
    json_t *json = catalogue_select(&c, config, cloud_of(source)) ? catalogue_json(&c) : NULL;
    char *text = json ? json_dumps(json, JSON_INDENT(2)) : NULL;

    *count = c.count;
    json_decref(json);
    catalogue_free(&c);
    return text;
}

static bool put_list(struct store *store, struct http_client *http, const struct clock *clock,
                     const char *list, struct err *err)
{
    struct http_body body = {.data = list, .size = strlen(list)};
    struct object_put put = {.key = CATALOGUE_KEY, .body = &body};
    struct waiting waiting = waiting_begin(clock);
    bool ok;

    do
        ok = store->ops->put(store, http, &put, NULL, err);
    while (!ok && waiting_pause(&waiting, err));
    return ok;
}

/* One source; says what was done or why not. */
static bool publish_to(const struct env *env, const struct config_source *source,
                       struct http_client *http)
{
    struct err err = ERR_INIT;
    char text[2048];
    size_t count = 0;
    char *list = make_list(env->config, source, &count);
    struct store *store = list ? store_of_source(env, source, &err) : NULL;
    bool ok = store && put_list(store, http, env->clock, list, &err);

    if (!list)
        err_set(&err, ERR_INTERNAL, "", "out of memory");
    if (ok)
        printable_print(stdout,
                        "source \"%s\": " CATALOGUE_KEY " with %zu actions is at the root of %s\n",
                        source->name, count, store->name);
    else
        printable_print(stderr,
                        "hgautod: source \"%s\": " CATALOGUE_KEY " could not be written%s%s: %s\n",
                        source->name, store ? " to " : "", store ? store->name : "",
                        err_text(&err, text, sizeof text));
    if (store)
        store->ops->free(store);
    free(list);
    return ok;
}

/* All of them, whatever becomes of one. */
static int publish(const struct env *env, const struct invocation *in)
{
    (void)in;
    struct http_client *http = http_client_new(&env->http);
    bool ok = http != NULL;

    if (!http)
        printable_print(stderr, "hgautod: out of memory\n");
    for (size_t i = 0; http && i < env->config->source_count; i++)
        ok = publish_to(env, &env->config->sources[i], http) && ok;
    http_client_free(http);
    return ok && fflush(stdout) == 0 ? EXIT_DONE : EXIT_WORK_FAILED;
}

int cmd_publish(const struct invocation *in)
{
    return command_with_env(in, command_config(in, false), publish);
}
