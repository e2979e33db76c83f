/* The table of AWS partitions; parses ARNs. */
#include "lib/aws/wire/partition.h"

#include <string.h>

#include "lib/aws/names.h"

/* The first has every region that no prefix matches. */
static const struct aws_partition partitions[] = {
    {"aws", "amazonaws.com", "api.aws", "us-east-1", ""},
    {"aws-cn", "amazonaws.com.cn", "api.amazonwebservices.com.cn", "cn-north-1", "cn-"},
    {"aws-us-gov", "amazonaws.com", "api.aws", "us-gov-west-1", "us-gov-"},
    {"aws-iso", "c2s.ic.gov", "api.aws.ic.gov", "us-iso-east-1", "us-iso-"},
    {"aws-iso-b", "sc2s.sgov.gov", "api.aws.scloud", "us-isob-east-1", "us-isob-"},
    {"aws-iso-e", "cloud.adc-e.uk", "api.cloud-aws.adc-e.uk", "eu-isoe-west-1", "eu-isoe-"},
    {"aws-iso-f", "csp.hci.ic.gov", "api.aws.hci.ic.gov", "us-isof-south-1", "us-isof-"},
    {"aws-eusc", "amazonaws.eu", "api.amazonwebservices.eu", "eusc-de-east-1", "eusc-"},
};

#define PARTITIONS (sizeof partitions / sizeof partitions[0])

const struct aws_partition *aws_partition_by_name(const char *name)
{
    for (size_t i = 0; i < PARTITIONS; i++)
        if (strcmp(partitions[i].name, name) == 0)
            return &partitions[i];
    return NULL;
}

const struct aws_partition *aws_partition_of_region(const char *region)
{
    if (aws_region_problem(region))
        return NULL;
    for (size_t i = 1; i < PARTITIONS; i++) {
        const char *prefix = partitions[i].region_prefix;
        if (strncmp(region, prefix, strlen(prefix)) == 0)
            return &partitions[i];
    }
    return &partitions[0];
}

const struct aws_partition *aws_partition_of_arn(const char *arn)
{
    struct aws_arn parsed;
    return aws_arn_parse(arn, &parsed) ? aws_partition_by_name(parsed.partition) : NULL;
}

bool aws_arn_parse(const char *text, struct aws_arn *to)
{
    const char **fields[] = {&to->partition, &to->service, &to->region, &to->account};
    size_t size = strnlen(text, sizeof to->store);
    if (size >= sizeof to->store || strncmp(text, "arn:", 4) != 0)
        return false;
    for (size_t i = 0; i < size; i++)
        if (text[i] <= ' ' || text[i] > '~')
            return false;
    memcpy(to->store, text, size + 1);
    char *at = to->store + 4;
    for (size_t i = 0; i < sizeof fields / sizeof fields[0]; i++) {
        char *colon = strchr(at, ':');
        if (!colon)
            return false;
        *colon = '\0';
        *fields[i] = at;
        at = colon + 1;
    }
    to->resource = at;
    return *to->partition && *to->service && *to->resource;
}
