"""Events that cannot be carried out: each has a defined answer, never a crash and never silence."""

import json

import pytest

from harness.cloud import Site
from harness.events import instance, stop_event

DEEP = '{"name":"x","results":[{"automation":{"name":"ec2_stop_instance"},"entities":[{"id":' + "[" * 60 + "]" * 60 + "}]}]}"

UNREADABLE = {
    "empty": (b"", 1, 1),
    "bom": (b"\xef\xbb\xbf" + json.dumps(stop_event("i-0aaaaaaa")).encode(), 1, 1),
    "trailing-comma": (b'{"name":"r",\n "results":[],\n}', 3, 1),
    "invalid-utf-8": (b'{"name":"r\xff","results":[]}', 1, 11),
    "65-levels": (DEEP.encode(), 1, None),
    "cut-off": (b'{"name":"r","results":[', 1, None),
    "two-documents": (b"{}\n{}", 2, 1),
    "single-quotes": (b"{'name':1}", 1, 2),
    "nul": (b'{"name":"a\x00b"}', 1, 11),
}


@pytest.mark.parametrize("name", UNREADABLE)
def test_an_unreadable_event_is_a_critical_error_with_its_place(cloud, daemon, name):
    text, line, column = UNREADABLE[name]
    site = Site(cloud)
    key = site.put_event(text)
    daemon(site, once=True).ended(0)
    [report] = site.reports(key)
    assert report.key == site.folder(key) + "report_critical_error_total(0)_success(0)_error(0)_accounts()_0.json"
    assert (report["name"], report["processed"], report["errored"]) == ("critical_error", [], [])
    assert f"line {line}, column {column if column else ''}" in report["critical_error"]
    assert site.messages() == (0, 0) and not site.pending(key)


@pytest.mark.parametrize("text", [
    "[]", '"text"', "null", "{}", '{"name":"r"}', '{"name":"r","results":{}}', '{"name":"r","results":[1]}',
])
def test_what_is_json_but_no_event_is_a_critical_error(cloud, daemon, text):
    site = Site(cloud)
    key = site.put_event(text)
    daemon(site, once=True).ended(0)
    [report] = site.reports(key)
    assert report.action == "critical_error" and report["critical_error"]
    assert site.messages() == (0, 0)


@pytest.mark.parametrize("automation", [
    {"automation": {"name": 7}, "entities": []},
    {"automation": "ec2_stop_instance", "entities": []},
    {"automation": {"name": "ec2_stop_instance"}, "entities": {}},
    {"automation": {"name": "ec2_stop_instance"}, "entities": ["i-0aaaaaaa"]},
    {"automation": {"name": "ec2_stop_instance", "params": []}, "entities": []},
], ids=["name-is-a-number", "automation-is-a-string", "entities-is-an-object", "a-resource-is-a-string", "params-is-an-array"])
def test_one_bad_automation_does_not_stop_the_others(cloud, daemon, automation):
    site = Site(cloud)
    cloud.instance("i-0aaaaaaa")
    key = site.put_event({"name": "r", "results": [automation, stop_event("i-0aaaaaaa")["results"][0]]})
    daemon(site, once=True).ended(0)
    bad, good = site.reports(key)
    assert bad["critical_error"]
    good.assert_all_processed()


def test_a_resource_with_duplicate_keys_is_errored_alone(cloud, daemon):
    site = Site(cloud)
    cloud.instance("i-0aaaaaaa")
    cloud.instance("i-0bbbbbbb")
    doubled = json.dumps(instance("i-0aaaaaaa"))[:-1] + ', "id": "i-0bbbbbbb"}'
    key = site.put_event('{"name":"r","results":[{"automation":{"name":"ec2_stop_instance","params":{"DryRun":"false"}},"entities":[%s,%s]}]}'
                         % (doubled, json.dumps(instance("i-0bbbbbbb"))))
    daemon(site, once=True).ended(0)
    [report] = site.reports(key)
    assert (report.success, report.error) == (1, 1)
    assert "duplicate" in report["errored"][0]["error"].lower()
    assert (cloud.state_of("i-0aaaaaaa"), cloud.state_of("i-0bbbbbbb")) == ("running", "stopped")


def test_an_automation_without_resources_has_an_empty_report(cloud, daemon):
    site = Site(cloud)
    key = site.put_event({"name": "r", "results": [{"automation": {"name": "ec2_stop_instance"}, "entities": []}]})
    daemon(site, once=True).ended(0)
    [report] = site.reports(key)
    assert (report.total, report["processed"], report["errored"], report["critical_error"]) == (0, [], [], None)


@pytest.mark.parametrize("change, pattern", [
    ({"account": "12"}, "account"),
    ({"account": None}, "account"),
    ({"region": "../../x"}, "region"),
    ({"id": "i-0aaaaaaa; rm -rf", "attributes": {"Instance ID": "i-0aaaaaaa&Action=TerminateInstances"}}, "Instance ID|id"),
])
def test_a_resource_that_is_not_trusted_is_errored_before_any_call(cloud, daemon, change, pattern):
    site = Site(cloud)
    cloud.instance("i-0aaaaaaa")
    bad = {**instance("i-0ddddddd"), **change}
    key = site.put_event({"name": "r", "results": [{"automation": {"name": "ec2_stop_instance"}, "entities": [bad]}]})
    daemon(site, once=True).ended(0)
    [report] = site.reports(key)
    report.assert_error(bad["id"], pattern)
    assert cloud.requests(operation="StopInstances") == []


def test_a_bad_parameter_errors_each_resource_before_any_call(cloud, daemon):
    site = Site(cloud)
    cloud.instance("i-0aaaaaaa")
    key = site.put_event(stop_event("i-0aaaaaaa", params={"DryRun": "perhaps"}))
    daemon(site, once=True).ended(0)
    [report] = site.reports(key)
    report.assert_error("i-0aaaaaaa", "DryRun")
    assert cloud.requests(operation="StopInstances") == []
