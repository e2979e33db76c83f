/* What the steps of every action use: verdicts, the resource, the state and the parameters. */
#include "actions/action.h"

#include <inttypes.h>
#include <math.h>
#include <stdarg.h>
#include <stdio.h>
#include <string.h>
#include <strings.h>

#include "lib/base/clock.h"

#define WAIT_FIRST_MS 2000
#define WAIT_MAX_MS   15000
/* No valid parameter is longer: an IAM policy's ARN, a tag's value. */
#define PARAM_MAX 2048

/* --- running --- */

enum verdict step_run(struct step_ctx *ctx, unsigned index)
{
    enum verdict verdict = STEP_FAILED;
    ctx->step = &ctx->action->steps[index];
    if (ctx->step->run)
        return ctx->step->run(ctx);
    return ctx->step->run_all(&ctx, 1, &verdict) ? verdict : STEP_FAILED;
}

/* --- verdicts --- */

enum verdict step_again(struct step_ctx *ctx, int64_t ms)
{
    ctx->again_ms = ms > 0 ? ms : 0;
    return STEP_AGAIN;
}

enum verdict step_invalid(struct step_ctx *ctx, const char *format, ...)
{
    char text[sizeof ctx->err.message];
    va_list args;
    va_start(args, format);
    vsnprintf(text, sizeof text, format, args);
    va_end(args);
    err_set(&ctx->err, ERR_INVALID, "", "%s", text);
    return STEP_FAILED;
}

enum verdict step_finished(struct step_ctx *ctx, const char *format, ...)
{
    va_list args;
    va_start(args, format);
    vsnprintf(ctx->note, sizeof ctx->note, format, args);
    va_end(args);
    return STEP_FINISHED;
}

/* "90 s", "10 min". */
static void step_duration_text(int64_t ms, char to[32])
{
    if (ms >= 60000 && ms % 60000 == 0)
        snprintf(to, 32, "%" PRId64 " min", ms / 60000);
    else
        snprintf(to, 32, "%" PRId64 " s", ms / 1000);
}

int64_t step_elapsed_ms(const struct step_ctx *ctx)
{
    return ctx->clock->mono_ms(ctx->clock) - ctx->step_since_ms;
}

enum verdict step_wait(struct step_ctx *ctx, int64_t limit_ms, const char *what)
{
    if (ctx->plan)
        return STEP_DONE;
    int64_t elapsed = step_elapsed_ms(ctx);
    if (elapsed >= limit_ms) {
        char waited[32];
        step_duration_text(limit_ms, waited);
        err_set(&ctx->err, ERR_PROVIDER, "", "waited %s for %s", waited, what);
        return STEP_FAILED;
    }
    /* The first pause plus half of the time spent so far: each pause is one and a half times the
     * one before. */
    int64_t pause = WAIT_FIRST_MS + elapsed / 2;
    if (pause > WAIT_MAX_MS)
        pause = WAIT_MAX_MS;
    if (pause > limit_ms - elapsed)
        pause = limit_ms - elapsed;
    return step_again(ctx, pause);
}

enum verdict step_retry(struct step_ctx *ctx, int64_t limit_ms)
{
    struct err rejection = ctx->err;
    enum verdict verdict = step_wait(ctx, limit_ms, "an earlier change to take effect");
    if (verdict == STEP_FAILED)
        ctx->err = rejection;
    return verdict;
}

/* --- reading the resource --- */

/* The string member `name` of object; `what` ("the resource's", "attribute") precedes the name in
 * an error. */
static bool resource_string(struct step_ctx *ctx, const json_t *object, const char *what,
                            const char *name, const char **value)
{
    const json_t *member = name ? json_object_get(object, name) : NULL;
    const char *text = json_string_value(member);
    *value = NULL;
    if (!member || json_is_null(member))
        return true;
    if (!text)
        return err_set(&ctx->err, ERR_INVALID, "", "%s \"%s\" is not a string", what, name);
    if (strlen(text) != json_string_length(member))
        return err_set(&ctx->err, ERR_INVALID, "", "%s \"%s\" holds a NUL character", what, name);
    if (*text)
        *value = text;
    return true;
}

bool resource_attribute(struct step_ctx *ctx, const char *name, const char **value)
{
    const json_t *attributes = json_object_get(ctx->resource, "attributes");
    *value = NULL;
    if (attributes && !json_is_object(attributes) && !json_is_null(attributes))
        return err_set(&ctx->err, ERR_INVALID, "",
                       "the resource's \"attributes\" is not an object");
    return resource_string(ctx, attributes, "attribute", name, value);
}

bool resource_field(struct step_ctx *ctx, const char *name, const char **value)
{
    return resource_string(ctx, ctx->resource, "the resource's", name, value);
}

/* --- the state --- */

void step_state_set(struct step_ctx *ctx, const char *name, json_t *value)
{
    json_object_set_new(ctx->state, name, value);
}

const char *step_state_string(const struct step_ctx *ctx, const char *name)
{
    return json_string_value(json_object_get(ctx->state, name));
}

bool step_state_flag(const struct step_ctx *ctx, const char *name)
{
    return json_is_true(json_object_get(ctx->state, name));
}

static json_t *step_error_string(const char *text)
{
    json_t *string = json_string(text);
    return string ? string : json_string("(not valid UTF-8)");
}

json_t *step_error_pack(const struct err *err)
{
    return json_pack("{s:o, s:o, s:o, s:o}", "code", step_error_string(err->code), "message",
                     step_error_string(err->message), "operation",
                     step_error_string(err->operation), "request_id",
                     step_error_string(err->request_id));
}

/* A text of a stored error; "" if it is missing. */
static const char *step_error_text(const json_t *stored, const char *name)
{
    const char *text = json_string_value(json_object_get(stored, name));
    return text ? text : "";
}

void step_error_unpack(const json_t *stored, struct err *err)
{
    err_set(err, ERR_PROVIDER, step_error_text(stored, "code"), "%s",
            step_error_text(stored, "message"));
    snprintf(err->operation, sizeof err->operation, "%s", step_error_text(stored, "operation"));
    snprintf(err->request_id, sizeof err->request_id, "%s", step_error_text(stored, "request_id"));
}

/* --- parameters --- */

const char *param_string(const struct step_ctx *ctx, const char *name)
{
    return json_string_value(json_object_get(ctx->params, name));
}

bool param_boolean(const struct step_ctx *ctx, const char *name)
{
    return json_is_true(json_object_get(ctx->params, name));
}

int64_t param_number(const struct step_ctx *ctx, const char *name)
{
    return json_integer_value(json_object_get(ctx->params, name));
}

static json_t *param_reject(const struct action_param *param, const char *why, struct err *err)
{
    err_set(err, ERR_INVALID, "", "parameter \"%s\" %s", param->name, why);
    return NULL;
}

static json_t *param_convert_string(const struct action_param *param, const json_t *given,
                                    struct err *err)
{
    if (!json_is_string(given))
        return param_reject(param, "is not a string", err);
    const char *text = json_string_value(given);
    size_t size = json_string_length(given);
    if (size > PARAM_MAX || strlen(text) != size)
        return param_reject(param, "is longer than 2,048 bytes or holds a NUL character", err);
    if (param->required && text[strspn(text, " \t\r\n")] == '\0')
        return param_reject(param, "is empty; give it a value in the rule's automation", err);
    return json_string(text);
}

static json_t *param_convert_boolean(const struct action_param *param, const json_t *given,
                                     struct err *err)
{
    static const char *const yes[] = {"true", "yes", "y"};
    static const char *const no[] = {"false", "no", "n"};
    if (json_is_boolean(given))
        return json_boolean(json_is_true(given));
    const char *text = json_string_value(given);
    for (size_t i = 0; text && i < sizeof yes / sizeof *yes; i++) {
        if (strcasecmp(text, yes[i]) == 0)
            return json_true();
        if (strcasecmp(text, no[i]) == 0)
            return json_false();
    }
    return param_reject(param, "is not a boolean (true, false, yes, no, y or n)", err);
}

/* At most 18 digits, which fit an int64_t. */
static bool param_parse_digits(const char *text, int64_t *value)
{
    size_t n = strspn(text, "0123456789");
    if (n == 0 || n > 18 || text[n])
        return false;
    for (*value = 0; *text; text++)
        *value = *value * 10 + (*text - '0');
    return true;
}

static json_t *param_convert_number(const struct action_param *param, const json_t *given,
                                    struct err *err)
{
    int64_t value = -1;
    if (json_is_integer(given))
        value = json_integer_value(given);
    else if (json_is_real(given)) {
        double real = json_real_value(given);
        if (real >= 0 && real < 1e15 && floor(real) == real)
            value = (int64_t)real;
    } else if (json_is_string(given) && !param_parse_digits(json_string_value(given), &value))
        value = -1;
    if (value < 0)
        return param_reject(param, "is not a whole number (digits only)", err);
    return json_integer(value);
}

static json_t *param_convert(const struct action_param *param, const json_t *given, struct err *err)
{
    json_t *fallback = NULL;
    if (!given || json_is_null(given)) {
        if (!param->fallback)
            return param_reject(param, "is missing and has no default", err);
        given = fallback = json_string(param->fallback);
    }
    json_t *value = NULL;
    switch (param->type) {
    case PARAM_STRING:
        value = param_convert_string(param, given, err);
        break;
    case PARAM_BOOLEAN:
        value = param_convert_boolean(param, given, err);
        break;
    case PARAM_NUMBER:
        value = param_convert_number(param, given, err);
        break;
    }
    json_decref(fallback);
    return value;
}

json_t *action_params(const struct action *action, const json_t *given, struct err *err)
{
    if (given && !json_is_object(given)) {
        err_set(err, ERR_INVALID, "", "\"params\" of the automation is not an object");
        return NULL;
    }
    json_t *params = json_object();
    for (const struct action_param *p = action->params; p && p->name; p++) {
        json_t *value = param_convert(p, json_object_get(given, p->name), err);
        if (!value) {
            json_decref(params);
            return NULL;
        }
        json_object_set_new(params, p->name, value);
    }
    return params;
}

const char *effect_name(enum effect effect)
{
    static const char *const names[] = {"tags", "changes", "stops", "deletes"};
    return names[effect];
}

const char *cloud_name(enum cloud cloud)
{
    return cloud == CLOUD_AZURE ? "azure" : "aws";
}
