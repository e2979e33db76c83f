"""What goes wrong on the way, ordered from cloudserver: retried when that can help, reported when it cannot."""

import re

import pytest

from harness.cloud import Site, call
from harness.events import automation, event_of, instance, stop_event, stop_of
from harness.wait import wait_until

OTHER = "210987654321"


@pytest.fixture
def one(cloud, daemon):
    """A site with an event that stops i-0aaaaaaa; run() carries it out and answers the report."""
    site = Site(cloud)
    cloud.instance("i-0aaaaaaa")

    def run(config=None, body=None):
        site.put_event(body or stop_event("i-0aaaaaaa"))
        run.daemon = daemon(site, config=config, once=True).ended(0)
        [report] = site.reports()
        assert site.messages() == (0, 0) and not site.pending()
        return report

    run.site = site
    return run


def statuses(cloud, operation):
    return [r["status"] for r in cloud.requests(operation=operation)]


@pytest.mark.parametrize("fault", [
    {"status": 503, "code": "RequestLimitExceeded"},
    {"status": 400, "code": "RequestLimitExceeded"},
    {"status": 400, "code": "Throttling"},
    {"status": 503, "code": "RequestLimitExceeded", "retry_after": "1"},
    {"status": 500, "code": "InternalError"},
    {"drop": True},
], ids=["503", "throttled-as-400", "throttling", "retry-after", "500", "dropped"])
def test_a_call_that_may_mend_is_made_again(cloud, one, fault):
    cloud.fault("StopInstances", times=2, **fault)
    one().assert_all_processed()
    assert statuses(cloud, "StopInstances") == [fault.get("status", 0)] * 2 + [200]


def test_a_call_that_never_mends_is_given_up_after_max_attempts(cloud, one):
    cloud.fault("StopInstances", times=-1, status=500, code="InternalError", message="An internal error has occurred.")
    one(config={"http": {"max_attempts": 3}}).assert_error("i-0aaaaaaa", r"^InternalError: An internal error has occurred\.")
    assert statuses(cloud, "StopInstances") == [500] * 3


def test_a_refusal_is_not_tried_again(cloud, one):
    cloud.fault("StopInstances", times=-1, status=403, code="UnauthorizedOperation", message="You are not authorized.")
    one().assert_error("i-0aaaaaaa", r"^UnauthorizedOperation: You are not authorized\.? \(StopInstances, request id cloudserver-")
    assert statuses(cloud, "StopInstances") == [403]


def test_a_role_that_may_not_be_assumed_costs_one_call(cloud, one):
    cloud.fault("AssumeRole", times=-1, status=403, code="AccessDenied", message="Not you.")
    ids = [f"i-0000000{n}" for n in range(8)]
    report = one(body=stop_of([instance(i, account=OTHER) for i in ids]))
    for id in ids:
        report.assert_error(id, "AccessDenied.*AssumeRole")
    assert statuses(cloud, "AssumeRole") == [403]


@pytest.mark.parametrize("ahead", [-7200, 7200])
def test_a_wrong_clock_is_corrected_by_what_the_services_say(cloud, daemon, ahead):
    """Signatures carry the time, and services refuse those that are minutes off."""
    site = Site(cloud)
    cloud.instance("i-0aaaaaaa")
    cloud.instance("i-0bbbbbbb", account=OTHER)
    site.put_event(stop_of([instance("i-0aaaaaaa"), instance("i-0bbbbbbb", account=OTHER)]))
    cloud.clock(ahead)
    ended = daemon(site, once=True)
    ended.ended(0)
    cloud.clock(0)
    [report] = site.reports()
    report.assert_all_processed()
    assert site.messages() == (0, 0) and not site.pending()
    [line] = ended.logs(message="Clock of this host is wrong; signing with the service's time")
    assert abs(int(line["ahead_s"]) + ahead) < 60


def test_expired_keys_are_fetched_anew_once(cloud, one):
    cloud.instance("i-0bbbbbbb", account=OTHER)
    cloud.fault("StopInstances", status=400, code="RequestExpired")
    one(body=stop_of([instance("i-0bbbbbbb", account=OTHER)])).assert_all_processed()
    assert statuses(cloud, "StopInstances") == [400, 200]
    assert statuses(cloud, "AssumeRole") == [200, 200]


@pytest.mark.parametrize("operation", ["GetObject", "PutObject", "DeleteObject", "ListObjectsV2", "ReceiveMessage", "DeleteMessage",
                                       "GetCallerIdentity"])
@pytest.mark.parametrize("fault", [{"status": 503, "code": "SlowDown"}, {"drop": True}], ids=["503", "dropped"])
def test_the_way_itself_survives_faults(cloud, daemon, operation, fault):
    site = Site(cloud)
    cloud.instance("i-0aaaaaaa")
    site.put_event(stop_event("i-0aaaaaaa"))
    cloud.fault(operation, times=2, **fault)
    daemon(site, once=True).ended(0)
    assert statuses(cloud, operation).count(fault.get("status", 0)) == 2
    [report] = site.reports()
    report.assert_all_processed()
    assert site.messages() == (0, 0) and not site.pending()


# What may come in place of an answer: a part of its headers, or a page of somebody in between.
NO_ANSWERS = {"cut off": {"raw": "HTTP/1.1 200 OK\r\n"}, "page": {"status": 200, "html": "<html><p>Log in</p></html>"}}
WAY = ["GetObject", "PutObject", "DeleteObject", "ListObjectsV2", "ReceiveMessage", "DeleteMessage", "GetCallerIdentity", "StopInstances"]


# A message whose delivery got lost comes again when its visibility timeout is over.
@pytest.mark.parametrize("operation, done", [(o, done) for o in WAY for done in (False, True) if (o, done) != ("ReceiveMessage", True)])
@pytest.mark.parametrize("answer", NO_ANSWERS)
def test_what_is_no_whole_answer_is_none(cloud, daemon, operation, answer, done):
    """Taken for an answer, it would be that of an empty event, an event without reports, a claim without an ETag..."""
    site = Site(cloud)
    cloud.instance("i-0aaaaaaa")
    site.put_event(stop_event("i-0aaaaaaa"))
    cloud.fault(operation, times=2, done=done, **NO_ANSWERS[answer])
    daemon(site, once=True).ended(0)
    assert len(statuses(cloud, operation)) >= 3
    [report] = site.reports()
    report.assert_all_processed()
    assert cloud.state_of("i-0aaaaaaa") in ("stopping", "stopped")
    assert len(statuses(cloud, "StopInstances")) == (3 if operation == "StopInstances" else 1)
    assert site.messages() == (0, 0) and not site.pending()


def test_claim_calls_reports_claim_message_in_this_order(cloud, one):
    one().assert_all_processed()
    served = cloud.requests()

    def numbers(operation, pattern):
        found = [r["n"] for r in served if r["operation"] == operation and re.search(pattern, r["detail"]) and r["status"] < 300]
        assert found, f"no {operation} of {pattern}: {served}"
        return found

    claim = numbers("PutObject", "/is_pending$")[0]
    stop = numbers("StopInstances", "i-0aaaaaaa")
    report = numbers("PutObject", "/report_ec2_stop_instance_")
    unclaim = numbers("DeleteObject", "/is_pending$")
    delete = numbers("DeleteMessage", "")
    assert claim < min(stop) <= max(stop) < min(report) <= max(report) < min(unclaim) <= max(unclaim) < min(delete)


def test_the_message_stays_until_the_report_can_be_written(cloud, daemon):
    site = Site(cloud)
    cloud.instance("i-0aaaaaaa")
    site.put_event(stop_event("i-0aaaaaaa"))
    # The first put is the claim; those after it are the report.
    cloud.fault("PutObject", after=1, times=4, status=500, code="InternalError")
    daemon(site)
    [report] = site.wait_reports()
    report.assert_all_processed()
    site.wait_empty()
    puts = cloud.requests(operation="PutObject", status=200)
    deletes = cloud.requests(operation="DeleteMessage")
    written = [p["n"] for p in puts if "report_" in p["detail"]]
    assert len(deletes) == 1 and written[-1] < deletes[0]["n"]


def test_no_secret_is_in_log_or_report(cloud, one):
    cloud.instance("i-0bbbbbbb", account=OTHER)
    cloud.fault("StopInstances", status=403, code="SignatureDoesNotMatch")
    report = one(body=stop_of([instance("i-0aaaaaaa"), instance("i-0bbbbbbb", account=OTHER)]))
    for text in (one.daemon.stderr, "\n".join(one.daemon.lines), report.raw.decode()):
        assert cloud.secret_key not in text
        assert "session/of/" not in text and "AWS4-HMAC" not in text


def test_a_queue_that_is_not_there_yet_is_waited_for(cloud, daemon):
    site = Site(cloud, queue=False)
    url = f"{cloud.url}/123456789012/late"
    running = daemon(site, config={"source events": {"type": "sqs", "queue_url": url, "wait_time": "1s", "sweep_interval": None}})
    wait_until(lambda: cloud.requests(operation="ReceiveMessage"), "the first poll")
    site.queue_url = site.sqs.create_queue(QueueName="late")["QueueUrl"]
    cloud.instance("i-0aaaaaaa")
    key = site.put_event(stop_event("i-0aaaaaaa"))
    site.announce(key)
    site.wait_reports()
    running.stop()


# --- an outage of what gives credentials ------------------------------------------------------------------------------------------

OUTAGE = {"operation": "AssumeRole", "times": -1, "status": 503, "code": "ServiceUnavailable", "message": "Not now."}
IMPATIENT = {"http": {"retry_for": "1s", "request_timeout": "5s"}}


def own_and_other(cloud):
    cloud.instance("i-0aaaaaaa")
    cloud.instance("i-0bbbbbbb", account=OTHER)
    return stop_of([instance("i-0aaaaaaa"), instance("i-0bbbbbbb", account=OTHER)])


def test_an_outage_gives_the_run_back_with_what_it_has_done(cloud, daemon):
    site = Site(cloud)
    key = site.put_event(own_and_other(cloud))
    cloud.fault(**OUTAGE)
    first = daemon(site, config=IMPATIENT)
    first.wait_logged("Run released: the remaining resources wait for a credential")
    first.stop()
    assert site.reports(key) == [] and site.pending(key) and sum(site.messages()) == 1
    assert cloud.state_of("i-0aaaaaaa") != "running" and cloud.state_of("i-0bbbbbbb") == "running"
    call(cloud.url + "/_control/faults", "DELETE")
    second = daemon(site, config=IMPATIENT)
    site.announce(key)  # the first message comes back after a minute
    [report] = site.wait_reports(key=key)
    report.assert_all_processed()
    second.stop()
    assert len(report.processed_ids) == 2
    assert sorted(r["detail"] for r in cloud.requests(operation="StopInstances")) == ["i-0aaaaaaa", "i-0bbbbbbb"]


def test_exec_says_what_could_not_be_had_and_writes_no_report(cloud, exec_event):
    told = own_and_other(cloud)
    cloud.fault(**OUTAGE)
    ran = exec_event(told, on=cloud, config=IMPATIENT)
    assert ran.status == 1 and ran.reports == []
    assert re.search(r"^hgautod: the event was not completed: .*Not now.*No report was written; see the log for the changes made$",
                     ran.stderr, flags=re.M), ran.stderr


# --- several automations on one resource ------------------------------------------------------------------------------------------


def test_automations_of_one_resource_take_turns(cloud, exec_event):
    ids = [cloud.instance(f"i-0000000{n}") for n in range(5)]
    cloud.fault("StopInstances", delay_ms=1000)
    resources = [instance(id) for id in ids]
    live = {"DryRun": "false"}
    ran = exec_event(event_of(automation("ec2_stop_instance", resources, live), automation("ec2_start_instance", resources, live)), on=cloud)
    for report in ran.reports:
        report.assert_all_processed()
    served = [r["operation"] for r in cloud.requests(service="ec2")]
    assert served == ["StopInstances", "StartInstances"]
    assert all(cloud.state_of(id) in ("pending", "running") for id in ids)
