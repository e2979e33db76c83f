"""What actions do, as scenarios that are gone through in several ways: answers get lost, the daemon gets killed. There is one of every AWS
action that makes more than one call.

A scenario is a generator. It makes what the action is to work on, yields the resource (or a list of some) and the parameters, is resumed
when the action has been carried out, and asserts the end.

    @scenario("ec2_stop_instance", "StopInstances")
    def stop(aws):
        id = launch(aws("ec2"))
        yield instance(id), LIVE
        assert state(aws("ec2"), id) == "stopped"

The operations named are changes that the action must have asked for. Several decorators make one scenario for several actions."""

import functools
import json

from .aws import IMAGE
from .events import ACCOUNT, NOT_DRY, REGION, entity, event

TRUST = '{"Version":"2012-10-17","Statement":[]}'
DENY = '{"Version":"2012-10-17","Statement":[{"Effect":"Deny","Action":"*","Resource":"*"}]}'
SCENARIOS = []


class Aws:
    """boto3 clients of a cloud, made once each: aws("ec2"). The cloud itself is aws.cloud."""

    def __init__(self, cloud):
        self.cloud = cloud
        self.client = functools.lru_cache(maxsize=None)(cloud.client)

    def __call__(self, service):
        return self.client(service)


class Scenario:
    def __init__(self, action, changes, server, make, more):
        self.action, self.changes, self.server, self.make, self.more = action, set(changes), server, make, more

    def __str__(self):
        return f"{self.action}-{self.make.__name__}"

    def prepare(self, aws):
        """Makes the resources. Answers the event, and a function that asserts the end."""
        steps = self.make(aws, **self.more)
        resources, params = next(steps)

        def check():
            assert next(steps, "the end") == "the end", "a scenario yields once"

        return event(self.action, resources if isinstance(resources, list) else [resources], params), check


def scenario(action, *changes, server="moto", **more):
    def add(make):
        SCENARIOS.append(Scenario(action, changes, server, make, more))
        return make

    return add


def census(aws):
    """How many there are of everything that actions create."""
    ec2, rds = aws("ec2"), aws("rds")
    return {
        "snapshots": len(snapshots_of_runs(ec2)),  # not all: moto comes with a thousand
        "security groups": len(ec2.describe_security_groups()["SecurityGroups"]),
        "network ACLs": len(ec2.describe_network_acls()["NetworkAcls"]),
        "policies": len(aws("iam").list_policies(Scope="Local")["Policies"]),
        "instance profiles": len(aws("iam").list_instance_profiles()["InstanceProfiles"]),
        "buckets": len(aws("s3").list_buckets()["Buckets"]),
        "database snapshots": len(rds.describe_db_snapshots(SnapshotType="manual")["DBSnapshots"]),
        "database cluster snapshots": len(rds.describe_db_cluster_snapshots(SnapshotType="manual")["DBClusterSnapshots"]),
        "warehouse snapshots": len(aws("redshift").describe_cluster_snapshots()["Snapshots"]),
    }


# --- makers -----------------------------------------------------------------------------------------------------------


def launch(ec2, **more):
    return ec2.run_instances(ImageId=IMAGE, MinCount=1, MaxCount=1, **more)["Instances"][0]["InstanceId"]


def state(ec2, id):
    return ec2.describe_instances(InstanceIds=[id])["Reservations"][0]["Instances"][0]["State"]["Name"]


def instance(id, **attributes):
    return entity("EC2 Instance", id, attributes={"Instance ID": id, **attributes})


def user(name="alice"):
    return entity("IAM User", name, region="", arn=f"arn:aws:iam::{ACCOUNT}:user/{name}")


def network(ec2):
    vpc = ec2.create_vpc(CidrBlock="10.7.0.0/16")["Vpc"]["VpcId"]
    return vpc, ec2.create_subnet(VpcId=vpc, CidrBlock="10.7.1.0/24")["Subnet"]["SubnetId"]


def tags(ec2, id):
    return {t["Key"]: t["Value"] for t in ec2.describe_tags(Filters=[{"Name": "resource-id", "Values": [id]}])["Tags"]}


def snapshots_of_runs(ec2):
    return ec2.describe_snapshots(Filters=[{"Name": "tag-key", "Values": ["hyperglance:run"]}])["Snapshots"]


def roles_of(ec2, id):
    """The instance profiles that the instance has, by name."""
    live = [{"Name": "instance-id", "Values": [id]}, {"Name": "state", "Values": ["associating", "associated"]}]
    found = ec2.describe_iam_instance_profile_associations(Filters=live)["IamInstanceProfileAssociations"]
    return [a["IamInstanceProfile"]["Arn"].rsplit("/", 1)[1] for a in found]


def quarantine_groups(ec2):
    named = [{"Name": "group-name", "Values": ["Quarantined_By_Hyperglance"]}]
    return ec2.describe_security_groups(Filters=named)["SecurityGroups"]


# --- EC2 --------------------------------------------------------------------------------------------------------------


@scenario("ec2_stop_instance", "StopInstances")
def stop(aws):
    id = launch(aws("ec2"))
    yield instance(id), NOT_DRY
    assert state(aws("ec2"), id) == "stopped"


@scenario("ec2_stop_instance", "StopInstances")
def stop_some(aws):
    ids = [launch(aws("ec2")) for _ in range(3)]
    yield [instance(id) for id in ids], NOT_DRY
    assert [state(aws("ec2"), id) for id in ids] == ["stopped"] * 3


@scenario("ec2_terminate_instance", "CreateSnapshots", "TerminateInstances")
def terminate_takes_one_snapshot(aws):
    id = launch(aws("ec2"))
    yield instance(id), NOT_DRY
    assert state(aws("ec2"), id) == "terminated"
    assert len(snapshots_of_runs(aws("ec2"))) == 1


@scenario("ec2_snapshot_instance", "CreateSnapshots")
def snapshot_takes_one(aws):
    yield instance(launch(aws("ec2"))), NOT_DRY
    assert len(snapshots_of_runs(aws("ec2"))) == 1


@scenario("ebs_delete_volume", "StopInstances", "DetachVolume", "DeleteVolume")
def delete_volume(aws):
    ec2 = aws("ec2")
    host = launch(ec2, Placement={"AvailabilityZone": REGION + "a"})
    id = ec2.create_volume(AvailabilityZone=REGION + "a", Size=1)["VolumeId"]
    ec2.attach_volume(VolumeId=id, InstanceId=host, Device="/dev/sdf")
    yield entity("EBS Volume", id), None
    assert id not in [v["VolumeId"] for v in ec2.describe_volumes()["Volumes"]]


@scenario("ec2_quarantine_instance", "CreateSecurityGroup", "RevokeSecurityGroupEgress", "ModifyNetworkInterfaceAttribute")
def quarantine_makes_one_group(aws):
    ec2 = aws("ec2")
    vpc, subnet = network(ec2)
    id = launch(ec2, SubnetId=subnet)
    yield instance(id, **{"VPC ID": vpc}), None
    [group] = quarantine_groups(ec2)
    assert group["IpPermissionsEgress"] == []
    found = ec2.describe_network_interfaces(Filters=[{"Name": "attachment.instance-id", "Values": [id]}])["NetworkInterfaces"]
    assert [g["GroupId"] for g in found[0]["Groups"]] == [group["GroupId"]]


@scenario("ec2_release_eips", "DisassociateAddress", "ReleaseAddress")
def release_addresses(aws):
    ec2 = aws("ec2")
    id = launch(ec2)
    mine = ec2.allocate_address(Domain="vpc")["AllocationId"]
    ec2.associate_address(AllocationId=mine, InstanceId=id)
    yield instance(id), None
    assert ec2.describe_addresses()["Addresses"] == []


@scenario("ec2_delete_internet_gateway", "DetachInternetGateway", "DeleteInternetGateway")
def delete_internet_gateway(aws):
    ec2 = aws("ec2")
    vpc, _ = network(ec2)
    id = ec2.create_internet_gateway()["InternetGateway"]["InternetGatewayId"]
    ec2.attach_internet_gateway(InternetGatewayId=id, VpcId=vpc)
    yield entity("Internet Gateway", id), NOT_DRY
    assert ec2.describe_internet_gateways()["InternetGateways"] == []


@scenario("sg_delete_rules", "RevokeSecurityGroupIngress", "RevokeSecurityGroupEgress")
def delete_rules(aws):
    ec2 = aws("ec2")
    vpc, _ = network(ec2)
    id = ec2.create_security_group(GroupName="g", Description="g", VpcId=vpc)["GroupId"]
    ec2.authorize_security_group_ingress(GroupId=id, IpProtocol="tcp", FromPort=22, ToPort=22, CidrIp="0.0.0.0/0")
    yield entity("Security Group", id, attributes={"Group ID": id}), None
    found = ec2.describe_security_groups(GroupIds=[id])["SecurityGroups"][0]
    assert found["IpPermissions"] == [] and found["IpPermissionsEgress"] == []


@scenario("ec2_attach_role", "CreateInstanceProfile", "AddRoleToInstanceProfile", "AssociateIamInstanceProfile")
def attach_a_role(aws):
    aws("iam").create_role(RoleName="reader", AssumeRolePolicyDocument=TRUST)
    id = launch(aws("ec2"))
    yield instance(id), {"Role": "reader"}
    assert roles_of(aws("ec2"), id) == ["reader"]
    assert len(aws("iam").list_instance_profiles()["InstanceProfiles"]) == 1


@scenario("ec2_detach_role", "DisassociateIamInstanceProfile")
def detach_a_role(aws):
    iam, ec2 = aws("iam"), aws("ec2")
    iam.create_role(RoleName="reader", AssumeRolePolicyDocument=TRUST)
    iam.create_instance_profile(InstanceProfileName="reader")
    iam.add_role_to_instance_profile(InstanceProfileName="reader", RoleName="reader")
    id = launch(ec2)
    ec2.associate_iam_instance_profile(InstanceId=id, IamInstanceProfile={"Name": "reader"})
    yield instance(id), {"Role": "reader"}
    assert roles_of(ec2, id) == []
    assert len(iam.get_instance_profile(InstanceProfileName="reader")["InstanceProfile"]["Roles"]) == 1


@scenario("vpc_isolate", "CreateNetworkAcl", "ReplaceNetworkAclAssociation", "CreatePolicy", "AttachUserPolicy")
def isolate_a_vpc(aws):
    ec2, iam = aws("ec2"), aws("iam")
    vpc, subnet = network(ec2)
    iam.create_user(UserName="alice")
    yield entity("VPC", vpc), None
    acls = ec2.describe_network_acls(Filters=[{"Name": "vpc-id", "Values": [vpc]}])["NetworkAcls"]
    ours = [a for a in acls if any(t["Key"] == "hyperglance:isolation" for t in a["Tags"])]
    # Not that there is one only: libcurl may send a request twice, and moto does not look at the client token that makes it one.
    assert [a["SubnetId"] for acl in ours for a in acl["Associations"]] == [subnet]
    assert len(iam.list_attached_user_policies(UserName="alice")["AttachedPolicies"]) == 1


# --- tags -------------------------------------------------------------------------------------------------------------


@scenario("add_tag", "CreateTags")
def add_a_tag(aws):
    id = launch(aws("ec2"))
    yield instance(id), {"Key": "Owner", "Value": "me"}
    assert tags(aws("ec2"), id) == {"Owner": "me"}


@scenario("add_tag", "CreateTags")
def add_a_tag_to_some(aws):
    ids = [launch(aws("ec2")) for _ in range(3)]
    yield [instance(id) for id in ids], {"Key": "Owner", "Value": "me"}
    assert [tags(aws("ec2"), id) for id in ids] == [{"Owner": "me"}] * 3


def tagged(ec2):
    id = launch(ec2)
    ec2.create_tags(Resources=[id], Tags=[{"Key": "Owner", "Value": "me"}])
    return id, {**instance(id), "tags": {"Owner": "me"}, "matchedAttributes": {"Owner": "me"}}


@scenario("update_tag", "CreateTags", "DeleteTags")
def rename_a_tag(aws):
    id, resource = tagged(aws("ec2"))
    yield resource, {"New Key": "owner"}
    assert tags(aws("ec2"), id) == {"owner": "me"}


@scenario("update_tag", "CreateTags", "DeleteTags")
def rename_some_tags(aws):
    made = [tagged(aws("ec2")) for _ in range(3)]
    yield [resource for _, resource in made], {"New Key": "owner"}
    assert [tags(aws("ec2"), id) for id, _ in made] == [{"owner": "me"}] * 3


@scenario("remove_tag", "DeleteTags")
def remove_some_tags(aws):
    made = [tagged(aws("ec2")) for _ in range(3)]
    yield [resource for _, resource in made], {"Key": "Owner"}
    assert [tags(aws("ec2"), id) for id, _ in made] == [{}] * 3


@scenario("remove_tag", "DeleteTags")
def remove_a_tag(aws):
    id, resource = tagged(aws("ec2"))
    yield resource, {"Key": "Owner"}
    assert tags(aws("ec2"), id) == {}


# --- IAM --------------------------------------------------------------------------------------------------------------


@scenario("iam_revoke_access_key", "UpdateAccessKey", left=["Inactive"] * 2)
@scenario("iam_delete_access_key", "DeleteAccessKey", left=[])
@scenario("iam_deactivate_unused_access_keys", "UpdateAccessKey", left=["Inactive"] * 2, params={"MaxDaysUsed": 0})
def access_keys(aws, left, params=None):
    iam = aws("iam")
    iam.create_user(UserName="alice")
    for _ in range(2):
        iam.create_access_key(UserName="alice")
    yield user(), params
    assert [k["Status"] for k in iam.list_access_keys(UserName="alice")["AccessKeyMetadata"]] == left


@scenario("iam_quarantine_user", "CreatePolicy", "AttachUserPolicy")
def quarantine_a_user(aws):
    aws("iam").create_user(UserName="alice")
    yield user(), None
    assert len(aws("iam").list_attached_user_policies(UserName="alice")["AttachedPolicies"]) == 1


@scenario("iam_user_attach_policy", "AttachUserPolicy")
def attach_a_policy(aws):
    aws("iam").create_user(UserName="alice")
    aws("iam").create_policy(PolicyName="mine", PolicyDocument=DENY)
    yield user(), {"Policy": "mine"}
    attached = aws("iam").list_attached_user_policies(UserName="alice")["AttachedPolicies"]
    assert [p["PolicyName"] for p in attached] == ["mine"]


@scenario("iam_delete_default_policy_version", "SetDefaultPolicyVersion", "DeletePolicyVersion")
def delete_one_policy_version_only(aws):
    iam = aws("iam")
    made = iam.create_policy(PolicyName="mine", PolicyDocument=DENY)["Policy"]["Arn"]
    for _ in range(2):
        iam.create_policy_version(PolicyArn=made, PolicyDocument=DENY, SetAsDefault=True)
    yield entity("IAM Policy", "mine", region="", arn=made), None
    assert sorted(v["VersionId"] for v in iam.list_policy_versions(PolicyArn=made)["Versions"]) == ["v1", "v2"]
    assert iam.get_policy(PolicyArn=made)["Policy"]["DefaultVersionId"] == "v2"


@scenario("iam_disable_user_console_password", "DeleteLoginProfile")
def take_a_password(aws):
    iam = aws("iam")
    iam.create_user(UserName="alice")
    iam.create_login_profile(UserName="alice", Password="not a real 1A!")
    yield user(), None
    try:
        assert not iam.get_login_profile(UserName="alice"), "the user still has a password"
    except iam.exceptions.NoSuchEntityException:
        pass


@scenario("iam_user_detach_group", "RemoveUserFromGroup")
def take_a_user_out_of_a_group(aws):
    iam = aws("iam")
    iam.create_user(UserName="alice")
    iam.create_group(GroupName="admins")
    iam.add_user_to_group(GroupName="admins", UserName="alice")
    yield user(), {"Group": "admins"}
    assert iam.list_groups_for_user(UserName="alice")["Groups"] == []


# --- S3 ---------------------------------------------------------------------------------------------------------------


def make_bucket(aws):
    aws("s3").create_bucket(Bucket="the-bucket")
    return aws("s3"), entity("S3 Bucket", "the-bucket", arn="arn:aws:s3:::the-bucket")


def policy_of(s3):
    return json.loads(s3.get_bucket_policy(Bucket="the-bucket")["Policy"])["Statement"]


@scenario("s3_clear_bucket", "POST /the-bucket?delete")
def clear_a_bucket(aws):
    s3, bucket = make_bucket(aws)
    for n in range(5):
        s3.put_object(Bucket="the-bucket", Key=str(n), Body=b"")
    yield bucket, None
    assert s3.list_objects_v2(Bucket="the-bucket")["KeyCount"] == 0


@scenario("s3_allow_ssl_only", "PUT /the-bucket?policy")
def tls_only(aws):
    s3, bucket = make_bucket(aws)
    yield bucket, None
    assert len(policy_of(s3)) == 1


@scenario("s3_enable_logging", "PUT /the-bucket?logging")
def logging(aws):
    s3, bucket = make_bucket(aws)
    yield bucket, None
    assert "LoggingEnabled" in s3.get_bucket_logging(Bucket="the-bucket")
    assert len(s3.list_buckets()["Buckets"]) == 2


@scenario("s3_delete_permissions", "DELETE /the-bucket?policy", "PUT /the-bucket?acl")
def delete_permissions(aws):
    s3, bucket = make_bucket(aws)
    statement = {"Sid": "Mine", "Effect": "Deny", "Principal": "*", "Action": "s3:PutObject", "Resource": "arn:aws:s3:::the-bucket/*"}
    s3.put_bucket_policy(Bucket="the-bucket", Policy=json.dumps({"Version": "2012-10-17", "Statement": [statement]}))
    s3.put_bucket_acl(Bucket="the-bucket", ACL="public-read")
    yield bucket, None
    try:
        assert not policy_of(s3), "the bucket still has a policy"
    except s3.exceptions.ClientError as refused:
        assert refused.response["Error"]["Code"] == "NoSuchBucketPolicy"
    assert [g["Permission"] for g in s3.get_bucket_acl(Bucket="the-bucket")["Grants"]] == ["FULL_CONTROL"]


# --- other services ---------------------------------------------------------------------------------------------------


@scenario("dynamodb_delete_table", "DeleteTable")
def delete_a_table(aws):
    dynamodb = aws("dynamodb")
    dynamodb.create_table(TableName="orders", KeySchema=[{"AttributeName": "k", "KeyType": "HASH"}],
                          AttributeDefinitions=[{"AttributeName": "k", "AttributeType": "S"}], BillingMode="PAY_PER_REQUEST")
    yield entity("DynamoDB Table", "orders"), None
    assert dynamodb.list_tables()["TableNames"] == []


def make_database(aws, name, **more):
    rds = aws("rds")
    rds.create_db_instance(DBInstanceIdentifier=name, DBInstanceClass="db.r5.large", **{
        "Engine": "postgres", "MasterUsername": "u", "MasterUserPassword": "not-a-real-one", "AllocatedStorage": 20, **more})
    return rds


@scenario("rds_terminate_instance", "DeleteDBInstance")
def delete_a_database(aws):
    rds = make_database(aws, "orders")
    yield entity("RDS DB Instance", "orders"), None
    assert rds.describe_db_instances()["DBInstances"] == []
    assert len([s for s in rds.describe_db_snapshots()["DBSnapshots"] if s["SnapshotType"] == "manual"]) == 1


@scenario("rds_quarantine_instance", "CreateSecurityGroup", "ModifyDBInstance", "StopDBInstance")
def quarantine_a_database(aws):
    vpc = aws("ec2").describe_vpcs()["Vpcs"][0]["VpcId"]
    rds = make_database(aws, "orders")
    yield entity("RDS DB Instance", "orders", attributes={"VPC ID": vpc}), None
    assert rds.describe_db_instances()["DBInstances"][0]["DBInstanceStatus"] == "stopped"
    assert len(quarantine_groups(aws("ec2"))) == 1


@scenario("rds_aurora_delete_cluster", "ModifyDBCluster", "DeleteDBInstance", "DeleteDBCluster")
def delete_an_aurora_cluster(aws):
    rds = aws("rds")
    rds.create_db_cluster(DBClusterIdentifier="shop", Engine="aurora-postgresql", MasterUsername="u",
                          MasterUserPassword="not-a-real-one", DeletionProtection=True)
    rds.create_db_instance(DBInstanceIdentifier="shop-1", DBInstanceClass="db.r5.large", Engine="aurora-postgresql",
                           DBClusterIdentifier="shop")
    yield entity("Aurora DB Cluster", "shop"), None
    assert rds.describe_db_clusters()["DBClusters"] == []


@scenario("redshift_delete_cluster", "DeleteCluster")
def delete_a_redshift_cluster(aws):
    redshift = aws("redshift")
    redshift.create_cluster(ClusterIdentifier="dwh", NodeType="ra3.xlplus", MasterUsername="u",
                            MasterUserPassword="Not-a-real-1", ClusterType="single-node")
    yield entity("Redshift Cluster", "dwh"), None
    assert redshift.describe_clusters()["Clusters"] == []
    assert len(redshift.describe_cluster_snapshots()["Snapshots"]) == 1


@scenario("ecs_stop", "StopTask")
def stop_tasks(aws):
    ecs = aws("ecs")
    cluster = ecs.create_cluster(clusterName="jobs")["cluster"]["clusterArn"]
    ecs.register_task_definition(family="t", containerDefinitions=[{"name": "c", "image": "i", "memory": 128}])
    ecs.run_task(cluster="jobs", taskDefinition="t", count=3, launchType="FARGATE")
    yield entity("ECS Cluster", "jobs", arn=cluster), None
    assert ecs.list_tasks(cluster="jobs", desiredStatus="RUNNING")["taskArns"] == []


@scenario("workspaces_start_workspace", "StartWorkspaces", server="cloud", before="STOPPED", after="AVAILABLE")
@scenario("workspaces_stop_workspace", "StopWorkspaces", server="cloud", before="AVAILABLE", after="STOPPED")
@scenario("workspaces_terminate_workspace", "TerminateWorkspaces", server="cloud", before="AVAILABLE", after="TERMINATED")
def change_a_workspace(aws, before, after):
    id = aws.cloud.instance("ws-0a1b2c3d4", state=before)
    yield entity("Workspace", id), None
    assert aws.cloud.state_of(id) == after


@scenario("workspaces_start_workspace", "StartWorkspaces", server="cloud", before="STOPPED", after="AVAILABLE")
@scenario("workspaces_stop_workspace", "StopWorkspaces", server="cloud", before="AVAILABLE", after="STOPPED")
@scenario("workspaces_terminate_workspace", "TerminateWorkspaces", server="cloud", before="AVAILABLE", after="TERMINATED")
def change_some_workspaces(aws, before, after):
    ids = [aws.cloud.instance(f"ws-0a1b2c3d{n}", state=before) for n in range(3)]
    yield [entity("Workspace", id) for id in ids], None
    assert [aws.cloud.state_of(id) for id in ids] == [after] * 3
