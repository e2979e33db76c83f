/* Finds the URL of a service in a region. */
#include "lib/aws/wire/endpoint.h"

#include <ctype.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <strings.h>

#include "lib/aws/names.h"
#include "lib/aws/wire/partition.h"
#include "lib/net/uri.h"

/* IAM has one endpoint a partition, and its requests are signed for one region. */
static const struct {
    const char *partition;
    bool fips, dualstack;
    const char *host, *region;
} global_hosts[] = {
    {"aws", false, false, "iam.amazonaws.com", "us-east-1"},
    {"aws", true, false, "iam-fips.amazonaws.com", "us-east-1"},
    {"aws", false, true, "iam.global.api.aws", "us-east-1"},
    {"aws", true, true, "iam-fips.global.api.aws", "us-east-1"},
    {"aws-cn", false, false, "iam.cn-north-1.amazonaws.com.cn", "cn-north-1"},
    {"aws-cn", true, false, "iam-fips.amazonaws.com.cn", "cn-northwest-1"},
    {"aws-cn", false, true, "iam.global.api.amazonwebservices.com.cn", "cn-north-1"},
    {"aws-cn", true, true, "iam-fips.api.amazonwebservices.com.cn", "cn-northwest-1"},
    {"aws-us-gov", false, false, "iam.us-gov.amazonaws.com", "us-gov-west-1"},
    {"aws-us-gov", true, false, "iam.us-gov.amazonaws.com", "us-gov-west-1"},
    {"aws-us-gov", false, true, "iam.us-gov.api.aws", "us-gov-west-1"},
    {"aws-us-gov", true, true, "iam.us-gov.api.aws", "us-gov-west-1"},
    {"aws-iso", false, false, "iam.us-iso-east-1.c2s.ic.gov", "us-iso-east-1"},
    {"aws-iso", true, false, "iam-fips.us-iso-east-1.c2s.ic.gov", "us-iso-east-1"},
    {"aws-iso", false, true, "iam.api.aws.ic.gov", "us-iso-east-1"},
    {"aws-iso", true, true, "iam-fips.api.aws.ic.gov", "us-iso-east-1"},
    {"aws-iso-b", false, false, "iam.us-isob-east-1.sc2s.sgov.gov", "us-isob-east-1"},
    {"aws-iso-b", true, false, "iam-fips.us-isob-east-1.sc2s.sgov.gov", "us-isob-east-1"},
    {"aws-iso-b", false, true, "iam.api.aws.scloud", "us-isob-east-1"},
    {"aws-iso-b", true, true, "iam-fips.api.aws.scloud", "us-isob-east-1"},
    {"aws-iso-e", false, false, "iam.eu-isoe-west-1.cloud.adc-e.uk", "eu-isoe-west-1"},
    {"aws-iso-e", true, false, "iam-fips.cloud.adc-e.uk", "eu-isoe-west-1"},
    {"aws-iso-e", false, true, "iam.api.cloud-aws.adc-e.uk", "eu-isoe-west-1"},
    {"aws-iso-e", true, true, "iam-fips.api.cloud-aws.adc-e.uk", "eu-isoe-west-1"},
    {"aws-iso-f", false, false, "iam.us-isof-south-1.csp.hci.ic.gov", "us-isof-south-1"},
    {"aws-iso-f", true, false, "iam-fips.csp.hci.ic.gov", "us-isof-south-1"},
    {"aws-iso-f", false, true, "iam.api.aws.hci.ic.gov", "us-isof-south-1"},
    {"aws-iso-f", true, true, "iam-fips.api.aws.hci.ic.gov", "us-isof-south-1"},
    {"aws-eusc", false, false, "iam.eusc-de-east-1.amazonaws.eu", "eusc-de-east-1"},
    {"aws-eusc", true, false, "iam-fips.amazonaws.eu", "eusc-de-east-1"},
    {"aws-eusc", false, true, "iam.api.amazonwebservices.eu", "eusc-de-east-1"},
    {"aws-eusc", true, true, "iam-fips.api.amazonwebservices.eu", "eusc-de-east-1"},
};

/* In GovCloud the plain hosts of these services are their FIPS endpoints. */
static const char *const gov_plain_fips[] = {
    "ec2", "sts", "sqs", "sns", "dynamodb", "elasticloadbalancing", "rds", "redshift"};

#define COUNT(array) (sizeof(array) / sizeof(*(array)))

/* --- settings --- */

/* Reads a switch from the environment, else from the profile. */
static bool endpoint_read_switch(const struct aws_endpoint_settings *e, const char *variable,
                                 const char *key, bool *to, struct err *err)
{
    const char *value = getenv(variable);
    if (!value || !*value)
        value = aws_profile_get(e->profiles, e->profile, key);
    *to = value && strcasecmp(value, "true") == 0;
    return *to || !value || !*value || strcasecmp(value, "false") == 0 ||
           err_set(err, ERR_INVALID, "", "%s (%s in profile %s) is neither true nor false",
                   variable, key, e->profile);
}

/* Returns true if the path has a segment "." or "..", which a server would remove. */
static bool endpoint_has_dots(const char *path)
{
    while (*path) {
        size_t n = strcspn(++path, "/");
        if ((n == 1 || n == 2) && strncmp(path, "..", n) == 0)
            return true;
        path += n;
    }
    return false;
}

/* Checks an override and copies it without its trailing slash. where: what set it, for errors. */
static bool endpoint_set_override(const char *url, const char *where, struct aws_endpoint *to,
                                  struct err *err)
{
    struct uri uri;
    struct err why = ERR_INIT;
    if (!uri_parse(url, &uri, &why))
        return err_set(err, ERR_INVALID, "", "%s is not a usable URL: %s", where, why.message);
    bool plain = !strchr(url, '?') && !endpoint_has_dots(uri.path);
    uri_free(&uri);
    size_t n = strlen(url);
    n -= url[n - 1] == '/';
    if (!plain || n >= sizeof to->url)
        return err_set(
            err, ERR_INVALID, "",
            "%s must be scheme://host[:port][/path] without a query and without \".\" or "
            "\"..\" in its path, at most %zu bytes",
            where, sizeof to->url - 1);
    memcpy(to->url, url, n);
    to->url[n] = '\0';
    to->overridden = true;
    return true;
}

/* Writes "AWS_ENDPOINT_URL_SQS". */
static const char *endpoint_variable(const struct aws_service *service, char to[96])
{
    snprintf(to, 96, "AWS_ENDPOINT_URL_%s", service->id);
    for (char *c = to; *c; c++)
        *c = (char)toupper((unsigned char)*c);
    return to;
}

/* Finds the override for a service and what sets it, in the order of the AWS SDKs. NULL if there is
 * none. */
static const char *endpoint_find_override(const struct aws_endpoint_settings *e,
                                          const struct aws_service *service, char where[160])
{
    char variable[96];
    const char *url = e->option;
    snprintf(where, 160, "[aws] endpoint_url");
    if ((url && *url) || e->ignore_configured)
        return url && *url ? url : NULL;
    snprintf(where, 160, "%s", endpoint_variable(service, variable));
    url = getenv(variable);
    if (!url || !*url) {
        snprintf(where, 160, "AWS_ENDPOINT_URL");
        url = getenv("AWS_ENDPOINT_URL");
    }
    const char *services = aws_profile_get(e->profiles, e->profile, "services");
    if ((!url || !*url) && services && *services) {
        snprintf(where, 160, "endpoint_url of %s in [services %s]", service->id, services);
        url =
            aws_profile_section_get(e->profiles, "services", services, service->id, "endpoint_url");
    }
    if (!url || !*url) {
        snprintf(where, 160, "endpoint_url of profile %s", e->profile);
        url = aws_profile_get(e->profiles, e->profile, "endpoint_url");
    }
    return url && *url ? url : NULL;
}

bool aws_endpoint_settings_init(struct aws_endpoint_settings *e, const char *option,
                                const struct aws_profiles *profiles, const char *profile,
                                struct err *err)
{
    struct aws_endpoint target;
    char where[160];
    *e = (struct aws_endpoint_settings){.option = option, .profiles = profiles, .profile = profile};
    if (!endpoint_read_switch(e, "AWS_IGNORE_CONFIGURED_ENDPOINT_URLS",
                              "ignore_configured_endpoint_urls", &e->ignore_configured, err) ||
        !endpoint_read_switch(e, "AWS_USE_FIPS_ENDPOINT", "use_fips_endpoint", &e->fips, err) ||
        !endpoint_read_switch(e, "AWS_USE_DUALSTACK_ENDPOINT", "use_dualstack_endpoint",
                              &e->dualstack, err))
        return false;
    /* Every use of AWS needs STS: check its override, usually the one for all services, now. */
    const char *url = endpoint_find_override(e, &aws_sts, where);
    return !url || endpoint_set_override(url, where, &target, err);
}

/* --- the rules of the partitions --- */

static bool endpoint_write(struct aws_endpoint *to, const char *host, const char *region)
{
    int url = snprintf(to->url, sizeof to->url, "https://%s", host);
    int signing = snprintf(to->signing_region, sizeof to->signing_region, "%s", region);
    return url > 0 && (size_t)url < sizeof to->url && signing > 0 &&
           (size_t)signing < sizeof to->signing_region;
}

static bool endpoint_find_global(const struct aws_endpoint_settings *e,
                                 const struct aws_partition *partition, struct aws_endpoint *to,
                                 struct err *err)
{
    for (size_t i = 0; i < COUNT(global_hosts); i++) {
        if (strcmp(global_hosts[i].partition, partition->name) == 0 &&
            global_hosts[i].fips == e->fips && global_hosts[i].dualstack == e->dualstack) {
            return endpoint_write(to, global_hosts[i].host, global_hosts[i].region) ||
                   err_set(err, ERR_INTERNAL, "", "the endpoint is too long");
        }
    }
    return err_set(err, ERR_INVALID, "",
                   "no IAM endpoint is known for the partition %s: set AWS_ENDPOINT_URL_IAM",
                   partition->name);
}

/* Returns true if the FIPS endpoint has "-fips" in its name. */
static bool endpoint_fips_is_named(const struct aws_endpoint_settings *e,
                                   const struct aws_service *service,
                                   const struct aws_partition *partition)
{
    if (strcmp(partition->name, "aws-us-gov") == 0 && !e->dualstack) {
        for (size_t i = 0; i < COUNT(gov_plain_fips); i++)
            if (strcmp(gov_plain_fips[i], service->endpoint_prefix) == 0)
                return false;
    }
    return true;
}

static bool endpoint_find_regional(const struct aws_endpoint_settings *e,
                                   const struct aws_service *service,
                                   const struct aws_partition *partition, const char *region,
                                   struct aws_endpoint *to, struct err *err)
{
    bool s3 = service->protocol == AWS_REST_XML;
    const char *suffix = e->dualstack && !s3 ? partition->dualstack_suffix : partition->dns_suffix;
    if (s3 && e->fips && strcmp(partition->name, "aws-cn") == 0)
        return err_set(err, ERR_INVALID, "", "the partition %s has no FIPS endpoint for %s",
                       partition->name, service->id);
    char host[512];
    /* S3's dual-stack hosts are older than the second suffix. */
    int n = snprintf(host, sizeof host, "%s%s.%s%s.%s", service->endpoint_prefix,
                     e->fips && endpoint_fips_is_named(e, service, partition) ? "-fips" : "",
                     e->dualstack && s3 ? "dualstack." : "", region, suffix);
    return (n > 0 && (size_t)n < sizeof host && endpoint_write(to, host, region)) ||
           err_set(err, ERR_INTERNAL, "", "the endpoint is too long");
}

bool aws_endpoint_resolve(const struct aws_endpoint_settings *e, const struct aws_service *service,
                          const char *region, struct aws_endpoint *to, struct err *err)
{
    char where[160];
    const struct aws_partition *partition = aws_partition_of_region(region);
    *to = (struct aws_endpoint){.overridden = false};
    if (!partition)
        return err_set(err, ERR_INVALID, "", "\"%.40s\" %s", region, aws_region_problem(region));
    bool found = service->global ? endpoint_find_global(e, partition, to, err)
                                 : endpoint_find_regional(e, service, partition, region, to, err);
    const char *url = endpoint_find_override(e, service, where);
    if (!url)
        return found;
    if (!found)
        snprintf(to->signing_region, sizeof to->signing_region, "%s", region);
    return endpoint_set_override(url, where, to, err);
}
