"""Sources other than a queue: a directory, and the sweep of a bucket."""

import json
import os

from harness.cloud import Site
from harness.events import Report, stop_event
from harness.wait import wait_until


def reports_below(folder):
    found = []
    for path, _, names in os.walk(folder):
        for name in names:
            if name.startswith("report_"):
                with open(os.path.join(path, name), "rb") as f:
                    found.append(Report(os.path.join(path, name), f.read()))
    return found


def put_file(folder, event, name="run-1"):
    """Writes an event as it should be written: beside its place, then renamed into it."""
    place = folder / "events" / name
    place.mkdir(parents=True)
    (place / "event.json.new").write_text(json.dumps(event))
    os.rename(place / "event.json.new", place / "event.json")


def test_a_directory_is_swept(cloud, daemon, tmp_path):
    folder = tmp_path / "store"
    folder.mkdir()
    cloud.instance("i-0aaaaaaa")
    cloud.instance("i-0bbbbbbb")
    put_file(folder, stop_event("i-0aaaaaaa"), "before")
    running = daemon(config={"source files": {"type": "directory", "path": str(folder)}}, env=cloud.env())
    put_file(folder, stop_event("i-0bbbbbbb"), "after")
    found = wait_until(lambda: len(reports_below(folder)) == 2 and reports_below(folder), "two reports")
    for report in found:
        report.assert_all_processed()
    assert sorted(os.path.dirname(r.key) for r in found) == [str(folder / "reports" / n) for n in ("after", "before")]
    running.stop()
    assert not list(folder.glob("reports/*/is_pending"))


def test_a_directory_once(cloud, daemon, tmp_path):
    cloud.instance("i-0aaaaaaa")
    put_file(tmp_path / "store", stop_event("i-0aaaaaaa"))
    config = {"source files": {"type": "directory", "path": str(tmp_path / "store")}}
    for _ in range(2):
        daemon(config=config, env=cloud.env(), once=True).ended(0)
    [report] = reports_below(tmp_path / "store")
    report.assert_all_processed()
    assert len(cloud.requests(operation="StopInstances")) == 1


def test_a_bucket_without_a_queue_is_swept(cloud, daemon):
    site = Site(cloud, queue=False)
    ids = cloud.instances(3)
    keys = [site.put_event(stop_event(id), f"a/events/{id}/event.json") for id in ids]
    daemon(site, once=True).ended(0)
    for key in keys:
        [report] = site.reports(key)
        report.assert_all_processed()
    daemon(site, once=True).ended(0)
    assert len(cloud.requests(operation="StopInstances")) == 3


def test_a_sweep_finds_what_was_never_announced(cloud, daemon):
    site = Site(cloud, notify=False)
    cloud.instance("i-0aaaaaaa")
    site.put_event(stop_event("i-0aaaaaaa"))
    daemon(site, config=site.source(sweep_interval="1s"))
    [report] = site.wait_reports()
    report.assert_all_processed()


def test_a_sweep_leaves_old_events_alone(cloud, daemon):
    site = Site(cloud, queue=False)
    ids = cloud.instances(2)
    old, young = [site.put_event(stop_event(id), f"events/{id}/event.json") for id in ids]
    cloud.age(site.bucket, old, seconds=121)
    daemon(site, config=site.source(sweep_max_age="2m"), once=True).ended(0)
    assert site.reports(old) == []
    site.reports(young)[0].assert_all_processed()


def test_two_sources_in_one_daemon(cloud, daemon, tmp_path):
    site = Site(cloud)
    cloud.instance("i-0aaaaaaa")
    cloud.instance("i-0bbbbbbb")
    put_file(tmp_path / "store", stop_event("i-0aaaaaaa"))
    site.put_event(stop_event("i-0bbbbbbb"))
    daemon(site, config={"source files": {"type": "directory", "path": str(tmp_path / "store")}}, once=True).ended(0)
    site.reports()[0].assert_all_processed()
    reports_below(tmp_path / "store")[0].assert_all_processed()


def assert_gave_up(running, source):
    [told] = [entry for entry in running.logs(level="error") if "--once" in entry["message"]]
    assert told["source"] == source, running.stderr


def test_once_a_queue_that_cannot_be_read_does_not_hold_up_the_end(cloud, daemon):
    site = Site(cloud)
    cloud.instance("i-0aaaaaaa")
    site.put_event(stop_event("i-0aaaaaaa"))
    gone = site.source()[f"source {site.name}"] | {"queue_url": site.queue_url + "-gone"}
    running = daemon(site, config={"source gone": gone}, once=True).ended(1)
    site.reports()[0].assert_all_processed()
    site.wait_empty()
    assert_gave_up(running, "gone")


def test_once_a_bucket_that_cannot_be_listed_is_given_up(cloud, daemon):
    site = Site(cloud, queue=False)
    cloud.fault("ListObjectsV2", status=403, code="AccessDenied", times=1000)
    assert_gave_up(daemon(site, once=True).ended(1), site.name)


def test_once_a_message_that_cannot_be_deleted_is_given_up(cloud, daemon):
    site = Site(cloud)
    cloud.instance("i-0aaaaaaa")
    site.put_event(stop_event("i-0aaaaaaa"))
    cloud.fault("DeleteMessage", status=403, code="AccessDenied", times=1000)
    running = daemon(site, config={"daemon": {"drain_timeout": "6s"}}, once=True).ended(1)
    site.reports()[0].assert_all_processed()
    assert_gave_up(running, site.name)
    assert len(cloud.requests(operation="StopInstances")) == 1
