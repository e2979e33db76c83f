"""The daemon when memory runs out: one allocation of a run fails, at a point chosen at random, and the daemon ends there with one line.
Started again, it must come to the same end as a run without a failure: one outcome for each resource, and no change made twice.

MEMORY_SEED chooses other points, MEMORY_POINTS more of them. The program is the plain build (PLAIN), even in runs with sanitizers: they
replace malloc themselves, and what is tested here is what the program leaves behind, not how it uses its memory."""

import os
import random
import signal
import threading

import pytest

from harness.events import event_of
from harness.killing import Folder
from harness.process import Daemon, binary, clean_environment, write_ini
from harness.proxy import Proxy
from harness.scenarios import SCENARIOS, Aws, census
from harness.wait import wait_until

SEED = os.environ.get("MEMORY_SEED", "10")
POINTS = int(os.environ.get("MEMORY_POINTS", "40"))
PARTS = 4  # of the points, to be tested side by side
LINE = "hgautod: out of memory; the process ends here, and events under way are resumed from their stored progress"
CONFIG = {"daemon": {"workers": 2, "drain_timeout": "20s"}, "http": {"request_timeout": "5s"}, "log": {"level": "info", "format": "json"}}

# Actions of one event. They take snapshots and create profiles and policies: changes that must not be repeated. (Not those that create
# security groups: taken over, they wait for minutes until the group's own rule must have been listed.)
ACTIONS = ("terminate_takes_one_snapshot", "delete_volume", "attach_a_role", "add_a_tag_to_some", "quarantine_a_user",
           "delete_a_database", "delete_a_redshift_cluster")


class Counting(Proxy):
    """A proxy that knows whether requests are still being handled."""

    def __init__(self, cloud):
        super().__init__(cloud)
        self.lock, self.open = threading.Lock(), 0
        begin, end = self.server.process_request, self.server.shutdown_request

        def process_request(request, address):
            with self.lock:
                self.open += 1
            begin(request, address)

        def shutdown_request(request):
            end(request)
            with self.lock:
                self.open -= 1

        self.server.process_request, self.server.shutdown_request = process_request, shutdown_request

    def settle(self):
        """Waits until all that a daemon has sent before its end is carried out."""
        self.client("sts").get_caller_identity()  # connections are accepted in order
        wait_until(lambda: self.open <= 1, "the proxy to have handled the requests of the daemon that ended")


class Stage:
    def __init__(self, cloud, aws, root):
        self.cloud, self.aws, self.root = cloud, aws, root
        self.times = 0

    def play(self, at, all_later):
        """Carries out the event, with the allocation number `at` failing (0: none). Returns how many allocations an undisturbed run makes (0
        if it was disturbed), whether the daemon was ended, and the census of the end."""
        self.cloud.reset()
        events, checks = zip(*(s.prepare(self.aws) for s in SCENARIOS if s.make.__name__ in ACTIONS))
        self.times += 1
        folder = Folder(self.root / str(self.times), event_of(*(r for e in events for r in e["results"])))
        proxy = Counting(self.cloud)
        try:
            count, ended = self.run(folder, proxy, at, all_later)
        finally:
            proxy.stop()
        self.assert_one_outcome_each(folder, [e["results"][0] for e in events])
        for check in checks:
            check()
        return count, ended, census(self.aws)

    def run(self, folder, proxy, at, all_later):
        """Runs the daemon, and again if it did not come to the end."""
        noted = folder.path / "failing"
        failing = {"LD_PRELOAD": binary("failing_memory.so", "FAILING_MEMORY"), "FAILING_FROM": "event.json", "FAILING_AT": str(at),
                   "FAILING_ALL": str(int(all_later)), "FAILING_REPORT": str(noted)}
        daemon = self.daemon(folder, proxy, failing)
        status, lines = daemon.process.returncode, daemon.errors.count(LINE)
        notes = noted.read_text().split()
        assert notes[0] == "failed" or at == 0 or status == 0, f"no allocation failed, yet hgautod ended with {status}:\n{daemon.stderr}"
        if status == -signal.SIGABRT:
            assert lines == 1 or (all_later and lines > 1), f"{lines} lines tell of it:\n{daemon.stderr}"
            # A report that is there is complete: nothing of the next daemon may change it.
            before = {r.key: r.raw for r in folder.reports()}
        else:
            assert status in (0, 1) and lines == 0, f"hgautod ended with {status}:\n{daemon.stderr}"
        proxy.settle()
        if status != 0:
            if folder.pending.exists():
                folder.expire_claim()
            again = self.daemon(folder, proxy, {})
            assert again.process.returncode == 0, f"hgautod ended with {again.process.returncode}:\n{again.stderr}"
        if status == -signal.SIGABRT:
            assert before.items() <= {r.key: r.raw for r in folder.reports()}.items()
        return int(notes[-1]) if at == 0 else 0, status == -signal.SIGABRT

    def daemon(self, folder, proxy, more):
        ini = write_ini(folder.path, {**CONFIG, **folder.source()})
        daemon = Daemon(ini, clean_environment({**proxy.env(), **more}), folder.path, once=True, program=binary("plain/hgautod", "PLAIN"))
        return daemon.ended(None)

    def assert_one_outcome_each(self, folder, results):
        reports = {r.index: r for r in folder.reports()}
        assert sorted(reports) == list(range(len(results))), [r.key for r in folder.reports()]
        assert len(folder.reports()) == len(results), [r.key for r in folder.reports()]
        for index, result in enumerate(results):
            report = reports[index].assert_all_processed()
            assert sorted(report.processed_ids) == sorted(e["id"] for e in result["entities"])
        assert not folder.pending.exists()


@pytest.mark.parametrize("part", range(PARTS))
def test_each_resource_has_one_outcome_wherever_memory_ran_out(moto, tmp_path, part):
    stage = Stage(moto, Aws(moto), tmp_path)
    total, _, undisturbed = stage.play(0, False)
    chosen = random.Random(SEED).sample(range(1, total), POINTS)[part::PARTS]
    ends = 0
    for n, at in enumerate(chosen):
        try:
            _, ended, found = stage.play(at, n % 2 == 1)
            assert found == undisturbed
        except AssertionError as e:
            raise AssertionError(f"allocation {at} of about {total} failed{' and all later ones' if n % 2 else ''}: {e}") from e
        ends += ended
    # Not all: some are opendir's or the resolver's, which the daemon survives, and a run may be shorter than the first.
    assert ends >= len(chosen) // 2, f"of {len(chosen)} failures only {ends} ended the daemon"
