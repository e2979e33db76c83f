"""Every action when answers get lost: the first answer to each operation never arrives although moto has carried it out. What was done
must be found by the next try, and nothing may be done twice."""

import http.client
import http.server
import threading
import urllib.parse

import pytest

from harness.cloud import Cloud
from harness.events import ACCOUNT, REGION, entity, event

IMAGE = "ami-12c6146b"  # one that moto comes with
LIVE = {"DryRun": "false"}
TRUST = '{"Version":"2012-10-17","Statement":[]}'


class Lossy(Cloud):
    """moto behind a server that passes on every request, and keeps the first answer to each operation to itself."""

    def __init__(self, moto, silent):
        lossy, self.silent = self, silent
        self.lost, self.lock, behind = [], threading.Lock(), urllib.parse.urlparse(moto.url)

        class Handler(http.server.BaseHTTPRequestHandler):
            protocol_version = "HTTP/1.1"

            def pass_on(self):
                body = self.rfile.read(int(self.headers.get("Content-Length", 0)))
                there = http.client.HTTPConnection(behind.hostname, behind.port, timeout=30)
                there.request(self.command, self.path, body, dict(self.headers))
                answer = there.getresponse()
                told = answer.read()
                if self.command != "HEAD" and lossy.loses(self.operation(body)):
                    # The beginning of an answer keeps libcurl from sending the request again by itself.
                    self.wfile.write(b"" if lossy.silent else b"HTTP/1.1 200 OK\r\nContent-Length: 1000\r\n\r\n<")
                    self.close_connection = True
                    return
                self.send_response_only(answer.status)
                for name, value in answer.getheaders():
                    if name.lower() not in ("transfer-encoding", "connection", "content-length"):
                        self.send_header(name, value)
                if self.command == "HEAD" or answer.status in (204, 304):
                    told = b""
                if answer.status not in (204, 304):
                    self.send_header("Content-Length", str(len(told)))
                self.end_headers()
                self.wfile.write(told)

            do_GET = do_PUT = do_POST = do_DELETE = do_HEAD = do_PATCH = pass_on

            def operation(self, body):
                if "X-Amz-Target" in self.headers:
                    return self.headers["X-Amz-Target"].rsplit(".", 1)[1]
                form = urllib.parse.parse_qs(body.decode("latin-1"))
                return form["Action"][0] if "Action" in form else f"{self.command} {self.path}"

            def log_message(self, *arguments):
                pass

        self.server = http.server.ThreadingHTTPServer(("127.0.0.1", 0), Handler)
        super().__init__(f"http://127.0.0.1:{self.server.server_port}")
        self.thread = threading.Thread(target=self.server.serve_forever, daemon=True)
        self.thread.start()

    def loses(self, operation):
        with self.lock:
            # The daemon's look at itself comes before all actions, and is tested elsewhere.
            if operation in self.lost or operation == "GetCallerIdentity":
                return False
            self.lost.append(operation)
            return True

    def stop(self):
        self.server.shutdown()
        self.server.server_close()
        self.thread.join(10)


@pytest.fixture(params=["cut off", "silent"])
def lossy(moto, request):
    made = Lossy(moto, silent=request.param == "silent")
    yield made
    made.stop()


@pytest.fixture
def run(lossy, exec_event):
    def run(action, resource, params=None):
        ran = exec_event(event(action, [resource], params), on=lossy)
        ran.report.assert_all_processed()
        assert lossy.lost, "no answer was lost"
        return lossy.lost

    return run


@pytest.fixture
def ec2(moto):
    return moto.client("ec2")


@pytest.fixture
def iam(moto):
    return moto.client("iam")


def launch(ec2, **more):
    return ec2.run_instances(ImageId=IMAGE, MinCount=1, MaxCount=1, **more)["Instances"][0]["InstanceId"]


def state(ec2, id):
    return ec2.describe_instances(InstanceIds=[id])["Reservations"][0]["Instances"][0]["State"]["Name"]


def instance(id, **attributes):
    return entity("EC2 Instance", id, attributes={"Instance ID": id, **attributes})


def arn(service, rest):
    return f"arn:aws:{service}:{REGION}:{ACCOUNT}:{rest}"


def user(name="alice"):
    return entity("IAM User", name, region="", arn=f"arn:aws:iam::{ACCOUNT}:user/{name}")


def network(ec2):
    vpc = ec2.create_vpc(CidrBlock="10.7.0.0/16")["Vpc"]["VpcId"]
    return vpc, ec2.create_subnet(VpcId=vpc, CidrBlock="10.7.1.0/24")["Subnet"]["SubnetId"]


# --- EC2 -------------------------------------------------------------------------------------------------------------


def test_stop(ec2, run):
    id = launch(ec2)
    assert run("ec2_stop_instance", instance(id), LIVE) == ["StopInstances"]
    assert state(ec2, id) == "stopped"


def test_terminate_takes_one_snapshot(ec2, run):
    id = launch(ec2)
    lost = run("ec2_terminate_instance", instance(id), LIVE)
    assert {"CreateSnapshots", "TerminateInstances"} <= set(lost)
    assert state(ec2, id) == "terminated"
    assert len(ec2.describe_snapshots(Filters=[{"Name": "tag-key", "Values": ["hyperglance:run"]}])["Snapshots"]) == 1


def test_snapshot_takes_one(ec2, run):
    run("ec2_snapshot_instance", instance(launch(ec2)), LIVE)
    assert len(ec2.describe_snapshots(Filters=[{"Name": "tag-key", "Values": ["hyperglance:run"]}])["Snapshots"]) == 1


def test_delete_volume(ec2, run):
    host = launch(ec2, Placement={"AvailabilityZone": REGION + "a"})
    id = ec2.create_volume(AvailabilityZone=REGION + "a", Size=1)["VolumeId"]
    ec2.attach_volume(VolumeId=id, InstanceId=host, Device="/dev/sdf")
    lost = run("ebs_delete_volume", entity("EBS Volume", id))
    assert {"StopInstances", "DetachVolume", "DeleteVolume"} <= set(lost)
    assert id not in [v["VolumeId"] for v in ec2.describe_volumes()["Volumes"]]


def test_quarantine_makes_one_group(ec2, run):
    vpc, subnet = network(ec2)
    id = launch(ec2, SubnetId=subnet)
    lost = run("ec2_quarantine_instance", instance(id, **{"VPC ID": vpc}))
    assert {"CreateSecurityGroup", "RevokeSecurityGroupEgress", "ModifyNetworkInterfaceAttribute"} <= set(lost)
    named = [{"Name": "group-name", "Values": ["Quarantined_By_Hyperglance"]}]
    groups = ec2.describe_security_groups(Filters=named)["SecurityGroups"]
    assert len(groups) == 1 and groups[0]["IpPermissionsEgress"] == []
    found = ec2.describe_network_interfaces(Filters=[{"Name": "attachment.instance-id", "Values": [id]}])["NetworkInterfaces"]
    assert [g["GroupId"] for g in found[0]["Groups"]] == [groups[0]["GroupId"]]


def test_release_addresses(ec2, run):
    id = launch(ec2)
    mine = ec2.allocate_address(Domain="vpc")["AllocationId"]
    ec2.associate_address(AllocationId=mine, InstanceId=id)
    lost = run("ec2_release_eips", instance(id))
    assert {"DisassociateAddress", "ReleaseAddress"} <= set(lost)
    assert ec2.describe_addresses()["Addresses"] == []


def test_delete_internet_gateway(ec2, run):
    vpc, _ = network(ec2)
    id = ec2.create_internet_gateway()["InternetGateway"]["InternetGatewayId"]
    ec2.attach_internet_gateway(InternetGatewayId=id, VpcId=vpc)
    lost = run("ec2_delete_internet_gateway", entity("Internet Gateway", id), LIVE)
    assert {"DetachInternetGateway", "DeleteInternetGateway"} <= set(lost)
    assert ec2.describe_internet_gateways()["InternetGateways"] == []


def test_delete_rules(ec2, run):
    vpc, _ = network(ec2)
    id = ec2.create_security_group(GroupName="g", Description="g", VpcId=vpc)["GroupId"]
    ec2.authorize_security_group_ingress(GroupId=id, IpProtocol="tcp", FromPort=22, ToPort=22, CidrIp="0.0.0.0/0")
    run("sg_delete_rules", entity("Security Group", id, attributes={"Group ID": id}))
    found = ec2.describe_security_groups(GroupIds=[id])["SecurityGroups"][0]
    assert found["IpPermissions"] == [] and found["IpPermissionsEgress"] == []


def test_attach_and_detach_a_role(ec2, iam, run, lossy):
    iam.create_role(RoleName="reader", AssumeRolePolicyDocument=TRUST)
    id = launch(ec2)
    live = [{"Name": "instance-id", "Values": [id]}, {"Name": "state", "Values": ["associating", "associated"]}]
    lost = run("ec2_attach_role", instance(id), {"Role": "reader"})
    assert {"CreateInstanceProfile", "AddRoleToInstanceProfile", "AssociateIamInstanceProfile"} <= set(lost)
    found = ec2.describe_iam_instance_profile_associations(Filters=live)["IamInstanceProfileAssociations"]
    assert [a["IamInstanceProfile"]["Arn"].rsplit("/", 1)[1] for a in found] == ["reader"]
    assert len(iam.list_instance_profiles()["InstanceProfiles"]) == 1
    lossy.lost.clear()
    run("ec2_detach_role", instance(id), {"Role": "reader"})
    assert ec2.describe_iam_instance_profile_associations(Filters=live)["IamInstanceProfileAssociations"] == []


def test_isolate_a_vpc(ec2, iam, run):
    vpc, subnet = network(ec2)
    iam.create_user(UserName="alice")
    lost = run("vpc_isolate", entity("VPC", vpc))
    assert {"CreateNetworkAcl", "ReplaceNetworkAclAssociation", "CreatePolicy", "AttachUserPolicy"} <= set(lost)
    acls = ec2.describe_network_acls(Filters=[{"Name": "vpc-id", "Values": [vpc]}])["NetworkAcls"]
    ours = [a for a in acls if any(t["Key"] == "hyperglance:isolation" for t in a["Tags"])]
    assert [a["SubnetId"] for acl in ours for a in acl["Associations"]] == [subnet]


# --- tags, IAM --------------------------------------------------------------------------------------------------------


def test_add_rename_and_remove_a_tag(ec2, run, lossy):
    id = launch(ec2)
    run("add_tag", instance(id), {"Key": "Owner", "Value": "me"})
    lossy.lost.clear()
    lost = run("update_tag", {**instance(id), "matchedAttributes": {"Owner": "me"}}, {"New Key": "owner"})
    assert {"CreateTags", "DeleteTags"} <= set(lost)
    assert ec2.describe_tags(Filters=[{"Name": "resource-id", "Values": [id]}])["Tags"][0]["Key"] == "owner"
    lossy.lost.clear()
    run("remove_tag", instance(id), {"Key": "owner"})
    assert ec2.describe_tags(Filters=[{"Name": "resource-id", "Values": [id]}])["Tags"] == []


@pytest.mark.parametrize("action,left", [("iam_revoke_access_key", ["Inactive"] * 2), ("iam_delete_access_key", [])])
def test_access_keys(iam, run, action, left):
    iam.create_user(UserName="alice")
    for _ in range(2):
        iam.create_access_key(UserName="alice")
    run(action, user())
    assert [k["Status"] for k in iam.list_access_keys(UserName="alice")["AccessKeyMetadata"]] == left


def test_quarantine_a_user(iam, run):
    iam.create_user(UserName="alice")
    assert {"CreatePolicy", "AttachUserPolicy"} <= set(run("iam_quarantine_user", user()))
    assert len(iam.list_attached_user_policies(UserName="alice")["AttachedPolicies"]) == 1


def test_delete_one_policy_version_only(iam, run):
    document = '{"Version":"2012-10-17","Statement":[{"Effect":"Deny","Action":"*","Resource":"*"}]}'
    made = iam.create_policy(PolicyName="mine", PolicyDocument=document)["Policy"]["Arn"]
    for _ in range(2):
        iam.create_policy_version(PolicyArn=made, PolicyDocument=document, SetAsDefault=True)
    lost = run("iam_delete_default_policy_version", entity("IAM Policy", "mine", region="", arn=made))
    assert {"SetDefaultPolicyVersion", "DeletePolicyVersion"} <= set(lost)
    assert sorted(v["VersionId"] for v in iam.list_policy_versions(PolicyArn=made)["Versions"]) == ["v1", "v2"]
    assert iam.get_policy(PolicyArn=made)["Policy"]["DefaultVersionId"] == "v2"


def test_take_a_user_out_of_a_group(iam, run):
    iam.create_user(UserName="alice")
    iam.create_group(GroupName="admins")
    iam.add_user_to_group(GroupName="admins", UserName="alice")
    run("iam_user_detach_group", user(), {"Group": "admins"})
    assert iam.list_groups_for_user(UserName="alice")["Groups"] == []


# --- S3 ---------------------------------------------------------------------------------------------------------------


@pytest.fixture
def s3(moto):
    made = moto.client("s3")
    made.create_bucket(Bucket="the-bucket")
    return made


def bucket():
    return entity("S3 Bucket", "the-bucket", arn="arn:aws:s3:::the-bucket")


def test_clear_a_bucket(s3, run):
    for n in range(5):
        s3.put_object(Bucket="the-bucket", Key=str(n), Body=b"")
    run("s3_clear_bucket", bucket())
    assert s3.list_objects_v2(Bucket="the-bucket")["KeyCount"] == 0


def test_tls_only_and_logging(s3, run, lossy):
    run("s3_allow_ssl_only", bucket())
    lossy.lost.clear()
    run("s3_enable_logging", bucket())
    assert "LoggingEnabled" in s3.get_bucket_logging(Bucket="the-bucket")


# --- other services ---------------------------------------------------------------------------------------------------------


def test_delete_a_table(moto, run):
    dynamodb = moto.client("dynamodb")
    dynamodb.create_table(TableName="orders", KeySchema=[{"AttributeName": "k", "KeyType": "HASH"}],
                          AttributeDefinitions=[{"AttributeName": "k", "AttributeType": "S"}], BillingMode="PAY_PER_REQUEST")
    run("dynamodb_delete_table", entity("DynamoDB Table", "orders"))
    assert dynamodb.list_tables()["TableNames"] == []


def make_database(moto, name, **more):
    rds = moto.client("rds")
    rds.create_db_instance(DBInstanceIdentifier=name, DBInstanceClass="db.r5.large", **{
        "Engine": "postgres", "MasterUsername": "u", "MasterUserPassword": "not-a-real-one", "AllocatedStorage": 20, **more})
    return rds


def test_delete_a_database(moto, run):
    rds = make_database(moto, "orders")
    run("rds_terminate_instance", entity("RDS DB Instance", "orders"))
    assert rds.describe_db_instances()["DBInstances"] == []
    assert len([s for s in rds.describe_db_snapshots()["DBSnapshots"] if s["SnapshotType"] == "manual"]) == 1


def test_quarantine_a_database(moto, ec2, run):
    vpc = ec2.describe_vpcs()["Vpcs"][0]["VpcId"]
    rds = make_database(moto, "orders")
    lost = run("rds_quarantine_instance", entity("RDS DB Instance", "orders", attributes={"VPC ID": vpc}))
    assert {"CreateSecurityGroup", "ModifyDBInstance", "StopDBInstance"} <= set(lost)
    assert rds.describe_db_instances()["DBInstances"][0]["DBInstanceStatus"] == "stopped"


def test_delete_an_aurora_cluster(moto, run):
    rds = moto.client("rds")
    rds.create_db_cluster(DBClusterIdentifier="shop", Engine="aurora-postgresql", MasterUsername="u",
                          MasterUserPassword="not-a-real-one", DeletionProtection=True)
    rds.create_db_instance(DBInstanceIdentifier="shop-1", DBInstanceClass="db.r5.large", Engine="aurora-postgresql",
                           DBClusterIdentifier="shop")
    lost = run("rds_aurora_delete_cluster", entity("Aurora DB Cluster", "shop"))
    assert {"ModifyDBCluster", "DeleteDBInstance", "DeleteDBCluster"} <= set(lost)
    assert rds.describe_db_clusters()["DBClusters"] == []


def test_delete_a_redshift_cluster(moto, run):
    redshift = moto.client("redshift")
    redshift.create_cluster(ClusterIdentifier="dwh", NodeType="ra3.xlplus", MasterUsername="u",
                            MasterUserPassword="Not-a-real-1", ClusterType="single-node")
    run("redshift_delete_cluster", entity("Redshift Cluster", "dwh"))
    assert redshift.describe_clusters()["Clusters"] == []
    assert len(redshift.describe_cluster_snapshots()["Snapshots"]) == 1


def test_stop_tasks(moto, run):
    ecs = moto.client("ecs")
    cluster = ecs.create_cluster(clusterName="jobs")["cluster"]["clusterArn"]
    ecs.register_task_definition(family="t", containerDefinitions=[{"name": "c", "image": "i", "memory": 128}])
    ecs.run_task(cluster="jobs", taskDefinition="t", count=3, launchType="FARGATE")
    run("ecs_stop", entity("ECS Cluster", "jobs", arn=cluster))
    assert ecs.list_tasks(cluster="jobs", desiredStatus="RUNNING")["taskArns"] == []
