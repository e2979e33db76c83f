"""Operations that take several ids: resources share calls, and each has an outcome of its own all the same."""

import pytest

from harness.events import entity, event, instance

LIVE = {"DryRun": "false"}


def name(n):
    return f"i-{n:08x}"


def calls(cloud, operation):
    return cloud.requests(operation=operation)


def some(cloud, count):
    for n in range(1, count + 1):
        cloud.instance(name(n), state="running")
    return [instance(name(n)) for n in range(1, count + 1)]


def stop(resources, params=LIVE):
    return event("ec2_stop_instance", resources, params)


def test_a_thousand_instances_are_stopped_in_twenty_calls(cloud, exec_event):
    ran = exec_event(stop(some(cloud, 1000)), on=cloud)
    ran.report.assert_all_processed()
    assert len(ran.report.processed_ids) == 1000
    assert len(calls(cloud, "StopInstances")) <= 20
    assert cloud.state_of(name(1)) == cloud.state_of(name(1000)) != "running"


def test_the_guilty_are_found_and_nobody_else_suffers(cloud, exec_event):
    resources = some(cloud, 40)
    resources[7:7] = [instance("i-0dead001")]
    resources[30:30] = [instance("i-0dead002"), instance("not-an-id")]
    report = exec_event(stop(resources), on=cloud).report
    assert sorted(report.errors) == ["i-0dead001", "i-0dead002", "not-an-id"]
    report.assert_error("i-0dead001", r"^InvalidInstanceID\.NotFound: .*i-0dead001")
    report.assert_error("i-0dead002", r"^InvalidInstanceID\.NotFound: .*i-0dead002")
    assert report.processed_ids == [name(n) for n in range(1, 41)]  # in the event's order
    assert all(cloud.state_of(name(n)) != "running" for n in range(1, 41))


def test_regions_and_accounts_do_not_share_a_call(cloud, exec_event):
    for n in range(1, 21):
        cloud.instance(name(n), state="running", region="eu-west-1" if n % 2 else "us-east-1")
    resources = [instance(name(n), region="eu-west-1" if n % 2 else "us-east-1") for n in range(1, 21)]
    exec_event(stop(resources), on=cloud).report.assert_all_processed()
    assert {r["region"] for r in calls(cloud, "StopInstances")} == {"eu-west-1", "us-east-1"}


def test_a_dry_run_of_ec2_holds_for_each(cloud, exec_event):
    resources = some(cloud, 10) + [instance("i-0dead001")]
    report = exec_event(stop(resources, {"DryRun": "true"}), on=cloud).report
    assert len(report.processed_ids) == 10
    report.assert_error("i-0dead001", r"^InvalidInstanceID\.NotFound")
    assert all(cloud.state_of(name(n)) == "running" for n in range(1, 11))


def test_a_plan_lists_each_resource(cloud, exec_event):
    report = exec_event(stop(some(cloud, 5)), plan=True, on=cloud).report
    assert [c["resource"] for c in report["planned"]] == [name(n) for n in range(1, 6)]
    assert calls(cloud, "StopInstances") == []


def test_a_throttled_call_is_tried_again_for_all(cloud, exec_event):
    cloud.fault("StopInstances", times=2, status=503, code="RequestLimitExceeded")
    exec_event(stop(some(cloud, 30)), on=cloud).report.assert_all_processed()
    assert len(calls(cloud, "StopInstances")) <= 6


def test_terminate_shares_calls_after_the_snapshots(cloud, exec_event):
    params = {"DryRun": "false", "SnapShotBeforeTerminate": "false"}
    ran = exec_event(event("ec2_terminate_instance", some(cloud, 60), params), on=cloud)
    ran.report.assert_all_processed()
    assert len(calls(cloud, "TerminateInstances")) < 60
    assert all(cloud.state_of(name(n)) in ("shutting-down", "terminated") for n in range(1, 61))


@pytest.mark.parametrize("operation, action", [("StartWorkspaces", "workspaces_start_workspace"),
                                               ("StopWorkspaces", "workspaces_stop_workspace")])
def test_workspaces_share_calls_of_twenty_five(cloud, exec_event, operation, action):
    resources = [entity("Workspace", f"ws-{n:09x}") for n in range(1, 51)]
    ran = exec_event(event(action, resources), on=cloud)
    assert len(calls(cloud, operation)) <= 4
    assert sum(len(ran.report[k]) for k in ("processed", "errored")) == 50
