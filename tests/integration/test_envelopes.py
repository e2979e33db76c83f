"""What the queue may carry: every envelope that announces an object, and what is none."""

import json

import pytest

from harness.cloud import Site
from harness.events import stop_event
from harness.wait import wait_until

KEY = "team a+b/events/run-1/event.json"
ENCODED = "team+a%2Bb/events/run-1/event.json"


def record(site, key=ENCODED, name="ObjectCreated:Put", bucket=None):
    return {"eventVersion": "2.1", "eventSource": "aws:s3", "awsRegion": "us-east-1", "eventName": name,
            "s3": {"bucket": {"name": bucket or site.bucket}, "object": {"key": key, "size": 1}}}


def s3_notification(site):
    return {"Records": [record(site)]}


def sns_wrapped(site):
    return {"Type": "Notification", "MessageId": "m", "TopicArn": "arn:aws:sns:us-east-1:123456789012:t",
            "Message": json.dumps(s3_notification(site)), "Timestamp": "2024-01-01T00:00:00.000Z"}


def event_bridge(site):
    return {"version": "0", "id": "e", "detail-type": "Object Created", "source": "aws.s3", "account": "123456789012",
            "region": "us-east-1", "detail": {"version": "0", "bucket": {"name": site.bucket},
                                              "object": {"key": KEY, "size": 1}, "reason": "PutObject"}}


@pytest.mark.parametrize("envelope", [s3_notification, sns_wrapped, event_bridge])
def test_each_envelope_announces_its_event(cloud, daemon, envelope):
    site = Site(cloud, notify=False)
    cloud.instance("i-0aaaaaaa")
    site.put_event(stop_event("i-0aaaaaaa"), KEY)
    site.send(envelope(site))
    daemon(site, once=True).ended(0)
    [report] = site.reports(KEY)
    report.assert_all_processed()
    assert site.messages() == (0, 0)


def test_one_message_may_announce_many_events(cloud, daemon):
    site = Site(cloud, notify=False)
    keys = [f"events/{n}/event.json" for n in range(5)]
    for n, key in enumerate(keys):
        cloud.instance(f"i-0000000{n}")
        site.put_event(stop_event(f"i-0000000{n}"), key)
    site.send({"Records": [record(site, key) for key in keys] +
               [record(site, "events/9/other.json"), record(site, keys[0], "ObjectRemoved:Delete")]})
    daemon(site, once=True).ended(0)
    for key in keys:
        [report] = site.reports(key)
        report.assert_all_processed()
    assert site.messages() == (0, 0)


@pytest.mark.parametrize("body", [
    {"Service": "Amazon S3", "Event": "s3:TestEvent", "Time": "2024-01-01T00:00:00.000Z", "Bucket": "b"},
    {"Records": [{"eventSource": "aws:s3", "eventName": "ObjectRemoved:Delete",
                  "s3": {"bucket": {"name": "hg-events"}, "object": {"key": "events/a/event.json"}}}]},
    {"Records": [{"eventSource": "aws:s3", "eventName": "ObjectCreated:Put",
                  "s3": {"bucket": {"name": "hg-events"}, "object": {"key": "events/a/other.json"}}}]},
], ids=["test-event", "another-event-name", "another-key"])
def test_what_does_not_concern_us_is_deleted(cloud, daemon, body):
    site = Site(cloud, notify=False)
    site.send(body)
    daemon(site, once=True).ended(0)
    assert site.messages() == (0, 0)
    assert site.keys() == []


@pytest.mark.parametrize("body", ["", "hello", "{", "[]", "null", '{"Records":{}}', '{"a":1}', "\ufeff{}", '{"Records":[{"x":1}]}'])
def test_what_is_no_envelope_stays_for_the_dead_letter_queue(cloud, daemon, body):
    site = Site(cloud, notify=False)
    site.send(body or " ")
    running = daemon(site)
    wait_until(lambda: any(e.get("level") in ("warn", "warning", "error") and "message" in json.dumps(e) for e in running.logs()),
               "the log to speak of the message")
    running.stop()
    assert sum(site.messages()) == 1
    assert cloud.requests(operation="DeleteMessage") == []


def test_an_event_that_is_gone_is_reported(cloud, daemon):
    site = Site(cloud, notify=False)
    site.send({"Records": [record(site, "events/gone/event.json")]})
    daemon(site, once=True).ended(0)
    [report] = site.reports("events/gone/event.json")
    assert report.action == "critical_error" and report["name"] == "critical_error"
    assert report["critical_error"].startswith("NoSuchKey: ")
    assert site.messages() == (0, 0)
