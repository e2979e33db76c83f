"""Every request that hgautod has sent to AWS in the whole suite, as botocore's own service models see it."""

import base64
import json

import pytest

from harness import wire
from harness.record import Request


def complaint(request):
    """What botocore has against a request; None: nothing."""
    try:
        call = wire.read(request)
        wire.validate(call)
        wire.compare(call, request)
    except wire.Mismatch as e:
        return f"{e}\n    {request!r}"
    return None


def test_botocores_models_accept_every_request(recorder):
    requests = recorder.all()
    if not requests:
        pytest.skip("nothing was recorded: no other test has run")
    bad = [c for c in map(complaint, requests) if c]
    assert not bad, f"{len(bad)} of {len(requests)} requests:\n" + "\n".join(bad[:20])


# --- the judge itself -------------------------------------------------------------------------------------------------


def made(service, body, method="POST", target="/", **headers):
    authorization = f"AWS4-HMAC-SHA256 Credential=AKID/20240101/us-east-1/{service}/aws4_request, SignedHeaders=host, Signature=0"
    told = {"method": method, "target": target, "headers": {"authorization": authorization, **headers},
            "body": base64.b64encode(body.encode()).decode()}
    return Request(json.dumps(told))


def ec2(body):
    return made("ec2", body + "&Version=2016-11-15")


def ecs(operation, body):
    return made("ecs", body, **{"x-amz-target": f"AmazonEC2ContainerServiceV20141113.{operation}", "content-type": "application/x-amz-json-1.1"})


def s3(method, target, body=""):
    return made("s3", body, method, target)


VERSIONING = '<VersioningConfiguration xmlns="http://s3.amazonaws.com/doc/2006-03-01/"><Status>{}</Status></VersioningConfiguration>'


@pytest.mark.parametrize("request_, said", [
    (ec2("Action=StopInstances&InstanceId.1=i-1&Force=true"), None),
    (ec2("Action=StopInstances"), "Missing required parameter"),
    (ec2("Action=StopInstances&InstanceId.1=i-1&Nonsense=1"), "has no parameters ['Nonsense']"),
    (ec2("Action=StopInstances&InstanceId.1=i-1&Force=yes"), "no boolean"),
    (ec2("Action=StopInstances&InstanceId.2=i-1"), "no parameters|begins at 1"),
    (ec2("Action=StopInstance&InstanceId.1=i-1"), "no operation"),
    (made("ec2", "Action=StopInstances&InstanceId.1=i-1&Version=2014-01-01"), "version"),
    (ec2("Action=CreateSnapshots&InstanceSpecification.InstanceId=i-1&CopyTagsFromSource=everything"), "not one of"),
    (made("iam", "Action=UpdateAccessKey&UserName=u&AccessKeyId=AKIAIOSFODNN7EXAMPLE&Status=Off&Version=2010-05-08"), "not one of"),
    (made("iam", "Action=AttachUserPolicy&UserName=a+b&PolicyArn=arn:aws:iam::aws:policy/p&Version=2010-05-08"), "does not match"),
    (made("rds", "Action=ModifyDBInstance&DBInstanceIdentifier=d&VpcSecurityGroupIds.VpcSecurityGroupId.1=sg-1&Version=2014-10-31"), None),
    (made("rds", "Action=ModifyDBInstance&DBInstanceIdentifier=d&VpcSecurityGroupIds.member.1=sg-1&Version=2014-10-31"), "no list|no parameters"),
    (ecs("StopTask", '{"cluster":"c","task":"t"}'), None),
    (ecs("StopTask", '{"cluster":"c"}'), "Missing required parameter"),
    (ecs("StopTask", '{"cluster":"c","task":7}'), "Invalid type"),
    (ecs("StopTask", '{"cluster":"c","task":"t","Task":"t"}'), "Unknown parameter|botocore would send"),
    (s3("PUT", "/bucket?versioning", VERSIONING.format("Enabled")), None),
    (s3("PUT", "/bucket?versioning", VERSIONING.format("On")), "not one of"),
    (s3("PUT", "/bucket?versioning", "<Versioning/>"), "not a VersioningConfiguration"),
    (s3("PUT", "/bucket?nonsense", ""), "no operation"),
    (made("lambda", '{"ReservedConcurrentExecutions":0}', "PUT", "/2017-10-31/functions/f/concurrency"), None),
    (made("lambda", '{"Reserved":0}', "PUT", "/2017-10-31/functions/f/concurrency"), "do not belong"),
    (made("lambda", '{"ReservedConcurrentExecutions":-1}', "PUT", "/2017-10-31/functions/f/concurrency"), "valid min value"),
])
def test_the_judge_sees_what_is_wrong(request_, said):
    found = complaint(request_)
    if said is None:
        assert found is None
    else:
        assert found and any(s in found for s in said.split("|")), found
