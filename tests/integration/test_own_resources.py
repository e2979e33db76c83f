"""What the daemon lives on is changed by no event."""

from harness.cloud import EVENT_KEY, Site
from harness.events import ACCOUNT, entity, event


def bucket_entity(name):
    return entity("S3 Bucket", name, arn=f"arn:aws:s3:::{name}")


def assert_refused(site, report, name):
    report.assert_error(name, f'the bucket "{name}" is the daemon\'s own: events come from there, and no action may change it')
    assert site.s3.get_object(Bucket=site.bucket, Key=EVENT_KEY)["Body"].read()


def test_the_bucket_of_the_event_is_not_cleared(moto, daemon):
    site = Site(moto)
    site.put_event(event("s3_clear_bucket", [bucket_entity(site.bucket)]))
    daemon(site, once=True).ended(0)
    [report] = site.reports()
    assert_refused(site, report, site.bucket)


def test_nor_is_that_of_another_source(moto, daemon):
    site, other = Site(moto), Site(moto, name="other", queue=False)
    other.s3.put_object(Bucket=other.bucket, Key=EVENT_KEY, Body=b"{}")
    site.put_event(event("s3_clear_bucket", [bucket_entity(other.bucket)]))
    daemon(site, config=other.source(), once=True).ended(0)
    [report] = site.reports()
    assert_refused(other, report, other.bucket)


def test_nor_is_it_by_exec(moto, exec_event):
    site = Site(moto)
    site.put_event(event("s3_clear_bucket", []))
    ran = exec_event(event("s3_delete_permissions", [bucket_entity(site.bucket)]), on=moto, config=site.source())
    ran.report.assert_error(site.bucket, "is the daemon's own")


def test_another_bucket_is_cleared(moto, exec_event):
    site, other = Site(moto), Site(moto, name="other", queue=False)
    other.s3.put_object(Bucket=other.bucket, Key="x", Body=b"1")
    exec_event(event("s3_clear_bucket", [bucket_entity(other.bucket)]), on=moto, config=site.source()).report.assert_all_processed()
    assert "Contents" not in other.s3.list_objects_v2(Bucket=other.bucket)


def test_the_daemons_own_user_is_left_alone(moto, exec_event):
    arn = moto.client("sts").get_caller_identity()["Arn"]
    kind, name = arn.split(":")[-1].split("/")[:2]
    report = exec_event(event("iam_quarantine_user", [entity("IAM User", name, arn=f"arn:aws:iam::{ACCOUNT}:user/{name}", region="global")]),
                        on=moto).report
    assert kind == "user", arn
    report.assert_error(name, f'the user "{name}" is the daemon\'s own: hgautod acts as it')
