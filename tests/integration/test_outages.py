"""Services that give credentials and tokens, and cannot for a while: no resource is errored for it."""

import json
import threading
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer

import pytest

from harness.azure import Arm, entity_of
from harness.events import ACCOUNT, NOT_DRY, event, instance

OTHER = "222233334444"


class Metadata(BaseHTTPRequestHandler):
    """IMDSv2 of an instance with a role. Its first answers are as told: a status, or None for a connection that ends unanswered."""

    def do_PUT(self):
        self.answer("a-session")

    def do_GET(self):
        role = "/latest/meta-data/iam/security-credentials/"
        self.answer("daemon" if self.path == role else json.dumps(
            {"Code": "Success", "AccessKeyId": "AKIA" + ACCOUNT, "SecretAccessKey": "secret", "Token": "t",
             "Expiration": "2099-01-01T00:00:00Z"}))

    def answer(self, text):
        self.server.seen += 1
        status = self.server.first.pop(0) if self.server.first else 200
        if status is None:
            self.close_connection = True
            return
        self.send_response(status)
        self.send_header("Content-Length", str(len(text)))
        self.end_headers()
        self.wfile.write(text.encode())

    def log_message(self, *_):
        pass


@pytest.fixture
def metadata():
    server = ThreadingHTTPServer(("127.0.0.1", 0), Metadata)
    server.first, server.seen, server.url = [], 0, f"http://127.0.0.1:{server.server_port}"
    thread = threading.Thread(target=server.serve_forever)
    thread.start()
    yield server
    server.shutdown()
    thread.join()
    server.server_close()


IDS = [f"i-000000000000000{n:02x}" for n in range(6)]


@pytest.fixture
def with_role(metadata, moto, exec_event):
    """Carries out an event with the credentials of the metadata service alone."""
    def run(first, resources):
        metadata.first = list(first)
        env = {"AWS_ACCESS_KEY_ID": None, "AWS_SECRET_ACCESS_KEY": None, "AWS_EC2_METADATA_DISABLED": "false",
               "AWS_EC2_METADATA_SERVICE_ENDPOINT": metadata.url}
        return exec_event(event("ec2_stop_instance", [instance(id) for id in resources], NOT_DRY), env=env).report

    return run


@pytest.mark.parametrize("first", [[503], [None], [200, 503], [200, 200, 500], [200, 200, None], [429, None, 503]], ids=str)
def test_metadata_that_is_busy_once_is_asked_again(moto, with_role, first):
    started = moto.client("ec2").run_instances(ImageId="ami-12c6146b", MinCount=2, MaxCount=2)
    ids = [one["InstanceId"] for one in started["Instances"]]
    with_role(first, ids).assert_all_processed()


def test_where_nothing_listens_there_are_no_credentials(metadata, with_role):
    metadata.url = "http://127.0.0.1:1"
    report = with_role([], IDS[:2])
    assert set(report.errors) == set(IDS[:2])
    report.assert_error(IDS[0], "^no AWS credentials: give the host a role, .*the instance metadata service does not respond: "
                                "cannot connect to 127.0.0.1:1: Connection refused")


def test_what_is_silent_again_and_again_is_not_there(with_role, metadata):
    report = with_role([None] * 1000, IDS[:2])
    report.assert_error(IDS[0], "^no AWS credentials: .*the instance metadata service does not respond: ")


# Several fetches of the token fail, as many resources wait for it, and none of them has done anything.
OUTAGES = [{"status": 503, "retry_after": "1"}, {"status": 429, "retry_after": "1"}]


@pytest.mark.parametrize("fault", OUTAGES, ids=lambda f: str(f["status"]))
def test_an_outage_of_azures_token_service(cloud, exec_event, fault):
    arm = Arm(cloud)
    names = [arm.vm(f"vm-{n}") for n in range(6)]
    arm.fault("token", times=5, **fault)
    ran = exec_event(event("vm_start", [entity_of(id) for id in names]), config=arm.config(), on=arm)
    ran.report.assert_all_processed()
    assert [r["status"] for r in cloud.requests(operation="token")] == [fault["status"]] * 5 + [200]


@pytest.mark.parametrize("fault", OUTAGES, ids=lambda f: str(f["status"]))
def test_an_outage_of_sts(cloud, exec_event, fault):
    there = [cloud.instance(id, account=OTHER) for id in IDS]
    cloud.fault("AssumeRole", times=5, code="ServiceUnavailable", **fault)
    role = {"aws": {"cross_account_role": "arn:{partition}:iam::{account}:role/hg-x-account"}}
    ran = exec_event(event("ec2_stop_instance", [instance(id, account=OTHER) for id in there], NOT_DRY), config=role, on=cloud)
    ran.report.assert_all_processed()
    assert [r["status"] for r in cloud.requests(operation="AssumeRole")] == [fault["status"]] * 5 + [200]


def test_check_waits_for_an_identity(cloud, hgautod, write_config, tmp_path):
    arm = Arm(cloud)
    arm.fault("token", times=2, status=503, retry_after="1")
    config = write_config({**arm.config(), "source a": {"type": "directory", "path": tmp_path}})
    found = hgautod("check", "-c", config, "--online", env=arm.env()).assert_status(0)
    assert f"ok    a token for {arm.url}" in found.stdout
