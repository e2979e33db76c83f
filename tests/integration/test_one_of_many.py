"""One resource of several that share a call is guilty of what becomes of it: of a fault that may pass (an HTTP status of 500) or of a refusal. The others
must not notice, whatever the action and whatever the call."""

import json
import pathlib
import re

import pytest

from harness.aws import IMAGE
from harness.between import Between
from harness.events import REGION, entity, event, instance

COUNT = 12
LIVE = {"DryRun": "false"}
# Twice is enough: a fault of the guilty one is final when it has been asked for alone.
QUICK = {"http": {"max_attempts": 2, "request_timeout": "5s"}}
SOURCES = pathlib.Path(__file__).parents[2] / "actions"


class Guilty(Between):
    """Fails the calls of some operations that name one id; notes which operations were asked for several ids at once."""

    def __init__(self, behind, ids):
        super().__init__(behind, {})
        self.ids, self.guilty, self.operation, self.fault, self.shared = ids, ids[COUNT // 2], None, None, set()

    def answer(self, operation, body):
        if sum(id in body for id in self.ids) > 1:
            self.shared.add(operation)
        if operation != self.operation or self.guilty not in body:
            return None
        status, code = self.fault
        if body.startswith("{"):
            return status, json.dumps({"__type": code, "message": "It is this one."})
        return status, f"<Response><Errors><Error><Code>{code}</Code><Message>It is this one.</Message></Error></Errors><RequestID>r</RequestID></Response>"


def launched(moto, tags=None):
    told = {"TagSpecifications": [{"ResourceType": "instance", "Tags": tags}]} if tags else {}
    return [i["InstanceId"] for i in moto.client("ec2").run_instances(ImageId=IMAGE, MinCount=COUNT, MaxCount=COUNT, **told)["Instances"]]


def instances(moto):
    return [instance(id) for id in launched(moto)]


def matched(moto):
    tags = {"Env": "prod"}
    return [{**instance(id), "tags": tags, "matchedAttributes": tags} for id in launched(moto, [{"Key": "Env", "Value": "prod"}])]


def volumes(moto):
    ec2 = moto.client("ec2")
    return [entity("EBS Volume", ec2.create_volume(AvailabilityZone=REGION + "a", Size=1)["VolumeId"]) for _ in range(COUNT)]


def workspaces(cloud):
    resources = [entity("Workspace", f"ws-{n:09x}") for n in range(COUNT)]
    for resource in resources:
        cloud.instance(resource["id"], state="STOPPED")
    return resources


def running_workspaces(cloud):
    resources = workspaces(cloud)
    for resource in resources:
        cloud.instance(resource["id"], state="AVAILABLE")
    return resources


ACTIONS = {
    "add_tag": (instances, {"Key": "env", "Value": "prod"}),
    "ebs_delete_volume": (volumes, None),
    "ec2_start_instance": (instances, LIVE),
    "ec2_stop_instance": (instances, LIVE),
    "ec2_terminate_instance": (instances, {**LIVE, "SnapShotBeforeTerminate": "true"}),
    "remove_tag": (instances, {"Key": "env"}),
    "update_tag": (matched, {"New Key": "env"}),
    "workspaces_start_workspace": (workspaces, None),
    "workspaces_stop_workspace": (running_workspaces, None),
    "workspaces_terminate_workspace": (workspaces, None),
}
# The guilty one has been changed before: a fault that may pass is then retried without limit, which tests/unit/daemon/run/test_task.c tests.
AFTER_A_CHANGE = {("update_tag", "DeleteTags"), ("ec2_terminate_instance", "TerminateInstances")}


def test_all_actions_that_share_calls_are_here():
    found = set()
    for source in SOURCES.glob("*/*.c"):
        for descriptor in re.split(r"^const struct action action_", source.read_text(), flags=re.M)[1:]:
            if ".sharing =" in descriptor:
                found.add(re.search(r'\.name = "(\w+)"', descriptor)[1])
    assert found == set(ACTIONS)


def carried_out(action, behind, exec_event, operation=None, fault=None):
    make, params = ACTIONS[action]
    resources = make(behind)
    guilty = Guilty(behind, [r["id"] for r in resources])
    guilty.operation, guilty.fault = operation, fault
    report = exec_event(event(action, resources, params), on=guilty, config=QUICK).report
    guilty.stop()
    return guilty, report


@pytest.mark.parametrize("action", ACTIONS)
def test_the_others_do_not_notice(action, request, exec_event):
    behind = request.getfixturevalue("cloud" if action.startswith("workspaces") else "moto")
    clean, report = carried_out(action, behind, exec_event)
    report.assert_all_processed()
    assert clean.shared, "no call was shared"
    for operation in sorted(clean.shared):
        for fault in [(500, "SomethingUnknown"), (403, "UnauthorizedOperation")]:
            if fault[0] == 500 and (action, operation) in AFTER_A_CHANGE:
                continue
            behind.reset()
            guilty, report = carried_out(action, behind, exec_event, operation, fault)
            assert list(report.errors) == [guilty.guilty], (operation, fault)
            assert fault[1] in report.errors[guilty.guilty], (operation, fault)
            assert len(report.processed_ids) == COUNT - 1, (operation, fault)
