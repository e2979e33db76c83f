"""What the guides tell to do is right: the parts of it that can be tried here."""

import json
import pathlib
import re
import shutil
import subprocess

from harness.need import without

ROOT = pathlib.Path(__file__).resolve().parents[2]
GUIDE = (ROOT / "docs/deploy-aws.md").read_text()


def after(before, folder):
    """What the guide's command makes of a bucket's notification configuration."""
    if not shutil.which("jq"):
        without("jq")
    [command] = re.findall(r"(    jq --arg queue.*?> after\.json)", GUIDE, re.S)
    (folder / "before.json").write_text(before)
    subprocess.run(["bash", "-euc", f"region=eu-west-1 account=123456789012\n{command}"], cwd=folder, check=True)
    return json.loads((folder / "after.json").read_text())


def test_the_notifications_of_others_are_kept(tmp_path):
    others = {"QueueConfigurations": [{"Id": "theirs", "QueueArn": "arn:aws:sqs:eu-west-1:123456789012:theirs", "Events": ["s3:ObjectRemoved:*"]}],
              "LambdaFunctionConfigurations": [{"Id": "lambda", "LambdaFunctionArn": "arn", "Events": ["s3:ObjectCreated:*"]}],
              "EventBridgeConfiguration": {}}
    first = after(json.dumps(others), tmp_path)
    ours = first["QueueConfigurations"].pop()
    assert first == others
    assert (ours["Id"], ours["QueueArn"]) == ("hgautod", "arn:aws:sqs:eu-west-1:123456789012:hyperglance-events")
    first["QueueConfigurations"].append(ours)
    assert after(json.dumps(first), tmp_path) == first


def test_a_bucket_without_notifications_gets_ours(tmp_path):
    """The AWS CLI prints nothing for it."""
    assert [q["Id"] for q in after("", tmp_path)["QueueConfigurations"]] == ["hgautod"]


def test_no_guide_replaces_a_buckets_notifications(tmp_path):
    commands = [line for path in [ROOT / "README.md", *(ROOT / "docs").glob("*.md")] for line in path.read_text().splitlines()
                if "put-bucket-notification-configuration" in line]
    assert commands and all(line.endswith("--notification-configuration file://after.json") for line in commands)


def test_the_azure_guide_names_the_permissions_that_following_operations_needs():
    """They are in no role that was written for an automation that does not wait for the end."""
    needed = set()
    for path in (ROOT / "actions/azure").glob("*.c"):
        needed |= set(re.findall(r'"(Microsoft[^"]*/operation(?:s|results)/read|Microsoft[^"]*/[a-zA-Z]*Operations/read|Microsoft[^"]*/operationResults/read)"', path.read_text()))
    guide = (ROOT / "docs/deploy-azure.md").read_text()
    assert len(needed) >= 5 and [p for p in sorted(needed) if f"    {p}\n" not in guide] == []
