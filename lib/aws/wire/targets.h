/* Where services were found to be reached in regions: to find it anew for each call would read the
 * environment and the profile again and again. Thread-safe. */
#ifndef HGAUTOD_LIB_AWS_WIRE_TARGETS_H
#define HGAUTOD_LIB_AWS_WIRE_TARGETS_H

#include "lib/aws/wire/endpoint.h"
#include "lib/base/attr.h"

struct aws_targets;

/* The endpoints are borrowed and constant from now on. NULL when out of memory. */
struct aws_targets *aws_targets_new(const struct aws_endpoints *endpoints) MUST_CHECK;
void aws_targets_free(struct aws_targets *t); /* NULL is allowed */

/* As aws_endpoints_find, which is asked when it is not known yet. Failures are not kept. */
bool aws_targets_find(struct aws_targets *t, const struct aws_service *service, const char *region,
                      struct aws_target *to, struct err *err) MUST_CHECK;

#endif
