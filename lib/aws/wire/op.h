/* AWS services and operations as constant rows: what an encoder, a signer and an endpoint need to
 * know of each.
 *
 * An operation is declared once, where it is used (an action's file, s3.c, sqs.c ...), as a
 * constant:
 *
 *     static const struct aws_op stop_instances = {&aws_ec2, "StopInstances", .changes = true};
 */
#ifndef HGAUTOD_LIB_AWS_WIRE_OP_H
#define HGAUTOD_LIB_AWS_WIRE_OP_H

#include <stdbool.h>

enum aws_protocol {
    AWS_EC2,     /* query out, XML back; errors in <Response><Errors><Error> */
    AWS_QUERY,   /* query out, XML back, wrapped in <XResult>; errors in <ErrorResponse><Error> */
    AWS_JSON_10, /* X-Amz-Target and JSON */
    AWS_JSON_11,
    AWS_REST_JSON, /* path, query and JSON body */
    AWS_REST_XML,  /* S3 */
};

struct aws_service {
    /* As in AWS_ENDPOINT_URL_<ID>, lower case, '_' for space: "ec2", "elastic_load_balancing_v2".
     */
    const char *id;
    const char *endpoint_prefix; /* "ec2" in ec2.us-east-1.amazonaws.com */
    const char *signing_name;    /* "ec2" */
    enum aws_protocol protocol;
    const char *version;       /* EC2/Query: API version, "2016-11-15" */
    const char *target_prefix; /* JSON: "AmazonSQS" */
    bool global;               /* one endpoint a partition (IAM) */
};

/* The services we call. A new one is one row in services.c. */
extern const struct aws_service aws_ec2, aws_sts, aws_sqs, aws_sns, aws_s3, aws_iam, aws_lambda,
    aws_dynamodb, aws_ecs, aws_elbv2, aws_kms, aws_rds, aws_redshift, aws_workspaces;

struct aws_op {
    const struct aws_service *service;
    const char *name;   /* "StopInstances" */
    const char *method; /* NULL: POST. REST protocols: GET, PUT, ... */
    /* REST: "/2017-10-31/functions/{FunctionName}/concurrency"; {X} are members of params, encoded;
     * {X+} keeps its slashes. S3: "/{Bucket}/{Key+}"; the bucket moves into the host where it can.
     * NULL: "/" */
    const char *path;
    const char *query; /* REST: a fixed query, "publicAccessBlock"; NULL: none */
    const char *root;  /* S3: the root element of a whole answer, "ListBucketResult"; NULL: a whole
                          answer has no body, or one that is taken as it is */
    bool makes_bucket; /* S3: there is no owner yet to expect */
    bool changes;      /* it changes something: not sent in a dry run */
    bool silent; /* JSON protocols: a whole answer may be without a body, as that of a change */
    bool once;   /* it creates something, without an idempotency token: never sent twice by the
                    transport */
};

#endif
