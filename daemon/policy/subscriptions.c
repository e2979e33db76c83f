/* Reads the file of Azure subscriptions, and decides which may be acted on. */
#include "daemon/policy/subscriptions.h"

#include <ctype.h>
#include <stdatomic.h>
#include <stdlib.h>
#include <string.h>
#include <strings.h>

#include "lib/azure/arm.h"
#include "lib/azure/arm_list.h"
#include "lib/azure/names.h"
#include "lib/base/array.h"
#include "lib/base/buf.h"
#include "lib/base/file.h"
#include "lib/base/memory.h"
#include "lib/base/utf8.h"
#include "lib/json/jpath.h"
#include "lib/net/fresh.h"

/* Bytes; Azure allows 64 characters. */
#define ENTRY_MAX 256
/* How long the list of names is used. */
#define KEEP_MS (INT64_C(10) * 60000)
/* Some editors begin UTF-8 with it. */
#define BYTE_ORDER_MARK "\xef\xbb\xbf"

struct subscriptions {
    subscriptions_list_fn list;
    void *ctx;
    /* IDs and names; constant. */
    char **entries;
    size_t count, room;
    bool has_names;
    /* The last list; NULL without `list`. */
    struct fresh *known;
};

/* --- the file --- */

struct reader {
    const char *path;
    const char *at;
    unsigned line;
    struct err *err;
};

static void subscriptions_add(struct subscriptions *s, const char *text)
{
    s->entries = array_room(s->entries, s->count, &s->room, sizeof *s->entries);
    s->entries[s->count++] = xstrdup(text);
    s->has_names = s->has_names || azure_guid_problem(text);
}

/* Reads the entry in quotes at r->at, which is moved after them. */
static bool reader_take_quoted(struct reader *r, struct buf *to)
{
    unsigned line = r->line;
    for (r->at++; *r->at; r->at++) {
        if (*r->at == '"' && r->at[1] != '"') {
            r->at++;
            r->at += strspn(r->at, " \t\r");
            return !*r->at || *r->at == ',' || *r->at == '\n' ||
                   err_set(r->err, ERR_INVALID, "", "%s:%u: a comma is missing after \"%.80s\"",
                           r->path, r->line, buf_str(to));
        }
        if (*r->at == '"')
            r->at++;
        r->line += *r->at == '\n';
        buf_addc(to, *r->at);
    }
    return err_set(r->err, ERR_INVALID, "", "%s:%u: a closing quote is missing", r->path, line);
}

static void reader_take_plain(struct reader *r, struct buf *to)
{
    size_t n = strcspn(r->at, ",\n"), end = n;
    while (end > 0 && strchr(" \t\r", r->at[end - 1]))
        end--;
    buf_add(to, r->at, end);
    r->at += n;
}

/* Returns whether a text is an ID except for some characters: too many, too few, or wrong ones. It
 * would be taken for a name, which no subscription has. */
static bool reader_resembles_id(const char *text)
{
    size_t hex = 0, other = 0;
    if (!azure_guid_problem(text))
        return false;
    for (; *text; text++)
        if (isxdigit((unsigned char)*text))
            hex++;
        else if (*text != '-')
            other++;
    return hex >= 28 && hex <= 36 && other <= 3;
}

static bool reader_check(const struct reader *r, const struct buf *entry)
{
    if (!buf_ok(entry))
        return err_set(r->err, ERR_INVALID, "", "%s:%u: an entry has more than %d bytes", r->path,
                       r->line, ENTRY_MAX);
    for (size_t i = 0; i < entry->size; i++) {
        if ((unsigned char)entry->data[i] < ' ')
            return err_set(r->err, ERR_INVALID, "", "%s:%u: an entry contains a control character",
                           r->path, r->line);
    }
    return !reader_resembles_id(buf_str(entry)) ||
           err_set(r->err, ERR_INVALID, "",
                   "%s:%u: \"%s\" is not a valid subscription ID, but resembles one", r->path,
                   r->line, buf_str(entry));
}

/* Reads an entry, which may be empty, and the separator after it. */
static bool reader_take_entry(struct subscriptions *s, struct reader *r)
{
    struct buf entry = buf_make(ENTRY_MAX);
    bool ok = true;
    r->at += strspn(r->at, " \t\r");
    if (*r->at == '"')
        ok = reader_take_quoted(r, &entry);
    else
        reader_take_plain(r, &entry);
    ok = ok && reader_check(r, &entry);
    if (ok && s->count == SUBSCRIPTIONS_MAX)
        ok = err_set(r->err, ERR_LIMIT, "", "%s:%u: more than %d subscriptions", r->path, r->line,
                     SUBSCRIPTIONS_MAX);
    if (ok && entry.size > 0)
        subscriptions_add(s, buf_str(&entry));
    buf_free(&entry);
    if (ok && *r->at)
        r->line += *r->at++ == '\n';
    return ok;
}

static bool subscriptions_read_text(struct subscriptions *s, const char *path,
                                    const struct buf *text, struct err *err)
{
    struct reader r = {.path = path, .at = buf_str(text), .line = 1, .err = err};
    if (strlen(buf_str(text)) != text->size || !utf8_valid(buf_str(text), text->size))
        return err_set(err, ERR_INVALID, "", "%s is not UTF-8 text", path);
    if (strncmp(r.at, BYTE_ORDER_MARK, strlen(BYTE_ORDER_MARK)) == 0)
        r.at += strlen(BYTE_ORDER_MARK);
    while (*r.at)
        if (!reader_take_entry(s, &r))
            return false;
    return true;
}

static bool subscriptions_read(struct subscriptions *s, const char *path, struct err *err)
{
    struct buf text = buf_make(SUBSCRIPTIONS_FILE_MAX);
    struct err why = ERR_INIT;
    bool ok = file_read(path, 0, &text, NULL, &why);
    if (!ok)
        err_set(err, why.kind == ERR_LIMIT ? ERR_LIMIT : ERR_INVALID, "",
                "azure.subscriptions_file %s cannot be read: %s", path, why.message);
    ok = ok && subscriptions_read_text(s, path, &text, err);
    buf_free(&text);
    return ok;
}

static bool subscriptions_add_default(struct subscriptions *s, const char *standard,
                                      struct err *err)
{
    if (!standard || !*standard)
        return true;
    if (azure_guid_problem(standard))
        return err_set(err, ERR_INVALID, "",
                       "AZURE_SUBSCRIPTION_ID is \"%.80s\", which is not a valid subscription ID",
                       standard);
    subscriptions_add(s, standard);
    return true;
}

/* --- the list --- */

/* The list of Azure, as long as anyone uses it. Threads share it and only read it. It counts its
 * users itself: jansson reads its own counter without atomicity. */
struct subscriptions_list {
    atomic_uint users;
    json_t *all;
};

static void *subscriptions_list_ref(void *value)
{
    struct subscriptions_list *list = value;
    atomic_fetch_add(&list->users, 1);
    return list;
}

static void subscriptions_list_unref(void *value)
{
    struct subscriptions_list *list = value;
    if (atomic_fetch_sub(&list->users, 1) > 1)
        return;
    json_decref(list->all);
    free(list);
}

static void *subscriptions_list_fetch(void *ctx, struct http_client *http, const char *key,
                                      struct err *err)
{
    const struct subscriptions *s = ctx;
    (void)key;
    json_t *all = s->list(s->ctx, http, err);
    if (!all)
        return NULL;
    struct subscriptions_list *list = xmalloc(sizeof *list);
    atomic_init(&list->users, 1);
    list->all = all;
    return list;
}

static const struct fresh_kind list_kind = {
    .what = "the list of subscriptions",
    .max = 1,
    .fetch = subscriptions_list_fetch,
    .ref = subscriptions_list_ref,
    .unref = subscriptions_list_unref,
    .lifetime_ms = KEEP_MS,
};

struct subscriptions *subscriptions_new(const struct subscriptions_options *options,
                                        struct err *err)
{
    struct subscriptions *s = xcalloc(1, sizeof *s);
    s->list = options->list;
    s->ctx = options->ctx;
    bool ok = subscriptions_read(s, options->path, err) &&
              subscriptions_add_default(s, options->standard, err);
    if (ok && s->count == 0)
        ok = err_set(
            err, ERR_INVALID, "",
            "azure.subscriptions_file %s contains no subscription, and AZURE_SUBSCRIPTION_ID "
            "is not set",
            options->path);
    if (!ok) {
        subscriptions_free(s);
        return NULL;
    }
    if (options->list)
        s->known = fresh_new(&list_kind, options->clock, s);
    return s;
}

const char *subscriptions_entry(const struct subscriptions *s, size_t i)
{
    return i < s->count ? s->entries[i] : NULL;
}

void subscriptions_free(struct subscriptions *s)
{
    if (!s)
        return;
    for (size_t i = 0; i < s->count; i++)
        free(s->entries[i]);
    free(s->entries);
    fresh_free(s->known);
    free(s);
}

/* --- deciding --- */

static bool subscriptions_has(const struct subscriptions *s, const char *text)
{
    for (size_t i = 0; i < s->count; i++)
        if (strcasecmp(s->entries[i], text) == 0)
            return true;
    return false;
}

static size_t subscriptions_count_named(const json_t *list, const char *name)
{
    size_t i, n = 0;
    const json_t *one;
    json_array_foreach(list, i, one) {
        const char *other = jstr(one, "displayName");
        n += other && strcasecmp(other, name) == 0;
    }
    return n;
}

static bool subscriptions_refuse(struct err *err, const char *id, const char *why)
{
    return err_set(err, ERR_DENIED, "", "the subscription \"%.64s\" %s", id, why);
}

/* Returns whether the list has a name for the ID that is among the entries. */
static bool subscriptions_allow_name(const struct subscriptions *s, const json_t *list,
                                     const char *id, struct err *err)
{
    size_t i;
    const json_t *one;
    json_array_foreach(list, i, one) {
        const char *other = jstr(one, "subscriptionId"), *name = jstr(one, "displayName");
        if (!other || !name || strcasecmp(other, id) != 0 || !subscriptions_has(s, name))
            continue;
        return subscriptions_count_named(list, name) == 1 ||
               subscriptions_refuse(
                   err, id,
                   "has a name in azure.subscriptions_file that other subscriptions also have: "
                   "use its ID there");
    }
    return subscriptions_refuse(err, id, "is not in azure.subscriptions_file");
}

json_t *subscriptions_list_arm(void *azure, struct http_client *http, struct err *err)
{
    return arm_list(azure, http, "subscriptions/list", "/subscriptions",
                    arm_version(azure, "Microsoft.Resources/subscriptions"), err);
}

bool subscriptions_allow(struct subscriptions *s, struct http_client *http, const char *id,
                         struct err *err)
{
    if (!s || subscriptions_has(s, id))
        return true;
    if (!s->has_names)
        return subscriptions_refuse(err, id, "is not in azure.subscriptions_file");
    struct subscriptions_list *list = fresh_get(s->known, http, "", err);
    if (!list)
        return false;
    bool ok = subscriptions_allow_name(s, list->all, id, err);
    subscriptions_list_unref(list);
    return ok;
}
