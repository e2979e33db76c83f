/* Classifies the errors of Azure: one table of codes for Resource Manager and storage. Touches
 * memory only. Thread-safe. */
#ifndef HGAUTOD_LIB_AZURE_CLASSIFY_H
#define HGAUTOD_LIB_AZURE_CLASSIFY_H

#include "lib/base/err.h"
#include "lib/net/http.h"

/* Classifies an error by its code, if the table has it, else by the HTTP status (0: none). code may
 * be NULL. */
enum err_kind azure_classify(const char *code, int http_status);

/* Fills in *err for a response: its kind, status and Retry-After. code and message are copied, and
 * may be NULL. Returns false. */
bool azure_set_error(const char *operation, const struct http_response *response, const char *code,
                     const char *message, struct err *err);

/* Copies an ID for logs and errors, up to the first character that is not printable. id may be
 * NULL. */
void azure_copy_id(const char *id, char *to, size_t size);

#endif
