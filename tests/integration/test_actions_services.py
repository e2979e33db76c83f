"""The actions on the other services at moto, and on workspaces at cloudserver: Lambda, DynamoDB, ECS, load balancers, KMS, RDS, Redshift."""

import io
import zipfile

import pytest

from harness.events import ACCOUNT, REGION, entity, event

TRUST = '{"Version":"2012-10-17","Statement":[]}'


def arn(service, rest):
    return f"arn:aws:{service}:{REGION}:{ACCOUNT}:{rest}"


# --- Lambda ---------------------------------------------------------------------------------------------------------


def code():
    packed = io.BytesIO()
    with zipfile.ZipFile(packed, "w") as z:
        z.writestr("f.py", "def f(*a): pass")
    return {"ZipFile": packed.getvalue()}


def make_function(moto, name="worker", **more):
    role = moto.client("iam").create_role(RoleName="r", AssumeRolePolicyDocument=TRUST)["Role"]["Arn"]
    made = moto.client("lambda")
    made.create_function(FunctionName=name, Runtime="python3.11", Role=role, Handler="f.f", Code=code(), **more)
    return made


def function(name="worker", **more):
    return entity("Lambda Function", name, arn=arn("lambda", f"function:{name}"), **more)


def test_disables_a_function(moto, exec_event):
    client = make_function(moto)
    for _ in range(2):
        exec_event(event("lambda_disable", [function()])).report.assert_all_processed()
        assert client.get_function_concurrency(FunctionName="worker")["ReservedConcurrentExecutions"] == 0


def test_takes_layers_off(moto, exec_event):
    moto.client("lambda").publish_layer_version(LayerName="shared", Content=code())
    client = make_function(moto, Layers=[arn("lambda", "layer:shared:1")])
    assert len(client.get_function_configuration(FunctionName="worker")["Layers"]) == 1
    for _ in range(2):
        exec_event(event("lambda_detach_external_layers", [function()])).report.assert_all_processed()
        assert client.get_function_configuration(FunctionName="worker").get("Layers", []) == []


@pytest.mark.parametrize("action", ["lambda_disable", "lambda_detach_external_layers"])
def test_a_function_that_is_not_there_is_errored(moto, exec_event, action):
    exec_event(event(action, [function()])).report.assert_error("worker", "^ResourceNotFoundException: ")


@pytest.mark.parametrize("id", ["../../2015-03-31/functions", "a/b", "a?b", "a#b", "a b", "..", "f" * 65])
def test_a_function_name_that_would_lead_elsewhere_is_errored(moto, exec_event, id):
    report = exec_event(event("lambda_disable", [entity("Lambda Function", id, arn="")])).report
    report.assert_error(id, "is not a valid name of a Lambda function")


# --- DynamoDB ---------------------------------------------------------------------------------------------------------


def table(name="orders"):
    return entity("DynamoDB Table", name, arn=arn("dynamodb", f"table/{name}"))


def make_table(moto, **more):
    client = moto.client("dynamodb")
    client.create_table(TableName="orders", KeySchema=[{"AttributeName": "k", "KeyType": "HASH"}],
                        AttributeDefinitions=[{"AttributeName": "k", "AttributeType": "S"}],
                        BillingMode="PAY_PER_REQUEST", **more)
    return client


def test_deletes_a_table(moto, exec_event):
    client = make_table(moto)
    exec_event(event("dynamodb_delete_table", [table()])).report.assert_all_processed()
    assert client.list_tables()["TableNames"] == []
    ran = exec_event(event("dynamodb_delete_table", [table()]))
    ran.report.assert_all_processed()
    assert "already deleted" in ran.stderr


def test_a_protected_table_is_errored(moto, exec_event):
    client = make_table(moto, DeletionProtectionEnabled=True)
    report = exec_event(event("dynamodb_delete_table", [table()])).report
    report.assert_error("orders", r"^ValidationException: .*\(DeleteTable")
    assert client.list_tables()["TableNames"] == ["orders"]


def test_the_plan_of_a_tables_deletion(moto, exec_event):
    client = make_table(moto)
    report = exec_event(event("dynamodb_delete_table", [table()]), plan=True).report
    assert [(c["operation"], c["params"]) for c in report["planned"]] == [("DeleteTable", {"TableName": "orders"})]
    assert client.list_tables()["TableNames"] == ["orders"]


# --- ECS, load balancers, KMS --------------------------------------------------------------------------------------------


def test_stops_all_tasks_of_a_cluster(moto, exec_event):
    ecs = moto.client("ecs")
    cluster = ecs.create_cluster(clusterName="jobs")["cluster"]["clusterArn"]
    ecs.register_task_definition(family="t", containerDefinitions=[{"name": "c", "image": "i", "memory": 128}])
    for _ in range(13):
        ecs.run_task(cluster="jobs", taskDefinition="t", count=10, launchType="FARGATE")
    rule = event("ecs_stop", [entity("ECS Cluster", "jobs", arn=cluster)])
    exec_event(rule).report.assert_all_processed()
    assert ecs.list_tasks(cluster="jobs", desiredStatus="RUNNING")["taskArns"] == []
    exec_event(rule).report.assert_all_processed()


def test_a_cluster_that_is_not_there_is_errored(moto, exec_event):
    resource = entity("ECS Cluster", "jobs", arn=arn("ecs", "cluster/jobs"))
    exec_event(event("ecs_stop", [resource])).report.assert_error("jobs", r"^ClusterNotFoundException: .*\(ListTasks")


@pytest.mark.parametrize("where", ["id", "arn"])
def test_deletes_a_load_balancer(moto, exec_event, where):
    ec2, elb = moto.client("ec2"), moto.client("elbv2")
    subnets = [s["SubnetId"] for s in ec2.describe_subnets()["Subnets"][:2]]
    made = elb.create_load_balancer(Name="front", Subnets=subnets)["LoadBalancers"][0]["LoadBalancerArn"]
    resource = entity("Application Load Balancer", made if where == "id" else "front", **({"arn": made} if where == "arn" else {}))
    exec_event(event("elb_delete_load_balancer", [resource])).report.assert_all_processed()
    assert elb.describe_load_balancers()["LoadBalancers"] == []
    exec_event(event("elb_delete_load_balancer", [resource])).report.assert_all_processed()


def test_enables_the_rotation_of_a_key(moto, exec_event):
    kms = moto.client("kms")
    key = kms.create_key()["KeyMetadata"]
    for named in (key["KeyId"], key["Arn"]):
        rule = event("kms_enable_rotation", [entity("Region", REGION)], {"KMS Key Id": named})
        exec_event(rule).report.assert_all_processed()
        assert kms.get_key_rotation_status(KeyId=key["KeyId"])["KeyRotationEnabled"] is True


@pytest.mark.parametrize("key,error", [
    ("0badc0de-1111-2222-3333-444444444444", "^NotFoundException: "),
    (f"arn:aws:kms:eu-west-1:{ACCOUNT}:key/0badc0de-1111-2222-3333-444444444444", "neither a key ID nor the ARN"),
    ("alias/../x", "neither a key ID nor the ARN"),
    ("", 'parameter "KMS Key Id" is empty'),
])
def test_a_key_that_cannot_be_rotated_is_errored(moto, exec_event, key, error):
    report = exec_event(event("kms_enable_rotation", [entity("Region", REGION)], {"KMS Key Id": key})).report
    report.assert_error(REGION, error)


# --- databases ----------------------------------------------------------------------------------------------------------------


def make_database(moto, name="orders", **more):
    rds = moto.client("rds")
    rds.create_db_instance(DBInstanceIdentifier=name, DBInstanceClass="db.t3.micro", Engine=more.pop("Engine", "postgres"),
                           MasterUsername="u", MasterUserPassword="not-a-real-one", AllocatedStorage=20, **more)
    return rds


def database(name="orders", **more):
    return entity("RDS DB Instance", name, arn=arn("rds", f"db:{name}"), **more)


def test_deletes_a_database_with_a_final_snapshot(moto, exec_event):
    rds = make_database(moto)
    exec_event(event("rds_terminate_instance", [database()])).report.assert_all_processed()
    assert rds.describe_db_instances()["DBInstances"] == []
    made = [s["DBSnapshotIdentifier"] for s in rds.describe_db_snapshots()["DBSnapshots"] if s["SnapshotType"] == "manual"]
    assert len(made) == 1 and made[0].startswith("hyperglance-orders-")
    exec_event(event("rds_terminate_instance", [database()])).report.assert_all_processed()


def test_deletes_a_database_without_a_snapshot_when_told_so(moto, exec_event):
    rds = make_database(moto)
    exec_event(event("rds_terminate_instance", [database()], {"SkipSnapshot": "Y"})).report.assert_all_processed()
    assert rds.describe_db_instances()["DBInstances"] == []
    assert [s for s in rds.describe_db_snapshots()["DBSnapshots"] if s["SnapshotType"] == "manual"] == []


def test_a_protected_database_is_errored(moto, exec_event):
    rds = make_database(moto, DeletionProtection=True)
    report = exec_event(event("rds_terminate_instance", [database()])).report
    report.assert_error("orders", r"^InvalidParameterCombination: .*\(DeleteDBInstance")
    assert len(rds.describe_db_instances()["DBInstances"]) == 1


def test_quarantines_a_database(moto, exec_event):
    ec2 = moto.client("ec2")
    vpc = ec2.describe_vpcs()["Vpcs"][0]["VpcId"]
    rds = make_database(moto)
    rule = event("rds_quarantine_instance", [database(attributes={"VPC ID": vpc})])
    for _ in range(2):
        exec_event(rule).report.assert_all_processed()
        group = ec2.describe_security_groups(Filters=[{"Name": "group-name", "Values": ["Quarantined_By_Hyperglance"]}])
        assert len(group["SecurityGroups"]) == 1
        assert group["SecurityGroups"][0]["IpPermissions"] == group["SecurityGroups"][0]["IpPermissionsEgress"] == []
        found = rds.describe_db_instances()["DBInstances"][0]
        assert [g["VpcSecurityGroupId"] for g in found["VpcSecurityGroups"]] == [group["SecurityGroups"][0]["GroupId"]]
        assert found["DBInstanceStatus"] == "stopped"


def test_deletes_an_aurora_cluster(moto, exec_event):
    rds = moto.client("rds")
    rds.create_db_cluster(DBClusterIdentifier="shop", Engine="aurora-postgresql", MasterUsername="u",
                          MasterUserPassword="not-a-real-one", DeletionProtection=True)
    rds.create_db_instance(DBInstanceIdentifier="shop-1", DBInstanceClass="db.r5.large", Engine="aurora-postgresql",
                           DBClusterIdentifier="shop")
    rule = event("rds_aurora_delete_cluster", [entity("Aurora DB Cluster", "shop", arn=arn("rds", "cluster:shop"))])
    exec_event(rule).report.assert_all_processed()
    assert rds.describe_db_clusters()["DBClusters"] == [] and rds.describe_db_instances()["DBInstances"] == []
    made = [s["DBClusterSnapshotIdentifier"] for s in rds.describe_db_cluster_snapshots()["DBClusterSnapshots"]]
    assert any(m.startswith("hyperglance-shop-") for m in made)
    exec_event(rule).report.assert_all_processed()


@pytest.mark.parametrize("params,snapshots", [({}, 1), ({"SkipSnapshot": "true"}, 0)])
def test_deletes_a_redshift_cluster(moto, exec_event, params, snapshots):
    redshift = moto.client("redshift")
    redshift.create_cluster(ClusterIdentifier="dwh", NodeType="ra3.xlplus", MasterUsername="u",
                            MasterUserPassword="Not-a-real-1", ClusterType="single-node")
    rule = event("redshift_delete_cluster", [entity("Redshift Cluster", "dwh", arn=arn("redshift", "cluster:dwh"))], params)
    exec_event(rule).report.assert_all_processed()
    assert redshift.describe_clusters()["Clusters"] == []
    assert len(redshift.describe_cluster_snapshots()["Snapshots"]) == snapshots
    exec_event(rule).report.assert_all_processed()


# --- workspaces: moto starts and stops none -----------------------------------------------------------------------------------


@pytest.mark.parametrize("action,before,after", [
    ("workspaces_start_workspace", "STOPPED", "AVAILABLE"),
    ("workspaces_stop_workspace", "AVAILABLE", "STOPPED"),
    ("workspaces_terminate_workspace", "AVAILABLE", "TERMINATED"),
])
def test_changes_a_workspace(cloud, exec_event, action, before, after):
    id = cloud.instance("ws-0a1b2c3d4", state=before)
    exec_event(event(action, [entity("Workspace", id)]), on=cloud).report.assert_all_processed()
    assert cloud.state_of(id) == after


def test_a_failed_request_is_an_error_in_spite_of_http_200(cloud, exec_event):
    report = exec_event(event("workspaces_start_workspace", [entity("Workspace", "ws-0a1b2c3d4")]), on=cloud).report
    report.assert_error("ws-0a1b2c3d4", r"^ResourceNotFound\.Workspace: .*\(StartWorkspaces")


def test_a_workspace_that_is_gone_is_processed_when_it_should_be(cloud, exec_event):
    rule = event("workspaces_terminate_workspace", [entity("Workspace", "ws-0a1b2c3d4")])
    exec_event(rule, on=cloud).report.assert_all_processed()
