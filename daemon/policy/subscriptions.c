/* Which Azure subscriptions may be acted on. */
#include "daemon/policy/subscriptions.h"

#include <ctype.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <strings.h>

#include "lib/azure/arm.h"
#include "lib/azure/arm_list.h"
#include "lib/azure/names.h"
#include "lib/base/buf.h"
#include "lib/base/file.h"
#include "lib/base/utf8.h"
#include "lib/json/jpath.h"
#include "lib/net/fresh.h"

#define ENTRY_MAX 256                   /* bytes; Azure allows 64 characters */
#define KEEP_MS   (INT64_C(10) * 60000) /* how long what names stand for is remembered */
#define BYTE_MARK "\xef\xbb\xbf"        /* what some editors begin UTF-8 with */

struct subscriptions {
    subscriptions_list_fn list;
    void *ctx;
    char **entries; /* ids and names; constant */
    size_t count;
    bool has_names;
    struct fresh *known; /* the last list */
};

/* --- the file --- */

struct reader {
    const char *path;
    const char *at;
    unsigned line;
    struct err *err;
};

static bool add_entry(struct subscriptions *s, const char *text)
{
    char **grown = realloc(s->entries, (s->count + 1) * sizeof *grown);
    if (!grown)
        return false;
    s->entries = grown;
    grown[s->count] = strdup(text);
    if (!grown[s->count])
        return false;
    s->count++;
    s->has_names = s->has_names || azure_guid_problem(text);
    return true;
}

/* The entry in quotes at r->at, which becomes what follows them. */
static bool read_quoted(struct reader *r, struct buf *to)
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

static void read_plain(struct reader *r, struct buf *to)
{
    size_t n = strcspn(r->at, ",\n"), end = n;
    while (end > 0 && strchr(" \t\r", r->at[end - 1]))
        end--;
    buf_add(to, r->at, end);
    r->at += n;
}

/* Whether text is an id but for some characters: too many or too few of them, or wrong ones. A name
 * is taken as it is, so a mistyped id would be one that no subscription has. */
static bool resembles_id(const char *text)
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

static bool check_entry(const struct reader *r, const struct buf *entry)
{
    if (!buf_ok(entry))
        return err_set(r->err, ERR_INVALID, "", "%s:%u: an entry has more than %d bytes", r->path,
                       r->line, ENTRY_MAX);
    for (size_t i = 0; i < entry->size; i++) {
        if ((unsigned char)entry->data[i] < ' ')
            return err_set(r->err, ERR_INVALID, "", "%s:%u: an entry holds a control character",
                           r->path, r->line);
    }
    return !resembles_id(buf_str(entry)) ||
           err_set(r->err, ERR_INVALID, "",
                   "%s:%u: \"%s\" is not a valid subscription id, but looks like a mistyped one",
                   r->path, r->line, buf_str(entry));
}

/* One entry, which may be empty, and the separator behind it. */
static bool read_entry(struct subscriptions *s, struct reader *r)
{
    struct buf entry = buf_make(ENTRY_MAX);
    bool ok = true;
    r->at += strspn(r->at, " \t\r");
    if (*r->at == '"')
        ok = read_quoted(r, &entry);
    else
        read_plain(r, &entry);
    ok = ok && check_entry(r, &entry);
    if (ok && s->count == SUBSCRIPTIONS_MAX)
        ok = err_set(r->err, ERR_LIMIT, "", "%s:%u: more than %d subscriptions", r->path, r->line,
                     SUBSCRIPTIONS_MAX);
    if (ok && entry.size > 0 && !add_entry(s, buf_str(&entry)))
        ok = err_set(r->err, ERR_INTERNAL, "", "out of memory");
    buf_free(&entry);
    if (ok && *r->at)
        r->line += *r->at++ == '\n';
    return ok;
}

static bool read_text(struct subscriptions *s, const char *path, const struct buf *text,
                      struct err *err)
{
    struct reader r = {.path = path, .at = buf_str(text), .line = 1, .err = err};
    if (strlen(buf_str(text)) != text->size || !utf8_valid(buf_str(text), text->size))
        return err_set(err, ERR_INVALID, "", "%s is not UTF-8 text", path);
    if (strncmp(r.at, BYTE_MARK, strlen(BYTE_MARK)) == 0)
        r.at += strlen(BYTE_MARK);
    while (*r.at)
        if (!read_entry(s, &r))
            return false;
    return true;
}

static bool read_file(struct subscriptions *s, const char *path, struct err *err)
{
    struct buf text = buf_make(SUBSCRIPTIONS_FILE_MAX);
    struct err why = ERR_INIT;
    bool ok = file_read(path, 0, &text, NULL, &why);
    if (!ok)
        err_set(err, why.kind == ERR_LIMIT ? ERR_LIMIT : ERR_INVALID, "",
                "azure.subscriptions_file %s cannot be read: %s", path, why.message);
    ok = ok && read_text(s, path, &text, err);
    buf_free(&text);
    return ok;
}

static bool add_standard(struct subscriptions *s, const char *standard, struct err *err)
{
    if (!standard || !*standard)
        return true;
    if (azure_guid_problem(standard))
        return err_set(err, ERR_INVALID, "",
                       "AZURE_SUBSCRIPTION_ID is \"%.80s\", which is not a valid subscription id",
                       standard);
    return add_entry(s, standard) || err_set(err, ERR_INTERNAL, "", "out of memory");
}

/* --- the list --- */

/* Threads share the list, and only read it. */
#if !JSON_HAVE_ATOMIC_BUILTINS
#error "jansson must count references atomically"
#endif

static void *list_ref(void *list)
{
    return json_incref(list);
}

static void list_unref(void *list)
{
    json_decref(list);
}

static void *list_fetch(void *ctx, struct http_client *http, const char *key, struct err *err)
{
    const struct subscriptions *s = ctx;
    (void)key;
    return s->list(s->ctx, http, err);
}

static const struct fresh_kind list_kind = {
    .what = "the list of subscriptions",
    .max = 1,
    .fetch = list_fetch,
    .ref = list_ref,
    .unref = list_unref,
    .lifetime_ms = KEEP_MS,
};

struct subscriptions *subscriptions_new(const struct subscriptions_options *options,
                                        struct err *err)
{
    struct subscriptions *s = calloc(1, sizeof *s);
    if (!s) {
        err_set(err, ERR_INTERNAL, "", "out of memory");
        return NULL;
    }
    s->list = options->list;
    s->ctx = options->ctx;
    bool ok = read_file(s, options->path, err) && add_standard(s, options->standard, err);
    if (ok && s->count == 0)
        ok = err_set(err, ERR_INVALID, "",
                     "azure.subscriptions_file %s names no subscription, and AZURE_SUBSCRIPTION_ID "
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

/* --- asking --- */

static bool has_entry(const struct subscriptions *s, const char *text)
{
    for (size_t i = 0; i < s->count; i++)
        if (strcasecmp(s->entries[i], text) == 0)
            return true;
    return false;
}

static size_t count_named(const json_t *list, const char *name)
{
    size_t i, n = 0;
    const json_t *one;
    json_array_foreach(list, i, one) {
        const char *other = jstr(one, "displayName");
        n += other && strcasecmp(other, name) == 0;
    }
    return n;
}

static bool refuse(struct err *err, const char *id, const char *why)
{
    return err_set(err, ERR_DENIED, "", "the subscription \"%.64s\" %s", id, why);
}

/* Whether the list gives the id a name that is among the entries. */
static bool named(const struct subscriptions *s, const json_t *list, const char *id,
                  struct err *err)
{
    size_t i;
    const json_t *one;
    json_array_foreach(list, i, one) {
        const char *its = jstr(one, "subscriptionId"), *name = jstr(one, "displayName");
        if (!its || !name || strcasecmp(its, id) != 0 || !has_entry(s, name))
            continue;
        return count_named(list, name) == 1 ||
               refuse(err, id,
                      "has a name in azure.subscriptions_file that other subscriptions have too: "
                      "give its id there");
    }
    return refuse(err, id, "is not among those of azure.subscriptions_file");
}

json_t *subscriptions_list_arm(void *azure, struct http_client *http, struct err *err)
{
    return arm_list(azure, http, "subscriptions/list", "/subscriptions",
                    arm_version(azure, "Microsoft.Resources/subscriptions"), err);
}

bool subscriptions_allow(struct subscriptions *s, struct http_client *http, const char *id,
                         struct err *err)
{
    if (!s || has_entry(s, id))
        return true;
    if (!s->has_names)
        return refuse(err, id, "is not among those of azure.subscriptions_file");
    json_t *list = fresh_get(s->known, http, "", err);
    bool ok = list && named(s, list, id, err);
    json_decref(list);
    return ok;
}
