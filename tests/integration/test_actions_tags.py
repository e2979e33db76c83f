"""add_tag, remove_tag and update_tag at moto, for every kind of resource that they know."""

import pytest

from harness.events import ACCOUNT, REGION, entity, event

IMAGE = "ami-12c6146b"  # one that moto comes with


class Ec2:
    """Something that EC2 tags; `make` answers its id."""

    def __init__(self, type, make, attribute=None):
        self.type, self.make, self.attribute = type, make, attribute

    def create(self, moto):
        id = self.make(moto.client("ec2"))
        return id, entity(self.type, id, attributes={self.attribute: id} if self.attribute else {})

    def tag(self, moto, id, tags):
        moto.client("ec2").create_tags(Resources=[id], Tags=[{"Key": k, "Value": v} for k, v in tags.items()])

    def tags(self, moto, id):
        found = moto.client("ec2").describe_tags(Filters=[{"Name": "resource-id", "Values": [id]}])["Tags"]
        return {t["Key"]: t["Value"] for t in found}


class Topic:
    def create(self, moto):
        arn = moto.client("sns").create_topic(Name="news")["TopicArn"]
        return arn, entity("SNS Topic", arn, arn=arn, name="news")

    def tag(self, moto, id, tags):
        moto.client("sns").tag_resource(ResourceArn=id, Tags=[{"Key": k, "Value": v} for k, v in tags.items()])

    def tags(self, moto, id):
        return {t["Key"]: t["Value"] for t in moto.client("sns").list_tags_for_resource(ResourceArn=id)["Tags"]}


class Queue:
    def __init__(self, url):
        self.url = url

    def create(self, moto):
        made = moto.client("sqs").create_queue(QueueName="jobs")["QueueUrl"]
        return made, entity("SQS Queue", "jobs", attributes={"Queue Url": made if self.url is None else self.url})

    def tag(self, moto, id, tags):
        moto.client("sqs").tag_queue(QueueUrl=id, Tags=tags)

    def tags(self, moto, id):
        return moto.client("sqs").list_queue_tags(QueueUrl=id).get("Tags", {})


def vpc(ec2):
    return ec2.create_vpc(CidrBlock="10.7.0.0/16")["Vpc"]["VpcId"]


def subnet(ec2):
    return ec2.create_subnet(VpcId=vpc(ec2), CidrBlock="10.7.1.0/24")["Subnet"]["SubnetId"]


def launched(ec2):
    return ec2.run_instances(ImageId=IMAGE, MinCount=1, MaxCount=1)["Instances"][0]["InstanceId"]


def volume(ec2):
    return ec2.create_volume(AvailabilityZone=REGION + "a", Size=1)["VolumeId"]


KINDS = {
    "instance": Ec2("EC2 Instance", launched, "Instance ID"),
    "group": Ec2("Security Group", lambda c: c.create_security_group(GroupName="g", Description="g")["GroupId"], "Group ID"),
    "image": Ec2("AMI", lambda c: c.create_image(InstanceId=launched(c), Name="mine")["ImageId"]),
    "gateway": Ec2("Internet Gateway", lambda c: c.create_internet_gateway()["InternetGateway"]["InternetGatewayId"]),
    "acl": Ec2("Network ACL", lambda c: c.create_network_acl(VpcId=vpc(c))["NetworkAcl"]["NetworkAclId"], "Network ACL ID"),
    "interface": Ec2("Network Interface",
                     lambda c: c.create_network_interface(SubnetId=subnet(c))["NetworkInterface"]["NetworkInterfaceId"]),
    "routes": Ec2("Route Table", lambda c: c.create_route_table(VpcId=vpc(c))["RouteTable"]["RouteTableId"]),
    "snapshot": Ec2("EBS Snapshot", lambda c: c.create_snapshot(VolumeId=volume(c))["SnapshotId"], "Snapshot ID"),
    "volume": Ec2("EBS Volume", volume),
    "subnet": Ec2("Subnet", subnet),
    "vpc": Ec2("VPC", vpc, "VPC ID"),
    "topic": Topic(),
    "queue": Queue(None),
    "queue by its public URL": Queue(f"https://sqs.{REGION}.amazonaws.com/{ACCOUNT}/jobs"),
}


@pytest.fixture(params=KINDS)
def kind(request):
    return KINDS[request.param]


def test_adds_renames_and_removes(moto, exec_event, kind):
    id, resource = kind.create(moto)
    exec_event(event("add_tag", [resource], {"Key": "Owner", "Value": "me & <you>"})).report.assert_all_processed()
    assert kind.tags(moto, id) == {"Owner": "me & <you>"}

    matched = {**resource, "tags": {"Owner": "me & <you>"}, "matchedAttributes": {"Owner": "me & <you>"}}
    renamed = event("update_tag", [matched], {"New Key": "owner"})
    exec_event(renamed).report.assert_all_processed()
    assert kind.tags(moto, id) == {"owner": "me & <you>"}
    exec_event(renamed).report.assert_all_processed()
    assert kind.tags(moto, id) == {"owner": "me & <you>"}

    for _ in range(2):
        exec_event(event("remove_tag", [resource], {"Key": "owner"})).report.assert_all_processed()
        assert kind.tags(moto, id) == {}


@pytest.mark.parametrize("name", ["instance", "topic", "queue"])
class TestEachService:
    def test_the_same_tag_again_is_processed(self, moto, exec_event, name):
        kind = KINDS[name]
        id, resource = kind.create(moto)
        kind.tag(moto, id, {"env": "prod"})
        ran = exec_event(event("add_tag", [resource], {"Key": "env", "Value": "prod"}))
        ran.report.assert_all_processed()
        assert "exists already" in ran.stderr

    def test_another_value_is_not_overwritten(self, moto, exec_event, name):
        kind = KINDS[name]
        id, resource = kind.create(moto)
        kind.tag(moto, id, {"env": "prod"})
        report = exec_event(event("add_tag", [resource], {"Key": "env", "Value": "test"})).report
        report.assert_error(resource["id"], "not overwritten")
        assert kind.tags(moto, id) == {"env": "prod"}

    def test_an_empty_value(self, moto, exec_event, name):
        kind = KINDS[name]
        id, resource = kind.create(moto)
        exec_event(event("add_tag", [resource], {"Key": "seen"})).report.assert_all_processed()
        assert kind.tags(moto, id) == {"seen": ""}

    def test_an_update_never_overwrites_the_new_key(self, moto, exec_event, name):
        kind = KINDS[name]
        id, resource = kind.create(moto)
        kind.tag(moto, id, {"Env": "prod", "env": "test"})
        resource["matchedAttributes"] = {"Env": "prod"}
        report = exec_event(event("update_tag", [resource], {"New Key": "env"})).report
        report.assert_error(resource["id"], "already with another value")
        assert kind.tags(moto, id) == {"Env": "prod", "env": "test"}

    def test_a_tag_that_has_the_key_already_is_processed(self, moto, exec_event, name):
        kind = KINDS[name]
        id, resource = kind.create(moto)
        kind.tag(moto, id, {"env": "prod"})
        resource["matchedAttributes"] = {"Instance Type": "t3.micro", "env": "prod"}
        ran = exec_event(event("update_tag", [resource], {"New Key": "env"}))
        ran.report.assert_all_processed()
        assert "the tag has that key already" in ran.stderr
        assert kind.tags(moto, id) == {"env": "prod"}

    def test_an_update_of_nothing_is_errored(self, moto, exec_event, name):
        kind = KINDS[name]
        id, resource = kind.create(moto)
        kind.tag(moto, id, {"env": "prod"})
        resource["matchedAttributes"] = {"Instance Type": "t3.micro", "Env": "prod"}
        report = exec_event(event("update_tag", [resource], {"New Key": "env"})).report
        report.assert_error(resource["id"], "the resource has none of the tags in its matchedAttributes")
        assert kind.tags(moto, id) == {"env": "prod"}

    def test_a_plan_of_a_rename(self, moto, exec_event, name):
        kind = KINDS[name]
        id, resource = kind.create(moto)
        kind.tag(moto, id, {"Env": "prod"})
        resource["matchedAttributes"] = {"Env": "prod"}
        report = exec_event(event("update_tag", [resource], {"New Key": "env"}), plan=True).report
        assert report.errors == {} and len(report["planned"]) == 2
        assert kind.tags(moto, id) == {"Env": "prod"}


def test_several_matched_tags_of_one_value_become_one(moto, exec_event):
    kind = KINDS["instance"]
    id, resource = kind.create(moto)
    kind.tag(moto, id, {"Env": "prod", "ENV": "prod", "other": "1"})
    resource["matchedAttributes"] = {"Env": "prod", "ENV": "prod"}
    exec_event(event("update_tag", [resource], {"New Key": "env"})).report.assert_all_processed()
    assert kind.tags(moto, id) == {"env": "prod", "other": "1"}


def test_matched_tags_of_different_values_are_errored(moto, exec_event):
    kind = KINDS["instance"]
    id, resource = kind.create(moto)
    kind.tag(moto, id, {"Env": "prod", "ENV": "test"})
    resource["matchedAttributes"] = {"Env": "prod", "ENV": "test"}
    report = exec_event(event("update_tag", [resource], {"New Key": "env"})).report
    report.assert_error(id, "cannot both become")
    assert kind.tags(moto, id) == {"Env": "prod", "ENV": "test"}


def test_a_type_that_is_not_tagged_is_errored(moto, exec_event):
    report = exec_event(event("add_tag", [entity("Lambda Function", "f")], {"Key": "k", "Value": "v"})).report
    report.assert_error("f", "resources of that type are not tagged")


def test_an_empty_key_is_errored(moto, exec_event):
    id, resource = KINDS["instance"].create(moto)
    exec_event(event("add_tag", [resource], {"Key": " "})).report.assert_error(id, 'parameter "Key" is empty')


def test_what_is_not_there_is_errored_with_its_code(moto, exec_event):
    arn = f"arn:aws:sns:{REGION}:{ACCOUNT}:nothing"
    topic = entity("SNS Topic", arn, arn=arn, name="nothing")
    queue = entity("SQS Queue", "nothing")
    report = exec_event(event("add_tag", [topic, queue], {"Key": "k", "Value": "v"})).report
    report.assert_error(arn, r"^\w*NotFound\w*: .*\(ListTagsForResource")
    report.assert_error("nothing", r"^[\w.]*(NonExistentQueue|QueueDoesNotExist): .*\(ListQueueTags")


@pytest.mark.parametrize("url", [
    "https://evil.example/123456789012/jobs",
    f"https://sqs.{REGION}.amazonaws.com.evil.example/123456789012/jobs",
    f"https://sqs.eu-west-1.amazonaws.com/{ACCOUNT}/jobs",
    f"https://sqs.{REGION}.amazonaws.com/222222222222/jobs",
    f"https://sqs.{REGION}.amazonaws.com/{ACCOUNT}/jobs/../other",
    f"https://sqs.{REGION}.amazonaws.com/{ACCOUNT}/jobs?x=y",
    f"https://user@sqs.{REGION}.amazonaws.com/{ACCOUNT}/jobs",
    "file:///etc/passwd",
])
def test_a_queue_url_of_somewhere_else_is_never_used(moto, exec_event, url):
    resource = entity("SQS Queue", "jobs", attributes={"Queue Url": url})
    report = exec_event(event("add_tag", [resource], {"Key": "k", "Value": "v"})).report
    report.assert_error("jobs", 'attribute "Queue Url" is ')


def test_a_topic_of_another_account_is_errored(moto, exec_event):
    arn = f"arn:aws:sns:{REGION}:222222222222:news"
    report = exec_event(event("add_tag", [entity("SNS Topic", "news", arn=arn)], {"Key": "k", "Value": "v"})).report
    report.assert_error("news", f'"account" is {ACCOUNT}, but its "arn" contains 222222222222')
