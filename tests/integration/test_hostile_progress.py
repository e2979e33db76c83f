"""Whoever can write beside the reports can put an expired claim there, with progress of his choice: a task at any of its steps, with any
state. Nothing may be changed that is not the event's resource, or shown to belong to it, and no step may be left out."""

import json

import pytest

from harness.azure import Arm, disk_id, entity_of, ip_id, nic_id, vm_id
from harness.events import ACCOUNT, NOT_DRY, REGION, entity, event
from harness.killing import Folder, make_older
from harness.process import Daemon, clean_environment, write_ini
from harness.scenarios import DENY, Aws, instance, launch, network, snapshots_of_runs, state, tags, user

OTHER = "44444444-4444-4444-8444-444444444444"
ASSOCIATED = {"Delete Associated Resources": "true"}


def etag(path):
    """As daemon/store/dir.c has it."""
    of = path.stat()
    return f'"{of.st_ino:x}-{of.st_size:x}-{of.st_mtime_ns // 10**9:x}.{of.st_mtime_ns % 10**9:x}"'


@pytest.fixture
def take_over(tmp_path, recorder):
    """Carries out an event from an expired claim that says that its one resource is at a step, with a state. Answers the report and the log."""

    def run(event, step, stored, env, config=None):
        folder = Folder(tmp_path / str(len(list(tmp_path.iterdir()))), event)
        folder.reports_folder.mkdir(parents=True)
        [result] = event["results"]
        open_task = {"step": step, "elapsed": 0, "state": stored}
        folder.pending.write_text(json.dumps({
            "hgautod": 1, "run": "run-of-another", "owner": "other/host/1", "event": etag(folder.path / "events" / "run-1" / "event.json"),
            "expires_ms": 1, "automations": [{"action": result["automation"]["name"], "count": 1, "processed": "", "errored": {},
                                              "open": {"0": open_task}}]}))
        make_older(folder.pending, hours=1)
        ini = write_ini(folder.path, {"log": {"level": "info", "format": "json"}, **folder.source(), **(config or {})})
        mark = recorder.mark()
        daemon = Daemon(ini, clean_environment(env), folder.path, once=True)
        daemon.ended(0)
        recorder.ran(event, mark)
        [report] = folder.reports()
        assert "Expired claim taken over" in daemon.stderr
        return report, daemon.stderr

    return run


REFUSED = "Stored state refused; starting the resource over"


# --- AWS ---


@pytest.fixture
def aws(moto):
    return Aws(moto)


@pytest.fixture
def aws_over(take_over, moto):
    return lambda action, resource, params, step, stored: take_over(event(action, [resource], params), step, stored, moto.env())


@pytest.mark.parametrize("step", ["stop", "detach", "delete"])
@pytest.mark.parametrize("of", [lambda id: [id], lambda id: [7], lambda id: {"x": id}], ids=["other", "number", "object"])
def test_a_volume_s_deletion_stops_no_other_instance(aws, aws_over, step, of):
    ec2 = aws("ec2")
    other = launch(ec2)
    host = launch(ec2, Placement={"AvailabilityZone": REGION + "a"})
    id = ec2.create_volume(AvailabilityZone=REGION + "a", Size=1)["VolumeId"]
    ec2.attach_volume(VolumeId=id, InstanceId=host, Device="/dev/sdf")
    report, _ = aws_over("ebs_delete_volume", entity("EBS Volume", id), None, step, {"stop": of(other), "detach": of(other)})
    report.assert_all_processed()
    assert state(ec2, other) == "running" and state(ec2, host) == "stopped"
    assert id not in [v["VolumeId"] for v in ec2.describe_volumes()["Volumes"]]


def test_a_member_that_is_not_the_action_s_is_told(aws, aws_over):
    ec2 = aws("ec2")
    id = ec2.create_volume(AvailabilityZone=REGION + "a", Size=1)["VolumeId"]
    report, log = aws_over("ebs_delete_volume", entity("EBS Volume", id), None, "stop", {"halt": [launch(ec2)]})
    report.assert_all_processed()
    [line] = [json.loads(line) for line in log.splitlines() if REFUSED in line]
    assert (line["action"], line["resource"]) == ("ebs_delete_volume", id)
    assert line["reason"] == 'the stored state has a member "halt", which the action does not declare'


def test_an_instance_does_not_go_without_its_snapshot(aws, aws_over):
    id = launch(aws("ec2"))
    report, _ = aws_over("ec2_terminate_instance", instance(id), NOT_DRY, "terminate", {})
    report.assert_all_processed()
    assert state(aws("ec2"), id) == "terminated" and len(snapshots_of_runs(aws("ec2"))) == 1


def database(rds, name, cluster):
    rds.create_db_instance(DBInstanceIdentifier=name, DBInstanceClass="db.r5.large", Engine="aurora-mysql", DBClusterIdentifier=cluster)


def test_a_cluster_s_deletion_takes_no_other_database(aws, aws_over):
    rds = aws("rds")
    for cluster in ("orders", "victim"):
        rds.create_db_cluster(DBClusterIdentifier=cluster, Engine="aurora-mysql", MasterUsername="root", MasterUserPassword="password")
        database(rds, f"{cluster}-1", cluster)
    report, _ = aws_over("rds_aurora_delete_cluster", entity("Aurora DB Cluster", "orders"), None, "delete-members",
                         {"members": ["victim-1"], "protected": False})
    report.assert_all_processed()
    assert [i["DBInstanceIdentifier"] for i in rds.describe_db_instances()["DBInstances"]] == ["victim-1"]


def test_an_address_of_another_instance_is_let_be(aws, aws_over):
    ec2 = aws("ec2")
    id, other = launch(ec2), launch(ec2)
    of = {}
    for host in (id, other):
        of[host] = ec2.allocate_address(Domain="vpc")["AllocationId"]
        ec2.associate_address(AllocationId=of[host], InstanceId=host)
    report, log = aws_over("ec2_release_eips", instance(id), None, "release-each", {"addresses": [{"allocation": of[other], "ip": "192.0.2.1"}]})
    report.assert_all_processed()
    assert [a["AllocationId"] for a in ec2.describe_addresses()["Addresses"]] == [of[other]]
    assert REFUSED not in log


@pytest.mark.parametrize("stored", [["eipalloc-0123456789abcdef0"], [{}], [7], [{"allocation": "i-0123456789abcdef0"}]], ids=str)
def test_what_is_no_address_spoils_the_state(aws, aws_over, stored):
    _, log = aws_over("ec2_release_eips", instance(launch(aws("ec2"))), None, "release-each", {"addresses": stored})
    assert REFUSED in log


def test_no_other_bucket_is_cleared(aws, aws_over):
    s3 = aws("s3")
    for bucket in ("mine", "victim"):
        s3.create_bucket(Bucket=bucket)
        s3.put_object(Bucket=bucket, Key="x", Body=b"x")
    report, _ = aws_over("s3_clear_bucket", entity("S3 Bucket", "mine"), None, "clear", {"markers": {"Bucket": "victim"}, "most": 1})
    report.assert_all_processed()
    assert [len(s3.list_objects_v2(Bucket=b).get("Contents", [])) for b in ("mine", "victim")] == [0, 1]


def test_no_other_policy_is_attached(aws, aws_over):
    iam = aws("iam")
    iam.create_user(UserName="alice")
    iam.create_policy(PolicyName="mine", PolicyDocument=DENY)
    iam.create_policy(PolicyName="all", PolicyDocument=DENY)
    report, _ = aws_over("iam_user_attach_policy", user(), {"Policy": "mine"}, "attach", {"arn": f"arn:aws:iam::{ACCOUNT}:policy/all"})
    report.assert_all_processed()
    assert [p["PolicyName"] for p in iam.list_attached_user_policies(UserName="alice")["AttachedPolicies"]] == ["mine"]


def test_no_other_group_is_emptied_or_put_on(aws, aws_over):
    ec2 = aws("ec2")
    vpc, subnet = network(ec2)
    id = launch(ec2, SubnetId=subnet)
    other = ec2.create_security_group(GroupName="g", Description="g", VpcId=vpc)["GroupId"]
    report, _ = aws_over("ec2_quarantine_instance", instance(id, **{"VPC ID": vpc}), None, "revoke-outbound", {"group": other})
    report.assert_all_processed()
    assert ec2.describe_security_groups(GroupIds=[other])["SecurityGroups"][0]["IpPermissionsEgress"] != []
    [interface] = ec2.describe_network_interfaces(Filters=[{"Name": "attachment.instance-id", "Values": [id]}])["NetworkInterfaces"]
    assert other not in [g["GroupId"] for g in interface["Groups"]]


def test_no_other_tag_is_removed(aws, aws_over):
    ec2 = aws("ec2")
    id = launch(ec2)
    ec2.create_tags(Resources=[id], Tags=[{"Key": k, "Value": "me"} for k in ("Owner", "Keep")])
    resource = {**instance(id), "tags": {"Owner": "me", "Keep": "me"}, "matchedAttributes": {"Owner": "me"}}
    report, log = aws_over("update_tag", resource, {"New Key": "owner"}, "remove", {"old": ["Keep"], "value": "evil", "add": True})
    report.assert_all_processed()
    assert tags(ec2, id) == {"owner": "me", "Keep": "me"}
    assert REFUSED in log


def test_a_version_that_was_promoted_is_not_taken_for_the_old_one(aws, aws_over):
    """Killed between the two changes: chosen anew, the choice would fall on what is the default now."""
    iam = aws("iam")
    arn = iam.create_policy(PolicyName="mine", PolicyDocument=DENY)["Policy"]["Arn"]
    iam.create_policy_version(PolicyArn=arn, PolicyDocument=DENY, SetAsDefault=True)
    resource = entity("IAM Policy", "mine", region="", arn=arn)
    report, _ = aws_over("iam_delete_default_policy_version", resource, None, "delete-old", {"old": "v1", "new": "v2"})
    report.assert_all_processed()
    assert [v["VersionId"] for v in iam.list_policy_versions(PolicyArn=arn)["Versions"]] == ["v2"]


# --- Azure ---


@pytest.fixture
def arm(cloud):
    return Arm(cloud)


@pytest.fixture
def arm_over(take_over, arm):
    return lambda action, id, params, step, stored: take_over(event(action, [entity_of(id)], params), step, stored, arm.env(), arm.config())


def parts(**found):
    return {"disks": [], "nics": [], "ips": [], **found}


STRANGE = [{"disks": [disk_id("victim", subscription=OTHER)]}, {"disks": [nic_id("victim")]}, {"disks": ["victim"]}, {"disks": [7]},
           {"nics": [nic_id("victim", subscription=OTHER)]}, {"ips": [ip_id("victim", subscription=OTHER)]}, {"disks": {"x": [[]]}}]


@pytest.mark.parametrize("step", ["delete-vm", "delete-disks", "delete-ips"])
@pytest.mark.parametrize("strange", STRANGE, ids=lambda s: json.dumps(s)[:60])
def test_what_is_not_a_part_of_the_subscription_is_never_asked_for(arm, arm_over, step, strange):
    keep = [arm.put(i) for ids in strange.values() if isinstance(ids, list) for i in ids if isinstance(i, str) and i.startswith("/")]
    _, log = arm_over("vm_delete", vm_id("gone"), ASSOCIATED, step, parts(**strange))
    assert REFUSED in log
    assert arm.ids() == set(keep)
    assert arm.operations() == ["virtualMachines/get"]


def test_while_the_machine_is_there_it_is_asked(arm, arm_over):
    machine, other = arm.machine("web-1"), arm.put(disk_id("loose"))
    report, _ = arm_over("vm_delete", machine[0], ASSOCIATED, "delete-disks", parts(disks=[other]))
    report.assert_all_processed()
    assert arm.ids() == {other}


def test_without_being_asked_for_no_part_is_deleted(arm, arm_over):
    disk = arm.put(disk_id("web-1-os"))
    _, log = arm_over("vm_delete", vm_id("web-1"), {}, "delete-disks", parts(disks=[disk]))
    assert REFUSED in log and arm.ids() == {disk}
    assert "disks/delete" not in arm.operations()


HELD = [
    ("disks", {"id": disk_id("part"), "managedBy": vm_id("another")}),
    ("disks", {"id": disk_id("part"), "managedByExtended": [vm_id("another")]}),
    ("nics", {"id": nic_id("part"), "properties": {"virtualMachine": {"id": vm_id("another")}}}),
    ("ips", {"id": ip_id("part"), "properties": {"ipConfiguration": {"id": nic_id("another") + "/ipConfigurations/a"}}}),
]


@pytest.mark.parametrize("list, part", HELD, ids=[f"{of}-{n}" for n, (of, _) in enumerate(HELD)])
def test_a_part_that_something_else_holds_is_told_and_let_be(arm, arm_over, list, part):
    loose = arm.put(ip_id("loose"))
    id = arm.put(part)
    report, _ = arm_over("vm_delete", vm_id("gone"), ASSOCIATED, "delete-disks", {**parts(ips=[loose]), list: [id, *([loose] if list == "ips" else [])]})
    report.assert_error(vm_id("gone"), rf"^{id} is attached to \S+; it was not deleted$")
    assert arm.ids() == {id}  # what can be deleted is


def test_a_part_in_another_group_is_told_and_let_be(arm, arm_over):
    disk = arm.put(disk_id("part", group="Other.Group"))
    report, _ = arm_over("vm_delete", vm_id("gone"), ASSOCIATED, "delete-disks", parts(disks=[disk]))
    report.assert_error(vm_id("gone"), r"is not in the virtual machine's resource group, and the machine is gone; it was not deleted$")
    assert arm.ids() == {disk}
    assert "disks/get" not in arm.operations()


def test_the_parts_of_a_machine_that_is_gone_are_deleted(arm, arm_over):
    ids = [arm.put(disk_id("d")), arm.put(nic_id("n")), arm.put(ip_id("i"))]
    report, log = arm_over("vm_delete", vm_id("gone"), ASSOCIATED, "delete-disks", parts(disks=[ids[0]], nics=[ids[1]], ips=[ids[2]]))
    report.assert_all_processed()
    assert REFUSED not in log and arm.ids() == set()


@pytest.mark.parametrize("leaving", [True, False])
def test_of_a_machine_on_its_way_out_both_are_known(arm, arm_over, leaving):
    """It names its disk still; the address it had through an interface that has gone before it."""
    disk, ip = arm.put({"id": disk_id("d"), "managedBy": vm_id("web-1")}), arm.put(ip_id("i"))
    vm = arm.vm("web-1", [disk])
    arm.put({**arm.resources()[vm], "properties": {**arm.resources()[vm]["properties"], "provisioningState": "Deleting" if leaving else "Succeeded"}})
    report, _ = arm_over("vm_delete", vm, ASSOCIATED, "delete-vm", parts(disks=[disk], ips=[ip]))
    report.assert_all_processed()
    assert arm.ids() == (set() if leaving else {ip})


@pytest.mark.parametrize("url", ["/subscriptions/" + OTHER + "/x", "https://127.0.0.1:1/x", "/"])
def test_an_operation_elsewhere_is_not_followed(arm, arm_over, url):
    vm = arm.vm("web-1")
    poll = {"url": arm.url + url if url.startswith("/") else url, "way": "status", "operation": "virtualMachines/start",
            "bucket": "33333333-3333-4333-8333-333333333333/arm-Microsoft.Compute/virtualMachines", "wait_ms": 1, "polls": 0}
    report, log = arm_over("vm_start", vm, {}, "start", {"poll": poll})
    report.assert_all_processed()
    assert REFUSED in log and arm.power(vm) == "running"
    assert all(r["path"].lower().startswith("/subscriptions/33333333") for r in arm.requests())
