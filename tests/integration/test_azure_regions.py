"""[guard] allow_regions in Azure: where a resource is, is what Resource Manager says of it, not what the event says."""

import json
import re
import threading
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from types import SimpleNamespace

import pytest

from harness.azure import CLIENT, GROUP, SECRET, SUBSCRIPTION, TENANT, TYPES, resource_id
from harness.events import azure_entity, event
from harness.permissions import azure_needed

VM = "Microsoft.Compute/virtualMachines"
ACTIONS = [
    ("vm_start", VM, {}), ("vm_power_off", VM, {}), ("vm_deallocate", VM, {}), ("vm_delete", VM, {}),
    ("disk_delete", "Microsoft.Compute/disks", {}), ("image_delete", "Microsoft.Compute/images", {}),
    ("ssh_public_key_delete", "Microsoft.Compute/sshPublicKeys", {}), ("nic_delete", "Microsoft.Network/networkInterfaces", {}),
    ("ip_delete", "Microsoft.Network/publicIPAddresses", {}), ("generic_rg_delete", VM, {}),
    ("generic_tag", VM, {"Key": "a", "Value": "b"}), ("generic_untag", VM, {"Key": "env"}),
    ("generic_tag_update", VM, {"Old Key": "env", "New Key": "stage"}), ("generic_tag", "Microsoft.Compute/disks", {"Key": "a", "Value": "b"}),
]
each_action = pytest.mark.parametrize("action, type, params", ACTIONS, ids=lambda value: value if isinstance(value, str) else "")
IN_EUROPE = {"allow_regions": "westeurope"}
TAGS = "/providers/Microsoft.Resources/tags/default"


class Handler(BaseHTTPRequestHandler):
    """A token service, and a Resource Manager to which everything is there, at the same place, and every change works."""

    protocol_version = "HTTP/1.1"

    def answer(self, status, body=None):
        text = json.dumps(body).encode() if body is not None else b""
        self.send_response(status)
        self.send_header("Content-Type", "application/json")
        self.send_header("Content-Length", str(len(text)))
        self.end_headers()
        self.wfile.write(text)

    def serve(self):
        self.rfile.read(int(self.headers.get("Content-Length") or 0))
        path = self.path.split("?")[0]
        if path == f"/{TENANT}/oauth2/v2.0/token":
            return self.answer(200, {"token_type": "Bearer", "expires_in": 3600, "access_token": "a-token"})
        self.server.requests.append(SimpleNamespace(method=self.command, path=path))
        if path.endswith(TAGS):
            return self.answer(200, {"properties": {"tags": {"env": "prod"}}})
        if self.command == "GET":
            return self.answer(self.server.status, self.server.body)
        return self.answer(200)

    do_GET = do_POST = do_DELETE = do_PATCH = serve

    def log_message(self, *_):
        pass


@pytest.fixture
def manager():
    server = ThreadingHTTPServer(("127.0.0.1", 0), Handler)
    server.requests, server.status, server.body = [], 200, {"location": "westeurope"}
    thread = threading.Thread(target=server.serve_forever)
    thread.start()
    yield server
    server.shutdown()
    thread.join()
    server.server_close()


@pytest.fixture
def run(manager, exec_event):
    def act(action, type, params, guard=None, **more):
        url = f"http://127.0.0.1:{manager.server_port}"
        config = {"azure": {"arm_endpoint": url, "authority": url}, "guard": {"enable_actions": action, **(guard or {})}}
        env = {"AZURE_TENANT_ID": TENANT, "AZURE_CLIENT_ID": CLIENT, "AZURE_CLIENT_SECRET": SECRET}
        resource = azure_entity(TYPES[type], resource_id(type, "web1"), subscription=SUBSCRIPTION, group=GROUP, name="web1", **more)
        return exec_event(event(action, [resource], params), config=config, env=env).report, resource["id"]

    return act


def changes(manager):
    return [r for r in manager.requests if r.method != "GET"]


def located(manager):
    """The reads that ask where something is."""
    return [r for r in manager.requests if r.method == "GET" and not r.path.endswith(TAGS)]


@each_action
def test_where_azure_says_it_is_decides(manager, run, action, type, params):
    manager.body = {"location": "eastus"}
    report, id = run(action, type, params, IN_EUROPE)
    report.assert_error(id, r'^the region "eastus" is not among \[guard\] allow_regions$')
    assert changes(manager) == [] and len(located(manager)) == 1


@each_action
@pytest.mark.parametrize("location", ["westeurope", "West Europe"])
def test_what_is_where_it_may_be_is_acted_on(manager, run, action, type, params, location):
    manager.body = {"location": location}
    report, _ = run(action, type, params, IN_EUROPE)
    report.assert_all_processed()
    assert changes(manager) != [] and len(located(manager)) == 1


@each_action
def test_without_the_setting_nobody_asks(manager, run, action, type, params):
    report, _ = run(action, type, params)
    report.assert_all_processed()
    assert changes(manager) != [] and located(manager) == []


@each_action
def test_the_role_allows_asking_exactly_then(manager, run, hgautod, write_config, action, type, params):
    run(action, type, params, IN_EUROPE)
    needed = set().union(*map(azure_needed, located(manager)))
    for guard, allowed in ({"enable_actions": action, **IN_EUROPE}, True), ({"enable_actions": action}, False):
        config = write_config({"daemon": {"name": "hg"}, "guard": guard})
        role = hgautod("actions", "--azure-role", "-c", config).assert_status(0).json()
        told = {a.lower() for a in role["Actions"]}
        assert (needed <= told) is (allowed or action == "vm_delete"), (guard, needed, told)  # which reads the machine anyway


@pytest.mark.parametrize("status, body, why", [
    (403, {"error": {"code": "AuthorizationFailed", "message": "No read."}},
     r"^AuthorizationFailed: its location cannot be read, and \[guard\] allow_regions is set: No read\."),
    (404, {"error": {"code": "SubscriptionNotFound", "message": "None."}}, r"^SubscriptionNotFound: its location cannot be read"),
    (200, {}, "says of it no location"), (200, {"location": ""}, "says of it no location"), (200, {"location": 7}, "says of it no location"),
])
def test_what_is_not_known_is_not_allowed(manager, run, status, body, why):
    manager.status, manager.body = status, body
    report, id = run("vm_delete", VM, {}, IN_EUROPE)
    report.assert_error(id, why)
    assert changes(manager) == []


def test_what_is_gone_is_left_to_the_action(manager, run):
    manager.status, manager.body = 404, {"error": {"code": "ResourceNotFound", "message": "Gone."}}
    report, _ = run("disk_delete", "Microsoft.Compute/disks", {}, IN_EUROPE)
    report.assert_all_processed()
    assert [r.method for r in manager.requests] == ["GET", "DELETE"]


def test_what_the_event_says_must_be_allowed_too(manager, run):
    report, id = run("vm_delete", VM, {}, IN_EUROPE, region="eastus")
    report.assert_error(id, re.escape('the region "eastus" is not among [guard] allow_regions'))
    assert manager.requests == []
