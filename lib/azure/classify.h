/* What kind of failure an answer of Azure is: one table of codes for Resource Manager and storage.
 * Pure; thread-safe. */
#ifndef HGAUTOD_LIB_AZURE_CLASSIFY_H
#define HGAUTOD_LIB_AZURE_CLASSIFY_H

#include "lib/base/err.h"
#include "lib/net/http.h"

/* By the code, if it is one that we know, else by the HTTP status (0: none). code may be NULL. */
enum err_kind azure_classify(const char *code, int http_status);

/* Fills *err for an answer: classified, with its status and Retry-After. code and message are
 * copied, both may be NULL. Returns false. */
bool azure_answer_error(const char *operation, const struct http_response *response,
                        const char *code, const char *message, struct err *err);

/* Copies an id for logs and errors: what is not printable ends it. id may be NULL. */
void azure_copy_id(const char *id, char *to, size_t size);

#endif
