/* The Azure subscriptions that may be acted on if azure.subscriptions_file is set: those in the
 * file, by ID or by name, and the default one (AZURE_SUBSCRIPTION_ID).
 *
 * Resources have IDs. Names are looked up in the list of Resource Manager, which is requested when
 * an ID is not in the file, and used for a while. */
#ifndef HGAUTOD_DAEMON_POLICY_SUBSCRIPTIONS_H
#define HGAUTOD_DAEMON_POLICY_SUBSCRIPTIONS_H

#include <jansson.h>
#include <stdbool.h>
#include <stddef.h>

#include "lib/base/attr.h"
#include "lib/base/clock.h"
#include "lib/base/err.h"
#include "lib/net/http.h"

/* In bytes, and in entries. */
#define SUBSCRIPTIONS_FILE_MAX (256u << 10)
#define SUBSCRIPTIONS_MAX      2000

struct subscriptions;

/* Lists the subscriptions that the identity can see, as Resource Manager does: returns an array of
 * objects with "subscriptionId" and "displayName", a new reference; NULL with *err. Blocks. */
typedef json_t *(*subscriptions_list_fn)(void *ctx, struct http_client *http, struct err *err);

/* That function; its ctx is a struct azure. */
json_t *subscriptions_list_arm(void *azure, struct http_client *http, struct err *err) MUST_CHECK;

struct subscriptions_options {
    /* The file. */
    const char *path;
    /* The ID of the default subscription; NULL or "": none. */
    const char *standard;
    /* For subscriptions_allow only. */
    const struct clock *clock;
    subscriptions_list_fn list;
    void *ctx;
};

/* Reads the file: IDs and names, separated by commas or ends of lines; an entry that contains a
 * comma is in double quotes, and a double quote within them is doubled. Returns NULL with *err if
 * the file cannot be read, an entry is malformed or a mistyped ID, or there is no entry. */
struct subscriptions *subscriptions_new(const struct subscriptions_options *options,
                                        struct err *err) MUST_CHECK;

/* NULL is allowed. */
void subscriptions_free(struct subscriptions *s);

/* Returns the i-th ID or name, the default subscription being the last; NULL beyond them. */
const char *subscriptions_entry(const struct subscriptions *s, size_t i);

/* Returns whether the subscription may be acted on; true if s is NULL. False with ERR_DENIED, or
 * with the reason why the names could not be looked up (ERR_BUSY while another thread does that,
 * ERR_UNAVAILABLE if it is temporary). A name that several subscriptions have is not valid for any.
 * Blocks; thread-safe. */
bool subscriptions_allow(struct subscriptions *s, struct http_client *http, const char *id,
                         struct err *err) MUST_CHECK;

#endif
