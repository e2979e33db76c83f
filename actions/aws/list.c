/* Listings of AWS, read page by page from a step, and lists in responses. */
#include "actions/aws/list.h"

#include "lib/json/jpath.h"

/* A listing that act_list reads is short; one with more pages than this never ends. */
#define PAGES_MAX 1000

/* The token of the next page: a new reference, NULL after the last. False with ctx->err if it is
 * that of this page again: such a listing would never end. */
static bool act_next_token(struct step_ctx *ctx, const struct act_listing *listing,
                           const json_t *response, const json_t *token, json_t **next)
{
    const char *text = jstr(response, listing->next);
    *next = NULL;
    if (!text || !*text || (listing->more && !jbool(response, listing->more, false)))
        return true;
    if (token && json_equal((json_t *)token, jget(response, listing->next)))
        return err_set(&ctx->err, ERR_PROVIDER, "", "%s returns the same page again and again",
                       listing->op->name);
    *next = json_incref(jget(response, listing->next));
    return true;
}

/* Whether each item has the strings that it must have. False with ctx->err. */
static bool act_items_whole(struct step_ctx *ctx, const struct act_listing *listing,
                            const json_t *items)
{
    size_t i;
    json_t *item;
    json_array_foreach(items, i, item) {
        for (const char *const *path = listing->each; *path; path++)
            if (!jstr(item, *path))
                return err_set(&ctx->err, ERR_TRANSIENT, "UnreadableResponse",
                               "%s lists an item without %s", listing->op->name, *path);
    }
    return true;
}

json_t *act_page(struct step_ctx *ctx, const struct act_listing *listing, json_t *params,
                 json_t **next)
{
    json_t *token = *next;
    *next = NULL;
    if (token && params)
        json_object_set(params, listing->token, token);
    json_t *response = act_call(ctx, listing->op, params);
    json_t *items = NULL;
    if (response && act_next_token(ctx, listing, response, token, next)) {
        items = jlist(response, listing->items);
        if (!act_items_whole(ctx, listing, items)) {
            json_decref(items);
            items = NULL;
            json_decref(*next);
            *next = NULL;
        }
    }
    json_decref(response);
    json_decref(token);
    return items;
}

json_t *act_list(struct step_ctx *ctx, const struct act_listing *listing, json_t *params)
{
    json_t *all = json_array();
    json_t *next = NULL;
    unsigned pages = 0;
    do {
        json_t *page = act_page(ctx, listing, json_copy(params), &next);
        bool ok = page && ++pages <= PAGES_MAX;
        if (page && !ok)
            err_set(&ctx->err, ERR_LIMIT, "", "%s has more than %d pages", listing->op->name,
                    PAGES_MAX);
        if (ok)
            json_array_extend(all, page);
        json_decref(page);
        if (!ok) {
            json_decref(all);
            all = NULL;
        }
    } while (all && next);
    json_decref(next);
    json_decref(params);
    return all;
}

json_t *act_texts(struct step_ctx *ctx, const json_t *list, const char *path)
{
    json_t *texts = json_array();
    size_t i;
    json_t *element;
    json_array_foreach(list, i, element) {
        const char *text = jstr(element, path);
        if (text) {
            json_array_append_new(texts, json_string(text));
            continue;
        }
        err_set(&ctx->err, ERR_TRANSIENT, "UnreadableResponse",
                "the response contains an element without %s", path);
        json_decref(texts);
        return NULL;
    }
    return texts;
}
