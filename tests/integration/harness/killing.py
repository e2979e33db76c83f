"""Kills the daemon at one of its calls, and lets another go on."""

import json
import os
import signal
import threading
import time

from .events import Report, is_report
from .proxy import Proxy

READS = ("Describe", "List", "Get", "GET ", "HEAD ")


class Killing(Proxy):
    """Counts the calls of a run, and kills the daemon at one of them: as the n-th arrives, or when the cloud has carried it out."""

    def __init__(self, cloud):
        super().__init__(cloud)
        self.lock = threading.Lock()
        self.arm(None, False)

    def arm(self, n, carried_out):
        """From now on a new run. n None: no call kills."""
        self.n, self.carried_out, self.calls, self.killed = n, carried_out, [], threading.Event()
        self.victim, self.known = None, threading.Event()

    def aim(self, process):
        self.victim = process
        self.known.set()

    def arrived(self, operation):
        with self.lock:
            self.calls.append(operation)
            mine = len(self.calls) == self.n
        return mine and not self.carried_out and self.kill()

    def answered(self, operation):
        return len(self.calls) == self.n and self.carried_out and self.kill()

    def kill(self):
        assert self.known.wait(30), "nobody said whom to kill"
        # Before the signal: the test asks as soon as the process has ended.
        self.killed.set()
        self.victim.send_signal(signal.SIGKILL)
        return True


def is_read(operation):
    """A call that changes nothing: to be killed after it is the same as before it."""
    return operation.startswith(READS)


def make_older(path, hours):
    then = time.time() - hours * 3600
    os.utime(path, (then, then))


class Folder:
    """A directory source with one event."""

    def __init__(self, path, event):
        self.path = path
        place = path / "events" / "run-1"
        self.reports_folder = path / "reports" / "run-1"
        place.mkdir(parents=True)
        (place / "event.json").write_text(json.dumps(event))
        make_older(place / "event.json", hours=2)
        self.pending = self.reports_folder / "is_pending"

    def source(self):
        return {"source files": {"type": "directory", "path": str(self.path)}}

    def expire_claim(self):
        """As if the claim's time had passed: by what it says, and by its age, which is what a listing sees."""
        claim = json.loads(self.pending.read_text())
        self.pending.write_text(json.dumps({**claim, "expires_ms": 0}))
        make_older(self.pending, hours=1)

    def reports(self):
        names = sorted(os.listdir(self.reports_folder)) if self.reports_folder.is_dir() else []
        return [Report(name, (self.reports_folder / name).read_bytes()) for name in names if is_report(name)]
