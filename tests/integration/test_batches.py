"""Operations that take several ids: resources share calls, and each has an outcome of its own all the same."""

import collections
import re

import pytest

from harness.aws import IMAGE
from harness.between import Between
from harness.cloud import Site
from harness.events import REGION, entity, event, instance
from harness.proxy import Proxy
from harness.wait import wait_until

LIVE = {"DryRun": "false"}


def name(n):
    return f"i-{n:08x}"


def calls(cloud, operation):
    return cloud.requests(operation=operation)


class Counting(Proxy):
    """Passes on what is asked of a cloud, and counts it by operation."""

    def __init__(self, cloud):
        super().__init__(cloud, "cut off")
        self.calls = collections.Counter()

    def arrived(self, operation):
        self.calls[operation] += 1
        return False


@pytest.fixture
def counting(moto):
    proxy = Counting(moto)
    yield proxy
    proxy.stop()


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


def test_a_daemon_that_is_to_end_does_not_go_on_halving(cloud, daemon):
    site = Site(cloud)
    cloud.fault("StopInstances", times=-1, status=403, code="UnauthorizedOperation", delay_ms=300)
    one = daemon(site, config={"daemon": {"drain_timeout": "5s"}})  # the time that a request may take: nothing new is begun
    key = site.put_event(stop(some(cloud, 100)))
    wait_until(lambda: len(calls(cloud, "StopInstances")) >= 3, "the first refusals")
    one.stop()
    assert len(calls(cloud, "StopInstances")) < 20  # of 199
    assert site.pending(key) and site.reports(key) == []


# --- the regions of an account ------------------------------------------------------------------------------------------------


def test_the_regions_of_an_account_have_full_calls_each(cloud, exec_event):
    regions = ["us-east-1", "us-west-2", "eu-west-1", "eu-north-1", "ap-south-1"]
    resources = []
    for n in range(1, 501):
        cloud.instance(name(n), state="running", region=regions[n % 5])
        resources.append(instance(name(n), region=regions[n % 5]))
    exec_event(stop(resources), on=cloud).report.assert_all_processed()
    assert sorted(r["region"] for r in calls(cloud, "StopInstances")) == sorted(regions)


# --- tags ---------------------------------------------------------------------------------------------------------------------


def launch(ec2, count, tags=None):
    told = {"TagSpecifications": [{"ResourceType": "instance", "Tags": [{"Key": k, "Value": v} for k, v in tags.items()]}]} if tags else {}
    made = ec2.run_instances(ImageId=IMAGE, MinCount=count, MaxCount=count, **told)["Instances"]
    return [i["InstanceId"] for i in made]


def tags_of(ec2):
    found = collections.defaultdict(dict)
    for page in ec2.get_paginator("describe_tags").paginate(Filters=[{"Name": "resource-type", "Values": ["instance"]}]):
        for tag in page["Tags"]:
            found[tag["ResourceId"]][tag["Key"]] = tag["Value"]
    return found


def matched(id, tags):
    return {**instance(id), "tags": tags, "matchedAttributes": tags}


ADD = {"Key": "env", "Value": "prod"}


def test_tags_are_added_and_removed_in_calls_of_a_hundred(moto, counting, exec_event):
    ec2 = moto.client("ec2")
    ids = launch(ec2, 230)
    resources = [instance(id) for id in ids]
    exec_event(event("add_tag", resources, ADD), on=counting).report.assert_all_processed()
    assert counting.calls["CreateTags"] <= 3 and counting.calls["DescribeTags"] <= 3
    assert tags_of(ec2) == {id: {"env": "prod"} for id in ids}
    exec_event(event("remove_tag", resources, {"Key": "env"}), on=counting).report.assert_all_processed()
    assert counting.calls["DeleteTags"] <= 3
    assert tags_of(ec2) == {}


def test_a_rename_shares_the_calls_of_one_value(moto, counting, exec_event):
    ec2 = moto.client("ec2")
    old = [{"Env": "prod"}, {"Env": "test"}, {"ENV": "prod"}]
    made = [(id, tags) for tags in old for id in launch(ec2, 70, tags)]
    turns = [made[i::70][k] for i in range(70) for k in range(3)]  # one of each, again and again
    ran = exec_event(event("update_tag", [matched(*one) for one in turns], {"New Key": "env"}), on=counting)
    ran.report.assert_all_processed()
    assert tags_of(ec2) == {id: {"env": next(iter(tags.values()))} for id, tags in made}
    assert counting.calls["DescribeTags"] <= 3
    # Two values to add, and three to remove of two keys; they come in pieces, by when each was stored, and so by how busy the machine is.
    assert counting.calls["CreateTags"] < len(made) / 5 and counting.calls["DeleteTags"] < len(made) / 5


def test_a_tag_that_stands_there_is_left_alone_within_a_shared_call(moto, counting, exec_event):
    ec2 = moto.client("ec2")
    bare, same, other = launch(ec2, 20), launch(ec2, 5, {"env": "prod"}), launch(ec2, 5, {"env": "test"})
    mixed = [id for three in zip(bare[:5], same, other) for id in three] + bare[5:]
    ran = exec_event(event("add_tag", [instance(id) for id in mixed], ADD), on=counting)
    assert ran.report.processed_ids == [id for id in mixed if id not in other]
    assert sorted(ran.report.errors) == sorted(other)
    ran.report.assert_error(other[0], 'exists already with the value "test"; it is not overwritten')
    assert ran.stderr.count("the tag exists already") == len(same)
    assert counting.calls == {"DescribeTags": 1, "CreateTags": 1}
    assert {id: tags["env"] for id, tags in tags_of(ec2).items()} == {**dict.fromkeys(bare + same, "prod"), **dict.fromkeys(other, "test")}


def test_topics_and_queues_have_a_call_each(moto, counting, exec_event):
    sns, sqs = moto.client("sns"), moto.client("sqs")
    arns = [sns.create_topic(Name=f"news-{n}")["TopicArn"] for n in range(4)]
    for n in range(4):
        sqs.create_queue(QueueName=f"jobs-{n}")
    resources = [r for n, arn in enumerate(arns) for r in (entity("SNS Topic", arn, arn=arn), entity("SQS Queue", f"jobs-{n}"))]
    resources += [instance(id) for id in launch(moto.client("ec2"), 4)]
    exec_event(event("add_tag", resources, ADD), on=counting).report.assert_all_processed()
    assert (counting.calls["TagResource"], counting.calls["TagQueue"], counting.calls["CreateTags"]) == (4, 4, 1)


# --- looks --------------------------------------------------------------------------------------------------------------------


def test_volumes_are_looked_at_together(moto, counting, exec_event):
    ec2 = moto.client("ec2")
    ids = [ec2.create_volume(AvailabilityZone=REGION + "a", Size=1)["VolumeId"] for _ in range(130)]
    ran = exec_event(event("ebs_delete_volume", [entity("EBS Volume", id) for id in ids]), on=counting)
    ran.report.assert_all_processed()
    assert counting.calls["DeleteVolume"] == 130
    assert counting.calls["DescribeVolumes"] < 40  # unshared: three each
    assert not set(ids) & {v["VolumeId"] for v in ec2.describe_volumes()["Volumes"]}


def test_an_instance_that_holds_several_volumes_is_stopped_by_one_call(moto, counting, exec_event):
    ec2 = moto.client("ec2")
    [host] = ec2.run_instances(ImageId=IMAGE, MinCount=1, MaxCount=1, Placement={"AvailabilityZone": REGION + "a"})["Instances"]
    ids = [ec2.create_volume(AvailabilityZone=REGION + "a", Size=1)["VolumeId"] for _ in range(10)]
    for n, id in enumerate(ids):
        ec2.attach_volume(VolumeId=id, InstanceId=host["InstanceId"], Device=f"/dev/sd{'fghijklmno'[n]}")
    ran = exec_event(event("ebs_delete_volume", [entity("EBS Volume", id) for id in ids]), on=counting)
    ran.report.assert_all_processed()
    assert counting.calls["StopInstances"] == 1 and counting.calls["DetachVolume"] == 10
    assert not set(ids) & {v["VolumeId"] for v in ec2.describe_volumes()["Volumes"]}


class Lingering(Between):
    """Volumes that are there for two more looks after their deletion."""

    def __init__(self, behind):
        super().__init__(behind, {})
        self.left, self.looks = {}, []

    def answer(self, operation, body):
        ids = re.findall(r"vol-[0-9a-f]+", body)
        with self.lock:
            if operation == "DeleteVolume":
                self.left[ids[0]] = 2
                return 200, "<DeleteVolumeResponse><requestId>r</requestId><return>true</return></DeleteVolumeResponse>"
            if operation != "DescribeVolumes":
                return None
            there = [id for id in ids if self.left.get(id, 1)]
            if ids[0] in self.left:
                self.looks.append(len(ids))
            self.left.update({id: self.left[id] - 1 for id in there if id in self.left})
        items = "".join(f"<item><volumeId>{id}</volumeId><status>available</status></item>" for id in there)
        return 200, f"<DescribeVolumesResponse><requestId>r</requestId><volumeSet>{items}</volumeSet></DescribeVolumesResponse>"


def test_those_that_wait_look_again_together(moto, exec_event):
    lingering = Lingering(moto)
    exec_event(event("ebs_delete_volume", [entity("EBS Volume", f"vol-{n:08x}") for n in range(40)]), on=lingering).report.assert_all_processed()
    lingering.stop()
    assert set(lingering.left.values()) == {0}
    # Those that wait stay together, and meet others: unshared, each would ask for itself, three times.
    assert sum(lingering.looks) == 120
    assert len(lingering.looks) <= 40


# --- beside the program whose resources share no calls --------------------------------------------------------------------------


def of_instances(ec2):
    """Some of all kinds: bare, tagged otherwise, tagged so already, unknown, and no id at all."""
    ids = launch(ec2, 40) + launch(ec2, 3, {"env": "test"}) + launch(ec2, 3, {"env": "prod"})
    ids[9:9], ids[30:30] = ["i-0dead001"], ["i-0dead002", "not-an-id"]
    return [instance(id) for id in ids[::2] + ids[1::2]]


def of_matched(ec2):
    made = [(id, tags) for tags in ({"Env": "prod"}, {"Env": "test"}, {"Env": "prod", "env": "other"}) for id in launch(ec2, 12, tags)]
    return [matched(id, {"Env": tags["Env"]}) for id, tags in made[::3] + made[1::3] + made[2::3]]


def of_volumes(ec2):
    ids = [ec2.create_volume(AvailabilityZone=REGION + "a", Size=1)["VolumeId"] for _ in range(20)]
    return [entity("EBS Volume", id) for id in ids + ["vol-0dead0001", "not-an-id"]]


def settled(report, resources):
    """A report's name and bytes without what the clouds make up anew: ids, and the numbers of requests."""
    text = report.key.rsplit("/", 1)[1] + "\n" + report.raw.decode()
    for n, resource in enumerate(resources):
        text = text.replace(resource["id"], f"the-{n}th")
    return re.sub(r"(request id )[\w-]+", r"\1some", text)


COMPARED = {
    "add_tag": (of_instances, ADD),
    "remove_tag": (of_instances, {"Key": "env"}),
    "update_tag": (of_matched, {"New Key": "env"}),
    "ec2_stop_instance": (of_instances, LIVE),
    "ec2_start_instance": (of_instances, LIVE),
    "ec2_terminate_instance": (of_instances, {**LIVE, "SnapShotBeforeTerminate": "false"}),
    "ebs_delete_volume": (of_volumes, None),
}


@pytest.mark.parametrize("action", COMPARED)
def test_reports_are_those_without_shared_calls(moto, exec_event, action):
    make, params = COMPARED[action]
    told, requests = [], []
    for unbatched in (False, True):
        moto.reset()
        resources = make(moto.client("ec2"))
        proxy = Counting(moto)
        report = exec_event(event(action, resources, params), on=proxy, unbatched=unbatched).report
        proxy.stop()
        assert report["processed"] and report["errored"]
        told.append(settled(report, resources))
        requests.append(proxy.calls.total())
    assert told[0] == told[1]
    assert requests[0] < requests[1]


@pytest.mark.parametrize("action", ["workspaces_start_workspace", "workspaces_stop_workspace", "workspaces_terminate_workspace"])
def test_reports_on_workspaces_are_those_without_shared_calls(cloud, exec_event, action):
    told = []
    resources = [entity("Workspace", f"ws-{n:09x}") for n in range(60)]
    for unbatched in (False, True):
        cloud.reset()
        for n in range(60):
            if n % 7:
                cloud.instance(f"ws-{n:09x}", state="ERROR")
        told.append(settled(exec_event(event(action, resources), on=cloud, unbatched=unbatched).report, resources))
    assert told[0] == told[1]
