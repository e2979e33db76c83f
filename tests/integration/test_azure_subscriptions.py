"""azure.subscriptions_file: only resources in the chosen subscriptions are acted on."""

import json
import threading
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer

import pytest

from harness.azure import CLIENT, SECRET, TENANT, vm_id
from harness.events import azure_entity, event

ONE, TWO, OTHER = (f"{n}{n}{n}{n}{n}{n}{n}{n}-0000-4000-8000-000000000000" for n in (1, 2, 3))


class Handler(BaseHTTPRequestHandler):
    """A token service, and a Resource Manager that knows subscriptions, in two pages, and nothing in them."""

    protocol_version = "HTTP/1.1"

    def answer(self, status, body):
        text = json.dumps(body).encode()
        self.send_response(status)
        self.send_header("Content-Type", "application/json")
        self.send_header("Content-Length", str(len(text)))
        self.end_headers()
        self.wfile.write(text)

    def do_POST(self):
        self.rfile.read(int(self.headers.get("Content-Length") or 0))
        if self.path == f"/{TENANT}/oauth2/v2.0/token":
            self.answer(200, {"token_type": "Bearer", "expires_in": 3600, "access_token": "a-token"})
        else:
            self.refuse()

    def do_GET(self):
        base = f"http://127.0.0.1:{self.server.server_port}"
        if self.path == "/subscriptions?api-version=2020-01-01":
            self.server.lists += 1
            self.answer(200, {"value": [{"subscriptionId": TWO, "displayName": "Sandbox"}],
                              "nextLink": self.server.next_link or base + "/subscriptions?api-version=2020-01-01&$skiptoken=2"})
        elif self.path == "/subscriptions?api-version=2020-01-01&$skiptoken=2":
            self.answer(200, {"value": [{"subscriptionId": ONE, "displayName": "Sales, Europe"}]})
        else:
            self.refuse()

    do_DELETE = do_GET

    def refuse(self):
        self.server.reached.append(self.path.split("/")[2])
        self.answer(404, {"error": {"code": "ResourceNotFound", "message": "It is not there."}})

    def log_message(self, *_):
        pass


@pytest.fixture
def manager():
    server = ThreadingHTTPServer(("127.0.0.1", 0), Handler)
    server.lists, server.reached, server.next_link = 0, [], None
    thread = threading.Thread(target=server.serve_forever)
    thread.start()
    yield server
    server.shutdown()
    thread.join()
    server.server_close()


def vm(subscription, said):
    """A machine in one subscription that is said to be in another."""
    id = vm_id("web", subscription=subscription)
    return azure_entity("Virtual Machine", id, subscription=said, group="rg-Test", name="web")


@pytest.fixture
def run(manager, exec_event, tmp_path):
    """The report of an event with a machine in each of ONE, TWO and OTHER, under a file of this text."""

    def run(text, entities=None, **env):
        path = tmp_path / "subscriptions.csv"
        path.write_text(text)
        entities = entities or [vm(s, s) for s in (ONE, TWO, OTHER)]
        url = f"http://127.0.0.1:{manager.server_port}"
        config = {"azure": {"arm_endpoint": url, "authority": url, "subscriptions_file": str(path)}}
        env = {"AZURE_TENANT_ID": TENANT, "AZURE_CLIENT_ID": CLIENT, "AZURE_CLIENT_SECRET": SECRET, **env}
        manager.report = exec_event(event("vm_deallocate", entities, {"DryRun": "false"}), config=config, env=env, on=Nothing()).report
        return set(manager.reached)

    return run


class Nothing:
    """No cloud beside the manager."""

    def env(self):
        return {"AWS_EC2_METADATA_DISABLED": "true"}


def test_by_id(run, manager):
    assert run(f"{ONE}\n") == {ONE}
    assert manager.lists == 0
    for other in (TWO, OTHER):
        manager.report.assert_error(vm(other, other)["id"], f'^the subscription "{other}" is not in azure.subscriptions_file$')


def test_by_name(run, manager):
    assert run(f'"Sales, Europe", {OTHER}') == {ONE, OTHER}
    assert manager.lists == 1


def test_the_default_subscription(run, manager):
    assert run(ONE, AZURE_SUBSCRIPTION_ID=TWO) == {ONE, TWO}


def test_a_list_that_goes_on_elsewhere_is_not_followed(run, manager):
    manager.next_link = "http://localhost:1/subscriptions?api-version=2020-01-01"
    assert run('"Sales, Europe"') == set()
    manager.report.assert_error(vm(ONE, ONE)["id"], "^ForeignUrl: .* on another host than .*subscriptions/list")


def test_an_id_in_another_subscription_than_the_resource_says(run, manager):
    assert run(ONE, [vm(OTHER, ONE), vm(ONE, OTHER)]) == set()
    manager.report.assert_error(vm(OTHER, ONE)["id"], "is not in its \"subscription\"")
