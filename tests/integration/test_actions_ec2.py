"""The actions on EC2 at moto: what they leave behind, seen through boto3."""

import pytest

from harness.events import ACCOUNT, REGION, entity, event

LIVE = {"DryRun": "false"}


IMAGE = "ami-12c6146b"  # one that moto comes with


def launch(moto, **more):
    ec2 = moto.client("ec2")
    made = ec2.run_instances(ImageId=IMAGE, MinCount=1, MaxCount=1, InstanceType="t3.micro", **more)
    return made["Instances"][0]


def state(moto, id):
    found = moto.client("ec2").describe_instances(InstanceIds=[id])
    return found["Reservations"][0]["Instances"][0]["State"]["Name"]


def instance(id, vpc=None, **more):
    attributes = {"Instance ID": id}
    if vpc:
        attributes["VPC ID"] = vpc
    return entity("EC2 Instance", id, attributes=attributes, arn=f"arn:aws:ec2:{REGION}:{ACCOUNT}:instance/{id}", **more)


# --- start, stop -------------------------------------------------------------------------------------------------


def test_stops_a_running_instance(moto, exec_event):
    id = launch(moto)["InstanceId"]
    exec_event(event("ec2_stop_instance", [instance(id)], LIVE)).report.assert_all_processed()
    assert state(moto, id) == "stopped"


def test_a_stopped_instance_is_processed(moto, exec_event):
    id = launch(moto)["InstanceId"]
    moto.client("ec2").stop_instances(InstanceIds=[id])
    ran = exec_event(event("ec2_stop_instance", [instance(id)], LIVE))
    ran.report.assert_all_processed()
    assert "already stopped" in ran.stderr


def test_starts_a_stopped_instance(moto, exec_event):
    id = launch(moto)["InstanceId"]
    moto.client("ec2").stop_instances(InstanceIds=[id])
    exec_event(event("ec2_start_instance", [instance(id)], LIVE)).report.assert_all_processed()
    assert state(moto, id) == "running"


@pytest.mark.parametrize("params", [None, {}, {"DryRun": "true"}, {"DryRun": True}, {"DryRun": "Yes"}])
@pytest.mark.parametrize("action", ["ec2_stop_instance", "ec2_terminate_instance"])
def test_dry_run_is_the_default_and_success(moto, exec_event, action, params):
    id = launch(moto)["InstanceId"]
    exec_event(event(action, [instance(id)], params)).report.assert_all_processed()
    assert state(moto, id) == "running"
    assert snapshots(moto) == []


@pytest.mark.parametrize("action", ["ec2_stop_instance", "ec2_start_instance"])
def test_an_instance_that_is_not_there_is_errored(moto, exec_event, action):
    id = "i-0123456789abcdef0"
    report = exec_event(event(action, [instance(id)], LIVE)).report
    report.assert_error(id, r"^InvalidInstanceID\.NotFound: .*\(" + ("Stop" if "stop" in action else "Start") + "Instances")


def test_one_bad_resource_does_not_hold_up_the_others(moto, exec_event):
    good, bad = launch(moto)["InstanceId"], "i-1/../../x"
    report = exec_event(event("ec2_stop_instance", [entity("EC2 Instance", bad), instance(good)], LIVE)).report
    report.assert_error(bad, 'the resource\'s "id" is "i-1/../../x", which is not a valid ID of an EC2 instance')
    assert report.processed_ids == [good]
    assert state(moto, good) == "stopped"


def test_a_parameter_of_the_wrong_type_changes_nothing(moto, exec_event):
    id = launch(moto)["InstanceId"]
    report = exec_event(event("ec2_stop_instance", [instance(id)], {"DryRun": "perhaps"})).report
    report.assert_error(id, 'parameter "DryRun" is not a boolean')
    assert state(moto, id) == "running"


# --- snapshots, termination ----------------------------------------------------------------------------------------


def snapshots(moto):
    """Those that an action has made; moto comes with many of its own."""
    made_by_us = [{"Name": "tag-key", "Values": ["hyperglance:run"]}]
    return moto.client("ec2").describe_snapshots(Filters=made_by_us)["Snapshots"]


def tags(thing):
    return {t["Key"]: t["Value"] for t in thing.get("Tags", [])}


def test_terminates_after_a_snapshot(moto, exec_event):
    made = launch(moto)
    id = made["InstanceId"]
    ran = exec_event(event("ec2_terminate_instance", [instance(id)], LIVE))
    ran.report.assert_all_processed()
    assert state(moto, id) == "terminated"
    assert len(snapshots(moto)) == 1
    assert tags(snapshots(moto)[0])["hyperglance:instance"] == id
    assert tags(snapshots(moto)[0])["hyperglance:run"] != ""


def test_terminates_without_a_snapshot_when_told_so(moto, exec_event):
    id = launch(moto)["InstanceId"]
    params = {**LIVE, "SnapShotBeforeTerminate": "No"}
    exec_event(event("ec2_terminate_instance", [instance(id)], params)).report.assert_all_processed()
    assert state(moto, id) == "terminated"
    assert snapshots(moto) == []


def test_a_terminated_instance_is_processed_without_a_snapshot(moto, exec_event):
    id = launch(moto)["InstanceId"]
    moto.client("ec2").terminate_instances(InstanceIds=[id])
    gone = "i-0123456789abcdef0"
    exec_event(event("ec2_terminate_instance", [instance(id), instance(gone)], LIVE)).report.assert_all_processed()
    assert snapshots(moto) == []


def test_a_protected_instance_is_errored(moto, exec_event):
    id = launch(moto)["InstanceId"]
    moto.client("ec2").modify_instance_attribute(InstanceId=id, DisableApiTermination={"Value": True})
    report = exec_event(event("ec2_terminate_instance", [instance(id)], LIVE)).report
    report.assert_error(id, r"^OperationNotPermitted: .*\(TerminateInstances")
    assert state(moto, id) == "running"


def test_takes_snapshots_of_all_volumes(moto, exec_event):
    ec2 = moto.client("ec2")
    id = launch(moto, Placement={"AvailabilityZone": REGION + "a"})["InstanceId"]
    second = ec2.create_volume(AvailabilityZone=REGION + "a", Size=1)["VolumeId"]
    ec2.attach_volume(VolumeId=second, InstanceId=id, Device="/dev/sdf")
    volumes = ec2.describe_volumes(Filters=[{"Name": "attachment.instance-id", "Values": [id]}])["Volumes"]
    exec_event(event("ec2_snapshot_instance", [instance(id)], LIVE)).report.assert_all_processed()
    assert len(volumes) == 2
    assert sorted(s["VolumeId"] for s in snapshots(moto)) == sorted(v["VolumeId"] for v in volumes)
    planned = exec_event(event("ec2_snapshot_instance", [instance(id)], LIVE), plan=True).report["planned"]
    assert planned[0]["params"]["CopyTagsFromSource"] == "volume"  # moto does not copy them


def test_a_plan_changes_nothing(moto, exec_event):
    id = launch(moto)["InstanceId"]
    report = exec_event(event("ec2_terminate_instance", [instance(id)], LIVE), plan=True).report
    assert report.errors == {}
    assert state(moto, id) == "running" and snapshots(moto) == []
    operations = [change["operation"] for change in report["planned"]]
    assert operations == ["CreateSnapshots", "TerminateInstances"]


# --- volumes -----------------------------------------------------------------------------------------------------


def volume_ids(moto):
    return [v["VolumeId"] for v in moto.client("ec2").describe_volumes()["Volumes"]]


def test_deletes_a_free_volume(moto, exec_event):
    id = moto.client("ec2").create_volume(AvailabilityZone=REGION + "a", Size=1)["VolumeId"]
    exec_event(event("ebs_delete_volume", [entity("EBS Volume", id)])).report.assert_all_processed()
    assert id not in volume_ids(moto)


def test_deletes_an_attached_volume_and_stops_its_instance(moto, exec_event):
    ec2 = moto.client("ec2")
    host = launch(moto, Placement={"AvailabilityZone": REGION + "a"})["InstanceId"]
    id = ec2.create_volume(AvailabilityZone=REGION + "a", Size=1)["VolumeId"]
    ec2.attach_volume(VolumeId=id, InstanceId=host, Device="/dev/sdf")
    exec_event(event("ebs_delete_volume", [entity("EBS Volume", id)])).report.assert_all_processed()
    assert id not in volume_ids(moto)
    assert state(moto, host) == "stopped"


def test_a_deleted_volume_is_processed(moto, exec_event):
    exec_event(event("ebs_delete_volume", [entity("EBS Volume", "vol-0123456789abcdef0")])).report.assert_all_processed()


def test_the_plan_of_an_attached_volume(moto, exec_event):
    ec2 = moto.client("ec2")
    host = launch(moto, Placement={"AvailabilityZone": REGION + "a"})["InstanceId"]
    id = ec2.create_volume(AvailabilityZone=REGION + "a", Size=1)["VolumeId"]
    ec2.attach_volume(VolumeId=id, InstanceId=host, Device="/dev/sdf")
    report = exec_event(event("ebs_delete_volume", [entity("EBS Volume", id)]), plan=True).report
    assert [c["operation"] for c in report["planned"]] == ["StopInstances", "DetachVolume", "DeleteVolume"]
    assert id in volume_ids(moto) and state(moto, host) == "running"


# --- quarantine ----------------------------------------------------------------------------------------------------


def network(moto):
    """A VPC's id and a subnet's in it."""
    ec2 = moto.client("ec2")
    vpc = ec2.create_vpc(CidrBlock="10.7.0.0/16")["Vpc"]["VpcId"]
    return vpc, ec2.create_subnet(VpcId=vpc, CidrBlock="10.7.1.0/24")["Subnet"]["SubnetId"]


def groups_of(moto, id):
    """The security groups of each of the instance's interfaces."""
    found = moto.client("ec2").describe_network_interfaces(Filters=[{"Name": "attachment.instance-id", "Values": [id]}])
    return [sorted(g["GroupId"] for g in i["Groups"]) for i in found["NetworkInterfaces"]]


def quarantine_group(moto, vpc):
    found = moto.client("ec2").describe_security_groups(
        Filters=[{"Name": "vpc-id", "Values": [vpc]}, {"Name": "group-name", "Values": ["Quarantined_By_Hyperglance"]}])
    assert len(found["SecurityGroups"]) == 1
    return found["SecurityGroups"][0]


def with_two_interfaces(moto):
    ec2 = moto.client("ec2")
    vpc, subnet = network(moto)
    id = launch(moto, SubnetId=subnet)["InstanceId"]
    second = ec2.create_network_interface(SubnetId=subnet)["NetworkInterface"]["NetworkInterfaceId"]
    ec2.attach_network_interface(NetworkInterfaceId=second, InstanceId=id, DeviceIndex=1)
    return vpc, subnet, id


def test_quarantines_all_interfaces(moto, exec_event):
    vpc, _, id = with_two_interfaces(moto)
    before = groups_of(moto, id)
    ran = exec_event(event("ec2_quarantine_instance", [instance(id, vpc)]))
    ran.report.assert_all_processed()
    group = quarantine_group(moto, vpc)
    assert groups_of(moto, id) == [[group["GroupId"]], [group["GroupId"]]]
    assert group["IpPermissions"] == [] and group["IpPermissionsEgress"] == []
    for former in {g for groups in before for g in groups}:
        assert former in ran.stderr, "the group that was replaced is in the audit log"


def test_quarantine_twice_is_processed(moto, exec_event):
    vpc, _, id = with_two_interfaces(moto)
    exec_event(event("ec2_quarantine_instance", [instance(id, vpc)])).report.assert_all_processed()
    ran = exec_event(event("ec2_quarantine_instance", [instance(id, vpc)]))
    ran.report.assert_all_processed()
    assert "already in quarantine" in ran.stderr


def test_quarantine_revokes_rules_that_somebody_gave_its_group(moto, exec_event):
    ec2 = moto.client("ec2")
    vpc, _, id = with_two_interfaces(moto)
    group = ec2.create_security_group(GroupName="Quarantined_By_Hyperglance", Description="x", VpcId=vpc)["GroupId"]
    ec2.authorize_security_group_ingress(GroupId=group, IpProtocol="tcp", FromPort=22, ToPort=22, CidrIp="0.0.0.0/0")
    exec_event(event("ec2_quarantine_instance", [instance(id, vpc)])).report.assert_all_processed()
    found = quarantine_group(moto, vpc)
    assert found["GroupId"] == group
    assert found["IpPermissions"] == [] and found["IpPermissionsEgress"] == []


def test_quarantine_of_many_in_one_vpc_makes_one_group(moto, exec_event):
    vpc, subnet = network(moto)
    ids = [launch(moto, SubnetId=subnet)["InstanceId"] for _ in range(6)]
    exec_event(event("ec2_quarantine_instance", [instance(i, vpc) for i in ids])).report.assert_all_processed()
    group = quarantine_group(moto, vpc)["GroupId"]
    assert [groups_of(moto, i) for i in ids] == [[[group]]] * len(ids)


def test_quarantine_of_an_instance_that_is_not_there_is_errored(moto, exec_event):
    vpc, _ = network(moto)
    id = "i-0123456789abcdef0"
    exec_event(event("ec2_quarantine_instance", [instance(id, vpc)])).report.assert_error(id, "no network interface")


def test_the_plan_of_a_quarantine(moto, exec_event):
    vpc, _, id = with_two_interfaces(moto)
    before = groups_of(moto, id)
    report = exec_event(event("ec2_quarantine_instance", [instance(id, vpc)]), plan=True).report
    assert [c["operation"] for c in report["planned"]] == ["CreateSecurityGroup"] + ["ModifyNetworkInterfaceAttribute"] * 2
    assert groups_of(moto, id) == before


# --- deletions by one call --------------------------------------------------------------------------------------------


def test_deletes_a_network_acl(moto, exec_event):
    ec2 = moto.client("ec2")
    vpc, _ = network(moto)
    id = ec2.create_network_acl(VpcId=vpc)["NetworkAcl"]["NetworkAclId"]
    rule = event("acl_delete", [entity("Network ACL", id, attributes={"Network ACL ID": id})])
    exec_event(rule).report.assert_all_processed()
    assert id not in [a["NetworkAclId"] for a in ec2.describe_network_acls()["NetworkAcls"]]
    exec_event(rule).report.assert_all_processed()


def test_a_network_acl_in_use_is_errored(moto, exec_event):
    ec2 = moto.client("ec2")
    vpc, _ = network(moto)
    id = ec2.describe_network_acls(Filters=[{"Name": "vpc-id", "Values": [vpc]}])["NetworkAcls"][0]["NetworkAclId"]
    report = exec_event(event("acl_delete", [entity("Network ACL", id, attributes={"Network ACL ID": id})])).report
    report.assert_error(id, r"^DependencyViolation: .*\(DeleteNetworkAcl")


def test_deletes_a_security_group(moto, exec_event):
    ec2 = moto.client("ec2")
    id = ec2.create_security_group(GroupName="g", Description="g")["GroupId"]
    resource = entity("Security Group", id, attributes={"Group ID": id})
    exec_event(event("ec2_delete_security_group", [resource])).report.assert_all_processed()
    assert id in [g["GroupId"] for g in ec2.describe_security_groups()["SecurityGroups"]], "the default is a dry run"
    exec_event(event("ec2_delete_security_group", [resource], LIVE)).report.assert_all_processed()
    assert id not in [g["GroupId"] for g in ec2.describe_security_groups()["SecurityGroups"]]
    exec_event(event("ec2_delete_security_group", [resource], LIVE)).report.assert_all_processed()


def test_deletes_a_snapshot(moto, exec_event):
    ec2 = moto.client("ec2")
    volume = ec2.create_volume(AvailabilityZone=REGION + "a", Size=1)["VolumeId"]
    id = ec2.create_snapshot(VolumeId=volume)["SnapshotId"]
    rule = event("ec2_delete_snapshot", [entity("EBS Snapshot", id, attributes={"Snapshot ID": id})], LIVE)
    exec_event(rule).report.assert_all_processed()
    assert ec2.describe_snapshots(Filters=[{"Name": "snapshot-id", "Values": [id]}])["Snapshots"] == []
    exec_event(rule).report.assert_all_processed()


def test_deregisters_an_image(moto, exec_event):
    ec2 = moto.client("ec2")
    id = ec2.create_image(InstanceId=launch(moto)["InstanceId"], Name="mine")["ImageId"]
    rule = event("ec2_deregister_ami", [entity("AMI", id)], LIVE)
    exec_event(rule).report.assert_all_processed()
    assert ec2.describe_images(Owners=["self"])["Images"] == []
    exec_event(rule).report.assert_all_processed()


def test_makes_an_image_private(moto, exec_event):
    ec2 = moto.client("ec2")
    id = ec2.create_image(InstanceId=launch(moto)["InstanceId"], Name="mine")["ImageId"]
    ec2.modify_image_attribute(ImageId=id, LaunchPermission={"Add": [{"Group": "all"}, {"UserId": "222222222222"}]})
    rule = event("ami_set_private", [entity("AMI", id)])
    exec_event(rule).report.assert_all_processed()
    left = ec2.describe_image_attribute(ImageId=id, Attribute="launchPermission")["LaunchPermissions"]
    assert left == [{"UserId": "222222222222"}]
    exec_event(rule).report.assert_all_processed()


def test_deletes_a_nat_gateway(moto, exec_event):
    ec2 = moto.client("ec2")
    _, subnet = network(moto)
    id = ec2.create_nat_gateway(SubnetId=subnet, ConnectivityType="private")["NatGateway"]["NatGatewayId"]
    exec_event(event("ec2_delete_nat_gateway", [entity("NAT Gateway", id)], LIVE)).report.assert_all_processed()
    states = [g["State"] for g in ec2.describe_nat_gateways()["NatGateways"] if g["NatGatewayId"] == id]
    assert states in ([], ["deleted"])


def test_deletes_an_attached_internet_gateway(moto, exec_event):
    ec2 = moto.client("ec2")
    vpc, _ = network(moto)
    id = ec2.create_internet_gateway()["InternetGateway"]["InternetGatewayId"]
    ec2.attach_internet_gateway(InternetGatewayId=id, VpcId=vpc)
    rule = event("ec2_delete_internet_gateway", [entity("Internet Gateway", id)], LIVE)
    exec_event(rule).report.assert_all_processed()
    assert ec2.describe_internet_gateways()["InternetGateways"] == []
    exec_event(rule).report.assert_all_processed()


def test_deletes_a_key_pair(moto, exec_event):
    ec2 = moto.client("ec2")
    ec2.create_key_pair(KeyName="old")
    id = launch(moto)["InstanceId"]
    rule = event("ec2_delete_key_pair", [instance(id)], {"Key Name": "old"})
    exec_event(rule).report.assert_all_processed()
    assert ec2.describe_key_pairs()["KeyPairs"] == []
    exec_event(rule).report.assert_all_processed()


def test_a_missing_key_name_is_errored(moto, exec_event):
    id = launch(moto)["InstanceId"]
    exec_event(event("ec2_delete_key_pair", [instance(id)])).report.assert_error(id, 'parameter "Key Name" is missing')


def test_releases_elastic_addresses(moto, exec_event):
    ec2 = moto.client("ec2")
    id = launch(moto)["InstanceId"]
    other = ec2.allocate_address(Domain="vpc")["AllocationId"]
    mine = ec2.allocate_address(Domain="vpc")["AllocationId"]
    ec2.associate_address(AllocationId=mine, InstanceId=id)
    rule = event("ec2_release_eips", [instance(id)])
    exec_event(rule).report.assert_all_processed()
    assert [a["AllocationId"] for a in ec2.describe_addresses()["Addresses"]] == [other]
    exec_event(rule).report.assert_all_processed()


def test_deletes_the_rules_of_a_security_group(moto, exec_event):
    ec2 = moto.client("ec2")
    vpc, _ = network(moto)
    id = ec2.create_security_group(GroupName="g", Description="g", VpcId=vpc)["GroupId"]
    for port in (22, 80, 443):
        ec2.authorize_security_group_ingress(GroupId=id, IpProtocol="tcp", FromPort=port, ToPort=port, CidrIp="0.0.0.0/0")
    rule = event("sg_delete_rules", [entity("Security Group", id, attributes={"Group ID": id})])
    exec_event(rule).report.assert_all_processed()
    found = ec2.describe_security_groups(GroupIds=[id])["SecurityGroups"][0]
    assert found["IpPermissions"] == [] and found["IpPermissionsEgress"] == []
    exec_event(rule).report.assert_all_processed()


# --- roles ----------------------------------------------------------------------------------------------------------

TRUST = '{"Version":"2012-10-17","Statement":[]}'


def role_of(moto, id):
    """The role that the instance has; None without."""
    found = moto.client("ec2").describe_iam_instance_profile_associations(
        Filters=[{"Name": "instance-id", "Values": [id]}, {"Name": "state", "Values": ["associating", "associated"]}])
    if not found["IamInstanceProfileAssociations"]:
        return None
    name = found["IamInstanceProfileAssociations"][0]["IamInstanceProfile"]["Arn"].rsplit("/", 1)[1]
    return moto.client("iam").get_instance_profile(InstanceProfileName=name)["InstanceProfile"]["Roles"][0]["RoleName"]


def make_role(moto, name, profile=None):
    iam = moto.client("iam")
    iam.create_role(RoleName=name, AssumeRolePolicyDocument=TRUST)
    if profile:
        iam.create_instance_profile(InstanceProfileName=profile)
        iam.add_role_to_instance_profile(InstanceProfileName=profile, RoleName=name)


def test_attaches_a_role_and_makes_its_profile(moto, exec_event):
    make_role(moto, "reader")
    id = launch(moto)["InstanceId"]
    rule = event("ec2_attach_role", [instance(id)], {"Role": "reader"})
    exec_event(rule).report.assert_all_processed()
    assert role_of(moto, id) == "reader"
    ran = exec_event(rule)
    ran.report.assert_all_processed()
    assert "has the role already" in ran.stderr


def test_replaces_another_role(moto, exec_event):
    make_role(moto, "reader", "readers")
    make_role(moto, "writer", "writers")
    id = launch(moto)["InstanceId"]
    for role in ("writer", "reader"):
        exec_event(event("ec2_attach_role", [instance(id)], {"Role": role})).report.assert_all_processed()
        assert role_of(moto, id) == role


def test_detaches_a_role_from_one_instance_only(moto, exec_event):
    make_role(moto, "reader", "readers")
    one, other = launch(moto)["InstanceId"], launch(moto)["InstanceId"]
    exec_event(event("ec2_attach_role", [instance(one), instance(other)], {"Role": "reader"})).report.assert_all_processed()
    rule = event("ec2_detach_role", [instance(one)], {"Role": "reader"})
    exec_event(rule).report.assert_all_processed()
    assert role_of(moto, one) is None and role_of(moto, other) == "reader"
    exec_event(rule).report.assert_all_processed()


def test_a_role_that_does_not_exist_is_errored(moto, exec_event):
    id = launch(moto)["InstanceId"]
    exec_event(event("ec2_attach_role", [instance(id)], {"Role": "nobody"})).report.assert_error(id, "^NoSuchEntity: ")


def test_a_blank_role_is_errored(moto, exec_event):
    id = launch(moto)["InstanceId"]
    exec_event(event("ec2_attach_role", [instance(id)])).report.assert_error(id, 'parameter "Role" is empty')


# --- a whole VPC --------------------------------------------------------------------------------------------------------


def test_isolates_a_vpc(moto, exec_event):
    ec2, iam = moto.client("ec2"), moto.client("iam")
    vpc, _ = network(moto)
    ec2.create_subnet(VpcId=vpc, CidrBlock="10.7.2.0/24")
    users = [f"user-{n:03}" for n in range(120)]
    for user in users:
        iam.create_user(UserName=user)
    rule = event("vpc_isolate", [entity("VPC", vpc, attributes={"VPC ID": vpc})])
    for _ in range(2):
        exec_event(rule).report.assert_all_processed()
        acls = ec2.describe_network_acls(Filters=[{"Name": "vpc-id", "Values": [vpc]}])["NetworkAcls"]
        ours = [a for a in acls if any(t["Key"] == "hyperglance:isolation" for t in a["Tags"])]
        assert len(ours) == 1 and len(ours[0]["Associations"]) == 2
        assert [e for e in ours[0]["Entries"] if e["RuleAction"] == "allow"] == []
        dns = ec2.describe_vpc_attribute(VpcId=vpc, Attribute="enableDnsSupport")["EnableDnsSupport"]
        assert dns == {"Value": False}
    for user in users:
        attached = iam.list_attached_user_policies(UserName=user)["AttachedPolicies"]
        assert [p["PolicyName"] for p in attached] == [f"isolate_{vpc}_access_policy"]
