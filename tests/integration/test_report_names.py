"""The names of reports, which others look for, in each kind of store, and the cloud whose actions a store's events may name.

What is in Azure is in test_azure_source.py, beside the emulator."""

import os

from harness.cloud import EVENT_KEY, Site
from harness.azure import SUBSCRIPTION, vm_id
from harness.events import azure_entity, automation, entity, event, event_of, stop_event
from test_sources import put_file, reports_below

ACCOUNTS = [f"1000000000{n:02d}" for n in range(20)]
MANY = ",".join(ACCOUNTS)
FITTING = ",".join(ACCOUNTS[:13]) + ",+7"


def event_of_accounts():
    """Of 20 accounts. The ids are not valid, so that nothing is called."""
    return event("ec2_stop_instance", [entity("EC2 Instance", "nothing", account=a) for a in ACCOUNTS])


def azure_vm():
    return azure_entity("Virtual Machine", vm_id("web-1"), subscription=SUBSCRIPTION, group="rg-Test", name="web-1")


def name_of(accounts, errors=20, index=0):
    return f"report_ec2_stop_instance_total({errors})_success(0)_error({errors})_accounts({accounts})_{index}.json"


def test_in_a_bucket(cloud, daemon):
    site = Site(cloud)
    site.put_event(event_of_accounts())
    daemon(site, once=True).ended(0)
    [report] = site.reports()
    assert os.path.basename(report.key) == name_of(MANY)


def test_in_a_directory_as_many_accounts_as_the_name_of_a_file_holds(cloud, daemon, tmp_path):
    folder = tmp_path / "store"
    put_file(folder, event_of_accounts())
    daemon(config={"source files": {"type": "directory", "path": str(folder)}}, env=cloud.env(), once=True).ended(0)
    [report] = reports_below(folder)
    assert os.path.basename(report.key) == name_of(FITTING)
    assert len(report.errors) == 1  # all resources have one id here
    assert not list(folder.glob("reports/*/is_pending"))


def test_of_exec(cloud, exec_event):
    ran = exec_event(event_of_accounts(), on=cloud)
    assert [os.path.basename(r.key) for r in ran.reports] == [name_of(FITTING)]


def test_an_azure_action_in_a_bucket_is_refused_beside_one_that_is_done(cloud, daemon):
    site = Site(cloud)
    cloud.instance("i-0aaaaaaa")
    site.put_event(event_of(automation("vm_deallocate", [azure_vm()]), stop_event("i-0aaaaaaa")["results"][0]))
    running = daemon(site, once=True).ended(0)
    refused, done = sorted(site.reports(), key=lambda r: r.key, reverse=True)
    done.assert_all_processed()
    assert os.path.basename(refused.key) == f"report_vm_deallocate_total(1)_success(0)_error(1)_accounts({SUBSCRIPTION})_0.json"
    why = f'"vm_deallocate" is an Azure action, but the event came from s3://{site.bucket}, where only AWS actions are allowed'
    assert refused["critical_error"] == why
    assert list(refused.errors.values()) == [why]
    [told] = [entry for entry in running.logs(level="warn") if entry["message"] == "Automation refused"]
    assert told["action"] == "vm_deallocate" and told["error"] == why and told["event"] == EVENT_KEY, told


def test_what_refuses_a_whole_automation_is_logged(cloud, daemon):
    site = Site(cloud)
    site.put_event(event_of(automation("no_such_action", [entity("EC2 Instance", "i-0aaaaaaa")]),
                            automation("ec2_start_instance", [entity("EC2 Instance", "i-0aaaaaaa")]),
                            automation("ec2_stop_instance", [entity("EC2 Instance", "i-0aaaaaaa")], {"DryRun": "perhaps"})))
    running = daemon(site, config={"guard": {"disable_actions": "ec2_start_instance"}}, once=True).ended(0)
    told = {entry["action"]: entry["error"] for entry in running.logs(level="warn") if entry["message"] == "Automation refused"}
    assert sorted(told) == ["ec2_start_instance", "ec2_stop_instance", "no_such_action"]
    assert "not known to this version" in told["no_such_action"]
    assert "disabled by [guard] disable_actions" in told["ec2_start_instance"]
    assert '"DryRun"' in told["ec2_stop_instance"]
    [ended] = [entry for entry in running.logs() if entry["message"] == "Run finished"]
    assert (ended["processed"], ended["errored"]) in (("0", "3"), (0, 3)), ended


def test_an_event_that_cannot_be_carried_out_counts_as_an_error(cloud, daemon):
    site = Site(cloud)
    site.s3.put_object(Bucket=site.bucket, Key=EVENT_KEY, Body=b"{broken")
    running = daemon(site, once=True).ended(0)
    [report] = site.reports()
    assert os.path.basename(report.key) == "report_critical_error_total(0)_success(0)_error(0)_accounts()_0.json"
    assert report["critical_error"]
    [ended] = [entry for entry in running.logs() if entry["message"] == "Run finished"]
    assert (ended["processed"], ended["errored"]) in (("0", "1"), (0, 1)), ended
