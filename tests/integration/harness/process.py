"""The programs under test, run as processes: hgautod and the servers it talks to."""

import glob
import json
import os
import shlex
import signal
import socket
import subprocess
import tempfile
import threading

from .wait import STRETCH, wait_until

ROOT = os.path.dirname(os.path.dirname(os.path.dirname(os.path.dirname(os.path.abspath(__file__)))))

# What sanitizers and valgrind print when they have found something.
COMPLAINTS = ("ERROR: AddressSanitizer", "ERROR: LeakSanitizer", "WARNING: ThreadSanitizer", "runtime error:",
              "ERROR SUMMARY:")


def binary(name, variable):
    path = os.path.abspath(os.environ.get(variable, os.path.join(ROOT, "build", name)))
    assert os.access(path, os.X_OK), f"{path} is not there: run `make` first, or set {variable}"
    return path


def hgautod_command():
    """The program's command line. HGAUTOD_WRAP runs it under another program, as in "valgrind -q"."""
    return shlex.split(os.environ.get("HGAUTOD_WRAP", "")) + [binary("hgautod", "HGAUTOD")]


def ini(config):
    """An INI file from {"section": {"key": value}}; a list is joined by commas, None leaves the key out."""
    lines = []
    for section, keys in config.items():
        lines.append(f"[{section}]")
        for key, value in keys.items():
            if value is None:
                continue
            if isinstance(value, bool):
                value = "true" if value else "false"
            elif isinstance(value, (list, tuple)):
                value = ", ".join(value)
            lines.append(f"{key} = {value}")
        lines.append("")
    return "\n".join(lines)


def merged(*configs):
    """Configurations laid over one another, section by section; a section that is None is left out."""
    result = {}
    for config in configs:
        for section, keys in (config or {}).items():
            if keys is None:
                result.pop(section, None)
            else:
                result.setdefault(section, {}).update(keys)
    return result


def write_ini(folder, config):
    handle, path = tempfile.mkstemp(suffix=".ini", dir=folder)
    with os.fdopen(handle, "w") as f:
        f.write(ini(config))
    return path


def clean_environment(more):
    """An environment in which nothing of the caller's cloud settings is left."""
    kept = {k: v for k, v in os.environ.items()
            if not k.startswith(("AWS_", "AZURE_", "HGAUTOD")) and not k.lower().endswith("_proxy")
            and k not in ("NOTIFY_SOCKET", "JOURNAL_STREAM")}
    kept["AWS_EC2_METADATA_DISABLED"] = "true"
    kept["AWS_CONFIG_FILE"] = kept["AWS_SHARED_CREDENTIALS_FILE"] = "/nonexistent"
    kept.setdefault("TSAN_OPTIONS", "exitcode=66:second_deadlock_stack=1")
    kept.update({k: v for k, v in more.items() if v is not None})
    return kept


def assert_no_complaint(text, what):
    for complaint in COMPLAINTS:
        if complaint in text:
            raise AssertionError(f"{what}: a checker complains ({complaint}):\n{text[-8000:]}")


def without_repetition(members):
    """An object of JSON whose keys are unique, as a line of the log must be."""
    entry = dict(members)
    assert len(entry) == len(members), f"a key stands twice in {members}"
    return entry


class Finished:
    """A command that has ended."""

    def __init__(self, status, stdout, stderr):
        self.status, self.stdout, self.stderr = status, stdout, stderr

    def json(self):
        return json.loads(self.stdout)

    def assert_status(self, status):
        assert self.status == status, f"exit status {self.status}, not {status}\nstdout: {self.stdout}\nstderr: {self.stderr}"
        return self


def run_hgautod(*arguments, env, cwd=None, timeout=120):
    """Runs a command of hgautod to its end."""
    done = subprocess.run(hgautod_command() + [str(a) for a in arguments], env=env, cwd=cwd, capture_output=True,
                          timeout=timeout * STRETCH, stdin=subprocess.DEVNULL)
    stdout, stderr = done.stdout.decode("utf-8", "replace"), done.stderr.decode("utf-8", "replace")
    assert_no_complaint(stderr, "hgautod " + " ".join(map(str, arguments)))
    assert done.returncode >= 0, f"hgautod died of signal {-done.returncode}: {stderr[-4000:]}"
    return Finished(done.returncode, stdout, stderr)


class Process:
    """A running program whose output is read by threads, so that it never blocks on a full pipe."""

    def __init__(self, command, env, cwd=None):
        self.lines = []
        self.errors = []
        self.process = subprocess.Popen(command, env=env, cwd=cwd, stdin=subprocess.DEVNULL, stdout=subprocess.PIPE,
                                        stderr=subprocess.PIPE, text=True, errors="replace")
        self._readers = [threading.Thread(target=self._read, args=pair, daemon=True)
                         for pair in ((self.process.stdout, self.lines), (self.process.stderr, self.errors))]
        for reader in self._readers:
            reader.start()

    @staticmethod
    def _read(stream, into):
        for line in stream:
            into.append(line.rstrip("\n"))

    @property
    def stderr(self):
        return "\n".join(self.errors)

    @property
    def alive(self):
        return self.process.poll() is None

    def signal(self, number):
        self.process.send_signal(number)

    def freeze(self):
        """Stops it as SIGSTOP does, and comes back when every thread of it has stopped: until then one may still go on."""
        self.signal(signal.SIGSTOP)
        wait_until(lambda: set(self._thread_states()) <= {"T"}, "the process to stop")

    def _thread_states(self):
        for stat in glob.glob(f"/proc/{self.process.pid}/task/*/stat"):
            with open(stat) as f:
                yield f.read().rpartition(")")[2].split()[0]

    def wait(self, timeout=60):
        status = self.process.wait(timeout * STRETCH)
        for reader in self._readers:
            reader.join(10)
        return status

    def kill(self):
        if self.alive:
            self.process.kill()
        self.wait()


class Daemon(Process):
    """`hgautod run`. Made by the fixture `daemon`; see conftest.py."""

    def __init__(self, config_path, env, folder, once=False, program=None):
        self.notify_path = os.path.join(tempfile.mkdtemp(dir=folder), "notify")
        self._notify = socket.socket(socket.AF_UNIX, socket.SOCK_DGRAM)
        self._notify.bind(self.notify_path)
        self._notify.setblocking(False)
        self._notices = ""
        self.stopped = False
        command = ([program] if program else hgautod_command()) + ["run", "-c", config_path] + (["--once"] if once else [])
        super().__init__(command, {**env, "NOTIFY_SOCKET": self.notify_path})

    def notices(self):
        """What it told the service manager so far ("READY=1\\nSTATUS=...")."""
        try:
            while True:
                self._notices += self._notify.recv(65536).decode() + "\n"
        except BlockingIOError:
            return self._notices

    def wait_ready(self):
        def ready():
            assert self.alive, f"hgautod ended with status {self.wait()} before it was ready:\n{self.stderr}"
            return "READY=1" in self.notices()
        wait_until(ready, "hgautod to be ready")
        return self

    def logs(self, **fields):
        """Log lines as dictionaries, those that have all the given fields."""
        found = []
        for line in list(self.errors):
            try:
                entry = json.loads(line, object_pairs_hook=without_repetition)
            except json.JSONDecodeError:
                continue
            if all(entry.get(k) == v for k, v in fields.items()):
                found.append(entry)
        return found

    def logged(self, text):
        return any(text in line for line in list(self.errors))

    def wait_logged(self, text, timeout=30):
        wait_until(lambda: self.logged(text) or not self.alive, f"the log to say {text!r}", timeout)
        assert self.logged(text), f"hgautod ended without saying {text!r}:\n{self.stderr}"

    def stop(self, status=0, number=signal.SIGTERM, timeout=60):
        """Ends it with a signal and asserts how it ended. status None: any."""
        if self.alive:
            self.signal(number)
        return self.ended(status, timeout)

    def ended(self, status=0, timeout=60):
        """Waits for its end (--once, or after a signal) and asserts the exit status."""
        try:
            got = self.wait(timeout)
        except subprocess.TimeoutExpired:
            self.process.kill()
            self.wait()
            raise AssertionError(f"hgautod did not end within {timeout} s:\n{self.stderr[-8000:]}") from None
        self.close()
        assert_no_complaint(self.stderr, "hgautod run")
        assert status is None or got == status, f"hgautod ended with {got}, not {status}:\n{self.stderr[-8000:]}"
        return self

    def kill_now(self):
        """kill -9, as a power cut would."""
        self.kill()
        self.close()

    def close(self):
        self.stopped = True
        self._notify.close()
