/* The AWS services that are called. */
#include "lib/aws/wire/op.h"

const struct aws_service aws_ec2 = {
    .id = "ec2",
    .endpoint_prefix = "ec2",
    .signing_name = "ec2",
    .protocol = AWS_EC2,
    .version = "2016-11-15",
};
const struct aws_service aws_sts = {
    .id = "sts",
    .endpoint_prefix = "sts",
    .signing_name = "sts",
    .protocol = AWS_QUERY,
    .version = "2011-06-15",
};
const struct aws_service aws_sqs = {
    .id = "sqs",
    .endpoint_prefix = "sqs",
    .signing_name = "sqs",
    .protocol = AWS_JSON_10,
    .target_prefix = "AmazonSQS",
};
const struct aws_service aws_sns = {
    .id = "sns",
    .endpoint_prefix = "sns",
    .signing_name = "sns",
    .protocol = AWS_QUERY,
    .version = "2010-03-31",
};
const struct aws_service aws_s3 = {
    .id = "s3",
    .endpoint_prefix = "s3",
    .signing_name = "s3",
    .protocol = AWS_REST_XML,
};
const struct aws_service aws_iam = {
    .id = "iam",
    .endpoint_prefix = "iam",
    .signing_name = "iam",
    .protocol = AWS_QUERY,
    .version = "2010-05-08",
    .global = true,
};
const struct aws_service aws_lambda = {
    .id = "lambda",
    .endpoint_prefix = "lambda",
    .signing_name = "lambda",
    .protocol = AWS_REST_JSON,
};
const struct aws_service aws_dynamodb = {
    .id = "dynamodb",
    .endpoint_prefix = "dynamodb",
    .signing_name = "dynamodb",
    .protocol = AWS_JSON_10,
    .target_prefix = "DynamoDB_20120810",
};
const struct aws_service aws_ecs = {
    .id = "ecs",
    .endpoint_prefix = "ecs",
    .signing_name = "ecs",
    .protocol = AWS_JSON_11,
    .target_prefix = "AmazonEC2ContainerServiceV20141113",
};
const struct aws_service aws_elbv2 = {
    .id = "elastic_load_balancing_v2",
    .endpoint_prefix = "elasticloadbalancing",
    .signing_name = "elasticloadbalancing",
    .protocol = AWS_QUERY,
    .version = "2015-12-01",
};
const struct aws_service aws_kms = {
    .id = "kms",
    .endpoint_prefix = "kms",
    .signing_name = "kms",
    .protocol = AWS_JSON_11,
    .target_prefix = "TrentService",
};
const struct aws_service aws_rds = {
    .id = "rds",
    .endpoint_prefix = "rds",
    .signing_name = "rds",
    .protocol = AWS_QUERY,
    .version = "2014-10-31",
};
const struct aws_service aws_redshift = {
    .id = "redshift",
    .endpoint_prefix = "redshift",
    .signing_name = "redshift",
    .protocol = AWS_QUERY,
    .version = "2012-12-01",
};
const struct aws_service aws_workspaces = {
    .id = "workspaces",
    .endpoint_prefix = "workspaces",
    .signing_name = "workspaces",
    .protocol = AWS_JSON_11,
    .target_prefix = "WorkspacesService",
};
