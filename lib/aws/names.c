/* Checks names of AWS regions, accounts and buckets. */
#include "lib/aws/names.h"

#include <string.h>

#define REGION_MAX      32
#define BUCKET_MIN      3
#define BUCKET_MAX      255
#define BUCKET_HOST_MAX 63
#define BUCKET_ENDS     "abcdefghijklmnopqrstuvwxyz0123456789"
#define BUCKET_LETTERS  BUCKET_ENDS "ABCDEFGHIJKLMNOPQRSTUVWXYZ"

static size_t region_span_lower(const char *s)
{
    size_t n = 0;
    while (s[n] >= 'a' && s[n] <= 'z')
        n++;
    return n;
}

const char *aws_region_problem(const char *region)
{
    static const char problem[] = "is not a valid AWS region (such as eu-west-1)";
    size_t n = region_span_lower(region);
    if (n < 2 || n > 4 || strnlen(region, REGION_MAX + 1) > REGION_MAX)
        return problem;
    const char *at = region + n;
    unsigned words = 0;
    for (; *at == '-' && (n = region_span_lower(at + 1)) > 0; at += n + 1)
        words++;
    if (words == 0 || *at != '-')
        return problem;
    n = strspn(at + 1, "0123456789");
    return (n == 1 || n == 2) && !at[1 + n] ? NULL : problem;
}

const char *aws_account_problem(const char *account)
{
    return strspn(account, "0123456789") == 12 && !account[12]
               ? NULL
               : "is not a valid AWS account ID (12 digits)";
}

/* Four numbers separated by dots: such a name would be taken for an IPv4 address. */
static bool bucket_is_ipv4(const char *name)
{
    unsigned dots = 0;
    for (; *name; name++) {
        if ((*name < '0' || *name > '9') && *name != '.')
            return false;
        dots += *name == '.';
    }
    return dots == 3;
}

const char *aws_bucket_problem(const char *name)
{
    size_t size = strnlen(name, BUCKET_MAX + 1);
    if (size < BUCKET_MIN || size > BUCKET_MAX || strspn(name, BUCKET_LETTERS "._-") != size)
        return "is not a valid bucket name: use 3 to 255 of the characters A-Z a-z 0-9 . _ -";
    if (!strpbrk(name, BUCKET_LETTERS))
        return "is not a valid bucket name: it contains neither a letter nor a digit";
    return bucket_is_ipv4(name) ? "is not a valid bucket name: it looks like an IP address" : NULL;
}

bool aws_bucket_is_host(const char *name)
{
    size_t size = strlen(name);
    return !aws_bucket_problem(name) && size <= BUCKET_HOST_MAX &&
           strspn(name, BUCKET_ENDS ".-") == size && strchr(BUCKET_ENDS, name[0]) &&
           strchr(BUCKET_ENDS, name[size - 1]) && !strstr(name, "..") && !strstr(name, ".-") &&
           !strstr(name, "-.");
}
