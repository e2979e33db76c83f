"""The command line: exec, check, and what it says when it is used wrongly."""

import json
import os
import subprocess

import pytest

from harness.cloud import Site
from harness.events import NOT_DRY, automation, event_of, instance, stop_event
from harness.process import clean_environment, hgautod_command
from harness.wait import STRETCH


def test_exec_prints_reports_on_standard_output(cloud, hgautod, tmp_path):
    cloud.instance("i-0aaaaaaa")
    path = tmp_path / "event.json"
    path.write_text(json.dumps(stop_event("i-0aaaaaaa")))
    ran = hgautod("exec", path, env=cloud.env()).assert_status(0)
    assert [r["id"] for r in json.loads(ran.stdout)["processed"]] == ["i-0aaaaaaa"]
    assert cloud.state_of("i-0aaaaaaa") == "stopped"


def test_exec_writes_reports_into_a_folder_and_fails_when_a_resource_does(cloud, exec_event):
    cloud.instance("i-0aaaaaaa")
    ran = exec_event(event_of(automation("ec2_stop_instance", [instance("i-0aaaaaaa"), instance("i-0bbbbbbb")], NOT_DRY),
                              automation("ec2_start_instance", [instance("i-0aaaaaaa")], NOT_DRY)), on=cloud)
    assert ran.status == 1
    first, second = ran.reports
    first.assert_error("i-0bbbbbbb", "^InvalidInstanceID.NotFound")
    second.assert_all_processed()


def test_exec_replaces_a_link_in_the_report_folder_and_leaves_nothing_half_written(cloud, hgautod, tmp_path):
    """Whoever may write into the folder could else have any file of ours overwritten."""
    cloud.instance("i-0aaaaaaa")
    path, folder, precious = tmp_path / "event.json", tmp_path / "reports", tmp_path / "precious"
    path.write_text(json.dumps(stop_event("i-0aaaaaaa")))
    ran = hgautod("exec", path, "--report-dir", folder, env=cloud.env()).assert_status(0)
    [report] = folder.iterdir()
    assert ran.stdout == f"{report}\n"
    report.unlink()
    precious.write_text("precious")
    report.symlink_to(precious)
    hgautod("exec", path, "--report-dir", folder, env=cloud.env()).assert_status(0)
    assert precious.read_text() == "precious"
    assert [p.name for p in folder.iterdir()] == [report.name] and not report.is_symlink()
    assert json.loads(report.read_text())["processed"]


def test_exec_reads_its_event_and_its_configuration_from_pipes(cloud, tmp_path):
    cloud.instance("i-0aaaaaaa")
    (tmp_path / "event.json").write_text(json.dumps(stop_event("i-0aaaaaaa")))
    (tmp_path / "a.ini").write_text("[guard]\ndisable_actions = ec2_stop_instance\n")
    ran = subprocess.run(["bash", "-c", '"$0" exec <(cat event.json) -c <(cat a.ini)', *hgautod_command()], cwd=tmp_path,
                         env=clean_environment(cloud.env()), capture_output=True, text=True, timeout=60 * STRETCH)
    assert "disable_actions" in json.loads(ran.stdout)["critical_error"], ran


def test_exec_plan_changes_nothing_and_says_what_it_would(cloud, exec_event):
    cloud.instance("i-0aaaaaaa")
    ran = exec_event(stop_event("i-0aaaaaaa"), plan=True, on=cloud)
    assert ran.status == 0
    assert cloud.state_of("i-0aaaaaaa") == "running" and cloud.requests(operation="StopInstances") == []
    assert "StopInstances" in json.dumps(ran.report["planned"]) and "i-0aaaaaaa" in json.dumps(ran.report["planned"])


def test_exec_of_a_broken_event_says_where(cloud, hgautod, tmp_path):
    path = tmp_path / "event.json"
    path.write_text('{"name":"r",\n}')
    ran = hgautod("exec", path, env=cloud.env()).assert_status(1)
    assert "line 2, column 1" in ran.stdout + ran.stderr


def test_exec_of_a_missing_file(cloud, hgautod):
    ran = hgautod("exec", "/nowhere/event.json", env=cloud.env())
    assert ran.status in (1, 2) and "/nowhere/event.json" in ran.stderr


def test_check_prints_the_effective_configuration(hgautod, write_config):
    path = write_config({"daemon": {"workers": 7}, "source a": {"type": "directory", "path": "/srv/events"}})
    ran = hgautod("check", "-c", path, env={"HGAUTOD_LOG_LEVEL": "warn"}).assert_status(0)
    assert "workers = 7" in ran.stdout and "/srv/events" in ran.stdout
    assert "level = warn" in ran.stdout


def test_check_shows_all_errors_at_once_with_their_lines_and_the_nearest_key(hgautod, tmp_path):
    path = tmp_path / "bad.ini"
    path.write_text("[daemon]\nwokers = 3\n[nonsense]\nx = 1\n[log]\nlevel = loud\n[source a]\ntype = sqs\n[source a]\ntype = sqs\n")
    ran = hgautod("check", "-c", path).assert_status(2)
    for said in (f"{path}:2:", "workers", "nonsense", f"{path}:6:", "loud"):
        assert said in ran.stderr, f"{said!r} is not in:\n{ran.stderr}"


KEY = "AccountName=hgevents;AccountKey=c2VjcmV0"
QUEUE = {"type": "azure_queue", "queue": "events", "container": "hyperglance", "connection_string": KEY}
SQS = {"type": "sqs", "bucket": "events", "queue_url": "https://sqs.eu-west-1.amazonaws.com/123456789012/q"}


@pytest.mark.parametrize("keys, said", [
    (QUEUE | {"container": "-a-"}, "container"),
    (QUEUE | {"container": "a--b"}, "container"),
    (QUEUE | {"queue": "a--b"}, "queue"),
    (QUEUE | {"connection_string": "garbage"}, "connection string"),
    (QUEUE | {"connection_string": KEY + ";BlobEndpoint=https://host/?"}, "BlobEndpoint"),
    (QUEUE | {"connection_string": KEY + "=="}, "AccountKey"),
    (QUEUE | {"type": "azure_blob", "queue": None, "connection_string": "AccountName=x"}, "storage account"),
    (SQS | {"region": "eu-west-1a1"}, "region"),
    (SQS | {"bucket": "a"}, "bucket"),
    (SQS | {"type": "s3", "queue_url": None, "bucket": "*"}, "bucket"),
])
def test_check_refuses_what_run_refuses(hgautod, tmp_path, write_config, keys, said):
    path = write_config({"source bad": {k: v for k, v in keys.items() if v}})
    os.chmod(path, 0o600)
    for ran in (hgautod("run", "--once", "-c", path), hgautod("check", "-c", path)):
        assert ran.status == 2 and said in ran.stderr, ran.stderr
    told = hgautod("check", "--json", "-c", path).assert_status(2).json()
    assert not told["ok"] and said in told["problems"][0]


def test_check_warns_of_a_queue_without_a_bucket(hgautod, write_config):
    path = write_config({"source q": {k: v for k, v in SQS.items() if k != "bucket"}})
    ran = hgautod("check", "--json", "-c", path).assert_status(0)
    assert "No bucket is set" in ran.stderr and len(ran.json()["warnings"]) == 1
    ran = hgautod("check", "--json", "-c", write_config({"source q": SQS | {"bucket": "*"}})).assert_status(0)
    assert ran.stderr == "" and ran.json()["warnings"] == []


def limited(nofile, *arguments, env=None):
    """Runs the program under a limit of open files, "SOFT:HARD"."""
    command = ["prlimit", f"--nofile={nofile}", *hgautod_command(), *map(str, arguments)]
    return subprocess.run(command, env=clean_environment(env or {}), capture_output=True, text=True, timeout=60)


@pytest.mark.parametrize("workers, warned", [(8, False), (32, True)])
def test_check_compares_the_workers_with_the_limit_of_open_files(write_config, workers, warned):
    config = write_config({"daemon": {"workers": workers}, "source s": {"type": "s3", "bucket": "events"}})
    ran = limited("100:400", "check", "-c", config)
    assert ran.returncode == 0, ran.stderr
    assert ("warning: workers (32) of [daemon] may need 672 open files, and 400 are allowed" in ran.stderr) is warned


def test_the_daemon_raises_its_limit_of_open_files(cloud, daemon, monkeypatch):
    monkeypatch.setenv("HGAUTOD_WRAP", "prlimit --nofile=200:3000 " + os.environ.get("HGAUTOD_WRAP", ""))
    running = daemon(Site(cloud))
    [line] = [found for found in open(f"/proc/{running.process.pid}/limits") if found.startswith("Max open files")]
    assert line.split()[3:5] == ["3000", "3000"]


def test_check_of_a_missing_file(hgautod):
    assert "/nowhere.ini" in hgautod("check", "-c", "/nowhere.ini").assert_status(2).stderr


def test_check_online_finds_everything(cloud, hgautod, write_config):
    site = Site(cloud)
    ran = hgautod("check", "--online", "-c", write_config(site.source()), env=cloud.env()).assert_status(0)
    assert "123456789012" in ran.stdout + ran.stderr


@pytest.mark.parametrize("keys, missing", [({"bucket": "no-such-bucket"}, "no-such-bucket"), ({"queue_url": "{}/123456789012/none"}, "none")])
def test_check_online_says_what_is_missing(cloud, hgautod, write_config, keys, missing):
    site = Site(cloud)
    config = site.source(**{k: v.format(cloud.url) for k, v in keys.items()})
    ran = hgautod("check", "--online", "-c", write_config(config), env=cloud.env()).assert_status(1)
    assert missing in ran.stdout + ran.stderr


def test_check_online_with_refused_keys(cloud, hgautod, write_config):
    site = Site(cloud)
    env = {**cloud.env(), "AWS_SECRET_ACCESS_KEY": "wrong"}
    ran = hgautod("check", "--online", "-c", write_config(site.source()), env=env).assert_status(1)
    assert "SignatureDoesNotMatch" in ran.stdout + ran.stderr and "wrong" not in ran.stdout


def test_version_and_help(hgautod):
    assert hgautod("--version").assert_status(0).stdout.startswith("hgautod ")
    assert "exec" in hgautod("--help").assert_status(0).stdout


@pytest.mark.parametrize("arguments", [(), ("nonsense",), ("run", "--nonsense"), ("exec",), ("check", "surplus")])
def test_wrong_usage_is_status_2_and_says_so_on_standard_error(hgautod, arguments):
    ran = hgautod(*arguments).assert_status(2)
    assert ran.stderr and not ran.stdout
