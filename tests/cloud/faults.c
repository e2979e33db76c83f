/* Keeps the rules of faults in the order in which they were added; the first that matches a call
 * decides.
 */
#include "tests/cloud/faults.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "lib/base/memory.h"

#define FAULTS_MAX 64

struct faults {
    struct fault at[FAULTS_MAX];
    size_t count;
};

struct faults *faults_new(void)
{
    return xcalloc(1, sizeof(struct faults));
}

void faults_free(struct faults *f)
{
    free(f);
}

void faults_clear(struct faults *f)
{
    f->count = 0;
}

static void faults_copy_text(const json_t *rule, const char *name, char *to, size_t size)
{
    const char *text = json_string_value(json_object_get(rule, name));
    snprintf(to, size, "%s", text ? text : "");
}

static long faults_number(const json_t *rule, const char *name, long fallback)
{
    const json_t *value = json_object_get(rule, name);
    return json_is_integer(value) ? (long)json_integer_value(value) : fallback;
}

bool faults_add(struct faults *f, const json_t *rule)
{
    if (f->count == FAULTS_MAX || !json_is_string(json_object_get(rule, "operation")))
        return false;
    struct fault *fault = &f->at[f->count];
    memset(fault, 0, sizeof *fault);
    faults_copy_text(rule, "operation", fault->operation, sizeof fault->operation);
    faults_copy_text(rule, "code", fault->code, sizeof fault->code);
    faults_copy_text(rule, "message", fault->message, sizeof fault->message);
    faults_copy_text(rule, "retry_after", fault->retry_after, sizeof fault->retry_after);
    faults_copy_text(rule, "html", fault->html, sizeof fault->html);
    faults_copy_text(rule, "raw", fault->raw, sizeof fault->raw);
    fault->after = faults_number(rule, "after", 0);
    fault->times = faults_number(rule, "times", 1);
    fault->status = (unsigned)faults_number(rule, "status", 0);
    fault->delay_ms = faults_number(rule, "delay_ms", 0);
    fault->drop = json_is_true(json_object_get(rule, "drop"));
    fault->done = json_is_true(json_object_get(rule, "done"));
    f->count++;
    return true;
}

const struct fault *faults_hit(struct faults *f, const char *operation)
{
    for (size_t i = 0; i < f->count; i++) {
        struct fault *fault = &f->at[i];
        if (strcmp(fault->operation, "*") != 0 && strcmp(fault->operation, operation) != 0)
            continue;
        if (fault->after > 0) {
            fault->after--;
            continue;
        }
        if (fault->times == 0)
            continue;
        if (fault->times > 0)
            fault->times--;
        return fault;
    }
    return NULL;
}

json_t *faults_json(const struct faults *f)
{
    json_t *all = json_array();
    for (size_t i = 0; i < f->count; i++)
        json_array_append_new(all, json_pack("{s:s, s:i}", "operation", f->at[i].operation, "times",
                                             (int)f->at[i].times));
    return all;
}
