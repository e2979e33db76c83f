/* The Azure subscriptions that may be acted on, when azure.subscriptions_file names some: those in
 * the file, by id or by name, and the default one (AZURE_SUBSCRIPTION_ID).
 *
 * Resources bear ids. What the names stand for is asked of Resource Manager when an id comes that
 * the file does not have, and remembered for a while. */
#ifndef HGAUTOD_DAEMON_POLICY_SUBSCRIPTIONS_H
#define HGAUTOD_DAEMON_POLICY_SUBSCRIPTIONS_H

#include <jansson.h>
#include <stdbool.h>
#include <stddef.h>

#include "lib/base/attr.h"
#include "lib/base/clock.h"
#include "lib/base/err.h"
#include "lib/net/http.h"

#define SUBSCRIPTIONS_FILE_MAX (256u << 10) /* bytes */
#define SUBSCRIPTIONS_MAX      2000         /* entries */

struct subscriptions;

/* Lists the subscriptions that the identity sees, as Resource Manager does: an array of objects
 * with "subscriptionId" and "displayName"; a new reference, or NULL with *err. Waits. */
typedef json_t *(*subscriptions_list_fn)(void *ctx, struct http_client *http, struct err *err);
/* That function with a struct azure as its ctx. */
json_t *subscriptions_list_arm(void *azure, struct http_client *http, struct err *err) MUST_CHECK;

struct subscriptions_options {
    const char *path;     /* the file */
    const char *standard; /* the default subscription's id, or NULL or "" */
    /* For subscriptions_allow alone: */
    const struct clock *clock;
    subscriptions_list_fn list;
    void *ctx;
};

/* Reads the file: ids and names, separated by commas or ends of lines; one that holds a comma
 * stands in double quotes, and a double quote within them is doubled. NULL with *err (the file
 * cannot be read, an entry is none or a mistyped id, there is not a single one). */
struct subscriptions *subscriptions_new(const struct subscriptions_options *options,
                                        struct err *err) MUST_CHECK;
void subscriptions_free(struct subscriptions *s); /* NULL is allowed */
/* The i-th of the ids and names, the default subscription being the last; NULL beyond them. */
const char *subscriptions_entry(const struct subscriptions *s, size_t i);

/* May the subscription be acted on? True; or false with ERR_DENIED, or with what kept the names
 * from being looked up (ERR_BUSY while another thread does it, ERR_UNAVAILABLE when that may pass).
 * A name that several subscriptions have stands for none. s NULL: true. Waits; thread-safe. */
bool subscriptions_allow(struct subscriptions *s, struct http_client *http, const char *id,
                         struct err *err) MUST_CHECK;

#endif
