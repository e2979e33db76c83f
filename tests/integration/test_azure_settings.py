"""Settings of [azure]: the versions that Resource Manager is asked for."""

import pytest

from harness.azure import Arm, entity_of
from harness.events import event


@pytest.fixture
def arm(cloud):
    return Arm(cloud)


def test_requests_bear_the_versions_of_the_configuration(arm, exec_event):
    [vm, *_] = arm.machine("web-1")
    versions = ["Microsoft.Compute/virtualMachines=2021-03-01", "microsoft.network/NETWORKINTERFACES=2021-05-01-preview"]
    config = {"azure": {**arm.config()["azure"], "arm_versions": versions}}
    delete = event("vm_delete", [entity_of(vm)], {"Delete Associated Resources": "true"})
    exec_event(delete, config=config, on=arm).report.assert_all_processed()
    sent = {}
    for r in arm.requests():
        if r["operation"] != "poll":
            sent.setdefault(r["operation"].split("/")[0], set()).add(r["query"])
    assert sent == {"virtualMachines": {"api-version=2021-03-01"}, "networkInterfaces": {"api-version=2021-05-01-preview"},
                    "disks": {"api-version=2022-07-02"}, "publicIPAddresses": {"api-version=2022-07-01"}}


def test_a_type_that_is_not_called(hgautod, write_config, tmp_path):
    config = {"azure": {"arm_versions": "Microsoft.Compute/disk=2022-01-01"}, "source a": {"type": "directory", "path": tmp_path}}
    refused = hgautod("check", "-c", write_config(config)).assert_status(2)
    assert "arm_versions: 'Microsoft.Compute/disk=2022-01-01' is not TYPE=VERSION with a TYPE that is called" in refused.stderr
    assert "Microsoft.Compute/disks" in refused.stderr
