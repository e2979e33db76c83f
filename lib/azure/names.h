/* The one rule for each kind of name in Azure: whether it is well-formed, not whether it exists.
 * Thread-safe.
 *
 * Each *_problem function returns NULL if the name is well-formed, otherwise what is wrong with it,
 * as the predicate of a sentence whose subject is the name: "is not a valid queue name: use ...".
 */
#ifndef HGAUTOD_LIB_AZURE_NAMES_H
#define HGAUTOD_LIB_AZURE_NAMES_H

#include <stdbool.h>

/* 8-4-4-4-12 hex digits, uppercase or lowercase. */
const char *azure_guid_problem(const char *text);

/* A storage account: 3 to 24 of [a-z0-9]. */
const char *azure_account_problem(const char *name);

/* A container: 3 to 63 of [a-z0-9-], without a hyphen at either end or two in a row. */
const char *azure_container_problem(const char *name);

/* A queue, by the same rule. */
const char *azure_queue_problem(const char *name);

/* Returns whether tokens and secrets may be sent to this URL: over https, or to this machine. */
bool azure_may_carry_secrets(const char *url);

#endif
