"""Several daemons on one queue, and daemons that end: nothing is lost, hardly anything is done twice."""

import collections
import json
import signal
import threading

import pytest

from harness.cloud import Site, call
from harness.events import instance, stop_event, stop_of
from harness.proxy import Proxy
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


@pytest.mark.parametrize("ahead", [-7200, 7200])
def test_a_wrong_clock_takes_over_no_live_claim_and_each_expired_one(cloud, daemon, ahead):
    """Claims are judged by the store's clock: the daemons' own are two hours off here."""
    site = Site(cloud)
    cloud.instance("i-0aaaaaaa")
    cloud.fault("StopInstances", delay_ms=600_000)
    site.announce(site.put_event(stop_event("i-0aaaaaaa")))  # twice; this test signs with the host's clock
    cloud.clock(ahead)
    first = daemon(site, config=lapsing(site))
    wait_until(lambda: parked(cloud, "StopInstances"), "the first daemon to be in the middle")
    second = daemon(site, config=lapsing(site))
    wait_until(lambda: said([first, second], "Event is claimed by another run"), "the claim to be left alone")
    assert said([first, second], "taken over") == []
    first.kill_now()
    wait_until(lambda: said([second], "Run finished"), "the second daemon to go on", timeout=90)
    assert len(said([second], "Expired claim taken over")) == 1
    cloud.clock(0)
    [report] = site.reports()
    report.assert_all_processed()


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


def lapsing(site):
    """A source whose claims last as short as can be."""
    return site.source(claim_ttl="10s", visibility_timeout="30s")


def hold_up(cloud, times, seconds):
    """The next calls are throttled, and what they are for waits."""
    cloud.fault("StopInstances", times=times, status=503, code="RequestLimitExceeded", retry_after=str(seconds))


def said(daemons, text):
    return [line for d in daemons for line in d.errors if text in line]


def test_healthy_daemons_take_nothing_over_from_one_another(cloud, daemon):
    """Events that wait for longer than two claims last, each announced three times to three daemons."""
    site = Site(cloud)
    ids = cloud.instances(6)
    hold_up(cloud, 6, 22)
    daemons = [daemon(site, config=lapsing(site)) for _ in range(3)]
    keys = [site.put_event(stop_event(id), f"events/{id}/event.json") for id in ids]
    for key in keys * 2:
        site.announce(key)
    for key in keys:
        [report] = site.wait_reports(key=key, timeout=120)
        report.assert_all_processed()
    site.wait_empty(timeout=60)
    assert said(daemons, "taken over") == [] and said(daemons, "this run ends here") == []
    assert len(said(daemons, "Run started")) == len(ids)
    assert stops(cloud) == {id: 1 for id in ids}


def test_a_duplicate_is_kept_and_not_received_again(cloud, daemon):
    """A queue that gives up on a message after some receives does not lose it while another daemon works on the event."""
    site = Site(cloud)
    cloud.instance("i-0aaaaaaa")
    hold_up(cloud, 1, 12)
    first = daemon(site, config=lapsing(site))
    key = site.put_event(stop_event("i-0aaaaaaa"))
    wait_until(lambda: cloud.requests(operation="StopInstances"), "the first daemon to work on the event")
    second = daemon(site, config=lapsing(site))
    site.announce(key)
    site.wait_reports()[0].assert_all_processed()
    site.wait_empty()
    assert len(said([first, second], "Event is claimed by another run")) >= 4
    assert len(said([first, second], "Message received")) == 2


class Freezing(Proxy):
    """Stops a daemon when a request of its has been answered, before it reads the answer."""

    def __init__(self, cloud, method, key):
        super().__init__(cloud)
        self.method, self.key, self.victim, self.frozen, self.later = method, key, None, threading.Event(), []

    def exchanged(self, method, path, headers, body, status):
        if self.frozen.is_set():
            self.later.append((method, path.split("?")[0], body, status))
        elif method == self.method and path.endswith(self.key) and self.matches(body):
            self.victim.freeze()
            self.frozen.set()

    def matches(self, body):
        return self.method == "GET" or b'"processed":"0"' in body


@pytest.mark.parametrize("method, key", [("GET", "/event.json"), ("PUT", "/is_pending")],
                         ids=["before the first change", "before the reports"])
def test_who_was_frozen_for_longer_than_the_claim_writes_nothing(cloud, daemon, method, key):
    """Another has taken over meanwhile and has finished."""
    site = Site(cloud)
    cloud.instance("i-0aaaaaaa")
    proxy = Freezing(cloud, method, key)
    first = daemon(site, config=lapsing(site), env={"AWS_ENDPOINT_URL": proxy.url})
    proxy.victim = first
    event = site.put_event(stop_event("i-0aaaaaaa"))
    try:
        assert proxy.frozen.wait(60), f"no {method} of {key} came"
        second = daemon(site, config=lapsing(site))
        site.announce(event)
        [before] = site.wait_reports(timeout=90)
        second.wait_logged("Run finished")
        wait_until(lambda: not site.pending(event), "the second daemon to let go")
    finally:
        first.signal(signal.SIGCONT)
    first.wait_logged("this run ends here")
    site.wait_empty(timeout=90)
    written = [(m, path) for m, path, body, status in proxy.later if m in ("PUT", "DELETE") and status < 300]
    assert written == [], proxy.later
    assert stops(cloud) == {"i-0aaaaaaa": 1}
    assert [r.raw for r in site.reports(event)] == [before.raw]
    proxy.stop()
