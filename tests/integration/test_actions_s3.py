"""The actions on S3 buckets at moto."""

import json

import pytest
from botocore.exceptions import ClientError

from harness.between import Between
from harness.events import ACCOUNT, REGION, entity, event
from harness.proxy import Proxy

BUCKET = "the-bucket"
LOGS = f"{ACCOUNT}s3accesslogs{REGION}"


@pytest.fixture
def s3(moto):
    made = moto.client("s3")
    made.create_bucket(Bucket=BUCKET)
    return made


def bucket(name=BUCKET, **more):
    return entity("S3 Bucket", name, arn=f"arn:aws:s3:::{name}", **more)


def code_of(call, **arguments):
    """The error code that a boto3 call ends with."""
    with pytest.raises(ClientError) as raised:
        call(**arguments)
    return raised.value.response["Error"]["Code"]


MOVED = "<Error><Code>PermanentRedirect</Code><Message>Elsewhere.</Message><Region>eu-central-1</Region></Error>"


@pytest.mark.parametrize("allowed, wiped", [(REGION, False), (f"{REGION}, eu-central-1", True), (None, True)])
def test_a_bucket_that_is_elsewhere_is_followed_where_allow_regions_lets_it(s3, moto, exec_event, allowed, wiped):
    s3.put_object(Bucket=BUCKET, Key="a", Body=b"a")
    between = Between(moto, {"": [(301, MOVED)]})
    guard = {"guard": {"allow_regions": allowed}} if allowed else {}
    report = exec_event(event("s3_clear_bucket", [bucket()]), config=guard, on=between).report
    between.stop()
    if wiped:
        report.assert_all_processed()
    else:
        report.assert_error(BUCKET, rf'^the bucket {BUCKET} is not in the requested region, but in eu-central-1: the region '
                                    rf'"eu-central-1" is not among \[guard\] allow_regions \(ListObjectVersions')
    assert ("Contents" in s3.list_objects_v2(Bucket=BUCKET)) is not wiped


SETTINGS = ["s3_block_public_access", "s3_enable_encryption", "s3_enable_versioning", "s3_delete_acls",
            "s3_delete_permissions", "s3_allow_ssl_only", "s3_enable_logging"]


@pytest.mark.parametrize("action", SETTINGS)
def test_a_bucket_that_is_not_there_is_errored(moto, exec_event, action):
    report = exec_event(event(action, [bucket()])).report
    report.assert_error(BUCKET, "^NoSuchBucket: ")


class Watching(Proxy):
    """Notes whose bucket each request on one is for."""

    def __init__(self, cloud):
        self.owners = {}
        super().__init__(cloud)

    def exchanged(self, method, path, headers, body, status):
        if path.strip("/"):
            self.owners.setdefault(f"{method} {path}", set()).add(headers.get("x-amz-expected-bucket-owner"))


@pytest.mark.parametrize("action", SETTINGS + ["s3_clear_bucket"])
def test_each_request_says_whose_the_bucket_must_be(s3, moto, exec_event, action):
    """Else a name that somebody else has taken meanwhile leads to a stranger's bucket."""
    s3.put_object(Bucket=BUCKET, Key="a", Body=b"a")
    watching = Watching(moto)
    exec_event(event(action, [bucket()]), on=watching).report.assert_all_processed()
    watching.stop()
    made = watching.owners.pop(f"PUT /{LOGS}", {None})
    assert made == {None} and watching.owners
    assert set().union(*watching.owners.values()) == {ACCOUNT}


@pytest.mark.parametrize("action", SETTINGS)
def test_a_plan_changes_nothing(s3, exec_event, action):
    report = exec_event(event(action, [bucket()]), plan=True).report
    assert report.errors == {} and len(report["planned"]) >= 1
    assert [b["Name"] for b in s3.list_buckets()["Buckets"]] == [BUCKET]
    assert code_of(s3.get_bucket_policy, Bucket=BUCKET) == "NoSuchBucketPolicy"


@pytest.mark.parametrize("id", ["Bad:Bucket", "a/../b", "x", "192.168.0.1", "bucket?acl", "b" * 256])
def test_what_is_no_bucket_name_is_errored(moto, exec_event, id):
    report = exec_event(event("s3_block_public_access", [entity("S3 Bucket", id, arn="")])).report
    report.assert_error(id, "is not a valid name of an S3 bucket")


@pytest.mark.parametrize("absent", ["", None])
def test_the_name_is_taken_where_there_is_no_id(s3, exec_event, absent):
    resource = {**entity("S3 Bucket", BUCKET, arn=""), "id": absent}
    exec_event(event("s3_enable_versioning", [resource])).report.assert_all_processed()
    assert s3.get_bucket_versioning(Bucket=BUCKET)["Status"] == "Enabled"


@pytest.mark.parametrize("id, why", [("Some Other Id", "is not a valid name of an S3 bucket"), ("evil/key", "is not a valid name of an S3 bucket"),
                                     ("other-bucket", f'is "other-bucket", but its "arn" contains "{BUCKET}"')])
def test_an_id_that_is_wrong_gives_way_to_nothing(s3, exec_event, id, why):
    s3.put_object(Bucket=BUCKET, Key="kept", Body=b"")
    report = exec_event(event("s3_clear_bucket", [{**bucket(), "id": id}])).report.assert_error(id, why)
    assert report.processed_ids == [] and s3.list_objects_v2(Bucket=BUCKET)["KeyCount"] == 1


# --- settings ---------------------------------------------------------------------------------------------------------


def test_blocks_public_access(s3, exec_event):
    for _ in range(2):
        exec_event(event("s3_block_public_access", [bucket()])).report.assert_all_processed()
        assert set(s3.get_public_access_block(Bucket=BUCKET)["PublicAccessBlockConfiguration"].items()) == {
            ("BlockPublicAcls", True), ("IgnorePublicAcls", True), ("BlockPublicPolicy", True), ("RestrictPublicBuckets", True)}


def test_blocks_public_access_of_a_bucket_in_another_region(moto, exec_event):
    west = moto.client("s3", region="eu-west-1")
    west.create_bucket(Bucket="in-the-west", CreateBucketConfiguration={"LocationConstraint": "eu-west-1"})
    exec_event(event("s3_block_public_access", [bucket("in-the-west", region="eu-west-1")])).report.assert_all_processed()
    assert west.get_public_access_block(Bucket="in-the-west")["PublicAccessBlockConfiguration"]["BlockPublicAcls"] is True


def test_enables_encryption(s3, exec_event):
    exec_event(event("s3_enable_encryption", [bucket()])).report.assert_all_processed()
    rules = s3.get_bucket_encryption(Bucket=BUCKET)["ServerSideEncryptionConfiguration"]["Rules"]
    assert rules[0]["ApplyServerSideEncryptionByDefault"] == {"SSEAlgorithm": "AES256"}


def test_makes_the_acl_private(s3, exec_event):
    s3.put_bucket_acl(Bucket=BUCKET, ACL="public-read")
    exec_event(event("s3_delete_acls", [bucket()])).report.assert_all_processed()
    assert [g["Permission"] for g in s3.get_bucket_acl(Bucket=BUCKET)["Grants"]] == ["FULL_CONTROL"]


MINE = {"Sid": "Mine", "Effect": "Allow", "Principal": "*", "Action": "s3:GetObject", "Resource": f"arn:aws:s3:::{BUCKET}/*"}


def put_policy(s3, statement):
    s3.put_bucket_policy(Bucket=BUCKET, Policy=json.dumps({"Version": "2012-10-17", "Id": "keep", "Statement": statement}))


def policy(s3, name=BUCKET):
    return json.loads(s3.get_bucket_policy(Bucket=name)["Policy"])


def test_deletes_policy_and_acl(s3, exec_event):
    put_policy(s3, [MINE])
    s3.put_bucket_acl(Bucket=BUCKET, ACL="public-read")
    for _ in range(2):
        exec_event(event("s3_delete_permissions", [bucket()])).report.assert_all_processed()
        assert code_of(s3.get_bucket_policy, Bucket=BUCKET) == "NoSuchBucketPolicy"
        assert [g["Permission"] for g in s3.get_bucket_acl(Bucket=BUCKET)["Grants"]] == ["FULL_CONTROL"]


DENY = {
    "Sid": "HyperglanceDenyInsecureTransport", "Effect": "Deny", "Principal": "*", "Action": "s3:*",
    "Resource": [f"arn:aws:s3:::{BUCKET}", f"arn:aws:s3:::{BUCKET}/*"],
    "Condition": {"Bool": {"aws:SecureTransport": "false"}},
}


def test_allows_tls_only(s3, exec_event):
    exec_event(event("s3_allow_ssl_only", [bucket()])).report.assert_all_processed()
    assert policy(s3)["Statement"] == [DENY]


@pytest.mark.parametrize("statement", [[MINE], MINE, [MINE, {**DENY, "Effect": "Allow"}]])
def test_keeps_the_rest_of_the_policy(s3, exec_event, statement):
    put_policy(s3, statement)
    exec_event(event("s3_allow_ssl_only", [bucket()])).report.assert_all_processed()
    assert policy(s3) == {"Version": "2012-10-17", "Id": "keep", "Statement": [MINE, DENY]}
    ran = exec_event(event("s3_allow_ssl_only", [bucket()]))
    ran.report.assert_all_processed()
    assert "has this statement already" in ran.stderr
    assert policy(s3)["Statement"] == [MINE, DENY]


def test_enables_logging_for_many_buckets(s3, exec_event):
    s3.create_bucket(Bucket="second-bucket")
    rule = event("s3_enable_logging", [bucket(), bucket("second-bucket")])
    for _ in range(2):
        exec_event(rule).report.assert_all_processed()
        for name in (BUCKET, "second-bucket"):
            target = s3.get_bucket_logging(Bucket=name)["LoggingEnabled"]
            assert (target["TargetBucket"], target["TargetPrefix"]) == (LOGS, name + "/")
        statements = policy(s3, LOGS)["Statement"]
        assert len(statements) == 1
        assert statements[0]["Principal"] == {"Service": "logging.s3.amazonaws.com"}
        assert statements[0]["Condition"] == {"StringEquals": {"aws:SourceAccount": ACCOUNT}}


def test_the_log_bucket_does_not_log_itself(s3, exec_event):
    s3.create_bucket(Bucket=LOGS)
    exec_event(event("s3_enable_logging", [bucket(LOGS)])).report.assert_error(LOGS, "would never end")


# --- s3_clear_bucket -----------------------------------------------------------------------------------------------------

KEYS = ["plain", "with space", "a/b/c", "ünïcode/★", "amp&<>\"'", "plus+plus", "100%", "..dots..", "tab\there"]


def left(s3, name=BUCKET):
    found = s3.list_object_versions(Bucket=name)
    return len(found.get("Versions", [])) + len(found.get("DeleteMarkers", []))


def test_clears_a_bucket(s3, exec_event):
    for key in KEYS:
        s3.put_object(Bucket=BUCKET, Key=key, Body=b"x")
    ran = exec_event(event("s3_clear_bucket", [bucket()]))
    ran.report.assert_all_processed()
    assert left(s3) == 0
    assert f"{len(KEYS)} objects and versions deleted" in ran.stderr


def test_clears_all_versions_and_delete_markers(s3, exec_event):
    s3.put_bucket_versioning(Bucket=BUCKET, VersioningConfiguration={"Status": "Enabled"})
    for key in KEYS:
        for body in (b"1", b"2"):
            s3.put_object(Bucket=BUCKET, Key=key, Body=body)
        s3.delete_object(Bucket=BUCKET, Key=key)
    assert left(s3) == 3 * len(KEYS)
    exec_event(event("s3_clear_bucket", [bucket()])).report.assert_all_processed()
    assert left(s3) == 0


def test_clears_more_than_a_page(s3, exec_event):
    for n in range(1100):
        s3.put_object(Bucket=BUCKET, Key=f"{n:05}", Body=b"")
    planned = exec_event(event("s3_clear_bucket", [bucket()]), plan=True).report["planned"]
    assert [c["params"]["Objects"] for c in planned] == [1000, 100]
    assert left(s3) == 1000  # a page of boto3's
    exec_event(event("s3_clear_bucket", [bucket()])).report.assert_all_processed()
    assert left(s3) == 0


def test_an_empty_bucket_is_processed(s3, exec_event):
    ran = exec_event(event("s3_clear_bucket", [bucket()]))
    ran.report.assert_all_processed()
    assert "already empty" in ran.stderr


def test_a_deleted_bucket_is_processed(moto, exec_event):
    exec_event(event("s3_clear_bucket", [bucket()])).report.assert_all_processed()


def test_what_could_not_be_deleted_is_errored(s3, exec_event):
    s3.create_bucket(Bucket="locked", ObjectLockEnabledForBucket=True)
    s3.put_object(Bucket="locked", Key="kept", Body=b"x", ObjectLockMode="COMPLIANCE",
                  ObjectLockRetainUntilDate="2999-01-01T00:00:00Z")
    report = exec_event(event("s3_clear_bucket", [bucket("locked")])).report
    report.assert_error("locked", r'^AccessDenied: .*"kept".*\(DeleteObjects')
    assert left(s3, "locked") == 1
