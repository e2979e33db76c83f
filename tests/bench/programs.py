"""The programs that are measured: hgautod and the comparator, started, watched and accounted for."""

import contextlib
import hashlib
import json
import os
import pathlib
import re
import signal
import subprocess
import time

ACCOUNT, REGION = "123456789012", "us-east-1"
SUBSCRIPTION = "33333333-3333-4333-8333-333333333333"


# What an ARN calls the kinds of resources, by the prefix of their ids.
ARN_TYPES = {"snap-": "snapshot", "i-": "instance", "vol-": "volume"}


def event_of(count, action="ec2_delete_snapshot", kind="EC2 Snapshot", prefix="snap-"):
    """An event of that many resources, as Hyperglance writes it."""
    params = {"DryRun": "false"} if action in ("ec2_delete_snapshot", "ec2_stop_instance") else {}

    def entity(i):
        id = f"{prefix}{i:017x}"
        return {"datasource": "AWS", "uid": f"uid-{i}", "id": id, "name": f"bench-{i}", "account": ACCOUNT,
                "accountAlias": "bench", "region": REGION, "arn": f"arn:aws:ec2:{REGION}:{ACCOUNT}:{ARN_TYPES[prefix]}/{id}",
                "type": kind, "tags": {"env": "bench", "owner": "somebody"}, "attributes": {"State": "available"},
                "matchedAttributes": {}}

    entities = ",".join(json.dumps(entity(i)) for i in range(1, count + 1))
    head = json.dumps({"name": "bench", "results": [
        {"entityType": kind, "automation": {"name": action, "params": params}, "entities": []}]})
    return head.replace('"entities": []', f'"entities": [{entities}]')


def vm_event_of(count):
    """An event that deletes that many virtual machines, and their ids."""
    group = f"/subscriptions/{SUBSCRIPTION}/resourceGroups/bench"
    ids = [f"{group}/providers/Microsoft.Compute/virtualMachines/vm-{i}" for i in range(1, count + 1)]
    entities = [{"datasource": "Azure", "uid": f"uid-{i}", "id": id, "name": id.rsplit("/", 1)[1], "subscription": SUBSCRIPTION,
                 "accountAlias": "bench", "region": "westeurope", "type": "Virtual Machine", "tags": {"env": "bench"},
                 "attributes": {"Resource Group": "bench"}, "matchedAttributes": {}} for i, id in enumerate(ids, 1)]
    return {"name": "bench", "results": [{"entityType": "Virtual Machine", "automation": {"name": "vm_delete", "params": {}},
                                          "entities": entities}]}, ids


def clean_environment(more):
    """Nothing of the caller's but where programs are."""
    return {"PATH": os.environ["PATH"], "HOME": "/nonexistent", "LANG": "C.UTF-8", "no_proxy": "127.0.0.1",
            "AWS_ACCESS_KEY_ID": "AKIAIOSFODNN7EXAMPLE", "AWS_SECRET_ACCESS_KEY": "wJalrXUtnFEMI/K7MDENG/bPxRfiCYEXAMPLEKEY",
            "AWS_REGION": REGION, "AWS_EC2_METADATA_DISABLED": "true", "AWS_CONFIG_FILE": "/nonexistent",
            "AWS_SHARED_CREDENTIALS_FILE": "/nonexistent", **more}


class Cost:
    """What a finished process cost."""

    def __init__(self, text, requests=None):
        used = json.loads(text)
        self.status, self.began, self.wall_s, self.peak_mib = used["status"], used["began"], used["wall_s"], used["peak_kib"] / 1024
        self.cpu_s = used["user_s"] + used["system_s"]
        self.requests = requests


class Running:
    """A measured process under way."""

    def __init__(self, measure, process, line, log):
        self.process, self.log = process, log
        self._lines = line
        self.began = time.monotonic()
        while not (text := line.read_text() if line.exists() else "") or "\n" not in text:
            if process.poll() is not None:
                raise SystemExit(f"bench: {measure} ended: {log.read_text()}")
            time.sleep(0.001)
        self.pid = json.loads(text.splitlines()[0])["pid"]

    def cpu_s(self):
        """Processor time of all its threads so far, to the nanosecond."""
        total = 0
        for path in pathlib.Path(f"/proc/{self.pid}/task").glob("*/schedstat"):
            with contextlib.suppress(OSError):
                total += int(path.read_text().split()[0])
        return total / 1e9

    def rss_mib(self, which="VmRSS"):
        status = pathlib.Path(f"/proc/{self.pid}/status").read_text()
        return int(re.search(rf"{which}:\s+(\d+)", status)[1]) / 1024

    def cost(self):
        self.process.wait()
        return Cost(self._lines.read_text().splitlines()[1])

    def stop(self):
        if self.process.poll() is None:
            os.kill(self.pid, signal.SIGTERM)
            try:
                self.process.wait(5)
            except subprocess.TimeoutExpired:
                os.kill(self.pid, signal.SIGKILL)
                self.process.wait()


class Bench:
    """Where the programs are, and a folder for what they read and write."""

    def __init__(self, hgautod, programs, cloudserver, folder):
        self.hgautod, self.cloudserver = os.path.abspath(hgautod), os.path.abspath(cloudserver)
        self.programs, self.folder = pathlib.Path(programs).absolute(), pathlib.Path(folder)
        self._count = 0

    def program(self, name):
        return str(self.programs / name)

    def new_folder(self, name):
        self._count += 1
        folder = self.folder / f"{self._count}-{name}"
        folder.mkdir()
        return folder

    def start(self, command, environment=None):
        folder = self.new_folder("process")
        line, log = folder / "cost", folder / "log"
        with log.open("w") as to:
            process = subprocess.Popen([self.program("measure"), str(line), *command], stdin=subprocess.DEVNULL, stdout=to,
                                       stderr=to, env=clean_environment(environment or {}), cwd=folder)
        return Running("measure", process, line, log)

    def run(self, command, environment=None):
        running = self.start(command, environment)
        try:
            cost = running.cost()
        finally:
            running.stop()
        if cost.status != 0:
            raise SystemExit(f"bench: {' '.join(command)} ended with {cost.status}:\n{running.log.read_text()[-4000:]}")
        return cost

    def config(self, workers, more=""):
        path = self.new_folder("config") / "hgautod.ini"
        path.write_text(f"[daemon]\nname = bench\nworkers = {workers}\n[log]\nlevel = warn\nformat = text\n{more}")
        return str(path)

    def event(self, count, **kinds):
        path = self.folder / f"event-{count}-{'-'.join(kinds.values()) or 'delete'}.json".replace(" ", "_")
        if not path.exists():
            path.write_text(event_of(count, **kinds))
        return path

    def exec(self, count, workers, environment, unbatched=False, **kinds):
        """hgautod exec on an event of so many resources (see event_of); all of them must be processed."""
        reports = self.new_folder("reports")
        if unbatched:
            environment = {**environment, "HGAUTOD_TEST_SINGLE_CALLS": "1"}
        cost = self.run([self.hgautod, "exec", str(self.event(count, **kinds)), "-c", self.config(workers), "--report-dir",
                         str(reports)], environment)
        names = os.listdir(reports)
        if len(names) != 1 or f"_total({count})_success({count})_error(0)_" not in names[0]:
            raise SystemExit(f"bench: the report should say that {count} resources were processed: {names}")
        cost.report = names[0], hashlib.sha256((reports / names[0]).read_bytes()).hexdigest()
        (reports / names[0]).unlink()
        return cost

    def bare(self, url, request, count, threads, ca=None):
        command = [self.program("bare"), url, str(request), str(count), str(threads)]
        return self.run(command + ([ca] if ca else []))
