/* The table of api-versions, and what the settings put in its place. */
#include <stdlib.h>
#include <string.h>
#include <strings.h>

#include "lib/azure/arm.h"
#include "lib/azure/client.h"

static const struct {
    const char *provider;
    const char *version;
} versions[] = {
    {"Microsoft.Compute/virtualMachines", "2022-08-01"},
    {"Microsoft.Compute/images", "2022-08-01"},
    {"Microsoft.Compute/sshPublicKeys", "2022-08-01"},
    {"Microsoft.Compute/disks", "2022-07-02"},
    {"Microsoft.Network/networkInterfaces", "2022-07-01"},
    {"Microsoft.Network/publicIPAddresses", "2022-07-01"},
    {"Microsoft.Resources/tags", "2021-04-01"},
    {"Microsoft.Resources/resourceGroups", "2021-04-01"},
    {"Microsoft.Resources/subscriptions", "2021-01-01"},
};

const char *arm_version(const struct azure *azure, const char *provider)
{
    const char *version = azure_version_override(azure, provider);
    for (size_t i = 0; !version && i < sizeof(versions) / sizeof(*versions); i++) {
        if (strcasecmp(versions[i].provider, provider) == 0) {
            version = versions[i].version;
        }
    }
    return version;
}

static bool is_date(const char *text, size_t n)
{
    for (size_t i = 0; i < n; i++) {
        if (i == 4 || i == 7 ? text[i] != '-' : text[i] < '0' || text[i] > '9') {
            return false;
        }
    }
    return true;
}

bool arm_set_version(struct azure *azure, const char *provider, const char *version,
                     struct err *err)
{
    bool dated = strlen(version) >= 10 && is_date(version, 10) &&
                 (!version[10] || strcmp(version + 10, "-preview") == 0);
    if (!dated) {
        return err_set(err, ERR_INVALID, "",
                       "\"%.40s\" is no api-version: it looks like 2022-08-01", version);
    }
    if (!arm_version(azure, provider)) {
        return err_set(err, ERR_INVALID, "", "\"%.80s\" is no resource type that is called",
                       provider);
    }
    return azure_add_version(azure, provider, version, err);
}
