/* AWS services and operations as constants: what encoding, signing and finding the endpoint need.
 *
 * An operation is declared once, where it is used (in an action's file, s3.c, sqs.c ...):
 *
 *     static const struct aws_op stop_instances = {&aws_ec2, "StopInstances", .changes = true};
 */
#ifndef HGAUTOD_LIB_AWS_WIRE_OP_H
#define HGAUTOD_LIB_AWS_WIRE_OP_H

#include <stdbool.h>

enum aws_protocol {
    /* Query out, XML back; errors in <Response><Errors><Error>. */
    AWS_EC2,
    /* Query out, XML back, wrapped in <XResult>; errors in <ErrorResponse><Error>. */
    AWS_QUERY,
    /* X-Amz-Target and JSON. */
    AWS_JSON_10,
    AWS_JSON_11,
    /* Path, query and JSON body. */
    AWS_REST_JSON,
    /* S3. */
    AWS_REST_XML,
};

struct aws_service {
    /* As in AWS_ENDPOINT_URL_<ID>, lowercase, '_' for space: "ec2", "elastic_load_balancing_v2".
     */
    const char *id;
    /* "ec2" in ec2.us-east-1.amazonaws.com. */
    const char *endpoint_prefix;
    /* "ec2". */
    const char *signing_name;
    enum aws_protocol protocol;
    /* EC2/Query: API version, "2016-11-15". */
    const char *version;
    /* JSON: "AmazonSQS". */
    const char *target_prefix;
    /* One endpoint per partition (IAM). */
    bool global;
};

/* The services that are called, defined in services.c. */
extern const struct aws_service aws_ec2, aws_sts, aws_sqs, aws_sns, aws_s3, aws_iam, aws_lambda,
    aws_dynamodb, aws_ecs, aws_elbv2, aws_kms, aws_rds, aws_redshift, aws_workspaces;

struct aws_op {
    const struct aws_service *service;
    /* "StopInstances". */
    const char *name;
    /* NULL: POST. REST protocols: GET, PUT, ... */
    const char *method;
    /* REST: "/2017-10-31/functions/{FunctionName}/concurrency"; {X} are members of params, encoded;
     * {X+} keeps its slashes. S3: "/{Bucket}/{Key+}"; the bucket moves into the host where it can.
     * NULL: "/" */
    const char *path;
    /* REST: a fixed query, "publicAccessBlock"; NULL: none. */
    const char *query;
    /* S3: the root element of a complete response, "ListBucketResult"; NULL: it has no body, or one
     * that is taken as it is. */
    const char *root;
    /* S3: the bucket has no owner yet. */
    bool makes_bucket;
    /* Changes something: not sent in a dry run. */
    bool changes;
    /* JSON protocols: a complete response may have no body, as that of a change. */
    bool may_be_empty;
    /* Creates something without an idempotency token: never sent twice by the transport. */
    bool once;
};

#endif
