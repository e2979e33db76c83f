"""Events as Hyperglance writes them, and the reports that come back."""

import json
import re

ACCOUNT = "123456789012"  # the account of the daemon's own keys, at moto and at cloudserver
REGION = "us-east-1"
NOT_DRY = {"DryRun": "false"}  # the catalogue's default is true


ARNS = {  # as AWS writes them; an action refuses a resource whose ARN is of another kind
    "AMI": "arn:aws:ec2:{region}::image/{id}",
    "Application Load Balancer": "arn:aws:elasticloadbalancing:{region}:{account}:loadbalancer/{id}",
    "Aurora DB Cluster": "arn:aws:rds:{region}:{account}:cluster:{id}",
    "DynamoDB Table": "arn:aws:dynamodb:{region}:{account}:table/{id}",
    "EBS Snapshot": "arn:aws:ec2:{region}::snapshot/{id}",
    "EBS Volume": "arn:aws:ec2:{region}:{account}:volume/{id}",
    "EC2 Instance": "arn:aws:ec2:{region}:{account}:instance/{id}",
    "ECS Cluster": "arn:aws:ecs:{region}:{account}:cluster/{id}",
    "IAM Policy": "arn:aws:iam::{account}:policy/{id}",
    "IAM User": "arn:aws:iam::{account}:user/{id}",
    "Internet Gateway": "arn:aws:ec2:{region}:{account}:internet-gateway/{id}",
    "Lambda Function": "arn:aws:lambda:{region}:{account}:function:{id}",
    "NAT Gateway": "arn:aws:ec2:{region}:{account}:natgateway/{id}",
    "Network ACL": "arn:aws:ec2:{region}:{account}:network-acl/{id}",
    "Network Interface": "arn:aws:ec2:{region}:{account}:network-interface/{id}",
    "Network Load Balancer": "arn:aws:elasticloadbalancing:{region}:{account}:loadbalancer/{id}",
    "RDS DB Instance": "arn:aws:rds:{region}:{account}:db:{id}",
    "Redshift Cluster": "arn:aws:redshift:{region}:{account}:cluster:{id}",
    "Route Table": "arn:aws:ec2:{region}:{account}:route-table/{id}",
    "S3 Bucket": "arn:aws:s3:::{id}",
    "SNS Topic": "arn:aws:sns:{region}:{account}:{id}",
    "SQS Queue": "arn:aws:sqs:{region}:{account}:{id}",
    "Security Group": "arn:aws:ec2:{region}:{account}:security-group/{id}",
    "Subnet": "arn:aws:ec2:{region}:{account}:subnet/{id}",
    "VPC": "arn:aws:ec2:{region}:{account}:vpc/{id}",
    "Workspace": "arn:aws:workspaces:{region}:{account}:workspace/{id}",
}


def arn_of(type, id, account=ACCOUNT, region=REGION):
    """The ARN of a resource of this type; "" where there is none (a Region)."""
    return id if id.startswith("arn:") else ARNS.get(type, "").format(id=id, account=account, region=region)


def entity(type, id, *, account=ACCOUNT, region=REGION, name=None, arn=None, tags=None, attributes=None,
           matched=None, **more):
    """One AWS resource of an event. `attributes` are the entity's, by their display names ("Instance ID")."""
    made = {
        "datasource": "AWS",
        "uid": f"uid-{id}",
        "id": id,
        "name": name if name is not None else id,
        "account": account,
        "accountAlias": "test",
        "region": region,
        "arn": arn if arn is not None else arn_of(type, id, account, region),
        "type": type,
        "tags": tags or {},
        "attributes": attributes or {},
        "matchedAttributes": matched or {},
    }
    made.update(more)
    return made


def azure_entity(type, id, *, subscription, group, name, tags=None, attributes=None, **more):
    """One Azure resource of an event."""
    made = {
        "datasource": "Azure",
        "uid": f"uid-{name}",
        "id": id,
        "name": name,
        "subscription": subscription,
        "region": "westeurope",
        "type": type,
        "tags": tags or {},
        "attributes": {"Resource Group": group, **(attributes or {})},
        "matchedAttributes": {},
    }
    made.update(more)
    return made


def automation(action, entities, params=None):
    """One element of an event's `results`. `params` None leaves the member out."""
    told = {"name": action}
    if params is not None:
        told["params"] = params
    return {"entityType": entities[0]["type"] if entities else "Anything", "automation": told, "entities": entities}


def event(action, entities, params=None, name="a rule"):
    """An event with one automation."""
    return {"name": name, "results": [automation(action, entities, params)]}


def event_of(*automations, name="a rule"):
    """An event with several automations (see automation())."""
    return {"name": name, "results": list(automations)}


class Report(dict):
    """A report's body, with what its name says."""

    NAME = re.compile(
        r"report_(?P<action>[A-Za-z0-9_-]+)_total\((?P<total>\d+)\)_success\((?P<success>\d+)\)"
        r"_error\((?P<error>\d+)\)_(?P<noun>accounts|subscriptions)\((?P<accounts>[^)]*)\)_(?P<index>\d+)(\.json)?$"
    )

    def __init__(self, key, body):
        super().__init__(json.loads(body))
        self.key = key
        self.raw = body
        match = self.NAME.search(key)
        assert match, f"a report's name is not as the contract says: {key}"
        self.action = match["action"]
        self.total, self.success, self.error = int(match["total"]), int(match["success"]), int(match["error"])
        self.accounts = match["accounts"].split(",") if match["accounts"] else []
        self.index = int(match["index"])

    @property
    def processed_ids(self):
        return [r["id"] for r in self["processed"]]

    @property
    def errors(self):
        """{id: error} of the errored resources."""
        return {r["id"]: r["error"] for r in self["errored"]}

    def assert_all_processed(self):
        assert self["errored"] == [] and self["critical_error"] is None, \
            f"{self.action}: critical_error={self['critical_error']!r}, errors={self.errors!r}"
        assert self.success == self.total == len(self["processed"])
        return self

    def assert_error(self, id, pattern):
        """The resource `id` is errored and its error matches the regular expression."""
        assert id in self.errors, f"{id} is not errored: processed={self.processed_ids}, errors={self.errors}"
        assert re.search(pattern, self.errors[id]), f"error of {id} {self.errors[id]!r} does not match {pattern!r}"
        return self


def is_report(key):
    return key.rsplit("/", 1)[-1].startswith("report_")


def instance(id, account=ACCOUNT, region=REGION, **more):
    """An EC2 instance of an event."""
    return entity("EC2 Instance", id, account=account, region=region, attributes={"Instance ID": id},
                  arn=f"arn:aws:ec2:{region}:{account}:instance/{id}", **more)


def stop_event(*ids, **more):
    """An event that stops instances of the daemon's own account (unless params say DryRun, whose default is true)."""
    return event("ec2_stop_instance", [instance(id) for id in ids], **{"params": NOT_DRY, **more})


def stop_of(entities):
    """The same for instances of any account."""
    return event("ec2_stop_instance", entities, NOT_DRY)
