/* Rules for names of Azure resources. Source: Azure Resource Manager documentation, "Naming rules
 * and restrictions for Azure resources". Where the documentation is ambiguous, the name is
 * accepted: Resource Manager decides. */
#include "actions/azure/names.h"

#include <stdint.h>
#include <string.h>
#include <strings.h>

#include "lib/base/utf8.h"

#define WORDS "_.-"

struct rule {
    const char *type;
    /* In characters. */
    size_t max;
    /* ASCII characters allowed besides letters and digits; NULL: all but `except`. */
    const char *only;
    /* ASCII characters that are not allowed. */
    const char *except;
    /* Whether letters of other alphabets are allowed. */
    bool beyond_ascii;
    /* Characters that may not be the first, or the last. */
    const char *not_first, *not_last;
    /* The rule, for people. */
    const char *text;
};

static const char words_text[] =
    "1 to 80 letters, digits, \"_\", \".\" and \"-\", the first a letter or a digit, the last not "
    "\".\" or \"-\"";

static const struct rule rules[] = {
    {AZ_GROUP_TYPE, 90, "_.-()", NULL, true, "", ".",
     "1 to 90 letters, digits, \"_\", \".\", \"-\", \"(\" and \")\", the last not \".\""},
    /* The documented rule for the host name of a machine is stricter than that for the resource. */
    {"Microsoft.Compute/virtualMachines", 64, NULL, "\\/\"'[]:|<>+=;,?*@&#% ", true, "_", ".-",
     "1 to 64 characters, none of them a space or one of \\/\"'[]:|<>+=;,?*@&#%, the first not "
     "\"_\", "
     "the last not \".\" or \"-\""},
    {"Microsoft.Compute/sshPublicKeys", 80, NULL, "\\/\"'[]:|<>+=;,?*@&#% ", true, "", ".",
     "1 to 80 characters, none of them a space or one of \\/\"'[]:|<>+=;,?*@&#%, the last not "
     "\".\""},
    {"Microsoft.Compute/disks", 80, WORDS, NULL, false, WORDS, ".-", words_text},
    {"Microsoft.Compute/images", 80, WORDS, NULL, false, WORDS, ".-", words_text},
    {"Microsoft.Network/networkInterfaces", 80, WORDS, NULL, false, WORDS, ".-", words_text},
    {"Microsoft.Network/publicIPAddresses", 80, WORDS, NULL, false, WORDS, ".-", words_text},
};

static const struct rule *az_name_find_rule(const char *type)
{
    for (size_t i = 0; i < sizeof rules / sizeof *rules; i++)
        if (strcasecmp(rules[i].type, type) == 0)
            return &rules[i];
    return NULL;
}

/* Whether a character beyond ASCII is visible: not a control character, a space or a formatting
 * character. */
static bool az_name_char_visible(uint32_t c)
{
    static const struct {
        uint32_t first, last;
    } invisible[] = {{0x80, 0xA0},     {0xAD, 0xAD},     {0x61C, 0x61C},   {0x1680, 0x1680},
                     {0x180E, 0x180E}, {0x2000, 0x200B}, {0x200E, 0x200F}, {0x2028, 0x202F},
                     {0x205F, 0x206F}, {0x3000, 0x3000}, {0xE000, 0xF8FF}, {0xFEFF, 0xFEFF},
                     {0xFFF0, 0xFFFF}};
    for (size_t i = 0; i < sizeof invisible / sizeof *invisible; i++)
        if (c >= invisible[i].first && c <= invisible[i].last)
            return false;
    return true;
}

static bool az_name_char_allowed(const struct rule *rule, uint32_t c)
{
    if (c >= 0x80)
        return rule->beyond_ascii && az_name_char_visible(c);
    if ((c >= 'a' && c <= 'z') || (c >= 'A' && c <= 'Z') || (c >= '0' && c <= '9'))
        return true;
    return c > ' ' && c < 0x7F &&
           (rule->only ? strchr(rule->only, (int)c) != NULL : strchr(rule->except, (int)c) == NULL);
}

static bool az_name_fits(const struct rule *rule, const char *name)
{
    size_t size = strlen(name), count = 0;
    if (size == 0 || strchr(rule->not_first, name[0]) || strchr(rule->not_last, name[size - 1]))
        return false;
    for (size_t at = 0; at < size; count++) {
        size_t step = utf8_step(name + at, size - at);
        if (step == 0 || !az_name_char_allowed(rule, utf8_decode(name + at, step)))
            return false;
        at += step;
    }
    return count <= rule->max;
}

bool az_name_check(const char *type, const char *name, const char *where, struct err *err)
{
    const struct rule *rule = az_name_find_rule(type);
    if (!rule || az_name_fits(rule, name))
        return true;
    return err_set(err, ERR_INVALID, "",
                   "%s is \"%.128s\", which is not a valid name of the type %s: a name has %s",
                   where, name, rule->type, rule->text);
}
