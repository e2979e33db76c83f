/* The rules for names of AWS regions, accounts and buckets. */
#include "lib/aws/names.h"

#include <string.h>

#define REGION_MAX      32
#define BUCKET_MIN      3
#define BUCKET_MAX      255
#define BUCKET_HOST_MAX 63
#define BUCKET_ENDS     "abcdefghijklmnopqrstuvwxyz0123456789"

static size_t span_lower(const char *s)
{
    size_t n = 0;

    while (s[n] >= 'a' && s[n] <= 'z')
        n++;
    return n;
}

bool aws_region_valid(const char *region)
{
    const char *at = region;
    size_t n = span_lower(at);
    unsigned words = 0;

    if (n < 2 || n > 4 || strnlen(region, REGION_MAX + 1) > REGION_MAX)
        return false;
    for (at += n; *at == '-' && (n = span_lower(at + 1)) > 0; at += n + 1)
        words++;
    if (words == 0 || *at != '-')
        return false;
    n = strspn(at + 1, "0123456789");
    return (n == 1 || n == 2) && at[1 + n] == '\0';
}

bool aws_account_valid(const char *account)
{
    return strspn(account, "0123456789") == 12 && account[12] == '\0';
}

/* Four numbers with dots between: such a name would be taken for an IPv4 address. */
static bool is_like_ipv4(const char *name)
{
    unsigned dots = 0;

    for (; *name != '\0'; name++) {
        if ((*name < '0' || *name > '9') && *name != '.')
            return false;
        dots += *name == '.';
    }
    return dots == 3;
}

const char *s3_bucket_problem(const char *name)
{
    static const char letters[] = BUCKET_ENDS "ABCDEFGHIJKLMNOPQRSTUVWXYZ";
    size_t size = strnlen(name, BUCKET_MAX + 1);

    if (size < BUCKET_MIN || size > BUCKET_MAX ||
        strspn(name, BUCKET_ENDS "ABCDEFGHIJKLMNOPQRSTUVWXYZ._-") != size)
        return "a bucket name: 3 to 255 of the characters A-Z a-z 0-9 . _ -";
    if (!strpbrk(name, letters))
        return "a bucket name: it has neither a letter nor a digit";
    return is_like_ipv4(name) ? "a bucket name: it looks like an IP address" : NULL;
}

bool s3_bucket_valid(const char *name)
{
    return !s3_bucket_problem(name);
}

bool s3_bucket_is_host(const char *name)
{
    size_t size = strlen(name);

    return s3_bucket_valid(name) && size <= BUCKET_HOST_MAX &&
           strspn(name, BUCKET_ENDS ".-") == size && strchr(BUCKET_ENDS, name[0]) &&
           strchr(BUCKET_ENDS, name[size - 1]) && !strstr(name, "..") && !strstr(name, ".-") &&
           !strstr(name, "-.");
}
