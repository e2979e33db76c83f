"""[azure] subscriptions_file: actions run only on resources in the listed subscriptions."""

import pytest

from harness.azure import vm_id
from harness.events import azure_entity, event
from harness.manager import ENV, ManagerHandler, running_manager

LIST = "/subscriptions?api-version=2020-01-01"
ONE, TWO, OTHER = (f"{n}{n}{n}{n}{n}{n}{n}{n}-0000-4000-8000-000000000000" for n in (1, 2, 3))


class Handler(ManagerHandler):
    """Has subscriptions, listed in two pages, and nothing in them."""

    def respond(self):
        if self.command == "GET" and self.path == LIST:
            self.server.lists += 1
            return 200, {"value": [{"subscriptionId": TWO, "displayName": "Sandbox"}],
                         "nextLink": self.server.next_link or self.server.url + LIST + "&$skiptoken=2"}
        if self.command == "GET" and self.path == LIST + "&$skiptoken=2":
            return 200, {"value": [{"subscriptionId": ONE, "displayName": "Sales, Europe"}]}
        self.server.reached.append(self.path.split("/")[2])
        return 404, {"error": {"code": "ResourceNotFound", "message": "It is not there."}}


@pytest.fixture
def manager():
    with running_manager(Handler, lists=0, reached=[], next_link=None) as server:
        yield server


def vm(subscription, named):
    """A machine in one subscription, whose event names another."""
    id = vm_id("web", subscription=subscription)
    return azure_entity("Virtual Machine", id, subscription=named, group="rg-Test", name="web")


@pytest.fixture
def run(manager, exec_event, tmp_path):
    """The report of an event with a machine in each of ONE, TWO and OTHER, under a file of this text."""

    def run(text, entities=None, **env):
        path = tmp_path / "subscriptions.csv"
        path.write_text(text)
        entities = entities or [vm(s, s) for s in (ONE, TWO, OTHER)]
        config = {"azure": {**manager.config, "subscriptions_file": str(path)}}
        manager.report = exec_event(event("vm_deallocate", entities, {"DryRun": "false"}), config=config, env={**ENV, **env},
                                    on=Nothing()).report
        return set(manager.reached)

    return run


class Nothing:
    """No cloud besides the manager."""

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


def test_a_next_page_on_another_host_is_not_requested(run, manager):
    manager.next_link = "http://localhost:1/subscriptions?api-version=2020-01-01"
    assert run('"Sales, Europe"') == set()
    manager.report.assert_error(vm(ONE, ONE)["id"], "^ForeignUrl: Azure named a URL that is not on .*subscriptions/list")


def test_an_id_in_another_subscription_than_the_resource_names(run, manager):
    assert run(ONE, [vm(OTHER, ONE), vm(ONE, OTHER)]) == set()
    manager.report.assert_error(vm(OTHER, ONE)["id"], "is not in its \"subscription\"")
