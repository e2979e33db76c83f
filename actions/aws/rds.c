/* What actions on databases share: identifiers of databases and of final snapshots. */
#include "actions/aws/rds.h"

#include <stdio.h>
#include <string.h>

const char *rds_final_snapshot_id(const struct step_ctx *ctx, const char *database,
                                  char to[SNAPSHOT_ID_SIZE])
{
    char raw[SNAPSHOT_ID_SIZE];
    size_t n = 0;
    snprintf(raw, sizeof raw, "hyperglance-%s-%s", database, ctx->run_id);
    for (const char *c = raw; *c; c++)
        if (*c != '-' || (n > 0 && to[n - 1] != '-'))
            to[n++] = *c;
    while (n > 0 && to[n - 1] == '-')
        n--;
    to[n] = '\0';
    return to;
}

/* Uppercase letters occur in the resource ID of RDS ("db-ABCD..."), which is not an identifier. */
bool rds_id_valid(const char *text)
{
    size_t n = strspn(text, "abcdefghijklmnopqrstuvwxyz0123456789-");
    return n >= 1 && n <= 63 && text[n] == '\0' && text[0] >= 'a' && text[0] <= 'z';
}
