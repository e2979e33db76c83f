/* AWS partitions, regions and ARNs: which belongs where.
 * Source: AWS General Reference, "Amazon Resource Names (ARNs)" and the SDKs' partitions.json.
 * Thread-safe. */
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
    /* Under which hosts have IPv6 addresses too: "api.aws". */
    const char *dualstack_suffix;
    /* For resources that carry none: "us-east-1". */
    const char *default_region;
    /* Of its regions: "us-gov-"; "" for "aws". */
    const char *region_prefix;
};

/* By name ("aws-cn"); NULL when unknown. */
const struct aws_partition *aws_partition_by_name(const char *name);
/* Of a region ("cn-north-1"); a well-formed unknown region belongs to "aws"; NULL when malformed.
 */
const struct aws_partition *aws_partition_of_region(const char *region);
/* Of an ARN; NULL when it is none or the partition is unknown. */
const struct aws_partition *aws_partition_of_arn(const char *arn);

/* An ARN's six fields, pointing into `store`: arn:partition:service:region:account:resource. */
struct aws_arn {
    const char *partition, *service, *region, *account, *resource;
    char store[2048];
};
/* False when it is no ARN, is too long, or holds a character outside printable ASCII or a space. */
bool aws_arn_parse(const char *text, struct aws_arn *to) MUST_CHECK;

#endif
