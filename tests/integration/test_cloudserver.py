"""cloudserver itself, checked with boto3 and curl: a fault of the double must not look like one of the daemon."""

import json
import subprocess

import boto3
import botocore.exceptions
import pytest
from botocore.config import Config

from harness.cloud import CloudServer, Site, call
from harness.events import ACCOUNT
from harness.wait import wait_until


def code_of(error):
    return error.value.response["Error"]["Code"]


def parked(cloud):
    """How many requests it is holding."""
    return json.loads(call(cloud.url + "/_control/parked"))["parked"]


def test_sts_knows_the_account_of_keys_and_of_assumed_roles(cloud):
    assert cloud.client("sts").get_caller_identity()["Account"] == ACCOUNT
    assert cloud.client("sts", account="210987654321").get_caller_identity()["Account"] == "210987654321"


def test_a_wrong_secret_is_refused(cloud):
    bad = boto3.client("sts", region_name="us-east-1", endpoint_url=cloud.url, aws_access_key_id=cloud.access_key,
                       aws_secret_access_key="wrong", config=Config(retries={"total_max_attempts": 1}))
    with pytest.raises(botocore.exceptions.ClientError) as error:
        bad.get_caller_identity()
    assert code_of(error) == "SignatureDoesNotMatch"
    assert [r["operation"] for r in cloud.requests()] == ["(refused)"]


def test_an_unsigned_request_is_refused(cloud):
    done = subprocess.run(["curl", "-s", "-o", "/dev/null", "-w", "%{http_code}", cloud.url + "/bucket/key"],
                          capture_output=True, text=True, timeout=30)
    assert done.stdout == "403"


@pytest.mark.parametrize("key", ["plain", "a b+c", "päth/ключ", "x=1&y=2", "tilde~star*(paren)"])
def test_objects_come_back_whatever_their_key(cloud, key):
    s3 = cloud.client("s3")
    s3.create_bucket(Bucket="bucket")
    put = s3.put_object(Bucket="bucket", Key=key, Body=b"\x00body\xff")
    got = s3.get_object(Bucket="bucket", Key=key)
    assert got["Body"].read() == b"\x00body\xff"
    assert got["ETag"] == put["ETag"] == s3.head_object(Bucket="bucket", Key=key)["ETag"]
    assert [o["Key"] for o in s3.list_objects_v2(Bucket="bucket")["Contents"]] == [key]
    s3.delete_object(Bucket="bucket", Key=key)
    with pytest.raises(s3.exceptions.NoSuchKey):
        s3.get_object(Bucket="bucket", Key=key)


def test_listings_come_in_pages(cloud):
    s3 = cloud.client("s3")
    s3.create_bucket(Bucket="bucket")
    for n in range(25):
        s3.put_object(Bucket="bucket", Key=f"a/{n:02}", Body=b"")
    s3.put_object(Bucket="bucket", Key="b/", Body=b"")
    pages = s3.get_paginator("list_objects_v2").paginate(Bucket="bucket", Prefix="a/", PaginationConfig={"PageSize": 10})
    assert [[o["Key"] for o in p["Contents"]] for p in pages] == \
        [[f"a/{n:02}" for n in range(start, min(start + 10, 25))] for start in (0, 10, 20)]


def test_conditional_writes(cloud):
    s3 = cloud.client("s3")
    s3.create_bucket(Bucket="bucket")
    etag = s3.put_object(Bucket="bucket", Key="k", Body=b"1", IfNoneMatch="*")["ETag"]
    with pytest.raises(botocore.exceptions.ClientError) as error:
        s3.put_object(Bucket="bucket", Key="k", Body=b"2", IfNoneMatch="*")
    assert code_of(error) == "PreconditionFailed"
    s3.put_object(Bucket="bucket", Key="k", Body=b"3", IfMatch=etag)
    with pytest.raises(botocore.exceptions.ClientError) as error:
        s3.put_object(Bucket="bucket", Key="k", Body=b"4", IfMatch=etag)
    assert code_of(error) == "PreconditionFailed"
    with pytest.raises(botocore.exceptions.ClientError) as error:
        s3.put_object(Bucket="bucket", Key="other", Body=b"5", IfMatch=etag)
    assert code_of(error) == "NoSuchKey"
    assert s3.get_object(Bucket="bucket", Key="k")["Body"].read() == b"3"


def test_a_new_event_is_announced_to_the_queue(cloud):
    site = Site(cloud)
    site.s3.put_object(Bucket=site.bucket, Key="events/other.txt", Body=b"")
    site.put_event({}, key="events/a b/event.json")
    [message] = site.sqs.receive_message(QueueUrl=site.queue_url, MaxNumberOfMessages=10)["Messages"]
    [record] = json.loads(message["Body"])["Records"]
    assert (record["s3"]["bucket"]["name"], record["s3"]["object"]["key"]) == (site.bucket, "events/a%20b/event.json")


def test_messages_hide_return_and_are_deleted_by_their_last_receipt(cloud):
    site = Site(cloud, notify=False)
    site.send("hello")
    first = site.sqs.receive_message(QueueUrl=site.queue_url, VisibilityTimeout=60)["Messages"][0]
    assert first["Body"] == "hello" and site.messages() == (0, 1)
    site.sqs.change_message_visibility(QueueUrl=site.queue_url, ReceiptHandle=first["ReceiptHandle"], VisibilityTimeout=0)
    second = site.sqs.receive_message(QueueUrl=site.queue_url, AttributeNames=["All"])["Messages"][0]
    assert second["Attributes"]["ApproximateReceiveCount"] == "2"
    site.sqs.delete_message(QueueUrl=site.queue_url, ReceiptHandle=first["ReceiptHandle"])
    assert site.messages() == (0, 1)
    site.sqs.delete_message(QueueUrl=site.queue_url, ReceiptHandle=second["ReceiptHandle"])
    assert site.messages() == (0, 0)
    with pytest.raises(botocore.exceptions.ClientError) as error:
        site.sqs.change_message_visibility(QueueUrl=site.queue_url, ReceiptHandle=second["ReceiptHandle"], VisibilityTimeout=9)
    assert "NotInflight" in code_of(error)


def test_a_long_poll_ends_when_a_message_comes_and_when_time_is_up(cloud):
    site = Site(cloud, notify=False)
    assert "Messages" not in site.sqs.receive_message(QueueUrl=site.queue_url, WaitTimeSeconds=1)
    done = subprocess.Popen(
        ["curl", "-s", "--aws-sigv4", "aws:amz:us-east-1:sqs", "--user", f"{cloud.access_key}:{cloud.secret_key}",
         "-H", "X-Amz-Target: AmazonSQS.ReceiveMessage", "-H", "Content-Type: application/x-amz-json-1.0",
         "-d", json.dumps({"QueueUrl": site.queue_url, "WaitTimeSeconds": 20}), cloud.url], stdout=subprocess.PIPE, text=True)
    wait_until(lambda: parked(cloud) == 1, "the long poll to be parked")
    site.send("late")
    output, _ = done.communicate(timeout=15)
    assert json.loads(output)["Messages"][0]["Body"] == "late"


def test_unknown_queue(cloud):
    sqs = cloud.client("sqs")
    with pytest.raises(sqs.exceptions.QueueDoesNotExist):
        sqs.receive_message(QueueUrl=f"{cloud.url}/{ACCOUNT}/none")


def test_instances_stop_start_and_terminate(cloud):
    ec2 = cloud.client("ec2")
    cloud.instance("i-0a")
    changed = ec2.stop_instances(InstanceIds=["i-0a"])
    assert changed["StoppingInstances"][0]["PreviousState"]["Name"] == "running"
    assert cloud.state_of("i-0a") == "stopped"
    found = ec2.describe_instances(InstanceIds=["i-0a"])["Reservations"][0]["Instances"][0]
    assert found["State"] == {"Code": 80, "Name": "stopped"}
    ec2.start_instances(InstanceIds=["i-0a"])
    assert cloud.state_of("i-0a") == "running"
    ec2.terminate_instances(InstanceIds=["i-0a"])
    with pytest.raises(botocore.exceptions.ClientError) as error:
        ec2.start_instances(InstanceIds=["i-0a"])
    assert code_of(error) == "IncorrectInstanceState"


def test_instances_belong_to_an_account_and_a_region(cloud):
    cloud.instance("i-0a", account="210987654321")
    with pytest.raises(botocore.exceptions.ClientError) as error:
        cloud.client("ec2").stop_instances(InstanceIds=["i-0a"])
    assert code_of(error) == "InvalidInstanceID.NotFound"
    cloud.client("ec2", account="210987654321").stop_instances(InstanceIds=["i-0a"])
    with pytest.raises(botocore.exceptions.ClientError):
        cloud.client("ec2", region="eu-west-1", account="210987654321").stop_instances(InstanceIds=["i-0a"])


def test_a_dry_run_changes_nothing(cloud):
    cloud.instance("i-0a")
    with pytest.raises(botocore.exceptions.ClientError) as error:
        cloud.client("ec2").stop_instances(InstanceIds=["i-0a"], DryRun=True)
    assert code_of(error) == "DryRunOperation"
    assert cloud.state_of("i-0a") == "running"


def test_workspaces_list_their_failures(cloud):
    cloud.instance("ws-0a", state="AVAILABLE")
    answer = cloud.client("workspaces").stop_workspaces(
        StopWorkspaceRequests=[{"WorkspaceId": "ws-0a"}, {"WorkspaceId": "ws-0b"}])
    assert [f["WorkspaceId"] for f in answer["FailedRequests"]] == ["ws-0b"]
    assert cloud.state_of("ws-0a") == "STOPPED"


def test_faults_come_when_ordered_and_then_stop(cloud):
    cloud.instance("i-0a")
    cloud.fault("StopInstances", status=503, code="RequestLimitExceeded", retry_after="7", after=1, times=1)
    ec2 = cloud.client("ec2")
    ec2.stop_instances(InstanceIds=["i-0a"])
    with pytest.raises(botocore.exceptions.ClientError) as error:
        ec2.stop_instances(InstanceIds=["i-0a"])
    assert code_of(error) == "RequestLimitExceeded"
    assert error.value.response["ResponseMetadata"]["HTTPHeaders"]["retry-after"] == "7"
    ec2.stop_instances(InstanceIds=["i-0a"])
    assert [r["status"] for r in cloud.requests(operation="StopInstances")] == [200, 503, 200]


def test_a_dropped_connection(cloud):
    cloud.fault("DescribeInstances", drop=True)
    with pytest.raises(botocore.exceptions.ConnectionClosedError):
        cloud.client("ec2").describe_instances()


def test_a_delay_holds_one_call_and_no_other(cloud):
    cloud.fault("GetCallerIdentity", delay_ms=60_000)
    slow = subprocess.Popen(
        ["curl", "-s", "--aws-sigv4", "aws:amz:us-east-1:sts", "--user", f"{cloud.access_key}:{cloud.secret_key}",
         "-d", "Action=GetCallerIdentity&Version=2011-06-15", cloud.url], stdout=subprocess.DEVNULL)
    wait_until(lambda: parked(cloud) == 1, "the slow call to be parked")
    assert cloud.client("sts").get_caller_identity()["Account"] == ACCOUNT
    assert slow.poll() is None
    slow.kill()
    slow.wait(10)


def test_it_ends_cleanly_with_a_long_poll_open():
    server = CloudServer()
    server.client("sqs").create_queue(QueueName="q")
    poll = subprocess.Popen(
        ["curl", "-s", "--aws-sigv4", "aws:amz:us-east-1:sqs", "--user", f"{server.access_key}:{server.secret_key}",
         "-H", "X-Amz-Target: AmazonSQS.ReceiveMessage", "-H", "Content-Type: application/x-amz-json-1.0",
         "-d", json.dumps({"QueueUrl": f"{server.url}/{ACCOUNT}/q", "WaitTimeSeconds": 20}), server.url],
        stdout=subprocess.DEVNULL)
    wait_until(lambda: parked(server) == 1, "the long poll to be parked")
    server.stop()
    poll.wait(10)
