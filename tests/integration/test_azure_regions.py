"""[guard] allow_regions in Azure: the location of a resource is read from Resource Manager, not from the event."""

import re
from types import SimpleNamespace

import pytest

from harness.azure import GROUP, SUBSCRIPTION, TYPES, resource_id
from harness.events import azure_entity, event
from harness.manager import ENV, ManagerHandler, running_manager
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


class Handler(ManagerHandler):
    """Has every resource, all in one place, and makes every change."""

    def respond(self):
        path = self.path.split("?")[0]
        self.server.requests.append(SimpleNamespace(method=self.command, path=path))
        if path.endswith(TAGS):
            return 200, {"properties": {"tags": {"env": "prod"}}}
        if self.command == "GET":
            return self.server.status, self.server.body
        return 200, None


@pytest.fixture
def manager():
    with running_manager(Handler, requests=[], status=200, body={"location": "westeurope"}) as server:
        yield server


@pytest.fixture
def run(manager, exec_event):
    def act(action, type, params, guard=None, **more):
        config = {"azure": manager.config, "guard": {"enable_actions": action, **(guard or {})}}
        resource = azure_entity(TYPES[type], resource_id(type, "web1"), subscription=SUBSCRIPTION, group=GROUP, name="web1", **more)
        return exec_event(event(action, [resource], params), config=config, env=ENV).report, resource["id"]

    return act


def changes(manager):
    return [r for r in manager.requests if r.method != "GET"]


def located(manager):
    """The reads of a location."""
    return [r for r in manager.requests if r.method == "GET" and not r.path.endswith(TAGS)]


@each_action
def test_the_location_in_azure_decides(manager, run, action, type, params):
    manager.body = {"location": "eastus"}
    report, id = run(action, type, params, IN_EUROPE)
    report.assert_error(id, r'^the region "eastus" is not among \[guard\] allow_regions$')
    assert changes(manager) == [] and len(located(manager)) == 1


@each_action
@pytest.mark.parametrize("location", ["westeurope", "West Europe"])
def test_a_resource_in_an_allowed_region_is_processed(manager, run, action, type, params, location):
    manager.body = {"location": location}
    report, _ = run(action, type, params, IN_EUROPE)
    report.assert_all_processed()
    assert changes(manager) != [] and len(located(manager)) == 1


@each_action
def test_without_the_setting_no_location_is_read(manager, run, action, type, params):
    report, _ = run(action, type, params)
    report.assert_all_processed()
    assert changes(manager) != [] and located(manager) == []


@each_action
def test_the_role_allows_reading_the_location_only_with_the_setting(manager, run, hgautod, write_config, action, type, params):
    run(action, type, params, IN_EUROPE)
    needed = set().union(*map(azure_needed, located(manager)))
    for guard, allowed in ({"enable_actions": action, **IN_EUROPE}, True), ({"enable_actions": action}, False):
        config = write_config({"daemon": {"name": "hg"}, "guard": guard})
        role = hgautod("actions", "--azure-role", "-c", config).assert_status(0).json()
        granted = {a.lower() for a in role["Actions"]}
        # vm_delete reads the machine in any case.
        assert (needed <= granted) is (allowed or action == "vm_delete"), (guard, needed, granted)


@pytest.mark.parametrize("status, body, why", [
    (403, {"error": {"code": "AuthorizationFailed", "message": "No read."}},
     r"^AuthorizationFailed: its location cannot be read, and \[guard\] allow_regions is set: No read\."),
    (404, {"error": {"code": "SubscriptionNotFound", "message": "None."}}, r"^SubscriptionNotFound: its location cannot be read"),
    (200, {}, "returned no location for it"), (200, {"location": ""}, "returned no location for it"), (200, {"location": 7}, "returned no location for it"),
])
def test_an_unknown_location_is_not_allowed(manager, run, status, body, why):
    manager.status, manager.body = status, body
    report, id = run("vm_delete", VM, {}, IN_EUROPE)
    report.assert_error(id, why)
    assert changes(manager) == []


def test_a_missing_resource_is_left_to_the_action(manager, run):
    manager.status, manager.body = 404, {"error": {"code": "ResourceNotFound", "message": "Gone."}}
    report, _ = run("disk_delete", "Microsoft.Compute/disks", {}, IN_EUROPE)
    report.assert_all_processed()
    assert [r.method for r in manager.requests] == ["GET", "DELETE"]


def test_the_region_in_the_event_must_be_allowed_too(manager, run):
    report, id = run("vm_delete", VM, {}, IN_EUROPE, region="eastus")
    report.assert_error(id, re.escape('the region "eastus" is not among [guard] allow_regions'))
    assert manager.requests == []
