/* AWS partitions, regions and ARNs. Touches memory only; thread-safe.
 * Source: AWS General Reference, "Amazon Resource Names (ARNs)" and the SDKs' partitions.json. */
#ifndef HGAUTOD_LIB_AWS_WIRE_PARTITION_H
#define HGAUTOD_LIB_AWS_WIRE_PARTITION_H

#include <stdbool.h>
#include <stddef.h>

#include "lib/base/attr.h"
#include "lib/base/buf.h"

struct aws_partition {
    /* "aws", "aws-cn", "aws-us-gov", ... */
    const char *name;
    /* "amazonaws.com". */
    const char *dns_suffix;
    /* The suffix of hosts that have IPv6 addresses too: "api.aws". */
    const char *dualstack_suffix;
    /* For resources without a region: "us-east-1". */
    const char *default_region;
    /* Of the names of its regions: "us-gov-"; "" for "aws". */
    const char *region_prefix;
};

/* Returns the partition of that name ("aws-cn"); NULL if unknown. */
const struct aws_partition *aws_partition_by_name(const char *name);
/* Returns the partition of a region ("cn-north-1"), "aws" for well-formed regions of no other; NULL
 * if malformed. */
const struct aws_partition *aws_partition_of_region(const char *region);
/* Returns the partition of an ARN; NULL if it is malformed or the partition is unknown. */
const struct aws_partition *aws_partition_of_arn(const char *arn);

/* The fields of an ARN, arn:partition:service:region:account:resource; they point into `store`. */
struct aws_arn {
    const char *partition, *service, *region, *account, *resource;
    char store[2048];
};
/* Parses an ARN. Returns false if it is malformed, too long, or contains a space or a character
 * outside printable ASCII. */
bool aws_arn_parse(const char *text, struct aws_arn *to) MUST_CHECK;

#endif
