"""cloudserver's Azure, checked with the official SDKs: a fault of the double must not look like one of the daemon."""

import json
import subprocess
import urllib.error
import urllib.parse
import urllib.request

import pytest

from harness.azure import (BEARER, CLIENT, GROUP, SECRET, SUBSCRIPTION, TENANT, Arm, disk_id, ip_id, needs_sdks, nic_id,
                           resource_id, vm_id)

needs_sdks()
from azure.core.exceptions import (HttpResponseError, ResourceNotFoundError, ServiceRequestError,  # noqa: E402
                                   ServiceResponseError)

@pytest.fixture
def arm(cloud):
    return Arm(cloud)


def code_of(error):
    return error.value.error.code


def polls(arm):
    return [r for r in arm.requests(operation="poll")]


@pytest.mark.parametrize("action, state", [("start", "running"), ("power_off", "stopped"), ("deallocate", "deallocated")])
def test_the_sdk_changes_a_machines_power(arm, action, state):
    vm = arm.vm("web-1")
    getattr(arm.sdk("compute").virtual_machines, "begin_" + action)(GROUP, "web-1").result()
    assert arm.power(vm) == state
    assert arm.sdk("compute").virtual_machines.get(GROUP, "web-1").id == vm


def test_the_sdk_deletes_a_machine_and_what_was_attached(arm):
    arm.machine("web-1")
    compute, network = arm.sdk("compute"), arm.sdk("network")
    compute.virtual_machines.begin_delete(GROUP, "web-1").result()
    compute.disks.begin_delete(GROUP, "web-1-os").result()
    compute.disks.begin_delete(GROUP, "web-1-data").result()
    network.network_interfaces.begin_delete(GROUP, "web-1-nic0").result()
    network.network_interfaces.begin_delete(GROUP, "web-1-nic1").result()
    network.public_ip_addresses.begin_delete(GROUP, "web-1-ip").result()
    assert arm.ids() == set()


def test_the_sdk_deletes_images_and_keys(arm):
    arm.put(resource_id("Microsoft.Compute/images", "golden"), resource_id("Microsoft.Compute/sshPublicKeys", "key"))
    compute = arm.sdk("compute")
    compute.images.begin_delete(GROUP, "golden").result()
    compute.ssh_public_keys.delete(GROUP, "key")
    assert arm.ids() == set()


@pytest.mark.parametrize("style", ["async", "location", "sync"])
def test_the_sdk_follows_every_kind_of_operation(arm, style):
    arm.vm("web-1")
    arm.settings(style={"virtualMachines/delete": style}, operation_ms=100)
    poller = arm.sdk("compute").virtual_machines.begin_delete(GROUP, "web-1")
    poller.result()
    assert poller.status() == "Succeeded"
    assert arm.ids() == set()
    assert (len(polls(arm)) > 0) == (style != "sync")


def test_nothing_happens_before_an_operation_ends(arm):
    vm = arm.vm("web-1")
    arm.settings(operation_ms=3_600_000)
    poller = arm.sdk("compute").virtual_machines.begin_delete(GROUP, "web-1", polling=False)
    poller.result()
    assert arm.ids() == {vm}


def test_an_operation_may_fail_in_the_end(arm):
    vm = arm.vm("web-1")
    arm.fault("virtualMachines/delete:end", code="AllocationFailed", message="No room.")
    with pytest.raises(HttpResponseError) as error:
        arm.sdk("compute").virtual_machines.begin_delete(GROUP, "web-1").result()
    assert code_of(error) == "AllocationFailed"
    assert arm.ids() == {vm}


def test_operation_urls_can_be_long(arm):
    arm.vm("web-1")
    arm.settings(url_size=7000, operation_ms=50)
    arm.sdk("compute").virtual_machines.begin_delete(GROUP, "web-1").result()
    assert min(len(r["path"] + r["query"]) for r in polls(arm)) > 6 * 1024
    assert arm.ids() == set()


def test_names_are_known_in_any_case(arm):
    arm.vm("Web-1")
    arm.sdk("compute").virtual_machines.begin_delete(GROUP.upper(), "wEB-1").result()
    assert arm.ids() == set()


def test_what_is_not_there(arm):
    arm.put(disk_id("other"))
    compute = arm.sdk("compute")
    with pytest.raises(ResourceNotFoundError) as error:
        compute.virtual_machines.get(GROUP, "web-1")
    assert code_of(error) == "ResourceNotFound"
    with pytest.raises(ResourceNotFoundError) as error:
        compute.virtual_machines.begin_start("nowhere", "web-1").result()
    assert code_of(error) == "ResourceGroupNotFound"
    compute.virtual_machines.begin_delete(GROUP, "web-1").result()
    assert [r["status"] for r in arm.requests(operation="virtualMachines/delete")] == [204]
    arm.settings(missing_status=404)
    with pytest.raises(ResourceNotFoundError):
        compute.virtual_machines.begin_delete(GROUP, "web-1").result()
    with pytest.raises(ResourceNotFoundError) as error:
        arm.sdk("compute", subscription="44444444-4444-4444-8444-444444444444").virtual_machines.get(GROUP, "web-1")
    assert code_of(error) == "SubscriptionNotFound"


def test_what_is_attached_cannot_be_deleted(arm):
    before = set(arm.machine("web-1"))
    for client, operations, name, code in (("compute", "disks", "web-1-data", "OperationNotAllowed"),
                                           ("network", "network_interfaces", "web-1-nic1", "NicInUse"),
                                           ("network", "public_ip_addresses", "web-1-ip", "PublicIPAddressCannotBeDeleted")):
        with pytest.raises(HttpResponseError) as error:
            getattr(arm.sdk(client), operations).begin_delete(GROUP, name).result()
        assert code_of(error) == code
    assert arm.ids() == before


def test_tags_are_merged_replaced_and_deleted(arm):
    vm = arm.vm("web-1", tags={"Env": "prod", "owner": "ops"})
    tags = arm.sdk("resource").tags

    def patch(operation, given):
        return tags.begin_update_at_scope(vm, {"operation": operation, "properties": {"tags": given}}).result().properties.tags

    assert tags.get_at_scope(vm).properties.tags == {"Env": "prod", "owner": "ops"}
    assert patch("Merge", {"ENV": "test", "cost": "1"}) == {"Env": "test", "owner": "ops", "cost": "1"}
    assert patch("Delete", {"env": "test", "owner": "someone"}) == {"owner": "ops", "cost": "1"}
    assert patch("Replace", {"OWNER": "ops"}) == {"OWNER": "ops"} == arm.tags(vm)
    with pytest.raises(HttpResponseError):
        patch("Merge", {f"t{n}": "" for n in range(50)})


def test_a_group_is_deleted_with_all_that_is_in_it(arm):
    arm.machine("web-1")
    other = arm.put(disk_id("d", group="other"))
    arm.settings(operation_ms=50)
    arm.sdk("resource").resource_groups.begin_delete(GROUP).result()
    assert arm.ids() == {other}
    with pytest.raises(ResourceNotFoundError):
        arm.sdk("resource").resource_groups.get(GROUP)


def test_faults_come_when_ordered_and_then_stop(arm):
    arm.put(disk_id("d"))
    arm.fault("disks/get", status=429, code="TooManyRequests", retry_after="7")
    compute = arm.sdk("compute")
    with pytest.raises(HttpResponseError) as error:
        compute.disks.get(GROUP, "d")
    assert (error.value.status_code, error.value.response.headers["Retry-After"]) == (429, "7")
    assert code_of(error) == "TooManyRequests"
    assert compute.disks.get(GROUP, "d").id == disk_id("d")
    arm.fault("disks/get", drop=True)
    with pytest.raises((ServiceRequestError, ServiceResponseError)):
        compute.disks.get(GROUP, "d")


def request(arm, path, method="GET", **headers):
    made = urllib.request.Request(arm.url + path, method=method, headers=headers)
    try:
        with urllib.request.urlopen(made, timeout=30) as answer:
            return answer.status, json.load(answer)
    except urllib.error.HTTPError as error:
        return error.code, json.load(error)


def test_a_bearer_is_asked_for(arm):
    id = arm.put(disk_id("d")) + "?api-version=2022-07-02"
    assert request(arm, id)[0] == 401
    assert request(arm, id, Authorization="Bearer no")[0] == 401
    assert request(arm, id, Authorization=f"Bearer {BEARER}")[0] == 200


def test_a_version_is_asked_for(arm):
    status, answer = request(arm, arm.put(disk_id("d")), Authorization=f"Bearer {BEARER}")
    assert (status, answer["error"]["code"]) == (400, "MissingApiVersionParameter")


def test_a_post_needs_a_length(arm):
    done = subprocess.run(
        ["curl", "-s", "-X", "POST", "-H", f"Authorization: Bearer {BEARER}", "-H", "Content-Length:", "-o", "/dev/null",
         "-w", "%{http_code}", arm.url + arm.vm("web-1") + "/start?api-version=2022-08-01"], capture_output=True, text=True,
        timeout=30)
    assert done.stdout == "411"


def entra(arm, tenant=TENANT, **form):
    given = {"grant_type": "client_credentials", "client_id": CLIENT, "client_secret": SECRET,
             "scope": arm.url + "/.default", **form}
    made = urllib.request.Request(f"{arm.url}/{tenant}/oauth2/v2.0/token", urllib.parse.urlencode(given).encode())
    try:
        with urllib.request.urlopen(made, timeout=30) as answer:
            return answer.status, json.load(answer)
    except urllib.error.HTTPError as error:
        return error.code, json.load(error)


def test_tokens_for_a_secret(arm):
    id = arm.put(disk_id("d")) + "?api-version=2022-07-02"
    status, answer = entra(arm)
    assert (status, answer["expires_in"]) == (200, 3599)
    assert request(arm, id, Authorization="Bearer " + answer["access_token"])[0] == 200
    arm.settings(revoke=True)
    status, refused = request(arm, id, Authorization="Bearer " + answer["access_token"])
    assert (status, refused["error"]["code"]) == (401, "ExpiredAuthenticationToken")
    assert SECRET not in json.dumps(arm.cloud.requests())


@pytest.mark.parametrize("how, status, error", [({"client_secret": "no"}, 401, "invalid_client"),
                                                ({"client_id": "no"}, 400, "unauthorized_client"),
                                                ({"scope": "no"}, 400, "invalid_scope"),
                                                ({"tenant": "no"}, 400, "invalid_request")])
def test_refused_tokens(arm, how, status, error):
    got, answer = entra(arm, **how)
    assert (got, answer["error"]) == (status, error)


def test_a_token_for_storage_is_none_for_management(arm):
    _, answer = entra(arm, scope="https://storage.azure.com/.default")
    assert request(arm, disk_id("d"), Authorization="Bearer " + answer["access_token"])[0] == 401


def test_tokens_for_a_managed_identity(arm, monkeypatch):
    from azure.identity import ManagedIdentityCredential
    monkeypatch.setenv("AZURE_POD_IDENTITY_AUTHORITY_HOST", arm.url)
    credential = ManagedIdentityCredential()
    vm = arm.vm("web-1")
    assert arm.sdk("compute", credential=credential).virtual_machines.get(GROUP, "web-1").id == vm
    assert {r["service"] for r in arm.cloud.requests(operation="token")} == {"imds"}


def test_the_journal_has_what_was_sent(arm):
    arm.put(nic_id("n"), ip_id("i"))
    arm.sdk("network").network_interfaces.get(GROUP, "n", api_version="2022-07-01")
    [entry] = arm.requests()
    assert (entry["method"], entry["path"], entry["account"]) == ("GET", nic_id("n"), SUBSCRIPTION)
    assert entry["query"] == "api-version=2022-07-01" and entry["body"] == ""
    assert vm_id("x") not in arm.ids()
