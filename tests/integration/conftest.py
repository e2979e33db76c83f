"""Fixtures of the integration tests. The real binary (HGAUTOD, else build/hgautod) runs against servers on the loopback.

    moto                 A moto server, empty at the start of each test.  moto.client("ec2"[, region][, account=])
                         is a boto3 client;  moto.url;  moto.env() the environment for hgautod.
    cloud                Our own cloudserver (tests/cloud), empty likewise: also  cloud.instance("i-0abc", state="running"),
                         cloud.instances(1000), cloud.state_of(id), cloud.requests(operation="StopInstances"),
                         cloud.fault("StopInstances", status=503, code="...", times=2, retry_after="1", delay_ms=, drop=True).
    exec_event(EVENT)    Runs `hgautod exec` against moto and returns Ran: .status .stdout .stderr .reports (by index) .report
                         (the only one). Options: plan=True, config={"guard": {...}}, env={...}, on=cloud,
                         unbatched=True (without shared calls).
    site / make_site(CLOUD, name=, region=)
                         A bucket that announces event.json to a queue, at moto / at CLOUD:  put_event(EVENT[, key]),
                         wait_reports([count][, key]), reports(), pending(), messages(), wait_empty(), send(BODY), source(**keys).
    daemon(SITE, ...)    Starts `hgautod run` on that site, waits until it is ready; .stop() sends SIGTERM and asserts exit status 0.
                         Options: config={...} laid over the defaults, env={...}, once=True (returns at once: then .ended()),
                         ready=False. Still running at the end of the test: stopped, and its status asserted.
    hgautod(*ARGS)       Any other command: hgautod("check", "-c", PATH) -> .status .stdout .stderr .json() .assert_status(0)
    write_config(DICT)   An INI file's path from {"section": {"key": value}}.
    recorder             What hgautod has sent so far, in all tests:  .all()  .runs (by `hgautod exec`, with their actions).
    whole_suite          Skips a test that tells of all others unless all others have run. Files in LAST run after them; side by side
                         (pytest -n) they need a run of their own: the first with --record DIR, theirs with --recorded DIR.

Every end of a program asserts that no sanitizer and no valgrind has complained. From harness.events:

    event("ec2_stop_instance", [entity("EC2 Instance", "i-0abc", attributes={"Instance ID": "i-0abc"})], params={"DryRun": "false"})
    instance("i-0123456789abcdef0")  stop_event(ID, ...)          an EC2 instance; an event that stops some (DryRun off)
    event_of(automation(ACTION, ENTITIES, PARAMS), ...)          several automations
    report.assert_all_processed()   report.assert_error(ID, REGEX)   report.processed_ids   report.errors   report["critical_error"]

A typical test of an action:

    def test_stops(moto, exec_event):
        ec2 = moto.client("ec2")
        id = ...
        exec_event(event("ec2_stop_instance", [instance(id)], {"DryRun": "false"})).report.assert_all_processed()
        assert state(ec2, id) == "stopped"

Waiting: harness.wait.wait_until(condition, "what for"), never a sleep. A missing moto skips the tests that need it, except with CI=true.
"""

import glob
import importlib.util
import json
import os
import pathlib

import pytest

from harness.azurite import AzureSite, Azurite, needs_azurite
from harness.cloud import CloudServer, Moto, Site
from harness.events import Report
from harness.need import without
from harness.process import Daemon, clean_environment, merged, run_hgautod, write_ini
from harness.record import Recorder

DEFAULTS = {
    "daemon": {"workers": 4, "drain_timeout": "20s"},
    "http": {"request_timeout": "5s"},  # the shortest that the shortest claim_ttl allows
    "log": {"level": "debug", "format": "json"},
}


# They look at what the other tests have recorded.
LAST = ("test_permissions.py", "test_botocore_models.py")
FOLDER = os.path.dirname(os.path.abspath(__file__))
WORKER = os.environ.get("PYTEST_XDIST_WORKER", "")  # one of several side by side


def pytest_addoption(parser):
    group = parser.getgroup("hgautod")
    group.addoption("--record", metavar="DIR", help="keep what hgautod has sent in this folder")
    group.addoption("--recorded", metavar="DIR", help="what hgautod has sent, when all other tests have already run with --record DIR")


def pytest_configure(config):
    config.hgautod_deselected = False


def pytest_deselected(items):
    if items:
        items[0].config.hgautod_deselected = True


def pytest_collection_modifyitems(items):
    items.sort(key=lambda item: item.path.name in LAST)


@pytest.fixture
def whole_suite(request):
    if request.config.getoption("--recorded"):
        return
    collected = {item.path.name for item in request.session.items}
    there = {name for name in os.listdir(FOLDER) if name.startswith("test_") and name.endswith(".py")}
    given = [a for a in request.config.args if "::" in a]
    if request.config.hgautod_deselected or given or WORKER or not there <= collected:
        pytest.skip("not all of the suite has run in this process")


def needs(*modules):
    missing = [m for m in modules if importlib.util.find_spec(m) is None]
    if missing:
        without(f"python3 has no {', '.join(missing)}: see tests/requirements.txt")


@pytest.fixture(scope="session")
def recorder(request, tmp_path_factory):
    folder = request.config.getoption("--recorded") or request.config.getoption("--record") or tmp_path_factory.mktemp("record")
    return Recorder(pathlib.Path(folder), WORKER or "alone")


@pytest.fixture(scope="session")
def moto_server(tmp_path_factory, recorder):
    needs("moto", "boto3", "flask")
    server = Moto(tmp_path_factory.mktemp("moto"), recorder.file("moto"))
    yield server
    server.stop()


@pytest.fixture
def moto(moto_server):
    moto_server.reset()
    return moto_server


@pytest.fixture(scope="session")
def cloud_server(recorder):
    needs("boto3")
    server = CloudServer("--record", recorder.file("cloudserver"))
    yield server
    server.stop()


@pytest.fixture
def cloud(cloud_server):
    cloud_server.reset()
    return cloud_server


@pytest.fixture
def make_site():
    return Site


@pytest.fixture
def site(moto):
    return Site(moto)


@pytest.fixture(scope="session")
def azurite_server(tmp_path_factory):
    needs_azurite()
    server = Azurite(tmp_path_factory.mktemp("azurite"))
    yield server
    server.stop()


@pytest.fixture
def make_azure_site(azurite_server, request):
    """Containers and queues of this test's own: Azurite cannot be emptied."""
    made = iter(range(100))
    place = f"{abs(hash(request.node.nodeid)) % 10**9:x}"
    return lambda **more: AzureSite(azurite_server, name=f"{place}-{next(made)}", **more)


@pytest.fixture
def azure_site(make_azure_site):
    return make_azure_site()


@pytest.fixture
def write_config(tmp_path):
    return lambda config: write_ini(tmp_path, config)


@pytest.fixture
def hgautod(tmp_path):
    def run(*arguments, env=None, timeout=120):
        return run_hgautod(*arguments, env=clean_environment(env or {}), cwd=tmp_path, timeout=timeout)

    return run


class Ran:
    """What `hgautod exec` left behind."""

    def __init__(self, finished, folder):
        self.status, self.stdout, self.stderr = finished.status, finished.stdout, finished.stderr
        found = []
        for path in glob.glob(os.path.join(glob.escape(folder), "**", "report_*"), recursive=True):
            with open(path, "rb") as f:
                found.append(Report(path, f.read()))
        self.reports = sorted(found, key=lambda r: r.index)

    @property
    def report(self):
        assert len(self.reports) == 1, f"{len(self.reports)} reports, not one (status {self.status}):\n{self.stderr}"
        return self.reports[0]


@pytest.fixture
def exec_event(request, tmp_path, recorder):
    runs = iter(range(1000))

    def run(event, plan=False, config=None, env=None, on=None, timeout=120, unbatched=False):
        server = on or request.getfixturevalue("moto")
        folder = tmp_path / f"exec-{next(runs)}"
        reports = folder / "reports"
        reports.mkdir(parents=True)
        path = folder / "event.json"
        if isinstance(event, bytes):
            path.write_bytes(event)
        else:
            path.write_text(event if isinstance(event, str) else json.dumps(event))
        ini = write_ini(folder, merged(DEFAULTS, config))
        arguments = ["exec", path, "-c", ini, "--report-dir", reports] + (["--plan"] if plan else [])
        environment = clean_environment({**server.env(), **(env or {}), "HGAUTOD_TEST_SINGLE_CALLS": "1" if unbatched else None})
        mark = recorder.mark()
        finished = run_hgautod(*arguments, env=environment, cwd=folder, timeout=timeout)
        recorder.ran(event, mark)
        assert finished.status in (0, 1), f"hgautod exec ended with {finished.status}:\n{finished.stderr}"
        return Ran(finished, str(reports))

    return run


@pytest.fixture
def daemon(tmp_path):
    started = []

    def start(site=None, config=None, env=None, once=False, ready=True):
        laid = merged(DEFAULTS, site.source() if site else None, config)
        environment = clean_environment({**(site.cloud.env() if site else {}), **(env or {})})
        one = Daemon(write_ini(tmp_path, laid), environment, tmp_path, once=once)
        started.append(one)
        if ready and not once:
            one.wait_ready()
        return one

    yield start
    for one in started:
        if not one.stopped:
            one.stop()
