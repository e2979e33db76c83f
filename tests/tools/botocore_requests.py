#!/usr/bin/env python3
"""Writes what botocore sends for an operation, as expectations for our encoder and signer. Sends nothing.

    tests/tools/botocore_requests.py          write tests/unit/data/aws_encode/*.json and tests/unit/data/sigv4/*.json
    tests/tools/botocore_requests.py --check  compare instead, and read the error answers of tests/unit/data/aws_decode
                                              with botocore's parsers; exit 1 when anything differs
"""

import base64
import datetime
import hashlib
import json
import pathlib
import sys
import urllib.parse

import botocore.auth
import botocore.awsrequest
import botocore.config
import botocore.credentials
import botocore.parsers
import botocore.session

DATA = pathlib.Path(__file__).resolve().parent.parent / "unit" / "data"
REGION = "eu-west-1"
NOW = datetime.datetime(2024, 2, 29, 23, 59, 58, tzinfo=datetime.timezone.utc)
KEYS = ("AKIDEXAMPLE", "wJalrXUtnFEMI/K7MDENG+bPxRfiCYEXAMPLEKEY")
TOKEN = "IQoJb3JpZ2luX2VjEXAMPLE//////////wEaCXVzLWVhc3QtMSJHMEUCIQD=="
POLICY = '{"Version":"2012-10-17","Statement":[{"Effect":"Deny","Action":"*","Resource":"*"}]}'


def case(name, service, operation, given, ours=None, **more):
    """given: botocore's parameters; ours: the same by wire name (default: given). more: row (method, path, query of our
    aws_op), path_style, body, content_type, headers, content_md5."""
    return {"name": name, "service": service, "operation": operation, "given": given,
            "ours": given if ours is None else ours, **more}


def s3(name, operation, given, ours, method, path="/{Bucket}", query=None, **more):
    row = {"method": method, "path": path}
    if query:
        row["query"] = query
    return case("s3_" + name, "s3", operation, given, ours, row=row, **more)


OBJECT = "/{Bucket}/{Key+}"
DELETE_BODY = ('<Delete xmlns="http://s3.amazonaws.com/doc/2006-03-01/"><Object><Key>a&amp;b</Key></Object>'
               "<Quiet>true</Quiet></Delete>")

CASES = [
    # EC2 query
    case("ec2_stop_instances", "ec2", "StopInstances",
         {"InstanceIds": ["i-0abc", "i-0def"], "Force": True, "DryRun": False},
         {"InstanceId": ["i-0abc", "i-0def"], "Force": True, "DryRun": False}),
    case("ec2_describe_with_filters", "ec2", "DescribeInstances",
         {"Filters": [{"Name": "tag:a b/c", "Values": ["x&y=z", "ü"]}, {"Name": "vpc-id", "Values": ["vpc-1"]}],
          "MaxResults": 1000},
         {"Filter": [{"Name": "tag:a b/c", "Value": ["x&y=z", "ü"]}, {"Name": "vpc-id", "Value": ["vpc-1"]}],
          "MaxResults": 1000}),
    case("ec2_create_snapshots", "ec2", "CreateSnapshots",
         {"InstanceSpecification": {"InstanceId": "i-0abc", "ExcludeBootVolume": False}, "CopyTagsFromSource": "volume",
          "TagSpecifications": [{"ResourceType": "snapshot", "Tags": [{"Key": "hyperglance:run", "Value": "r+1~"}]}]},
         {"InstanceSpecification": {"InstanceId": "i-0abc", "ExcludeBootVolume": False}, "CopyTagsFromSource": "volume",
          "TagSpecification": [{"ResourceType": "snapshot", "Tag": [{"Key": "hyperglance:run", "Value": "r+1~"}]}]}),
    case("ec2_modify_image", "ec2", "ModifyImageAttribute",
         {"ImageId": "ami-1", "LaunchPermission": {"Remove": [{"Group": "all"}]}}),
    case("ec2_modify_vpc", "ec2", "ModifyVpcAttribute", {"VpcId": "vpc-1", "EnableDnsSupport": {"Value": False}}),
    case("ec2_create_tags_empty_value", "ec2", "CreateTags",
         {"Resources": ["vol-1"], "Tags": [{"Key": "k", "Value": ""}]},
         {"ResourceId": ["vol-1"], "Tag": [{"Key": "k", "Value": ""}]}),
    case("ec2_no_parameters", "ec2", "DescribeRegions", {}),
    case("ec2_empty_list", "ec2", "DescribeVolumes", {"VolumeIds": []}, {"VolumeId": []}),
    # Query
    case("sts_get_caller_identity", "sts", "GetCallerIdentity", {}),
    case("sts_assume_role", "sts", "AssumeRole",
         {"RoleArn": "arn:aws:iam::123456789012:role/a-x-account", "RoleSessionName": "HyperglanceAutomations",
          "ExternalId": "e/x=t:1", "DurationSeconds": 3600}),
    case("iam_create_policy", "iam", "CreatePolicy", {"PolicyName": "quarantine", "PolicyDocument": POLICY}),
    case("iam_update_login_profile", "iam", "UpdateLoginProfile",
         {"UserName": "a+b@c.de", "PasswordResetRequired": True}),
    case("sns_tag_resource", "sns", "TagResource",
         {"ResourceArn": "arn:aws:sns:eu-west-1:123456789012:t",
          "Tags": [{"Key": "a", "Value": "1"}, {"Key": "b", "Value": "2"}]},
         {"ResourceArn": "arn:aws:sns:eu-west-1:123456789012:t",
          "Tags": {"member": [{"Key": "a", "Value": "1"}, {"Key": "b", "Value": "2"}]}}),
    case("sns_empty_list", "sns", "UntagResource", {"ResourceArn": "arn:aws:sns:eu-west-1:123456789012:t", "TagKeys": []}),
    case("sns_map", "sns", "CreateTopic", {"Name": "t", "Attributes": {"DisplayName": "a b"}},
         {"Name": "t", "Attributes": {"entry": [{"key": "DisplayName", "value": "a b"}]}}),
    case("rds_modify_instance", "rds", "ModifyDBInstance",
         {"DBInstanceIdentifier": "db", "VpcSecurityGroupIds": ["sg-1", "sg-2"], "ApplyImmediately": True},
         {"DBInstanceIdentifier": "db", "VpcSecurityGroupIds": {"VpcSecurityGroupId": ["sg-1", "sg-2"]},
          "ApplyImmediately": True}),
    case("rds_delete_cluster", "rds", "DeleteDBCluster",
         {"DBClusterIdentifier": "c", "SkipFinalSnapshot": False, "FinalDBSnapshotIdentifier": "c-1"}),
    case("rds_real", "rds", "ModifyDBCluster",
         {"DBClusterIdentifier": "c", "ServerlessV2ScalingConfiguration": {"MinCapacity": 0.5, "MaxCapacity": 2.25}}),
    case("elbv2_delete", "elbv2", "DeleteLoadBalancer",
         {"LoadBalancerArn": "arn:aws:elasticloadbalancing:eu-west-1:123456789012:loadbalancer/app/a/1"}),
    case("redshift_delete_cluster", "redshift", "DeleteCluster",
         {"ClusterIdentifier": "c", "SkipFinalClusterSnapshot": True}),
    # JSON
    case("sqs_receive", "sqs", "ReceiveMessage",
         {"QueueUrl": "https://sqs.eu-west-1.amazonaws.com/123456789012/q", "MaxNumberOfMessages": 10,
          "WaitTimeSeconds": 20, "MessageSystemAttributeNames": ["All"]}),
    case("dynamodb_delete_table", "dynamodb", "DeleteTable", {"TableName": "t"}),
    case("ecs_stop_task", "ecs", "StopTask", {"cluster": "arn:c", "task": "arn:t", "reason": "\"q\" ü \\"}),
    case("kms_enable_rotation", "kms", "EnableKeyRotation", {"KeyId": "1234"}),
    case("workspaces_stop", "workspaces", "StopWorkspaces",
         {"StopWorkspaceRequests": [{"WorkspaceId": "ws-123456789"}]}),
    # REST-JSON
    case("lambda_concurrency", "lambda", "PutFunctionConcurrency",
         {"FunctionName": "arn:aws:lambda:eu-west-1:123456789012:function:f", "ReservedConcurrentExecutions": 0},
         row={"method": "PUT", "path": "/2017-10-31/functions/{FunctionName}/concurrency"}),
    case("lambda_layers", "lambda", "UpdateFunctionConfiguration", {"FunctionName": "f g", "Layers": []},
         row={"method": "PUT", "path": "/2015-03-31/functions/{FunctionName}/configuration"}),
    case("lambda_get", "lambda", "GetFunctionConfiguration", {"FunctionName": "f", "Qualifier": "$LATEST"},
         row={"method": "GET", "path": "/2015-03-31/functions/{FunctionName}/configuration"}),
    case("lambda_untag", "lambda", "UntagResource", {"Resource": "arn:aws:lambda:eu-west-1:123456789012:function:f",
                                                     "TagKeys": ["a", "b c"]},
         {"Resource": "arn:aws:lambda:eu-west-1:123456789012:function:f", "tagKeys": ["a", "b c"]},
         row={"method": "DELETE", "path": "/2017-03-31/tags/{Resource}"}),
    # REST-XML
    s3("get", "GetObject", {"Bucket": "bucket", "Key": "events/1/event.json"},
       {"Bucket": "bucket", "Key": "events/1/event.json"}, "GET", OBJECT),
    s3("get_odd_key", "GetObject", {"Bucket": "bucket", "Key": "a b+c&d=e?f#g/ü~(1),%41//x"},
       {"Bucket": "bucket", "Key": "a b+c&d=e?f#g/ü~(1),%41//x"}, "GET", OBJECT),
    s3("get_path_style", "GetObject", {"Bucket": "bucket", "Key": "k e/y"}, {"Bucket": "bucket", "Key": "k e/y"},
       "GET", OBJECT, path_style=True),
    s3("get_dotted_bucket", "GetObject", {"Bucket": "my.bucket", "Key": "k"}, {"Bucket": "my.bucket", "Key": "k"},
       "GET", OBJECT),
    s3("head", "HeadObject", {"Bucket": "bucket", "Key": "k"}, {"Bucket": "bucket", "Key": "k"}, "HEAD", OBJECT),
    s3("delete", "DeleteObject", {"Bucket": "bucket", "Key": "k"}, {"Bucket": "bucket", "Key": "k"}, "DELETE", OBJECT),
    s3("put_if_absent", "PutObject",
       {"Bucket": "bucket", "Key": "k", "Body": b"{}", "ContentType": "application/json", "IfNoneMatch": "*"},
       {"Bucket": "bucket", "Key": "k"}, "PUT", OBJECT, body="{}", content_type="application/json",
       headers={"If-None-Match": "*"}),
    s3("put_if_match", "PutObject",
       {"Bucket": "bucket", "Key": "report_a_total(1)_accounts(1,2)_0.json", "Body": b"", "IfMatch": '"e"'},
       {"Bucket": "bucket", "Key": "report_a_total(1)_accounts(1,2)_0.json"}, "PUT", OBJECT, body="",
       headers={"If-Match": '"e"'}),
    s3("list", "ListObjectsV2",
       {"Bucket": "bucket", "Prefix": "a b/", "ContinuationToken": "1/x+=", "EncodingType": "url", "MaxKeys": 10},
       {"Bucket": "bucket", "prefix": "a b/", "continuation-token": "1/x+=", "encoding-type": "url", "max-keys": 10},
       "GET", query="list-type=2"),
    s3("list_path_style", "ListObjectsV2", {"Bucket": "bucket", "EncodingType": "url"},
       {"Bucket": "bucket", "encoding-type": "url"}, "GET", query="list-type=2", path_style=True),
    s3("get_policy", "GetBucketPolicy", {"Bucket": "bucket"}, {"Bucket": "bucket"}, "GET", query="policy"),
    s3("put_acl", "PutBucketAcl", {"Bucket": "bucket", "ACL": "private"}, {"Bucket": "bucket"}, "PUT", query="acl",
       headers={"x-amz-acl": "private"}),
    s3("delete_objects", "DeleteObjects",
       {"Bucket": "bucket", "Delete": {"Objects": [{"Key": "a&b"}], "Quiet": True}}, {"Bucket": "bucket"}, "POST",
       query="delete", body=DELETE_BODY, content_md5=True),
]


def session():
    s = botocore.session.get_session()
    s.set_credentials(*KEYS)
    return s


def prepared(c):
    """What botocore would send: its request, caught before it is sent."""
    caught = []
    config = botocore.config.Config(
        request_checksum_calculation="when_required", retries={"total_max_attempts": 1}, parameter_validation=True,
        s3={"addressing_style": "path" if c.get("path_style") else "auto"}, inject_host_prefix=False)
    client = session().create_client(c["service"], region_name=REGION, config=config)

    def catch(request, **_):
        caught.append(request)
        return botocore.awsrequest.AWSResponse(request.url, 599, {}, None)

    client.meta.events.register("before-send", catch)
    api = client._make_api_call
    try:
        api(c["operation"], c["given"])
    except Exception:
        if not caught:
            raise
    return client, caught[0]


def text(body):
    if body is None:
        return ""
    if hasattr(body, "read"):
        body = body.read()
    return body.decode() if isinstance(body, (bytes, bytearray)) else body


def expectation(c):
    client, request = prepared(c)
    url = urllib.parse.urlsplit(request.url)
    endpoint = client.meta.endpoint_url
    if c["service"] in ("iam",):
        endpoint = f"{url.scheme}://{url.netloc}"
    expect = {"method": request.method, "host": url.netloc, "path": url.path or "/",
              "query": sorted(map(list, urllib.parse.parse_qsl(url.query, keep_blank_values=True)))}
    protocol = client.meta.service_model.metadata["protocol"]
    headers = {k.lower(): v if isinstance(v, str) else v.decode() for k, v in request.headers.items()}
    keep = {"content-type", "x-amz-target"} | {k.lower() for k in c.get("headers", {})}
    expect["headers"] = {k: v for k, v in sorted(headers.items()) if k in keep}
    body = text(request.body)
    if protocol in ("ec2", "query"):
        expect["form"] = sorted(map(list, urllib.parse.parse_qsl(body, keep_blank_values=True)))
    elif protocol == "json" or (protocol == "rest-json" and body):
        expect["json"] = json.loads(body)
        if protocol == "rest-json":
            expect["headers"]["content-type"] = "application/json"
    else:
        expect["body"] = body
    if c.get("content_md5"):
        expect["headers"]["content-md5"] = base64.b64encode(hashlib.md5(body.encode()).digest()).decode()
    if "content_type" not in c and protocol == "rest-xml":
        expect["headers"].pop("content-type", None)
    given = {k: c[k] for k in ("service", "operation", "row", "path_style", "body", "content_type", "headers",
                               "content_md5") if k in c}
    return {**given, "endpoint": endpoint, "params": c["ours"], "expect": expect}


# Requests as they stand, to be signed: (name, service, method, URL, headers, body, with a session token).
SIGN = [
    ("ec2_post", "ec2", "POST", "https://ec2.eu-west-1.amazonaws.com/",
     {"Content-Type": "application/x-www-form-urlencoded; charset=utf-8"}, "Action=DescribeRegions&Version=2016-11-15",
     False),
    ("sqs_json_token", "sqs", "POST", "https://sqs.eu-west-1.amazonaws.com/",
     {"X-Amz-Target": "AmazonSQS.ReceiveMessage", "Content-Type": "application/x-amz-json-1.0"}, '{"QueueUrl":"u"}', True),
    ("lambda_arn_in_path", "lambda", "GET",
     "https://lambda.eu-west-1.amazonaws.com/2015-03-31/functions/arn%3Aaws%3Alambda%3Af/configuration?Qualifier=%24LATEST",
     {}, "", True),
    ("port", "sts", "POST", "http://127.0.0.1:4566/", {}, "Action=GetCallerIdentity&Version=2011-06-15", False),
    ("default_port", "sts", "POST", "https://sts.eu-west-1.amazonaws.com:443/", {}, "a=b", False),
    ("s3_get", "s3", "GET", "https://bucket.s3.eu-west-1.amazonaws.com/a%20b//c%2Bd/%C3%BC~%281%29", {}, "", True),
    ("s3_dots", "s3", "GET", "https://s3.eu-west-1.amazonaws.com/my.bucket/a/./b", {}, "", False),
    ("s3_list", "s3", "GET",
     "https://bucket.s3.eu-west-1.amazonaws.com/?list-type=2&prefix=a%20b%2F&continuation-token=1%2Fx%2B%3D&delimiter=%2F",
     {}, "", False),
    ("s3_subresource", "s3", "PUT", "https://bucket.s3.eu-west-1.amazonaws.com/?acl", {"x-amz-acl": "private"}, "", False),
    ("s3_put", "s3", "PUT", "https://bucket.s3.eu-west-1.amazonaws.com/k",
     {"If-None-Match": "*", "Content-Type": "application/json", "User-Agent": "not signed", "Expect": "100-continue"},
     '{"a":1}', True),
]


def signature(case_):
    name, service, method, url, headers, body, with_token = case_
    request = botocore.awsrequest.AWSRequest(method=method, url=url, headers=dict(headers), data=body.encode())
    creds = botocore.credentials.Credentials(*KEYS, TOKEN if with_token else None)
    kind = botocore.auth.S3SigV4Auth if service == "s3" else botocore.auth.SigV4Auth
    kind(creds, service, REGION).add_auth(request)
    return {"service": service, "region": REGION, "now_ms": int(NOW.timestamp() * 1000), "method": method, "url": url,
            "access_key_id": KEYS[0], "secret_access_key": KEYS[1], "session_token": TOKEN if with_token else None,
            "headers": headers, "body": body, "expect": {"authorization": request.headers["Authorization"]}}


def freeze():
    botocore.auth.get_current_datetime = lambda remove_tzinfo=True: NOW.replace(tzinfo=None) if remove_tzinfo else NOW


def documents():
    for c in CASES:
        yield DATA / "aws_encode" / f"{c['name']}.json", expectation(c)
    for c in SIGN:
        yield DATA / "sigv4" / f"{c[0]}.json", signature(c)


def read_http(path):
    head, _, body = path.read_bytes().partition(b"\n\n")
    lines = head.decode().split("\n")
    headers = dict(line.split(": ", 1) for line in lines[1:])
    return int(lines[0].split()[1]), headers, body


def check_answers():
    """Our expected codes and messages of error answers against botocore's parsers."""
    bad = 0
    for path in sorted((DATA / "aws_decode").glob("*.http")):
        expect = json.loads(path.with_suffix(".json").read_text())
        if "error" not in expect or not expect.get("botocore", True):
            continue
        status, headers, body = read_http(path)
        model = session().get_service_model(expect["service"])
        parser = botocore.parsers.create_parser(model.metadata["protocol"])
        answer = parser.parse({"status_code": status, "body": body,
                               "headers": {k.lower(): v for k, v in headers.items()}},
                              model.operation_model(expect["operation"]).output_shape)
        for ours, theirs in (("code", "Code"), ("message", "Message")):
            if expect["error"][ours] != answer["Error"].get(theirs):
                print(f"{path.name}: {ours}: {expect['error'][ours]!r}, botocore: {answer['Error'].get(theirs)!r}")
                bad += 1
    return bad


def main():
    freeze()
    check = sys.argv[1:] == ["--check"]
    bad = 0
    for path, document in documents():
        out = json.dumps(document, indent=1, ensure_ascii=False) + "\n"
        if not check:
            path.parent.mkdir(parents=True, exist_ok=True)
            path.write_text(out)
        elif not path.exists() or path.read_text() != out:
            print(f"{path.name}: differs from what botocore {botocore.__version__} sends")
            bad += 1
    if check:
        bad += check_answers()
    return bad > 0


if __name__ == "__main__":
    sys.exit(main())
