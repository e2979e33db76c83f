"""Long-running operations against Microsoft's own mock of Azure Resource Manager: which of its operations hgautod's actions begin is
the tests' choice; what they answer, where and how they are followed, and when they are over, is the mock's."""

import pytest

from harness.armmock import GROUP, SUBSCRIPTION, ArmMock, Way, needs_mock
from harness.azure import disk_id, entity_of, ip_id, resource_id, vm_id
from harness.events import event

TEMPLATES = "/providers/Azure.ResourceManager.OperationTemplates"
ORDER = GROUP + TEMPLATES + "/orders/order1"


@pytest.fixture(scope="session")
def mock_server(tmp_path_factory):
    needs_mock()
    server = ArmMock(tmp_path_factory.mktemp("armmock"))
    yield server
    server.stop()


@pytest.fixture
def act(mock_server, cloud, exec_event):
    """Runs an action whose calls go where `renames` says; answers its report and the way that they took."""
    ways = []

    def act(action, id, renames, params=None):
        way = Way(mock_server, cloud, renames)
        ways.append(way)
        ran = exec_event(event(action, [entity_of(id)], params or {}), config=way.config(), on=way)
        assert {e["bearer"].split()[0] for e in way.seen} == {"Bearer"}
        return ran.report, way

    yield act
    for way in ways:
        way.stop()


def test_a_deletion_that_location_tells_of(act, mock_server):
    report, way = act("disk_delete", disk_id("d"), {("DELETE", "/disks/d"): ("DELETE", ORDER)})
    report.assert_all_processed()
    assert way.told() == [("DELETE", "order1", 202), ("GET", "lro_delete_location", 202), ("GET", "lro_delete_location", 204)]
    assert mock_server.verdict("OperationTemplates_Lro_delete") == "pass"


def test_addresses_of_six_kilobytes_in_two_headers(act, mock_server):
    there = GROUP + "/providers/Azure.ResourceManager.LargeHeader/largeHeaders/header1/two6k"
    report, way = act("vm_start", vm_id("v"), {("POST", "/virtualMachines/v/start"): ("POST", there)})
    report.assert_all_processed()
    assert way.told() == [("POST", "two6k", 202), ("GET", "post_aao", 200), ("GET", "post_aao", 200)]
    assert all(e["path"].endswith("?userContext=" + "a" * 6144) for e in way.seen[1:])
    assert mock_server.verdict("LargeHeader_LargeHeaders_two6k") == "pass"


@pytest.mark.parametrize("action, end, there, name", [
    ("vm_power_off", "powerOff", ORDER + "/export", "lro_post_aao"),
    ("vm_deallocate", "deallocate", SUBSCRIPTION + TEMPLATES + "/exportArray", "lro_exportarray_aao"),
])
def test_the_status_goes_before_the_location_of_a_result(act, action, end, there, name):
    report, way = act(action, vm_id("v"), {("POST", f"/virtualMachines/v/{end}"): ("POST", there)})
    report.assert_all_processed()
    assert way.told() == [("POST", there.rsplit("/", 1)[1], 202), ("GET", name, 200), ("GET", name, 200)]


def test_a_location_that_is_told_anew_and_ends_with_a_document(act):
    there = GROUP + TEMPLATES + "/products/default/postPagingLro"
    report, way = act("ip_delete", ip_id("i"), {("DELETE", "/publicIPAddresses/i"): ("POST", there)})
    report.assert_all_processed()
    name = "lro_paging_post_location"
    assert way.told() == [("POST", "postPagingLro", 202), ("GET", name, 202), ("GET", name, 200)]


def test_a_resource_that_was_made_is_not_done_before_its_operation(act, mock_server):
    """A 201 that carries the resource, "InProgress", and the address of the operation."""
    tags = "/providers/Microsoft.Resources/tags/default"
    report, way = act("generic_tag", vm_id("v"), {("GET", tags): ("GET", ORDER), ("PATCH", tags): ("PUT", ORDER)},
                      {"Key": "env", "Value": "prod"})
    report.assert_all_processed()
    assert way.told() == [("GET", "order1", 200), ("PUT", "order1", 201), ("GET", "lro_create_aao", 200), ("GET", "lro_create_aao", 200)]
    assert mock_server.verdict("OperationTemplates_Lro_createOrReplace") == "pass"


def test_a_deletion_that_is_done_at_once(act, mock_server):
    there = GROUP + "/providers/Azure.ResourceManager.Resources/topLevelTrackedResources/top"
    key = resource_id("Microsoft.Compute/sshPublicKeys", "k")
    report, way = act("ssh_public_key_delete", key, {("DELETE", "/sshPublicKeys/k"): ("DELETE", there)})
    report.assert_all_processed()
    assert way.told() == [("DELETE", "top", 204)]
    assert mock_server.verdict("Resources_TopLevel_delete") == "pass"


def test_the_mocks_own_error_is_reported(act, mock_server):
    there = GROUP + "/providers/Azure.ResourceManager.CommonProperties/confidentialResources/confidential"
    report, way = act("vm_start", vm_id("v"), {("POST", "/start"): ("GET", there)})
    report.assert_error(vm_id("v"), r"^ResourceNotFound: The Resource 'Azure\.ResourceManager\.CommonProperties/.* was not found\. "
                                    r"\(virtualMachines/start\)$")
    assert way.told() == [("GET", "confidential", 404)]
    assert mock_server.verdict("CommonProperties_Error_getForPredefinedError") == "pass"


def test_what_the_mock_refuses_is_no_success(act):
    """Its checks are awake: a body that no scenario knows."""
    there = GROUP + "/providers/Azure.ResourceManager.CommonProperties/confidentialResources/confidential"
    tags = "/providers/Microsoft.Resources/tags/default"
    report, way = act("generic_tag", vm_id("v"), {("GET", tags): ("GET", ORDER), ("PATCH", tags): ("PUT", there)},
                      {"Key": "env", "Value": "prod"})
    report.assert_error(vm_id("v"), r"Body provided doesn't match expected body.*\(tags/update\)$")
    assert [status for _, _, status in way.told()] == [200, 400]
