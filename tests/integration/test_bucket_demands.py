"""What a bucket may demand of each object that is put there, and whose it must be: in every request that the daemon makes on it."""

import base64
import hashlib

import pytest

from harness.cloud import Site
from harness.events import ACCOUNT, stop_event
from harness.proxy import Proxy

DEMANDS = {
    "AES256": ({"server_side_encryption": "AES256"}, {"x-amz-server-side-encryption": "AES256"}),
    "KMS": ({"server_side_encryption": "aws:kms", "kms_key_id": "alias/hg"},
            {"x-amz-server-side-encryption": "aws:kms", "x-amz-server-side-encryption-aws-kms-key-id": "alias/hg"}),
    "ACL": ({"acl": "bucket-owner-full-control"}, {"x-amz-acl": "bucket-owner-full-control"}),
    "none": ({}, {}),
}
KEYS = {name for _, headers in DEMANDS.values() for name in headers}
REFUSALS = [
    ({"status": 403, "code": "AccessDenied", "message": "explicit deny in a resource-based policy"}, "set server_side_encryption"),
    ({"status": 400, "code": "InvalidRequest", "message": "Content-MD5 OR x-amz-checksum- HTTP header is required for Put Object "
      "requests with Object Lock parameters"}, "set checksum in the source"),
    ({"status": 400, "code": "AccessControlListNotSupported", "message": "The bucket does not allow ACLs"}, "remove acl from the source"),
    ({"status": 400, "code": "KMS.NotFoundException", "message": "Alias is not found."}, "check kms_key_id"),
]


class Watching(Proxy):
    """Notes the headers and bodies of hgautod's own requests on the bucket."""

    def __init__(self, cloud):
        self.seen = []
        super().__init__(cloud)

    def exchanged(self, method, path, headers, body, status):
        if headers.get("User-Agent", "").startswith("hgautod/") and path.strip("/"):
            self.seen.append((method, path, {k.lower(): v for k, v in headers.items()}, body))

    def puts(self):
        return [(path, headers, body) for method, path, headers, body in self.seen if method == "PUT"]


@pytest.fixture
def watching(cloud):
    made = Watching(cloud)
    yield made
    made.stop()


def run_one(watching, daemon, **keys):
    site = Site(watching)
    site.put_event(stop_event("i-0aaaaaaa"))
    daemon(site, config=site.source(**keys), once=True).ended(0)
    [report] = site.reports()
    report.assert_all_processed()
    return site


@pytest.mark.parametrize("demand", DEMANDS)
def test_each_object_is_put_as_the_bucket_demands(cloud, watching, daemon, hgautod, write_config, demand):
    settings, headers = DEMANDS[demand]
    cloud.instance("i-0aaaaaaa")
    site = run_one(watching, daemon, **settings)
    hgautod("publish", "-c", write_config(site.source(**settings)), env=watching.env()).assert_status(0)
    puts = watching.puts()
    for end in ("/is_pending", ".json", "/HyperglanceAutomations.json"):
        assert any(path.endswith(end) for path, _, _ in puts), f"no put of *{end}: {puts}"
    for path, sent, _ in puts:
        assert {k: v for k, v in sent.items() if k in KEYS} == headers, path


def test_each_object_has_the_checksum_of_its_bytes(cloud, watching, daemon):
    """Reports are streamed, and have one too."""
    cloud.instance("i-0aaaaaaa")
    run_one(watching, daemon, checksum="sha256")
    for path, sent, body in watching.puts():
        assert sent.get("x-amz-checksum-sha256") == base64.b64encode(hashlib.sha256(body).digest()).decode(), path


def test_each_request_says_whose_the_bucket_must_be(cloud, watching, daemon):
    cloud.instance("i-0aaaaaaa")
    site = run_one(watching, daemon, bucket_owner=ACCOUNT)
    on_bucket = [(m, p, h) for m, p, h, _ in watching.seen if p.startswith(f"/{site.bucket}")]
    assert {m for m, _, _ in on_bucket} >= {"GET", "PUT", "DELETE"}
    assert {h.get("x-amz-expected-bucket-owner") for _, _, h in on_bucket} == {ACCOUNT}


@pytest.mark.parametrize("refusal, advice", REFUSALS, ids=[r["code"] for r, _ in REFUSALS])
def test_check_online_says_by_name_what_the_bucket_demands(cloud, hgautod, write_config, refusal, advice):
    site = Site(cloud)
    cloud.fault("PutObject", times=-1, **refusal)
    ran = hgautod("check", "--online", "-c", write_config(site.source()), env=cloud.env()).assert_status(1)
    [line] = [found for found in ran.stdout.splitlines() if found.startswith("FAIL")]
    assert line.startswith(f"FAIL  s3://{site.bucket}: {refusal['code']}: ") and advice in line
    assert "writing reports is allowed" not in ran.stdout


def test_check_online_puts_a_report_and_leaves_nothing(cloud, watching, hgautod, write_config):
    site = Site(watching)
    before = site.keys()
    config = write_config(site.source(prefix="production/", server_side_encryption="AES256"))
    hgautod("check", "--online", "-c", config, env=watching.env()).assert_status(0)
    assert site.keys() == before
    [path] = [p for p, headers, _ in watching.puts() if "if-match" not in headers]
    assert path.startswith(f"/{site.bucket}/production/reports/hgautod-check/hgautod-check-")
    assert {headers["x-amz-server-side-encryption"] for _, headers, _ in watching.puts()} == {"AES256"}


def test_a_key_needs_its_encryption(hgautod, write_config):
    config = {"source s": {"type": "s3", "bucket": "events", "kms_key_id": "alias/hg", "server_side_encryption": "AES256"}}
    ran = hgautod("check", "-c", write_config(config)).assert_status(2)
    assert "kms_key_id needs server_side_encryption = aws:kms or aws:kms:dsse" in ran.stderr
