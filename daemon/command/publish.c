/* hgautod publish: writes the list of actions for Hyperglance to the root of each store. */
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "daemon/command/catalogue.h"
#include "daemon/command/command.h"
#include "daemon/env.h"
#include "daemon/source/kinds.h"
#include "daemon/store/store.h"
#include "lib/base/printable.h"

/* Returns the cloud whose actions the events of a source may name; NULL: both. */
static const enum cloud *publish_cloud(const struct config_source *source)
{
    static const enum cloud aws = CLOUD_AWS, azure = CLOUD_AZURE;
    static const enum cloud *const clouds[] = {
        [SOURCE_IN_AWS] = &aws, [SOURCE_IN_AZURE] = &azure, [SOURCE_LOCAL] = NULL};
    return clouds[source_facts[source->type].cloud];
}

/* Returns the list for a source, to be freed, and the number of actions in it. */
static char *publish_make_list(const struct config *config, const struct config_source *source,
                               size_t *count)
{
    struct catalogue c;
    catalogue_select(&c, config, publish_cloud(source));
    json_t *json = catalogue_json(&c);
    char *text = json_dumps(json, JSON_INDENT(2));
    *count = c.count;
    json_decref(json);
    catalogue_free(&c);
    return text;
}

static bool publish_put(struct store *store, struct http_client *http, const struct clock *clock,
                        const char *list, struct err *err)
{
    struct http_body body = {.data = list, .size = strlen(list)};
    struct object_put put = {.key = CATALOGUE_KEY, .body = &body};
    struct command_wait wait = command_wait_begin(clock);
    bool ok;
    do
        ok = store->ops->put(store, http, &put, NULL, err);
    while (!ok && command_wait_retry(&wait, err));
    return ok;
}

/* Publishes to one source and prints what was done, or why not. */
static bool publish_to_source(const struct env *env, const struct config_source *source,
                              struct http_client *http)
{
    struct err err = ERR_INIT;
    char text[2048];
    size_t count = 0;
    char *list = publish_make_list(env->config, source, &count);
    struct store *store = source_store_new(env, source, &err);
    bool ok = store && publish_put(store, http, env->clock, list, &err);
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

/* Publishes to all sources, even if one fails. */
static int publish_all(const struct env *env, const struct invocation *in)
{
    (void)in;
    struct http_client *http = http_client_new(&env->http);
    bool ok = true;
    for (size_t i = 0; i < env->config->source_count; i++)
        ok = publish_to_source(env, &env->config->sources[i], http) && ok;
    http_client_free(http);
    return ok && fflush(stdout) == 0 ? EXIT_DONE : EXIT_WORK_FAILED;
}

int cmd_publish(const struct invocation *in)
{
    return command_with_env(in, command_config(in, false), publish_all);
}
