"""Our requests to Azure Resource Manager beside those of the official SDKs: method, path, version and body must agree."""

import json
import urllib.parse

import pytest

from harness.azure import GROUP, SUBSCRIPTION, Arm, disk_id, entity_of, needs_sdks, resource_id, vm_id
from harness.events import event

needs_sdks()

COMPUTE, DISKS, NETWORK, RESOURCES = "2022-08-01", "2022-07-02", "2022-07-01", "2021-04-01"

# What the SDK says though it is what the service does anyway.
DEFAULTS = {("skipShutdown", "false")}


@pytest.fixture
def arm(cloud):
    return Arm(cloud)


def shape(request):
    """What must agree."""
    query = sorted(set(urllib.parse.parse_qsl(request["query"])) - DEFAULTS)
    body = json.loads(request["body"]) if request["body"] else None
    length = request["content_length"] if request["method"] != "GET" else ""
    return (request["method"], urllib.parse.unquote(request["path"]), query, body,
            "application/json" if body is not None and request["content_type"].startswith("application/json") else "",
            length if body is None else "")


def sent(arm, operation):
    return [shape(r) for r in arm.requests(operation=operation)]


def compare(arm, exec_event, operations, ours, theirs):
    """Lets both do their calls against the same state and compares the requests of these operations."""
    action, resource, params, config = (*ours, None, None)[:4]
    arm_state = list(arm.resources().values())
    exec_event(event(action, [entity_of(resource)], params or {}), config=arm.config(config), on=arm).report.assert_all_processed()
    mine = {o: sent(arm, o) for o in operations}
    arm.cloud.reset()
    arm.put(*arm_state)
    theirs()
    for operation in operations:
        assert mine[operation], f"no {operation} was sent"
        assert mine[operation] == sent(arm, operation)


@pytest.mark.parametrize("action, method, operation", [("vm_start", "begin_start", "start"), ("vm_power_off", "begin_power_off", "powerOff"),
                                                       ("vm_deallocate", "begin_deallocate", "deallocate")])
@pytest.mark.parametrize("name", ["web-1", "web(1)"])
def test_power(arm, exec_event, action, method, operation, name):
    vm = arm.vm(name)
    compare(arm, exec_event, [f"virtualMachines/{operation}"], (action, vm),
            lambda: getattr(arm.sdk("compute").virtual_machines, method)(GROUP, name, api_version=COMPUTE).result())


def test_a_machine_and_what_is_attached(arm, exec_event):
    def theirs():
        compute, network = arm.sdk("compute"), arm.sdk("network")
        compute.virtual_machines.get(GROUP, "web-1", api_version=COMPUTE)
        network.network_interfaces.get(GROUP, "web-1-nic0", api_version=NETWORK)
        network.network_interfaces.get(GROUP, "web-1-nic1", api_version=NETWORK)
        compute.virtual_machines.begin_delete(GROUP, "web-1", api_version=COMPUTE).result()
        for disk in ("web-1-os", "web-1-data"):
            compute.disks.begin_delete(GROUP, disk, api_version=DISKS).result()
        for nic in ("web-1-nic0", "web-1-nic1"):
            network.network_interfaces.begin_delete(GROUP, nic, api_version=NETWORK).result()
        network.public_ip_addresses.begin_delete(GROUP, "web-1-ip", api_version=NETWORK).result()

    vm, *_ = arm.machine("web-1")
    compare(arm, exec_event, ["virtualMachines/get", "virtualMachines/delete", "disks/delete", "networkInterfaces/get",
                              "networkInterfaces/delete", "publicIPAddresses/delete"],
            ("vm_delete", vm, {"Delete Associated Resources": "true"}), theirs)


@pytest.mark.parametrize("action, type, client, version", [
    ("disk_delete", "Microsoft.Compute/disks", lambda arm: arm.sdk("compute").disks.begin_delete, DISKS),
    ("image_delete", "Microsoft.Compute/images", lambda arm: arm.sdk("compute").images.begin_delete, COMPUTE),
    ("ssh_public_key_delete", "Microsoft.Compute/sshPublicKeys", lambda arm: arm.sdk("compute").ssh_public_keys.delete, COMPUTE),
    ("nic_delete", "Microsoft.Network/networkInterfaces", lambda arm: arm.sdk("network").network_interfaces.begin_delete, NETWORK),
    ("ip_delete", "Microsoft.Network/publicIPAddresses", lambda arm: arm.sdk("network").public_ip_addresses.begin_delete, NETWORK),
])
def test_deletions(arm, exec_event, action, type, client, version):
    def theirs():
        poller = client(arm)(GROUP, "x.1", api_version=version)
        if poller:
            poller.result()

    compare(arm, exec_event, [type.split("/")[1] + "/delete"], (action, arm.put(resource_id(type, "x.1"))), theirs)


def test_a_resource_group(arm, exec_event):
    compare(arm, exec_event, ["resourceGroups/delete"],
            ("generic_rg_delete", arm.put(disk_id("d")), {}, {"guard": {"enable_actions": "generic_rg_delete"}}),
            lambda: arm.sdk("resource", api_version=RESOURCES).resource_groups.begin_delete(GROUP).result())


@pytest.mark.parametrize("action, params, patches", [
    ("generic_tag", {"Key": "env", "Value": "prød"}, [("Merge", {"env": "prød"})]),
    ("generic_untag", {"Key": "OWNER"}, [("Delete", {"owner": "ops"})]),
    ("generic_tag_update", {"Old Key": "owner", "New Key": "Owner"}, [("Replace", {"Owner": "ops", "a": "b"})]),
    ("generic_tag_update", {"Old Key": "owner", "New Key": "team"}, [("Merge", {"team": "ops"}), ("Delete", {"owner": "ops"})]),
])
def test_tags(arm, exec_event, action, params, patches):
    vm = arm.vm("web-1", tags={"owner": "ops", "a": "b"})

    def theirs():
        tags = arm.sdk("resource", api_version=RESOURCES).tags
        for operation, given in patches:
            tags.get_at_scope(vm)
            tags.begin_update_at_scope(vm, {"operation": operation, "properties": {"tags": given}}).result()

    compare(arm, exec_event, ["tags/get", "tags/update"], (action, vm, params), theirs)


def test_polls_go_where_the_service_says(arm, exec_event):
    arm.settings(url_size=7000)
    exec_event(event("vm_start", [entity_of(arm.vm("web-1"))]), config=arm.config(), on=arm).report.assert_all_processed()
    [mine] = sent(arm, "poll")
    arm.cloud.reset()
    arm.settings(url_size=7000)
    arm.put({"id": vm_id("web-1"), "properties": {}})
    arm.sdk("compute").virtual_machines.begin_start(GROUP, "web-1").result()
    theirs = sent(arm, "poll")[0]  # it asks for a result at the end, which there is none of
    assert mine[0] == theirs[0] == "GET" and SUBSCRIPTION in mine[1]
    assert mine[2] == theirs[2]
    assert mine[1].rsplit("/", 1)[0] == theirs[1].rsplit("/", 1)[0]
