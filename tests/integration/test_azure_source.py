"""Azure queues and containers as sources, on Azurite: from the message to the reports."""

import base64
import json

import pytest

from harness.azure import SUBSCRIPTION, Arm, entity_of, vm_id
from harness.cloud import EVENT_KEY, Site
from harness.events import automation, azure_entity, entity, event, event_of, stop_event
from harness.wait import wait_until

# Names no subscription, so that each resource is errored before any call.
NOWHERE = "no-such-subscription"


def vm(name, subscription=NOWHERE):
    id = vm_id(name, subscription=subscription)
    return azure_entity("Virtual Machine", id, subscription=subscription, group="rg-Test", name=name)


def vm_event(*names, action="vm_deallocate", **more):
    return event(action, [vm(n, **more) for n in names], {"DryRun": "false"})


def assert_refused(report, *names):
    """The report of an event whose resources are in no subscription."""
    assert report["critical_error"] is None
    assert list(report.errors) == [vm(n)["id"] for n in names]
    assert all("which is not a subscription ID (a GUID)" in e for e in report.errors.values()), report.errors
    assert report.key.endswith(f"_subscriptions({NOWHERE})_0"), report.key


def test_once(azure_site, daemon):
    azure_site.put_event(vm_event("web-1", "web-2"))
    daemon(azure_site, once=True).ended(0)
    [report] = azure_site.reports()
    assert_refused(report, "web-1", "web-2")
    assert not azure_site.pending()
    assert azure_site.messages() == 0


@pytest.mark.parametrize("schema", ["grid_event", "cloud_event"])
@pytest.mark.parametrize("encode", [True, False], ids=["base64", "plain"])
@pytest.mark.parametrize("array", [False, True], ids=["object", "array"])
def test_every_form_of_message(azure_site, daemon, schema, encode, array):
    azure_site.put_event(vm_event("web-1"), announce=False)
    message = getattr(azure_site, schema)()
    azure_site.send([message] if array else message, encode=encode)
    daemon(azure_site, once=True).ended(0)
    assert_refused(azure_site.reports()[0], "web-1")
    assert azure_site.messages() == 0


def test_messages_that_come_later_are_found(azure_site, daemon):
    running = daemon(azure_site)
    azure_site.put_event(vm_event("web-1"))
    [report] = azure_site.wait_reports()
    assert_refused(report, "web-1")
    azure_site.wait_empty()
    running.stop()


def test_names_with_blanks_and_letters_beyond_ascii(azure_site, daemon):
    key = "Läden & Co/events/run 100%/event.json"
    azure_site.cloud.done("PUT", azure_site.cloud.blob, f"/{azure_site.container}/{key}",
                          body=json.dumps(vm_event("web-1")).encode(), x_ms_blob_type="BlockBlob")
    azure_site.send(azure_site.grid_event(key))
    daemon(azure_site, once=True).ended(0)
    assert_refused(azure_site.reports(key)[0], "web-1")


def test_an_event_that_is_not_json(azure_site, daemon):
    azure_site.put_event(b'{"name": ')
    daemon(azure_site, once=True).ended(0)
    [report] = azure_site.reports()
    assert report.action == "critical_error"
    assert azure_site.messages() == 0


def test_events_that_do_not_concern_us_are_deleted(azure_site, make_azure_site, daemon):
    other = make_azure_site()
    azure_site.put_event(vm_event("web-1"), announce=False)
    azure_site.send(azure_site.grid_event(EVENT_KEY, api="CreateFile"))
    azure_site.send(azure_site.grid_event("automations/reports/run-1/is_pending"))
    azure_site.send(other.grid_event())
    azure_site.send(azure_site.grid_event(url=f"https://elsewhere.blob.core.windows.net/{azure_site.container}/{EVENT_KEY}"))
    running = daemon(azure_site, once=True).ended(0)
    assert azure_site.messages() == 0
    assert azure_site.reports() == []
    assert running.logged("container other than the configured one")
    assert running.logged("elsewhere.blob.core.windows.net")


def test_what_is_not_understood_goes_to_the_poison_queue(azure_site, daemon):
    texts = ['{"hello": "world"}', "no JSON & <no> base64", base64.b64encode(b"neither").decode()]
    for text in texts:
        azure_site.send(text, encode=False)
    azure_site.put_event(vm_event("web-1"))
    poison = azure_site.queue + "-poison"
    assert azure_site.peek(poison) is None
    running = daemon(azure_site, config=azure_site.source(max_receive=1), once=True).ended(0)
    assert sorted(azure_site.peek(poison)) == sorted(texts)
    assert azure_site.messages() == 0
    assert_refused(azure_site.reports()[0], "web-1")
    assert running.logged("Message moved to the poison queue: it cannot be parsed")
    [stopped] = running.logs(message="Stopped")
    assert (stopped["messages"], stopped["set_aside"]) == (4, 3)


def test_what_is_not_understood_may_come_again(azure_site, daemon):
    azure_site.send("hello", encode=False)
    daemon(azure_site, config=azure_site.source(max_receive=2), once=True).ended(0)
    assert azure_site.messages() == 1
    assert azure_site.peek(azure_site.queue + "-poison") is None


def test_two_daemons_share_a_queue(azure_site, daemon):
    keys = [azure_site.put_event(vm_event(f"web-{n}"), f"events/run-{n}/event.json") for n in range(20)]
    for key in keys[:5]:
        azure_site.send(azure_site.cloud_event(key))  # delivered twice
    # An event that the other has claimed is looked at again when that claim would have run out.
    config = azure_site.source(claim_ttl="10s")
    daemons = [daemon(azure_site, config=config), daemon(azure_site, config=config)]
    for n, key in enumerate(keys):
        [report] = azure_site.wait_reports(key=key)
        assert_refused(report, f"web-{n}")
    azure_site.wait_empty()
    for one in daemons:
        one.stop()
    assert not [k for k in azure_site.keys() if k.endswith("is_pending")]


def test_two_daemons_do_each_change_once(azure_site, cloud, daemon):
    """From Azure's queue to Azure's machines: what one daemon has taken, the other leaves alone."""
    arm = Arm(cloud)
    arm.settings(operation_ms=300, retry_after="1")
    machines = [arm.vm(f"web-{n}") for n in range(20)]
    keys = []
    for n, machine in enumerate(machines):
        keys.append(azure_site.put_event(event("vm_deallocate", [entity_of(machine)]), f"events/run-{n}/event.json"))
        azure_site.send(azure_site.cloud_event(keys[-1]))  # each is announced twice
    config = {**azure_site.source(claim_ttl="10s"), **arm.config()}
    daemons = [daemon(azure_site, config=config, env=arm.env()) for _ in range(2)]
    for key in keys:
        azure_site.wait_reports(key=key)[0].assert_all_processed()
    azure_site.wait_empty()
    for one in daemons:
        one.stop()
    assert {arm.power(machine) for machine in machines} == {"deallocated"}
    assert sorted(r["path"] for r in arm.requests(operation="virtualMachines/deallocate")) == sorted(m + "/deallocate" for m in machines)
    assert [len(azure_site.reports(key)) for key in keys] == [1] * 20


def test_a_daemon_that_is_told_to_stop_ends_what_it_has_begun(azure_site, daemon):
    keys = [azure_site.put_event(vm_event(f"web-{n}"), f"events/run-{n}/event.json") for n in range(40)]
    running = daemon(azure_site)
    azure_site.wait_reports(key=keys[0])
    running.stop()
    # Nothing is held back: whoever comes next finds all that is left.
    daemon(azure_site, once=True).ended(0)
    assert azure_site.messages() == 0
    assert all(len(azure_site.reports(key)) == 1 for key in keys)
    assert not [k for k in azure_site.keys() if k.endswith("is_pending")]


def test_a_container_without_a_queue_is_swept(make_azure_site, daemon):
    site = make_azure_site(queue=False)
    keys = [site.put_event(vm_event(f"web-{n}"), f"a/events/{n}/event.json") for n in range(3)]
    daemon(site, once=True).ended(0)
    for n, key in enumerate(keys):
        assert_refused(site.reports(key)[0], f"web-{n}")
    daemon(site, once=True).ended(0)
    assert len([k for k in site.keys() if "/report_" in k]) == 3


def test_only_events_below_the_prefix(azure_site, daemon):
    azure_site.put_event(vm_event("web-1"), "test/events/1/event.json")
    azure_site.put_event(vm_event("web-2"), "production/events/2/event.json")
    daemon(azure_site, config=azure_site.source(prefix="production/"), once=True).ended(0)
    assert azure_site.reports("test/events/1/event.json") == []
    assert_refused(azure_site.reports("production/events/2/event.json")[0], "web-2")
    assert azure_site.messages() == 0


def test_a_missing_queue_is_said_once(azure_site, daemon):
    running = daemon(azure_site, config=azure_site.source(queue="no-such-queue"))
    running.wait_logged("QueueNotFound")
    running.stop()
    assert len(running.logs(level="error")) == 1


def test_the_account_key_is_in_no_message(azure_site, daemon, hgautod, write_config):
    azure_site.put_event(vm_event("web-1"))
    running = daemon(azure_site, once=True).ended(0)
    checked = hgautod("check", "-c", write_config(azure_site.source()), "--online")
    for text in (running.stderr, checked.stdout, checked.stderr):
        assert "Eby8vdM02" not in text


def test_check_online(azure_site, cloud, hgautod, write_config):
    arm = Arm(cloud)
    found = hgautod("check", "-c", write_config(arm.config(azure_site.source())), "--online", env=arm.env())
    found.assert_status(0)
    assert "conditional writes work" in found.stdout
    missing = hgautod("check", "-c", write_config(azure_site.source(queue="no-such-queue")), "--online")
    missing.assert_status(1)
    assert "QueueNotFound" in missing.stdout
    missing = hgautod("check", "-c", write_config(azure_site.source(container="no-such-container")), "--online")
    missing.assert_status(1)
    assert "ContainerNotFound" in missing.stdout


def test_three_kinds_of_source_in_one_daemon(moto, azure_site, daemon, tmp_path):
    amazon = Site(moto)
    id = moto.client("ec2").run_instances(ImageId="ami-12c6146b", MinCount=1, MaxCount=1)["Instances"][0]["InstanceId"]
    amazon.put_event(stop_event(id))
    azure_site.put_event(vm_event("web-1"))
    place = tmp_path / "store" / "events" / "run-1"
    place.mkdir(parents=True)
    (place / "event.json").write_text(json.dumps(vm_event("web-2")))
    config = {**azure_site.source(), "source files": {"type": "directory", "path": str(tmp_path / "store")}}
    running = daemon(amazon, config=config)
    amazon.wait_reports()[0].assert_all_processed()
    assert_refused(azure_site.wait_reports()[0], "web-1")
    folder = tmp_path / "store" / "reports" / "run-1"
    wait_until(lambda: folder.exists() and list(folder.glob("report_vm_*")), "the directory's report")
    amazon.wait_empty()
    azure_site.wait_empty()
    running.stop()


def test_an_aws_action_of_a_container_is_refused_under_a_name_of_azure(azure_site, daemon):
    azure_site.put_event(event_of(automation("ec2_stop_instance", [entity("EC2 Instance", "i-0aaaaaaa")]),
                                  automation("vm_deallocate", [vm("web-1")])))
    daemon(azure_site, once=True).ended(0)
    refused, other = sorted(azure_site.reports(), key=lambda r: r.index)
    assert refused.key.endswith("/report_ec2_stop_instance_total(1)_success(0)_error(1)_subscriptions(123456789012)_0"), refused.key
    assert refused["critical_error"].startswith('"ec2_stop_instance" is an AWS action, but the event came from http')
    assert refused["critical_error"].endswith(", where only Azure actions are allowed")
    assert other["critical_error"] is None and list(other.errors) == [vm("web-1")["id"]]
    assert other.key.endswith(f"_subscriptions({NOWHERE})_1")
