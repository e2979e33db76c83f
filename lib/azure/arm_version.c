/* The table of api-versions, and what the settings put in its place. */
#include <stdlib.h>
#include <string.h>
#include <strings.h>

#include "lib/azure/arm.h"
#include "lib/azure/client.h"

#define ROW(type, version) {type, version},

static const struct {
    const char *provider;
    const char *version;
} versions[] = {ARM_VERSIONS(ROW)};

const char *arm_version_usual(const char *provider)
{
    for (size_t i = 0; i < sizeof(versions) / sizeof(*versions); i++)
        if (strcasecmp(versions[i].provider, provider) == 0)
            return versions[i].version;
    return NULL;
}

const char *arm_version(const struct azure *azure, const char *provider)
{
    const char *version = azure_version_override(azure, provider);
    return version ? version : arm_version_usual(provider);
}

static int number(const char *digits)
{
    return (digits[0] - '0') * 10 + digits[1] - '0';
}

bool arm_version_valid(const char *version)
{
    for (size_t i = 0; i < 10; i++)
        if (i == 4 || i == 7 ? version[i] != '-' : version[i] < '0' || version[i] > '9')
            return false;
    int month = number(version + 5), day = number(version + 8);
    return month >= 1 && month <= 12 && day >= 1 && day <= 31 &&
           (!version[10] || strcmp(version + 10, "-preview") == 0);
}

bool arm_set_version(struct azure *azure, const char *provider, const char *version,
                     struct err *err)
{
    if (!arm_version_valid(version)) {
        return err_set(err, ERR_INVALID, "",
                       "\"%.40s\" is not a valid api-version: one looks like 2022-08-01", version);
    }
    if (!arm_version_usual(provider)) {
        return err_set(err, ERR_INVALID, "", "\"%.80s\" is not a resource type that is called",
                       provider);
    }
    return azure_add_version(azure, provider, version, err);
}
