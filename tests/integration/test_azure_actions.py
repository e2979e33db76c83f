"""The Azure actions against cloudserver's Azure Resource Manager: what is done, in which order, and what is reported."""

import json
import re
import socket

import pytest

from harness.azure import GROUP, SUBSCRIPTION, TYPES, Arm, disk_id, entity_of, ip_id, nic_id, resource_id, vm_id
from harness.cloud import call
from harness.events import automation, azure_entity, event, event_of
from harness.wait import wait_until

ASSOCIATED = {"Delete Associated Resources": "true"}
RENAME = {"Old Key": "env", "New Key": "stage"}
OTHER = "44444444-4444-4444-8444-444444444444"

VM = "Microsoft.Compute/virtualMachines"
# Each action, the type of its resources, its parameters, and the operation by which it changes something.
ACTIONS = [
    ("vm_start", VM, {}, "virtualMachines/start"),
    ("vm_power_off", VM, {}, "virtualMachines/powerOff"),
    ("vm_deallocate", VM, {}, "virtualMachines/deallocate"),
    ("vm_delete", VM, {}, "virtualMachines/delete"),
    ("disk_delete", "Microsoft.Compute/disks", {}, "disks/delete"),
    ("image_delete", "Microsoft.Compute/images", {}, "images/delete"),
    ("ssh_public_key_delete", "Microsoft.Compute/sshPublicKeys", {}, "sshPublicKeys/delete"),
    ("nic_delete", "Microsoft.Network/networkInterfaces", {}, "networkInterfaces/delete"),
    ("ip_delete", "Microsoft.Network/publicIPAddresses", {}, "publicIPAddresses/delete"),
    ("generic_tag", VM, {"Key": "cost", "Value": "1"}, "tags/update"),
    ("generic_untag", VM, {"Key": "env"}, "tags/update"),
    ("generic_tag_update", VM, RENAME, "tags/update"),
    ("generic_rg_delete", VM, {}, "resourceGroups/delete"),
]
each_action = pytest.mark.parametrize("action, type, params, operation", ACTIONS, ids=[a[0] for a in ACTIONS])
ENABLED = {"guard": {"enable_actions": [a[0] for a in ACTIONS]}}


@pytest.fixture
def arm(cloud):
    return Arm(cloud)


@pytest.fixture
def run(arm, exec_event):
    """Runs an action on resources, given by their ids or as entities; answers the one report."""

    def run(action, resources, params=None, config=None, **more):
        entities = [entity_of(r) if isinstance(r, str) else r for r in resources]
        ran = exec_event(event(action, entities, params or {}), config=arm.config(config), on=arm, **more)
        return ran.report

    return run


# --- power ---


@pytest.mark.parametrize("action, state", [("vm_start", "running"), ("vm_power_off", "stopped"), ("vm_deallocate", "deallocated")])
@pytest.mark.parametrize("style", ["async", "location", "sync"])
def test_power_is_changed_when_it_is_processed(arm, run, action, state, style):
    name = {"vm_start": "start", "vm_power_off": "powerOff", "vm_deallocate": "deallocate"}[action]
    arm.settings(operation_ms=300, style={f"virtualMachines/{name}": style})
    vm = arm.vm("web-1")
    run(action, [vm]).assert_all_processed()
    assert arm.power(vm) == state
    assert arm.operations() == [f"virtualMachines/{name}"]


def test_automations_of_one_machine_take_turns(arm, exec_event):
    """Else the later operation would be refused, or would preempt the earlier one. The id's case is no difference."""
    arm.settings(operation_ms=1000)
    vm = arm.vm("web-1")
    other = entity_of(vm.replace("resourceGroups", "RESOURCEGROUPS"))
    told = event_of(automation("vm_power_off", [entity_of(vm)]), automation("vm_start", [other]))
    for report in exec_event(told, config=arm.config(), on=arm).reports:
        report.assert_all_processed()
    assert arm.operations() == ["virtualMachines/powerOff", "virtualMachines/start"]
    served = arm.requests()
    [begun] = [n for n, r in enumerate(served) if r["operation"] == "virtualMachines/start"]
    before, after = [{r["detail"] for r in some if r["operation"] == "poll"} for some in (served[:begun], served[begun:])]
    assert before and after and not before & after, "the first operation was still asked for when the second was begun"
    assert arm.power(vm) == "running"


def test_a_machine_that_is_not_there(arm, run):
    arm.put(disk_id("other"))
    run("vm_start", [vm_id("web-1")]).assert_error(vm_id("web-1"), r"^ResourceNotFound: .*virtualMachines/start, request id \S+")


def test_retry_after_is_honoured(arm, run):
    arm.settings(operation_ms=2500, retry_after="1")
    run("vm_start", [arm.vm("web-1")]).assert_all_processed()
    assert 1 <= len(arm.requests(operation="poll")) <= 3


def test_a_wait_holds_no_worker(arm, run):
    """One worker, forty machines whose start takes two seconds: they start side by side."""
    arm.settings(operation_ms=2000, retry_after="1")
    vms = [arm.vm(f"web-{n}") for n in range(40)]
    run("vm_start", vms, config={"daemon": {"workers": 1}}, timeout=60).assert_all_processed()
    order = [r["operation"] for r in arm.requests()]
    assert "poll" not in order[:30]
    assert {arm.power(vm) for vm in vms} == {"running"}


def test_operation_urls_of_kilobytes_are_followed(arm, run):
    arm.settings(operation_ms=200, url_size=7000)
    vm = arm.vm("web-1")
    run("vm_deallocate", [vm]).assert_all_processed()
    polls = arm.requests(operation="poll")
    assert polls and min(len(r["query"]) for r in polls) > 6 * 1024


# --- faults ---


def test_throttling_is_waited_out(arm, run):
    vm = arm.vm("web-1")
    arm.fault("virtualMachines/start", status=429, code="TooManyRequests", retry_after="1", times=2)
    run("vm_start", [vm]).assert_all_processed()
    assert [r["status"] for r in arm.requests(operation="virtualMachines/start")] == [429, 429, 202]


@pytest.mark.parametrize("fault", [{"status": 503, "code": "ServiceUnavailable"}, {"drop": True},
                                   {"status": 429, "code": "TooManyRequests", "retry_after": "1"}])
def test_a_poll_that_goes_wrong_is_made_again(arm, run, fault):
    vm = arm.vm("web-1")
    arm.fault("poll", **fault)
    run("vm_start", [vm]).assert_all_processed()
    assert arm.operations() == ["virtualMachines/start"]
    assert arm.power(vm) == "running"


def test_an_operation_whose_record_is_gone_is_begun_again(arm, run):
    vm = arm.vm("web-1")
    arm.fault("poll", status=404, code="NotFound")
    run("vm_delete", [vm]).assert_all_processed()
    assert arm.operations() == ["virtualMachines/delete"] * 2
    assert arm.ids() == set()


def test_a_record_that_is_gone_twice_is_no_deletion(arm, run):
    vm = arm.vm("web-1")
    arm.settings(operation_ms=3_600_000)
    arm.fault("poll", status=404, code="NotFound", times=2)
    run("vm_delete", [vm]).assert_error(vm, "^NotFound: ")
    assert arm.ids() == {vm}


@each_action
@pytest.mark.parametrize("style", ["async", "location"])
def test_an_operation_that_fails_in_the_end_is_errored(arm, run, action, type, params, operation, style):
    arm.settings(operation_ms=200, style={operation: style})
    arm.fault(operation + ":end", code="AllocationFailed", message="It could not be done.")
    id = arm.put({"id": resource_id(type, "web-1"), "tags": {"env": "prod"}, "properties": {}})
    report = run(action, [id], params, config=ENABLED)
    report.assert_error(id, rf"^AllocationFailed: It could not be done\. \({operation}, request id \S+\)$")
    assert arm.operations().count(operation) == 1
    assert arm.ids() == {id} and arm.power(id) is None


@each_action
def test_a_refused_token_and_throttling_are_got_over(arm, run, action, type, params, operation):
    arm.fault(operation, status=401, code="ExpiredAuthenticationToken")
    arm.fault(operation, status=429, code="TooManyRequests", retry_after="1")
    id = arm.put({"id": resource_id(type, "web-1"), "tags": {"env": "prod"}, "properties": {}})
    run(action, [id], params, config=ENABLED).assert_all_processed()
    assert [r["status"] for r in arm.requests(operation=operation)][:3] in ([401, 429, 200], [401, 429, 202])
    assert len(arm.cloud.requests(operation="token")) == 2


PAGE = "<html><body><h1>A proxy in between</h1></body></html>"


@pytest.mark.parametrize("at, status, style", [("virtualMachines/start", 502, "async"), ("poll", 502, "async"), ("poll", 200, "async"),
                                               ("poll", 200, "location")])
def test_a_page_that_passes_is_got_over(arm, run, at, status, style):
    vm = arm.vm("web-1")
    arm.settings(style={"virtualMachines/start": style})
    arm.fault(at, status=status, html=PAGE)
    run("vm_start", [vm]).assert_all_processed()
    assert arm.power(vm) == "running"
    assert len(arm.requests(operation=at)) == 2


def test_a_page_that_refuses_is_an_error_in_words(arm, run):
    vm = arm.vm("web-1")
    arm.fault("virtualMachines/start", status=403, html=PAGE)
    run("vm_start", [vm]).assert_error(
        vm, r"^the service responded with HTTP status 403 and no message \(virtualMachines/start\)$")
    assert arm.operations() == ["virtualMachines/start"]


@each_action
def test_a_page_is_no_success(arm, run, action, type, params, operation):
    """Nobody knows what became of a change that a page answers: it is made again."""
    id = arm.put({"id": resource_id(type, "web-1"), "tags": {"env": "prod"}, "properties": {}})
    arm.fault(operation, status=200, html=PAGE)
    run(action, [id], params, config=ENABLED).assert_all_processed()
    assert arm.operations().count(operation) >= 2


@each_action
def test_a_page_of_a_stranger_who_knows_nothing_is_no_success(arm, run, action, type, params, operation):
    id = arm.put({"id": resource_id(type, "web-1"), "tags": {"env": "prod"}, "properties": {}})
    before = arm.resources()
    arm.fault(operation, status=404, html=PAGE)
    why = "the service responded with HTTP status 404 and no message"
    run(action, [id], params, config=ENABLED).assert_error(id, rf"^{why} \({operation}\b")
    assert arm.resources() == before


@pytest.mark.parametrize("at, action, params", [
    ("virtualMachines/get", "vm_delete", ASSOCIATED), ("networkInterfaces/get", "vm_delete", ASSOCIATED),
    ("tags/get", "generic_tag", {"Key": "a"}), ("tags/get", "generic_untag", {"Key": "env"}), ("tags/get", "generic_tag_update", RENAME)])
def test_a_page_where_the_resource_was_asked_for_changes_nothing(arm, run, at, action, params):
    ids = arm.machine("web-1")
    arm.fault(at, status=200, html=PAGE)
    arm.fault(at, status=403, code="AuthorizationFailed", message="You may not.", times=-1)
    before = arm.resources()
    run(action, [ids[0]], params).assert_error(ids[0], rf"^AuthorizationFailed: You may not\. \({at}\b")
    assert arm.resources() == before
    assert arm.operations().count(at) >= 2
    assert {r["method"] for r in arm.requests()} == {"GET"}


@pytest.mark.parametrize("style", ["async", "location"])
@each_action
def test_an_operation_on_another_host_is_not_followed(arm, run, action, type, params, operation, style):
    """Nobody but the configured host gets the token, whatever the answer says."""
    with socket.create_server(("127.0.0.1", 0)) as elsewhere:
        elsewhere.setblocking(False)
        arm.settings(operations_at=f"http://127.0.0.1:{elsewhere.getsockname()[1]}", style={operation: style})
        id = arm.put({"id": resource_id(type, "web-1"), "tags": {"env": "prod"}, "properties": {}})
        report = run(action, [id], params, config=ENABLED)
        report.assert_error(id, rf"^ForeignUrl: Azure named a URL that is not on {arm.url}; it was not requested \({operation}\)$")
        with pytest.raises(BlockingIOError):
            elsewhere.accept()
    assert arm.operations().count(operation) == 1 and arm.requests(operation="poll") == []


def test_denied_is_denied(arm, run):
    vm = arm.vm("web-1")
    arm.fault("virtualMachines/start", status=403, code="AuthorizationFailed", message="The client does not have authorization.")
    run("vm_start", [vm]).assert_error(vm, r"^AuthorizationFailed: The client does not have authorization\.")
    assert arm.operations() == ["virtualMachines/start"]


# --- deletion of one resource ---

ONE = [("disk_delete", "Microsoft.Compute/disks"), ("image_delete", "Microsoft.Compute/images"),
       ("ssh_public_key_delete", "Microsoft.Compute/sshPublicKeys"), ("nic_delete", "Microsoft.Network/networkInterfaces"),
       ("ip_delete", "Microsoft.Network/publicIPAddresses"), ("vm_delete", "Microsoft.Compute/virtualMachines")]


@pytest.mark.parametrize("action, type", ONE)
def test_one_is_deleted_and_nothing_else(arm, run, action, type):
    arm.settings(operation_ms=200)
    keep = arm.put(resource_id(type, "keep"))
    run(action, [arm.put(resource_id(type, "go"))]).assert_all_processed()
    assert arm.ids() == {keep}


@pytest.mark.parametrize("status", [204, 404])
@pytest.mark.parametrize("action, type", ONE)
def test_what_is_gone_already_is_processed(arm, run, action, type, status):
    arm.settings(missing_status=status)
    arm.put(disk_id("keep"))
    run(action, [resource_id(type, "gone")]).assert_all_processed()
    assert [r["status"] for r in arm.requests()] == [status]


def test_a_subscription_that_is_not_there_is_no_deletion(arm, run):
    id = disk_id("d", subscription=OTHER)
    run("disk_delete", [id]).assert_error(id, "^SubscriptionNotFound: ")


@pytest.mark.parametrize("action, at, code", [("disk_delete", 2, "OperationNotAllowed"), ("nic_delete", 4, "NicInUse"),
                                              ("ip_delete", 5, "PublicIPAddressCannotBeDeleted")])
def test_what_is_in_use_is_errored(arm, run, action, at, code):
    ids = arm.machine("web-1")
    run(action, [ids[at]]).assert_error(ids[at], f"^{code}: ")
    assert arm.ids() == set(ids)


# --- vm_delete ---


def test_a_machine_alone_leaves_what_was_attached(arm, run):
    vm, *rest = arm.machine("web-1")
    run("vm_delete", [vm]).assert_all_processed()
    assert arm.ids() == set(rest)
    assert arm.operations() == ["virtualMachines/delete"]


def test_a_machine_goes_with_all_that_was_attached_and_nothing_else(arm, run):
    arm.settings(operation_ms=200)
    first, other = arm.machine("web-1"), arm.machine("web-2")
    loose = [arm.put(disk_id("loose")), arm.nic("loose-nic", [arm.put(ip_id("loose-ip"))]), ip_id("loose-ip")]
    run("vm_delete", [first[0]], ASSOCIATED).assert_all_processed()
    assert arm.ids() == {*other, *loose}
    assert arm.operations() == [
        "virtualMachines/get", "networkInterfaces/get", "networkInterfaces/get", "virtualMachines/delete", "disks/delete",
        "disks/delete", "networkInterfaces/delete", "networkInterfaces/delete", "publicIPAddresses/delete"]


@pytest.mark.parametrize("operation", ["poll", "disks/delete", "networkInterfaces/delete"])
def test_a_deletion_that_was_accepted_is_seen_through(arm, run, operation):
    """However impatient it is, and however long the fault lasts: what was attached would be left behind, and paid for."""
    arm.settings(operation_ms=200)
    machine = arm.machine("web-1")
    arm.fault(operation, status=503, times=5)
    run("vm_delete", [machine[0]], ASSOCIATED, config={"http": {"max_attempts": 1, "retry_for": "1s", "request_timeout": "5s"}}).assert_all_processed()
    assert arm.ids() == set()


def test_what_is_attached_in_another_group_goes_too(arm, run):
    disk = arm.put(disk_id("shared disk (1)", group="Other.Group"))
    vm = arm.vm("web-1", [disk.replace("resourceGroups", "RESOURCEGROUPS")])
    run("vm_delete", [vm], ASSOCIATED).assert_all_processed()
    assert arm.ids() == set()


def test_what_azure_has_deleted_with_the_machine_is_processed(arm, run):
    vm, *rest = arm.machine("web-1")
    gone = arm.vm("web-2", [disk_id("never-was")], [nic_id("never-was")])
    run("vm_delete", [gone], ASSOCIATED).assert_all_processed()
    assert arm.ids() == {vm, *rest}


@pytest.mark.parametrize("disk", [disk_id("d", subscription=OTHER), nic_id("d"),
                                  "/subscriptions/x/../y", disk_id("d") + "/../e", disk_id("d") + "?x=y", "", disk_id("a%2Fb")])
def test_a_disk_that_is_none_of_the_subscription_stops_it_before_anything_is_deleted(arm, run, disk):
    vm = arm.vm("web-1", [disk])
    run("vm_delete", [vm], ASSOCIATED).assert_error(vm, "which is not a Microsoft.Compute/disks in its subscription; nothing was")
    assert arm.ids() == {vm}
    assert arm.operations() == ["virtualMachines/get"]


def test_an_unmanaged_disk_stops_it_before_anything_is_deleted(arm, run):
    vm = arm.put({"id": vm_id("old"), "properties": {"storageProfile": {"osDisk": {"vhd": {"uri": "https://a/b.vhd"}}},
                                                            "networkProfile": {"networkInterfaces": []}}})
    run("vm_delete", [vm], ASSOCIATED).assert_error(vm, "unmanaged disk .https://a/b.vhd.")
    assert arm.ids() == {vm}


def test_what_cannot_be_deleted_does_not_keep_the_rest(arm, run):
    ids = arm.machine("web-1")
    arm.fault("disks/delete", status=409, code="ScopeLocked", message="The scope is locked.")
    run("vm_delete", [ids[0]], ASSOCIATED).assert_error(ids[0], r"^ScopeLocked: The scope is locked\. \(disks/delete")
    assert arm.ids() == {disk_id("web-1-os")}


def test_an_address_that_is_not_free_yet_is_tried_again(arm, run):
    ids = arm.machine("web-1")
    arm.fault("publicIPAddresses/delete", status=400, code="PublicIPAddressCannotBeDeleted")
    run("vm_delete", [ids[0]], ASSOCIATED).assert_all_processed()
    assert arm.ids() == set()


@pytest.mark.parametrize("how", ["killed", "drained"])
def test_stopped_between_any_two_steps_all_is_gone_in_the_end(arm, azure_site, daemon, how):
    """Five machines, each held at another of its calls; the daemon ends there, and another takes over. What was attached cannot
    be asked for any more then."""
    site = azure_site
    machines = [arm.machine(f"web-{n}") for n in range(5)]
    other = arm.machine("other")
    arm.settings(missing_status=404)  # what is deleted a second time
    held = ["virtualMachines/delete", "disks/delete", "networkInterfaces/delete", "publicIPAddresses/delete", "poll"]
    for operation in held:
        arm.fault(operation, **({"delay_ms": 600_000} if how == "killed" else {"status": 503, "retry_after": "600"}))
    config = {**site.source(claim_ttl="10s", visibility_timeout="30s"), **arm.config(), "daemon": {"workers": 8}}
    if how == "drained":
        config["daemon"]["drain_timeout"] = "1s"
        config["http"] = {"request_timeout": "1s", "connect_timeout": "1s"}
    first = daemon(site, config=config, env=arm.env())
    key = site.put_event(event("vm_delete", [entity_of(m[0]) for m in machines], ASSOCIATED))
    wait_until(lambda: all(rule["times"] == 0 for rule in faults(arm)), "every call to be held once")
    if how == "killed":
        first.kill_now()
        site.announce(key)  # sooner than the first message is visible again
    else:
        first.stop(0)
    assert site.reports(key) == []
    daemon(site, config=config, env=arm.env())
    [report] = site.wait_reports(key=key, timeout=90)
    report.assert_all_processed()
    assert arm.ids() == set(other)
    # The machine is asked once by each daemon, if it is still there.
    assert arm.operations().count("virtualMachines/get") <= 2 * len(machines)


def test_progress_of_a_step_that_has_just_begun_is_not_mixed_with_the_one_before(arm, azure_site, daemon):
    """The second machine has its progress stored while the first is at its disk; then the daemon is killed. Another must not take
    the end of the machine's deletion, which the first has followed, for that of its disk."""
    site = azure_site
    machines = [arm.machine(f"web-{n}") for n in range(2)]
    arm.settings(missing_status=404)
    arm.fault("virtualMachines/get", after=1, delay_ms=2000)
    arm.fault("disks/delete", delay_ms=600_000)
    config = {**site.source(claim_ttl="10s"), **arm.config(), "daemon": {"workers": 8}}
    first = daemon(site, config=config, env=arm.env())
    key = site.put_event(event("vm_delete", [entity_of(m[0]) for m in machines], ASSOCIATED))
    wait_until(lambda: len(arm.requests(operation="virtualMachines/delete")) == 2, "the progress to be stored")
    first.kill_now()
    site.announce(key)
    daemon(site, config=config, env=arm.env())
    [report] = site.wait_reports(key=key, timeout=90)
    report.assert_all_processed()
    assert arm.ids() == set()


def faults(arm):
    return json.loads(call(arm.url + "/_control/faults"))


# --- tags ---


def vm_with(arm, **tags):
    return arm.vm("web-1", tags=tags)


def test_a_tag_is_added_beside_the_others(arm, run):
    vm = vm_with(arm, owner="ops")
    run("generic_tag", [vm], {"Key": "env", "Value": "prod"}).assert_all_processed()
    assert arm.tags(vm) == {"owner": "ops", "env": "prod"}
    assert arm.operations() == ["tags/get", "tags/update"]


def test_a_tag_that_is_there_is_processed(arm, run):
    vm = vm_with(arm, Env="prod")
    run("generic_tag", [vm], {"Key": "env", "Value": "prod"}).assert_all_processed()
    assert arm.operations() == ["tags/get"]


def test_a_tag_is_not_overwritten(arm, run):
    vm = vm_with(arm, Env="test")
    run("generic_tag", [vm], {"Key": "env", "Value": "prod"}).assert_error(vm, 'the tag "Env" exists already with the value "test"')
    assert arm.tags(vm) == {"Env": "test"}


def test_a_change_that_goes_on_is_followed(arm, run):
    arm.settings(style={"tags/update": "async"}, operation_ms=300)
    vm = vm_with(arm, Env="test")
    run("generic_tag_update", [vm], RENAME).assert_all_processed()
    assert arm.tags(vm) == {"stage": "test"}
    assert arm.operations() == ["tags/get", "tags/update", "tags/get", "tags/update"]
    assert len(arm.requests(operation="poll", status=200)) >= 2


def test_a_tag_is_removed_whatever_its_case(arm, run):
    vm = vm_with(arm, Env="test", owner="ops")
    run("generic_untag", [vm], {"Key": "ENV"}).assert_all_processed()
    assert arm.tags(vm) == {"owner": "ops"}


def test_a_tag_that_is_not_there_need_not_be_removed(arm, run):
    vm = vm_with(arm, owner="ops")
    run("generic_untag", [vm], {"Key": "env"}).assert_all_processed()
    assert arm.operations() == ["tags/get"]


def test_a_tag_is_renamed(arm, run):
    vm = vm_with(arm, Env="test", owner="ops")
    run("generic_tag_update", [vm], RENAME).assert_all_processed()
    assert arm.tags(vm) == {"owner": "ops", "stage": "test"}
    assert [bodies(r) for r in arm.requests(operation="tags/update")] == [
        ("Merge", {"stage": "test"}), ("Delete", {"Env": "test"})]


def bodies(request):
    body = json.loads(request["body"])
    return body["operation"], body["properties"]["tags"]


def test_a_rename_that_changes_only_case_replaces_all(arm, run):
    vm = vm_with(arm, env="test", owner="ops")
    run("generic_tag_update", [vm], {"Old Key": "ENV", "New Key": "Env"}).assert_all_processed()
    assert arm.tags(vm) == {"Env": "test", "owner": "ops"}
    assert [bodies(r)[0] for r in arm.requests(operation="tags/update")] == ["Replace"]


def test_a_rename_to_what_it_is_called_already(arm, run):
    vm = vm_with(arm, Env="test")
    run("generic_tag_update", [vm], {"Old Key": "env", "New Key": "Env"}).assert_all_processed()
    assert arm.operations() == ["tags/get"]


def test_a_rename_of_a_tag_that_is_not_there(arm, run):
    vm = vm_with(arm, owner="ops")
    run("generic_tag_update", [vm], RENAME).assert_error(vm, 'has no tag "env"')
    assert arm.tags(vm) == {"owner": "ops"}


@pytest.mark.parametrize("tags", [{}, {"Env": "test"}], ids=["the event does not know it", "the event knows it"])
def test_a_rename_that_is_done_already_is_processed(arm, run, tags):
    vm = vm_with(arm, stage="test")
    run("generic_tag_update", [{**entity_of(vm), "tags": tags}], RENAME).assert_all_processed()
    assert arm.operations() == ["tags/get"]


def test_a_key_with_another_value_is_not_the_renamed_tag(arm, run):
    vm = vm_with(arm, stage="test")
    run("generic_tag_update", [{**entity_of(vm), "tags": {"env": "prod"}}], RENAME).assert_error(vm, 'has no tag "env"')


@pytest.mark.parametrize("value, same", [("test", True), ("other", False)])
def test_a_rename_to_a_key_that_is_taken(arm, run, value, same):
    vm = vm_with(arm, env="test", Stage=value)
    report = run("generic_tag_update", [vm], RENAME)
    if same:
        report.assert_all_processed()
        assert arm.tags(vm) == {"Stage": "test"}
    else:
        report.assert_error(vm, 'the tag "Stage" exists already with the value "other"')
        assert arm.tags(vm) == {"env": "test", "Stage": "other"}


@pytest.mark.parametrize("action, params", [("generic_tag", {"Value": "x"}), ("generic_tag", {"Key": " "}), ("generic_untag", {}),
                                            ("generic_tag_update", {"Old Key": "x"})])
def test_a_key_must_be_given(arm, run, action, params):
    vm = vm_with(arm, owner="ops")
    run(action, [vm], params).assert_error(vm, 'parameter "(New )?Key" is')
    assert arm.requests() == []


# --- resource groups ---


def test_a_group_is_deleted_only_when_enabled_by_name(arm, run):
    vm, *rest = arm.machine("web-1")
    report = run("generic_rg_delete", [vm])
    assert "enable_actions" in report.errors[vm]
    assert arm.ids() == {vm, *rest} and arm.requests() == []


def test_a_group_is_deleted_with_all_that_is_in_it(arm, run):
    arm.settings(operation_ms=300)
    vm, *_ = arm.machine("web-1")
    other = arm.put(disk_id("d", group="rg-Test2"))
    config = {"guard": {"enable_actions": "generic_rg_delete"}}
    run("generic_rg_delete", [vm], config=config).assert_all_processed()
    assert arm.ids() == {other}
    run("generic_rg_delete", [vm], config=config).assert_all_processed()


def test_a_group_that_another_deletes_already_is_waited_for(arm, run):
    vm = arm.vm("web-1")
    arm.fault("resourceGroups/delete", status=409, code="ResourceGroupBeingDeleted")
    run("generic_rg_delete", [vm], config={"guard": {"enable_actions": "generic_rg_delete"}}).assert_all_processed()
    assert arm.ids() == set()


# --- what an event says ---


def entity(id=None, name="web-1", group=GROUP, subscription=SUBSCRIPTION, type="Virtual Machine"):
    return azure_entity(type, id if id is not None else f"x-{name}", subscription=subscription, group=group, name=name)


@pytest.mark.parametrize("resource, why", [
    (entity(subscription="x"), '"subscription" is "x"'),
    (entity(subscription=SUBSCRIPTION + "/../" + SUBSCRIPTION), '"subscription"'),
    (entity(group=""), '"Resource Group" is missing'),
    (entity(disk_id("web-1")), "not of the type Microsoft.Compute/virtualMachines"),
    (entity(f"/subscriptions/{SUBSCRIPTION}/resourceGroups/{GROUP}"), "not a valid ARM resource ID"),
    (entity(vm_id("web-1") + "/extensions"), "not a valid ARM resource ID"),
])
def test_a_place_that_cannot_be_trusted_is_errored_before_any_call(arm, run, resource, why):
    arm.vm("web-1")
    run("vm_delete", [resource]).assert_error(resource["id"], why)
    assert arm.requests() == []


BAD = ["a/b", "/", "..", ".", "", "a?b", "a#b", "a%2fb", "a\\b", "a\nb", "a\x01b", "a\x7fb", "x" * 261]


@each_action
def test_what_cannot_be_part_of_a_path_is_errored_before_any_call(arm, run, action, type, params, operation):
    kind = TYPES[type]
    arm.put(resource_id(type, "web-1"))
    wrong = []
    for n, bad in enumerate(BAD):
        wrong += [(entity(f"name-{n}", name=bad, type=kind), '"name" is'), (entity(f"group-{n}", group=bad, type=kind), '"Resource Group" is'),
                  (entity(f"subscription-{n}", subscription=bad, type=kind), '"subscription" is'),
                  (entity(resource_id(type, bad), type=kind), "not a valid ARM resource ID"),
                  (entity(resource_id(type, "web-1", group=bad), type=kind), "not a valid ARM resource ID"),
                  (entity(resource_id(type, "web-1", subscription=bad), type=kind), "not a valid ARM resource ID|not in its \"subscription\"")]
    report = run(action, [resource for resource, _ in wrong], params, config=ENABLED)
    for resource, why in wrong:
        report.assert_error(resource["id"], why)
    assert report.processed_ids == [] and arm.requests() == []


@each_action
def test_an_id_that_says_otherwise_is_errored_before_any_call(arm, run, action, type, params, operation):
    kind = TYPES[type]
    arm.put(resource_id(type, "web-1"), resource_id(type, "web-2"), resource_id(type, "web-1", group="other"),
            resource_id(type, "web-1", subscription=OTHER))
    wrong = {
        resource_id(type, "web-2"): '"name" is "web-1", but the resource\'s "id" contains "web-2"',
        resource_id(type, "web-1", group="other"): f'"Resource Group" is "{GROUP}", but the resource\'s "id" contains "other"',
        resource_id(type, "web-1", subscription=OTHER): '"id" is not in its "subscription"',
    }
    if params == {} and action != "generic_rg_delete":  # the others take resources of any type
        wrong[resource_id("Microsoft.Web/sites", "web-1")] = f"which is not of the type {type}"
    report = run(action, [entity(id, type=kind) for id in wrong], params, config=ENABLED)
    for id, why in wrong.items():
        report.assert_error(id, re.escape(why))
    assert report.processed_ids == [] and arm.requests() == []


@each_action
def test_a_subscription_that_is_not_allowed_is_not_reached(arm, run, action, type, params, operation):
    ids = [arm.put({"id": resource_id(type, "web-1", subscription=s), "tags": {"env": "prod"}, "properties": {}})
           for s in (SUBSCRIPTION, OTHER)]
    config = {"guard": {**ENABLED["guard"], "allow_subscriptions": OTHER.upper()}}
    report = run(action, ids, params, config=config)
    report.assert_error(ids[0], rf'^the subscription "{SUBSCRIPTION}" is not among \[guard\] allow_subscriptions$')
    assert report.processed_ids == [ids[1]]
    assert {r["account"] for r in arm.requests()} == {OTHER}


@pytest.mark.parametrize("resource", [entity(), entity(vm_id("web-1").upper()), entity(vm_id("web-1"), group=GROUP.upper(), name="WEB-1"),
                                      {**entity(vm_id("web-1"), name=""), "attributes": {}},
                                      entity(vm_id("web-1"), subscription=SUBSCRIPTION.upper())])
def test_a_place_that_agrees_in_any_case_is_taken(arm, run, resource):
    arm.vm("web-1")
    run("vm_delete", [resource]).assert_all_processed()
    assert arm.ids() == set()


@pytest.mark.parametrize("name", ["wéb-1", "web(1)", "web~1$!"])
def test_names_are_encoded(arm, run, name):
    vm = arm.vm(name)
    run("vm_start", [vm]).assert_all_processed()
    assert arm.power(vm) == "running"


def test_subscriptions_are_told_apart_and_reported(arm, run):
    vms = [arm.vm("web-1"), arm.put({"id": vm_id("web-1", subscription=OTHER), "properties": {}})]
    report = run("vm_start", vms).assert_all_processed()
    assert report.accounts == [SUBSCRIPTION, OTHER]
    assert [arm.power(vm) for vm in vms] == ["running"] * 2


# --- dry runs ---


@pytest.mark.parametrize("action, params, planned", [
    ("vm_start", {}, ["virtualMachines/start"]),
    ("vm_delete", ASSOCIATED, ["virtualMachines/delete", "disks/delete", "disks/delete", "networkInterfaces/delete",
                               "networkInterfaces/delete", "publicIPAddresses/delete"]),
    ("generic_tag", {"Key": "a", "Value": "b"}, ["tags/update"]),
    ("generic_tag_update", RENAME, ["tags/update", "tags/update"]),
])
def test_a_plan_changes_nothing_and_says_what_would_be_done(arm, run, action, params, planned):
    vm, *rest = arm.machine("web-1")
    arm.vm("web-1", rest[:2], rest[2:4], tags={"env": "prod"})
    before = arm.resources()
    report = run(action, [vm], params, plan=True)
    assert arm.resources() == before
    assert {r["method"] for r in arm.requests()} <= {"GET"}
    assert [p["operation"] for p in plans(report)] == planned
    assert {p["params"]["id"].split("/")[2] for p in plans(report)} == {SUBSCRIPTION}


def plans(report):
    found = [v for v in report.values() if isinstance(v, list) and v and isinstance(v[0], dict) and "operation" in v[0]]
    assert len(found) == 1, f"no list of planned changes: {list(report)}"
    return found[0]
