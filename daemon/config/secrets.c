/* Reads secrets from the files that *_file settings name. */
#include <string.h>

#include "daemon/config/loader.h"
#include "lib/base/file.h"
#include "lib/base/memory.h"

/* What is wrong with a file's text as a secret, as the predicate of a sentence; NULL: nothing. */
static const char *secret_problem(const struct setting *s, const struct buf *text)
{
    const char *bytes = buf_str(text);
    if (text->size == 0)
        return "is empty";
    for (size_t i = 0; i < text->size; i++)
        if ((unsigned char)bytes[i] < 0x20 || bytes[i] == 0x7f)
            return "contains more than one line, or control characters";
    return s->check && s->check(bytes) ? "does not contain a valid value" : NULL;
}

/* Reads the file that a *_file setting of `base` names into the secret of that setting. */
static void secret_read(struct loader *l, const struct setting *s, void *base, unsigned *origins)
{
    const char *path = *(char **)((char *)base + s->at);
    char **secret = (char **)((char *)base + s->secret_at);
    unsigned origin = origins[s - config_settings];
    if (*secret) {
        loader_problem(l, origin, "%s: set either this or the secret itself, not both", s->key);
        return;
    }
    struct buf text = buf_make_secret(CONFIG_SECRET_MAX);
    struct err err = ERR_INIT;
    const char *problem = NULL;
    if (!file_read(path, FILE_SECRET, &text, NULL, &err)) {
        loader_problem(l, origin, "%s: %s cannot be read: %s", s->key, path, err.message);
        goto done;
    }
    while (text.size && (text.data[text.size - 1] == '\n' || text.data[text.size - 1] == '\r'))
        text.data[--text.size] = '\0';
    problem = secret_problem(s, &text);
    if (problem) {
        loader_problem(l, origin, "%s: %s %s", s->key, path, problem);
        goto done;
    }
    *secret = xstrdup(buf_str(&text));
    for (const struct setting *of = config_settings; of->key; of++)
        if (of->section == s->section && of->at == s->secret_at)
            origins[of - config_settings] = origin;
done:
    buf_free(&text);
}

void loader_read_secrets(struct loader *l, struct config_source *source)
{
    void *base = source ? (void *)source : l->config;
    unsigned *origins = source ? source->origin : l->config->origin;
    for (const struct setting *s = config_settings; s->key; s++)
        if (s->kind == VALUE_FILE && (s->section == SECTION_SOURCE) == (source != NULL) &&
            config_value_given(s, base))
            secret_read(l, s, base, origins);
}
