"""What the program says of its actions, and how it publishes them."""

import json
import os

import pytest

from harness.cloud import Site

ROOT = os.path.dirname(os.path.dirname(os.path.dirname(os.path.abspath(__file__))))
FILE = "HyperglanceAutomations.json"
AWS_ACTIONS = 52


@pytest.fixture
def config(write_config):
    """An INI file; without it a configuration of this machine would be read."""
    return lambda **sections: write_config({"daemon": {"name": "hg"}, **sections})


def interface(row):
    return {k: row[k] for k in ("name", "displayName", "resourceTypes", "params")}


def test_the_actions_are_the_catalogues(hgautod, config):
    with open(os.path.join(ROOT, "tests", "data", "catalogue.json"), encoding="utf-8") as f:
        theirs = json.load(f)["aws"]
    ours = hgautod("actions", "--cloud", "aws", "--json", "-c", config()).assert_status(0).json()["automations"]
    assert [interface(r) for r in ours] == [interface(r) for r in sorted(theirs, key=lambda r: r["name"])]
    for row in ours:
        assert list(row) == ["name", "displayName", "description", "resourceTypes", "params", "permissions"]
        assert row["description"].endswith(".") and row["permissions"]


def test_only_enabled_actions_are_listed(hgautod, config):
    path = config(guard={"enable_actions": ["ec2_stop_instance", "add_tag"], "disable_actions": "add_tag"})
    listed = hgautod("actions", "--json", "-c", path).assert_status(0).json()["automations"]
    assert [r["name"] for r in listed] == ["ec2_stop_instance"]
    table = hgautod("actions", "-c", path).assert_status(0).stdout.splitlines()
    assert len(table) == 2 and table[1].split()[:3] == ["ec2_stop_instance", "aws", "stops"]


def test_one_action_in_full(hgautod, config):
    path = config(guard={"disable_actions": "ec2_stop_instance"})
    told = hgautod("actions", "ec2_stop_instance", "-c", path).assert_status(0).stdout
    for part in ("Stop", "DryRun (boolean, default \"true\")", "ec2:StopInstances", "no: ", "disable_actions"):
        assert part in told, f"{part!r} is not in:\n{told}"
    alone = hgautod("actions", "ec2_stop_instance", "--json", "-c", path).assert_status(0).json()["automations"]
    assert [r["name"] for r in alone] == ["ec2_stop_instance"]


@pytest.mark.parametrize("arguments, said", [
    (["ec2_stop_instanc"], "did you mean ec2_stop_instance"),
    (["nonsense"], "there is no action 'nonsense'"),
    (["--cloud", "gcp"], "--cloud must be aws or azure"),
    (["--json", "--iam-policy"], "mutually exclusive"),
    (["--cloud", "azure", "--iam-policy"], "--iam-policy applies to aws only"),
    (["--cloud", "aws", "--azure-role"], "--azure-role to azure only"),
    (["add_tag", "--cloud", "azure"], "--cloud is not the cloud of the action"),
])
def test_wrong_questions(hgautod, arguments, said):
    ran = hgautod("actions", *arguments).assert_status(2)
    assert said in ran.stderr and ran.stdout == ""


def test_moto_takes_the_policy(moto, hgautod, config):
    """IAM's grammar, by a judge that is not ours: moto checks a policy document as IAM does."""
    source = {"source one": {"type": "sqs", "queue_url": "https://sqs.us-east-1.amazonaws.com/123456789012/q", "bucket": "hg-events"}}
    for n, path in enumerate((config(), config(**source))):
        document = hgautod("actions", "--iam-policy", "-c", path).assert_status(0).stdout
        made = moto.client("iam").create_policy(PolicyName=f"hgautod-{n}", PolicyDocument=document)
        assert made["Policy"]["Arn"] == f"arn:aws:iam::123456789012:policy/hgautod-{n}"
        assert len("".join(document.split())) <= 6144


def test_the_reference_does_not_depend_on_the_configuration(hgautod, config):
    one = hgautod("actions", "--markdown", "-c", config(guard={"enable_actions": "add_tag"})).assert_status(0).stdout
    with open(os.path.join(ROOT, "docs", "actions.md"), encoding="utf-8") as f:
        assert one == f.read()


# --- publish ----------------------------------------------------------------------------------------------------------


def test_publishes_to_each_source(cloud, hgautod, write_config, tmp_path):
    site, other = Site(cloud), Site(cloud, "other", queue=False)
    path = write_config({**site.source(), **other.source(), "source files": {"type": "directory", "path": str(tmp_path)},
                         "guard": {"disable_actions": "add_tag"}})
    ran = hgautod("publish", "-c", path, env=cloud.env()).assert_status(0)
    assert "s3://hg-events" in ran.stdout and str(tmp_path) in ran.stdout
    for told in (site.read(FILE), other.read(FILE)):
        names = [r["name"] for r in json.loads(told)["automations"]]
        assert len(names) == AWS_ACTIONS - 1 and "add_tag" not in names and names == sorted(names)
    everything = json.loads((tmp_path / FILE).read_text())["automations"]
    assert {r["name"] for r in everything} >= set(names)


def test_publishing_again_replaces(cloud, hgautod, write_config):
    site = Site(cloud)
    site.s3.put_object(Bucket=site.bucket, Key=FILE, Body=b"{}")
    hgautod("publish", "-c", write_config(site.source()), env=cloud.env()).assert_status(0)
    assert len(json.loads(site.read(FILE))["automations"]) == AWS_ACTIONS


def test_says_which_source_could_not_be_published_to_and_why(cloud, hgautod, write_config):
    site = Site(cloud)
    path = write_config({**site.source(), "source gone": {"type": "s3", "bucket": "no-such-bucket"},
                         "source any": {"type": "sqs", "queue_url": site.queue_url, "region": "us-east-1"},
                         "source files": {"type": "directory", "path": "/proc/nowhere"}})
    ran = hgautod("publish", "-c", path, env=cloud.env()).assert_status(1)
    assert 'source "gone"' in ran.stderr and "NoSuchBucket" in ran.stderr
    assert 'source "any": ' in ran.stderr and "no bucket is set" in ran.stderr
    assert 'source "files"' in ran.stderr and "/proc/nowhere" in ran.stderr
    assert len(json.loads(site.read(FILE))["automations"]) == AWS_ACTIONS
    assert ran.stdout.count("\n") == 1


def test_a_refused_write_is_said(cloud, hgautod, write_config):
    site = Site(cloud)
    cloud.fault("PutObject", status=403, code="AccessDenied")
    ran = hgautod("publish", "-c", write_config(site.source()), env=cloud.env()).assert_status(1)
    assert "AccessDenied" in ran.stderr and 'source "events"' in ran.stderr


def test_publish_without_a_source(hgautod, config):
    assert "source" in hgautod("publish", "-c", config()).assert_status(2).stderr
