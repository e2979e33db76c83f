/* Checks GUIDs, names in Azure Storage, and URLs that may carry secrets. */
#include "lib/azure/names.h"

#include <string.h>

#include "lib/net/uri.h"

#define LOWER_ALNUM "abcdefghijklmnopqrstuvwxyz0123456789"

const char *azure_guid_problem(const char *text)
{
    static const char problem[] = "is not a GUID (such as 00000000-0000-0000-0000-000000000000)";
    for (size_t i = 0; i < 36; i++) {
        bool hyphen = i == 8 || i == 13 || i == 18 || i == 23;
        bool hex = (text[i] >= '0' && text[i] <= '9') || (text[i] >= 'a' && text[i] <= 'f') ||
                   (text[i] >= 'A' && text[i] <= 'F');
        if (hyphen ? text[i] != '-' : !hex)
            return problem;
    }
    return text[36] ? problem : NULL;
}

const char *azure_account_problem(const char *name)
{
    size_t n = strnlen(name, 25);
    return n >= 3 && n <= 24 && strspn(name, LOWER_ALNUM) == n
               ? NULL
               : "is not a valid storage account name: use 3 to 24 lowercase letters and digits";
}

/* Containers and queues are named by the same rule. */
static bool storage_name_valid(const char *name)
{
    size_t n = strnlen(name, 64);
    return n >= 3 && n <= 63 && strspn(name, LOWER_ALNUM "-") == n && name[0] != '-' &&
           name[n - 1] != '-' && !strstr(name, "--");
}

#define STORAGE_NAME_RULE "use 3 to 63 lowercase letters, digits and single hyphens between them"

const char *azure_container_problem(const char *name)
{
    return storage_name_valid(name) ? NULL : "is not a valid container name: " STORAGE_NAME_RULE;
}

const char *azure_queue_problem(const char *name)
{
    return storage_name_valid(name) ? NULL : "is not a valid queue name: " STORAGE_NAME_RULE;
}

static bool host_is_loopback(const char *host)
{
    return strcmp(host, "localhost") == 0 || strcmp(host, "::1") == 0 ||
           (strncmp(host, "127.", 4) == 0 && strspn(host, "0123456789.") == strlen(host));
}

bool azure_may_carry_secrets(const char *url)
{
    struct uri uri;
    struct err ignored = ERR_INIT;
    if (!uri_parse(url, &uri, &ignored))
        return false;
    bool may = strcmp(uri.scheme, "https") == 0 || host_is_loopback(uri.host);
    uri_free(&uri);
    return may;
}
