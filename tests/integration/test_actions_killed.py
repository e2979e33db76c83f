"""Every action when the daemon is killed between its steps: at each call that changes anything, before the cloud has seen it and after
it has carried it out. Another daemon takes the run over. The end must be that of a run that nobody has disturbed, and nothing may
have been made twice."""

import pytest

from harness.killing import Folder, Killing, is_read
from harness.process import Daemon, clean_environment, write_ini
from harness.scenarios import SCENARIOS, Aws, census

CONFIG = {"daemon": {"workers": 2, "drain_timeout": "20s"}, "http": {"request_timeout": "20s"}, "log": {"level": "info", "format": "json"}}


class Stage:
    """A cloud, a proxy before it that kills, and the scenario that is played again and again."""

    def __init__(self, cloud, proxy, aws, scenario, folder):
        self.cloud, self.proxy, self.aws, self.scenario, self.root = cloud, proxy, aws, scenario, folder
        self.times = 0

    def play(self, n, carried_out):
        """From the beginning, with one kill. Answers the calls of the first daemon, whether it was killed, and the census of the end."""
        self.cloud.reset()
        event, check = self.scenario.prepare(self.aws)
        self.times += 1
        folder = Folder(self.root / str(self.times), event)
        daemon = self.start(folder, n, carried_out)
        calls = self.proxy.calls
        killed = self.proxy.killed.is_set()
        if killed:
            assert folder.reports() == [], "a report before the last call"
            folder.expire_claim()
            daemon = self.start(folder, None, False)
        where = f"killed {'after' if carried_out else 'before'} call {n} of {calls}" if killed else "not killed"
        assert len(folder.reports()) == 1, f"{where}: {folder.reports()}\n{daemon.stderr}"
        [report] = folder.reports()
        assert report.errors == {} and report["critical_error"] is None, f"{where}: {report.raw}\n{daemon.stderr}"
        report.assert_all_processed()
        assert not folder.pending.exists(), f"{where}: is_pending is still there"
        check()
        return calls, killed, census(self.aws) if self.scenario.server == "moto" else {}

    def start(self, folder, n, carried_out):
        """Runs a daemon until it ends by itself, or by the proxy's hand."""
        self.proxy.arm(n, carried_out)
        ini = write_ini(folder.path, {**CONFIG, **folder.source()})
        daemon = Daemon(ini, clean_environment(self.proxy.env()), folder.path, once=True)
        self.proxy.aim(daemon.process)
        daemon.ended(None)
        status = daemon.process.returncode
        assert status == (-9 if self.proxy.killed.is_set() else 0), f"hgautod ended with {status}:\n{daemon.stderr}"
        return daemon


@pytest.fixture(scope="module")
def aws_of():
    """boto3 clients are slow to make: one set for all tests."""
    made = {}
    return lambda cloud: made.setdefault(cloud.url, Aws(cloud))


@pytest.fixture
def stage(request, tmp_path, aws_of):
    scenario = request.param
    cloud = request.getfixturevalue(scenario.server)
    proxy = Killing(cloud)
    yield Stage(cloud, proxy, aws_of(cloud), scenario, tmp_path)
    proxy.stop()


@pytest.mark.parametrize("stage", SCENARIOS, ids=str, indirect=True)
def test_killed_at_every_call(stage):
    calls, _, undisturbed = stage.play(None, False)
    assert stage.scenario.changes <= set(calls)
    for n, call in enumerate(calls, 1):
        # What lasts changes with a change alone: to be killed at a read is to be killed before the change that follows, or after the last.
        if is_read(call):
            continue
        for carried_out in (False, True):
            reached, killed, found = stage.play(n, carried_out)
            assert killed and reached == calls[:n]
            assert found == undisturbed, f"killed {'after' if carried_out else 'before'} call {n} of {calls}"


def test_every_action_of_more_than_one_call_has_a_scenario(hgautod):
    told = hgautod("actions", "--cloud", "aws", "--json").assert_status(0).json()
    several = {a["name"] for a in told["automations"] if len(a["permissions"]) > 1}
    assert several - {s.action for s in SCENARIOS} == set()
