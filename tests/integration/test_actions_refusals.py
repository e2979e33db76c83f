"""What actions do when a service refuses a call because of a state, where they look again before they answer."""

import json

import pytest

from harness.between import Between
from harness.events import ACCOUNT, REGION, entity, event

WORKSPACE = "ws-0a1b2c3d4"


def arn(service, rest):
    return f"arn:aws:{service}:{REGION}:{ACCOUNT}:{rest}"


def refusal(code, status=400):
    """An error of a query service."""
    return status, (f"<ErrorResponse><Error><Type>Sender</Type><Code>{code}</Code><Message>Not in this state.</Message></Error>"
                    "<RequestId>r-1</RequestId></ErrorResponse>")


@pytest.fixture
def refusing(moto):
    made = []

    def make(answers, behind=moto):
        made.append(Between(behind, answers))
        return made[-1]

    yield make
    for one in made:
        one.stop()
        one.assert_used_up()


def make_database(moto, **more):
    rds = moto.client("rds")
    rds.create_db_instance(DBInstanceIdentifier="orders", DBInstanceClass="db.t3.micro", Engine="postgres", AllocatedStorage=10, **more)
    return rds


def database(**more):
    return entity("RDS DB Instance", "orders", arn=arn("rds", "db:orders"), **more)


def test_an_instance_that_cannot_be_deleted_now_is_errored(moto, refusing, exec_event):
    rds = make_database(moto)
    between = refusing({"DeleteDBInstance": [refusal("InvalidDBInstanceState")]})
    report = exec_event(event("rds_terminate_instance", [database()]), on=between).report
    report.assert_error("orders", r"^InvalidDBInstanceState: .*\(DeleteDBInstance")
    assert len(rds.describe_db_instances()["DBInstances"]) == 1


def test_an_instance_that_is_being_deleted_is_processed(moto, refusing, exec_event):
    deleting = ("<DescribeDBInstancesResponse><DescribeDBInstancesResult><DBInstances><DBInstance><DBInstanceIdentifier>orders"
                "</DBInstanceIdentifier><DBInstanceStatus>deleting</DBInstanceStatus></DBInstance></DBInstances>"
                "</DescribeDBInstancesResult></DescribeDBInstancesResponse>")
    between = refusing({"DeleteDBInstance": [refusal("InvalidDBInstanceState")], "DescribeDBInstances": [(200, deleting)]})
    exec_event(event("rds_terminate_instance", [database()]), on=between).report.assert_all_processed()


def test_a_member_that_cannot_be_deleted_now_is_tried_again(moto, refusing, exec_event):
    rds = moto.client("rds")
    rds.create_db_cluster(DBClusterIdentifier="shop", Engine="aurora-postgresql", MasterUsername="u", MasterUserPassword="password1")
    rds.create_db_instance(DBInstanceIdentifier="shop-1", DBInstanceClass="db.r5.large", Engine="aurora-postgresql",
                           DBClusterIdentifier="shop")
    between = refusing({"DeleteDBInstance": [refusal("InvalidDBInstanceState")]})
    rule = event("rds_aurora_delete_cluster", [entity("Aurora DB Cluster", "shop", arn=arn("rds", "cluster:shop"))])
    exec_event(rule, on=between).report.assert_all_processed()
    assert rds.describe_db_clusters()["DBClusters"] == [] and rds.describe_db_instances()["DBInstances"] == []


def test_a_redshift_cluster_that_cannot_be_deleted_now_is_errored(moto, refusing, exec_event):
    redshift = moto.client("redshift")
    redshift.create_cluster(ClusterIdentifier="dwh", NodeType="ra3.xlplus", MasterUsername="u", MasterUserPassword="Password1")
    between = refusing({"DeleteCluster": [refusal("InvalidClusterState")]})
    rule = event("redshift_delete_cluster", [entity("Redshift Cluster", "dwh", arn=arn("redshift", "cluster:dwh"))])
    exec_event(rule, on=between).report.assert_error("dwh", r"^InvalidClusterState: .*\(DeleteCluster")
    assert len(redshift.describe_clusters()["Clusters"]) == 1


def test_the_quarantine_of_a_database_revokes_rules_that_somebody_gave_its_group(moto, exec_event):
    ec2 = moto.client("ec2")
    vpc = ec2.describe_vpcs()["Vpcs"][0]["VpcId"]
    make_database(moto)
    rule = event("rds_quarantine_instance", [database(attributes={"VPC ID": vpc})])
    group = ec2.create_security_group(GroupName="Quarantined_By_Hyperglance", Description="d", VpcId=vpc)["GroupId"]
    ec2.authorize_security_group_ingress(GroupId=group, IpProtocol="tcp", FromPort=22, ToPort=22, CidrIp="10.0.0.0/8")
    exec_event(rule).report.assert_all_processed()
    rules = ec2.describe_security_group_rules(Filters=[{"Name": "group-id", "Values": [group]}])["SecurityGroupRules"]
    assert rules == []


def test_isolation_takes_away_what_somebody_has_allowed_since(moto, exec_event):
    ec2 = moto.client("ec2")
    vpc = ec2.create_vpc(CidrBlock="10.7.0.0/16")["Vpc"]["VpcId"]
    rule = event("vpc_isolate", [entity("VPC", vpc, attributes={"VPC ID": vpc})])
    exec_event(rule).report.assert_all_processed()

    def ours():
        acls = ec2.describe_network_acls(Filters=[{"Name": "vpc-id", "Values": [vpc]}])["NetworkAcls"]
        [acl] = [a for a in acls if any(t["Key"] == "hyperglance:isolation" for t in a["Tags"])]
        return acl

    for egress in (False, True):
        ec2.create_network_acl_entry(NetworkAclId=ours()["NetworkAclId"], RuleNumber=100, Protocol="-1", RuleAction="allow", Egress=egress,
                                     CidrBlock="0.0.0.0/0")
    exec_event(rule).report.assert_all_processed()
    assert [e for e in ours()["Entries"] if e["RuleAction"] == "allow"] == []


def test_isolation_waits_for_a_policy_that_iam_does_not_know_yet(moto, refusing, exec_event):
    ec2, iam = moto.client("ec2"), moto.client("iam")
    vpc = ec2.create_vpc(CidrBlock="10.7.0.0/16")["Vpc"]["VpcId"]
    iam.create_user(UserName="ann")
    between = refusing({"AttachUserPolicy": [refusal("NoSuchEntity", 404)]})
    exec_event(event("vpc_isolate", [entity("VPC", vpc, attributes={"VPC ID": vpc})]), on=between).report.assert_all_processed()
    attached = iam.list_attached_user_policies(UserName="ann")["AttachedPolicies"]
    assert [p["PolicyName"] for p in attached] == [f"isolate_{vpc}_access_policy"]


@pytest.mark.parametrize("action, operation, state", [("workspaces_stop_workspace", "StopWorkspaces", "STARTING"),
                                                      ("workspaces_terminate_workspace", "TerminateWorkspaces", "STARTING")])
def test_a_workspace_that_refuses_is_errored(cloud, refusing, exec_event, action, operation, state):
    cloud.instance(WORKSPACE, state=state)
    failed = {"FailedRequests": [{"WorkspaceId": WORKSPACE, "ErrorCode": "InvalidResourceStateException", "ErrorMessage": "Not now."}]}
    between = refusing({operation: [(200, json.dumps(failed))]}, behind=cloud)
    report = exec_event(event(action, [entity("Workspace", WORKSPACE)]), on=between).report
    report.assert_error(WORKSPACE, rf"^InvalidResourceStateException: Not now.*\({operation}")
    assert cloud.state_of(WORKSPACE) == state
