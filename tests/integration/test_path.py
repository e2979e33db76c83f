"""The whole way of an event: bucket, queue, daemon, reports, message deleted."""

import json

from harness.aws import instance_states, run_instances
from harness.cloud import EVENT_KEY, Site
from harness.events import ACCOUNT, NOT_DRY, automation, event_of, instance, stop_event, stop_of

OTHER = "210987654321"


def test_an_event_is_carried_out_and_reported(moto, site, daemon):
    ec2 = moto.client("ec2")
    ids = run_instances(ec2, 3)
    daemon(site)
    site.put_event(stop_event(*ids, "i-0123456789abcdef0"))
    [report] = site.wait_reports()
    assert report.key == (site.folder(EVENT_KEY) +
                          f"report_ec2_stop_instance_total(4)_success(3)_error(1)_accounts({ACCOUNT})_0.json")
    assert report.processed_ids == ids
    report.assert_error("i-0123456789abcdef0", r"^InvalidInstanceID\.NotFound: .*StopInstances")
    assert report["critical_error"] is None
    assert instance_states(ec2, ids) == ["stopped"] * 3
    site.wait_empty()
    assert not site.pending()


def test_resources_reappear_byte_for_byte(moto, site, daemon):
    [id] = run_instances(moto.client("ec2"))
    # Key order, number formats, escapes, unknown fields: nothing of it is ours to change.
    resource = ('{"zeta":1.0e+2,"id":"%s","account":"%s","region":"us-east-1","type":"EC2 Instance",'
                '"attributes":{"Instance ID":"%s"}, "unknown" : [1, 2.50, {"b":null,"a":"\\u00e9\\/"}] }' % (id, ACCOUNT, id))
    text = ('{"name":"r","results":[{"entityType":"EC2 Instance","automation":{"name":"ec2_stop_instance","extra":[7],"params":{"DryRun":"false"}},'
            '"entities":[%s]}]}' % resource)
    daemon(site)
    site.put_event(text)
    [report] = site.wait_reports()
    report.assert_all_processed()
    assert resource.encode() in report.raw
    assert report["name"] == "ec2_stop_instance" and report["extra"] == [7]


def test_each_automation_has_its_own_report(moto, site, daemon):
    ec2 = moto.client("ec2")
    ids = run_instances(ec2, 2)
    daemon(site)
    site.put_event(event_of(
        automation("ec2_stop_instance", [instance(ids[0])], NOT_DRY),
        {"entityType": "EC2 Instance", "entities": [instance(ids[1])]},
        automation("no_such_action", [instance(ids[1])]),
        automation("ec2_terminate_instance", [instance(ids[1])], {"SnapShotBeforeTerminate": "false", **NOT_DRY}),
    ))
    stopped, unknown, terminated = site.wait_reports(3)
    stopped.assert_all_processed()
    assert "no_such_action" in unknown["critical_error"]
    assert list(unknown.errors) == [ids[1]] and unknown["processed"] == []
    terminated.assert_all_processed()
    assert [stopped.index, unknown.index, terminated.index] == [0, 1, 2]
    assert instance_states(ec2, ids) == ["stopped", "terminated"]
    site.wait_empty()


def test_other_accounts_are_reached_through_their_role(moto, site, daemon):
    here, there = moto.client("ec2"), moto.client("ec2", account=OTHER)
    [mine], [theirs] = run_instances(here), run_instances(there)
    daemon(site)
    site.put_event(stop_of([instance(mine), instance(theirs, account=OTHER)]))
    [report] = site.wait_reports()
    report.assert_all_processed()
    assert report.accounts == sorted([ACCOUNT, OTHER])
    assert instance_states(here, [mine]) == instance_states(there, [theirs]) == ["stopped"]


def test_the_role_is_the_documented_one_and_is_assumed_once(cloud, daemon):
    site = Site(cloud)
    for id in ("i-0aaaaaaa", "i-0bbbbbbb", "i-0ccccccc"):
        cloud.instance(id, account=OTHER)
    daemon(site, config={"aws": {"cross_account_role": "arn:{partition}:iam::{account}:role/ops-x-account"}})
    site.put_event(stop_of([instance(i, account=OTHER) for i in ("i-0aaaaaaa", "i-0bbbbbbb", "i-0ccccccc")]))
    [report] = site.wait_reports()
    report.assert_all_processed()
    assert [r["detail"] for r in cloud.requests(operation="AssumeRole")] == [f"arn:aws:iam::{OTHER}:role/ops-x-account"]
    assert {r["account"] for r in cloud.requests(operation="StopInstances")} == {OTHER}


def test_resources_of_several_regions(moto, site, daemon):
    here, far = moto.client("ec2"), moto.client("ec2", region="eu-west-1")
    [a], [b] = run_instances(here), run_instances(far)
    daemon(site)
    site.put_event(stop_of([instance(a), instance(b, region="eu-west-1")]))
    [report] = site.wait_reports()
    report.assert_all_processed()
    assert instance_states(far, [b]) == ["stopped"]


def test_once_ends_when_the_queue_is_empty(moto, site, daemon):
    ids = run_instances(moto.client("ec2"), 3)
    keys = [site.put_event(stop_event(id), key=f"events/{id}/event.json") for id in ids]
    daemon(site, once=True).ended(0)
    for key in keys:
        [report] = site.reports(key)
        report.assert_all_processed()
    assert site.messages() == (0, 0)


def test_once_with_an_empty_queue_ends_at_once(site, daemon):
    daemon(site, once=True).ended(0)


def test_a_finished_event_is_not_carried_out_again(cloud, daemon):
    site = Site(cloud)
    cloud.instance("i-0aaaaaaa")
    key = site.put_event(stop_event("i-0aaaaaaa"))
    daemon(site, once=True).ended(0)
    site.announce(key)
    daemon(site, once=True).ended(0)
    assert len(cloud.requests(operation="StopInstances")) == 1
    assert site.messages() == (0, 0)


def test_an_event_written_anew_is_a_new_event(cloud, daemon):
    site = Site(cloud)
    cloud.instance("i-0aaaaaaa")
    key = site.put_event(stop_event("i-0aaaaaaa"))
    daemon(site, once=True).ended(0)
    cloud.instance("i-0aaaaaaa", state="running")
    cloud.instance("i-0bbbbbbb")
    site.put_event(stop_event("i-0aaaaaaa", "i-0bbbbbbb"), key)
    daemon(site, once=True).ended(0)
    assert (cloud.state_of("i-0aaaaaaa"), cloud.state_of("i-0bbbbbbb")) == ("stopped", "stopped")


def test_a_dry_run_reads_and_reports_and_changes_nothing(cloud, daemon):
    site = Site(cloud)
    cloud.instance("i-0aaaaaaa")
    site.put_event(stop_event("i-0aaaaaaa"))
    daemon(site, once=True, config={"guard": {"dry_run": True}}).ended(0)
    [report] = site.reports()
    assert cloud.requests(operation="StopInstances") == []
    assert cloud.state_of("i-0aaaaaaa") == "running"
    assert "StopInstances" in json.dumps(report["planned"])


def test_protected_resources_are_refused(cloud, daemon):
    site = Site(cloud)
    cloud.instance("i-0aaaaaaa")
    cloud.instance("i-0bbbbbbb")
    site.put_event(stop_of([instance("i-0aaaaaaa", tags={"keep": "yes"}), instance("i-0bbbbbbb")]))
    daemon(site, once=True, config={"guard": {"protect_tags": "keep"}}).ended(0)
    [report] = site.reports()
    report.assert_error("i-0aaaaaaa", "keep")
    assert report.processed_ids == ["i-0bbbbbbb"]
    assert cloud.state_of("i-0aaaaaaa") == "running"
