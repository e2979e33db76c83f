/* The rules for GUIDs, names in Azure storage, and URLs that may carry secrets. */
#include "lib/azure/names.h"

#include <string.h>

#include "lib/net/uri.h"

bool azure_guid_valid(const char *text)
{
    for (size_t i = 0; i < 36; i++) {
        bool hyphen = i == 8 || i == 13 || i == 18 || i == 23;
        bool hex = (text[i] >= '0' && text[i] <= '9') || (text[i] >= 'a' && text[i] <= 'f') ||
                   (text[i] >= 'A' && text[i] <= 'F');
        if (hyphen ? text[i] != '-' : !hex)
            return false;
    }
    return text[36] == '\0';
}

static bool is_loopback(const char *host)
{
    return strcmp(host, "localhost") == 0 || strcmp(host, "::1") == 0 ||
           (strncmp(host, "127.", 4) == 0 && strspn(host, "0123456789.") == strlen(host));
}

bool azure_may_carry_secrets(const char *url)
{
    struct uri uri;
    struct err ignored = ERR_INIT; /* what is no URL may carry nothing */
    if (!uri_parse(url, &uri, &ignored))
        return false;
    bool may = strcmp(uri.scheme, "https") == 0 || is_loopback(uri.host);
    uri_free(&uri);
    return may;
}

bool storage_name_valid(const char *name)
{
    size_t n = strnlen(name, 64);
    return n >= 3 && n <= 63 && strspn(name, "abcdefghijklmnopqrstuvwxyz0123456789-") == n &&
           name[0] != '-' && name[n - 1] != '-' && !strstr(name, "--");
}
