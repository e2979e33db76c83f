/* The table of api-versions and its overrides. Touches memory only. */
#include <string.h>
#include <strings.h>

#include "lib/azure/arm.h"
#include "lib/azure/client.h"

#define VERSION_ROW(type, version) {type, version},

static const struct {
    const char *provider;
    const char *version;
} versions[] = {ARM_VERSIONS(VERSION_ROW)};

const char *arm_version_default(const char *provider)
{
    for (size_t i = 0; i < sizeof versions / sizeof *versions; i++)
        if (strcasecmp(versions[i].provider, provider) == 0)
            return versions[i].version;
    return NULL;
}

const char *arm_version(const struct azure *azure, const char *provider)
{
    const char *version = azure_version_override(azure, provider);
    return version ? version : arm_version_default(provider);
}

static int version_two_digits(const char *digits)
{
    return (digits[0] - '0') * 10 + digits[1] - '0';
}

bool arm_version_valid(const char *version)
{
    for (size_t i = 0; i < 10; i++)
        if (i == 4 || i == 7 ? version[i] != '-' : version[i] < '0' || version[i] > '9')
            return false;
    int month = version_two_digits(version + 5), day = version_two_digits(version + 8);
    return month >= 1 && month <= 12 && day >= 1 && day <= 31 &&
           (!version[10] || strcmp(version + 10, "-preview") == 0);
}

bool arm_set_version(struct azure *azure, const char *provider, const char *version,
                     struct err *err)
{
    if (!arm_version_valid(version))
        return err_set(err, ERR_INVALID, "",
                       "\"%.40s\" is not a valid api-version: it must be a date such as 2022-08-01",
                       version);
    if (!arm_version_default(provider))
        return err_set(err, ERR_INVALID, "", "\"%.80s\" is not a resource type that hgautod calls",
                       provider);
    return azure_add_version(azure, provider, version, err);
}
