"""Several daemons on one queue, and daemons that end: nothing is lost, hardly anything is done twice."""

import collections
import json
import signal

from harness.cloud import Site, call
from harness.events import instance, stop_event, stop_of
from harness.wait import wait_until


def parked(cloud, operation):
    """Whether the server is holding back a call (of which the journal knows nothing yet)."""
    faults = json.loads(call(cloud.url + "/_control/faults"))
    return any(f["operation"] == operation and f["times"] == 0 for f in faults)


def stops(cloud):
    """How often each instance was stopped."""
    return collections.Counter(id for r in cloud.requests(operation="StopInstances", status=200) for id in r["detail"].split())


def test_two_daemons_share_a_queue_and_do_everything_once(cloud, daemon):
    site = Site(cloud)
    ids = cloud.instances(40)
    daemon(site), daemon(site)
    keys = [site.put_event(stop_event(id), f"events/{id}/event.json") for id in ids]
    for key in keys:
        site.announce(key)  # every event comes twice
    for key in keys:
        [report] = site.wait_reports(key=key)
        report.assert_all_processed()
    site.wait_empty()
    assert stops(cloud) == {id: 1 for id in ids}


REGIONS = ["us-east-1", "us-east-2", "us-west-1", "us-west-2", "eu-west-1", "eu-central-1"]


def one_a_region(cloud, count):
    """Instances that do not share calls, and an event that stops them."""
    ids = [cloud.instance(f"i-0000000{n}", region=REGIONS[n]) for n in range(count)]
    return ids, stop_of([instance(id, region=region) for id, region in zip(ids, REGIONS)])


def test_a_live_claim_of_another_is_respected(cloud, daemon):
    site = Site(cloud)
    cloud.instance("i-0aaaaaaa")
    cloud.fault("StopInstances", delay_ms=3000)
    config = site.source(claim_ttl="10s")
    daemon(site, config=config)
    key = site.put_event(stop_event("i-0aaaaaaa"))
    wait_until(lambda: parked(cloud, "StopInstances"), "the first daemon to be in the middle")
    daemon(site, config=config)
    site.announce(key)
    [report] = site.wait_reports()
    report.assert_all_processed()
    site.wait_empty()
    assert stops(cloud) == {"i-0aaaaaaa": 1}


def test_after_kill_9_another_daemon_goes_on(cloud, daemon):
    site = Site(cloud)
    ids, stop_all = one_a_region(cloud, 6)
    config = {**site.source(claim_ttl="10s", visibility_timeout="30s"), "daemon": {"workers": 1}}
    cloud.fault("StopInstances", after=3, delay_ms=600_000)
    first = daemon(site, config=config)
    key = site.put_event(stop_all)
    wait_until(lambda: parked(cloud, "StopInstances"), "the fourth stop to be under way")
    assert site.pending(key) and site.reports(key) == []
    first.kill_now()
    daemon(site, config=config)
    site.announce(key)  # sooner than the first message becomes visible again
    [report] = site.wait_reports(timeout=90)
    report.assert_all_processed()
    assert report.processed_ids == ids
    assert [cloud.state_of(id) for id in ids] == ["stopped"] * 6
    assert max(stops(cloud).values()) <= 2
    site.wait_empty(timeout=90)


def test_sigterm_lets_what_is_under_way_end(cloud, daemon):
    site = Site(cloud)
    cloud.instance("i-0aaaaaaa")
    cloud.fault("StopInstances", delay_ms=1500)
    running = daemon(site)
    site.put_event(stop_event("i-0aaaaaaa"))
    wait_until(lambda: parked(cloud, "StopInstances"), "the stop to be under way")
    running.stop(0, signal.SIGTERM)
    [report] = site.reports()
    report.assert_all_processed()
    assert site.messages() == (0, 0) and not site.pending()


def test_what_cannot_end_in_time_is_given_back_at_once(cloud, daemon):
    site = Site(cloud)
    ids, stop_all = one_a_region(cloud, 3)
    cloud.fault("StopInstances", after=2, times=-1, status=503, code="RequestLimitExceeded", retry_after="600")
    running = daemon(site, config={"daemon": {"drain_timeout": "1s", "workers": 1},
                                   "http": {"request_timeout": "1s", "connect_timeout": "1s"}})
    site.put_event(stop_all)
    wait_until(lambda: cloud.requests(operation="StopInstances", status=503), "the throttled call")
    running.stop(0)
    assert site.reports() == []
    assert site.messages() == (1, 0)
    call(cloud.url + "/_control/faults", "DELETE")
    daemon(site, once=True).ended(0)
    [report] = site.reports()
    report.assert_all_processed()
    assert stops(cloud) == {id: 1 for id in ids}
    assert site.messages() == (0, 0)


def test_an_idle_daemon_ends_at_once_on_sigint_and_sigterm(cloud, daemon):
    site = Site(cloud)
    for number in (signal.SIGINT, signal.SIGTERM):
        daemon(site, config={**site.source(wait_time="20s")}).stop(0, number, timeout=15)
