"""The scenarios: each runs hgautod, and beside it the comparator, and answers rows of the table."""

import dataclasses
import json
import os
import shutil
import statistics
import subprocess
import time

from programs import ACCOUNT, REGION, event_of, vm_event_of
from servers import DELETE_SNAPSHOT, STOP_INSTANCES, STS_RULE, Answers, CloudServer, Nginx, Rule, wait_for

MIB = 1 << 20


@dataclasses.dataclass
class Sizes:
    """How much of everything."""

    runs: int = 5
    unbatched: int = 20_000
    latency: int = 12_800
    batch: tuple = (1_000, 20_000)
    growth: tuple = (1_000, 100_000)
    fair: int = 100_000
    parked: int = 10_000
    vms: int = 1_000
    idle_s: float = 10
    settle_s: float = 30
    waiting_s: float = 30
    million: bool = False
    judged: bool = True

    @classmethod
    def small(cls):
        return cls(runs=1, unbatched=400, latency=640, batch=(250, 600), growth=(100, 1_000), fair=20_000, parked=200, vms=50,
                   idle_s=0.5, settle_s=0, waiting_s=1, judged=False)


@dataclasses.dataclass
class Row:
    """One line: a measure of hgautod's in several runs, that of the comparator, and what is wanted of which."""

    scenario: str
    measure: str
    own: list
    bare: list = dataclasses.field(default_factory=list)
    of: str = "own"  # what the target is about: "own" or "ratio"
    at_most: float = None
    at_least: float = None

    def ratio(self):
        """The median of the ratios of neighbours in time: what slows the machine down slows both."""
        return statistics.median(a / b for a, b in zip(self.own, self.bare)) if self.bare else None

    def cells(self):
        value = self.ratio() if self.of == "ratio" else statistics.median(self.own)
        target = met = ""
        if self.at_most is not None:
            target, met = f"{self.of_text()}at most {number(self.at_most)}", value <= self.at_most
        elif self.at_least is not None:
            target, met = f"{self.of_text()}at least {number(self.at_least)}", value >= self.at_least
        return (self.scenario, self.measure, spread(self.own), spread(self.bare),
                f"{self.ratio():.2f}" if self.bare else "", target, "" if met == "" else "yes" if met else "no")

    def of_text(self):
        return "ratio " if self.of == "ratio" else ""


def number(value):
    if value == int(value) or abs(value) >= 1000:
        return f"{value:,.0f}"
    return f"{value:.1f}" if abs(value) >= 10 else f"{value:.2f}"


def spread(values):
    if not values:
        return ""
    text = number(statistics.median(values))
    return text if min(values) == max(values) else f"{text} ({number(min(values))}–{number(max(values))})"


def beside(name, own, bare, count, **targets):
    """The four measures of runs and the comparator's runs."""
    def row(measure, value, **target):
        return Row(name, measure, [value(c) for c in own], [value(c) for c in bare], **target)

    return [row("resources per second", lambda c: count / c.wall_s, **targets.get("speed", {})),
            row("CPU µs per resource", lambda c: c.cpu_s * 1e6 / count, **targets.get("cpu", {})),
            row("peak RSS, MiB", lambda c: c.peak_mib),
            row("API calls", lambda c: c.requests)]


def record_request(bench):
    """What hgautod sends to delete a snapshot: for the comparator to send the same."""
    rules = [STS_RULE, Rule("DeleteSnapshot", "Action=DeleteSnapshot", DELETE_SNAPSHOT)]
    with Answers(bench.program("answers"), bench.new_folder("record") / "server", rules) as server:
        bench.exec(1, 1, server.environment())
        return server.recorded / "DeleteSnapshot"


def counted(requests, run):
    before = requests()
    cost = run()
    cost.requests = requests() - before
    return cost


class Unbatched:
    name = "unbatched"
    workers = 16

    def run(self, bench, sizes):
        count = sizes.unbatched
        request = record_request(bench)
        own, bare = [], []
        with Nginx(bench.new_folder("nginx")) as nginx:
            for _ in range(sizes.runs):
                own.append(counted(nginx.requests, lambda: bench.exec(count, self.workers, nginx.environment())))
                bare.append(counted(nginx.requests, lambda: bench.bare(nginx.ec2 + "/", request, count, self.workers, nginx.ca)))
        return beside(f"unbatched, {count:,}, {self.workers} workers", own, bare, count, speed={"of": "ratio", "at_least": 0.65},
                      cpu={"of": "ratio", "at_most": 1.6})


class Latency:
    name = "latency"
    workers, delay_ms = 64, 20

    def run(self, bench, sizes):
        count = sizes.latency
        request = record_request(bench)
        own, bare = [], []
        rules = [STS_RULE, Rule("DeleteSnapshot", "Action=DeleteSnapshot", DELETE_SNAPSHOT, delay_ms=self.delay_ms)]
        with Answers(bench.program("answers"), bench.new_folder("latency") / "server", rules) as server:
            def requests():
                return sum(rule["count"] for rule in server.counts().values())

            for _ in range(sizes.runs):
                own.append(counted(requests, lambda: bench.exec(count, self.workers, server.environment())))
                bare.append(counted(requests, lambda: bench.bare(server.url + "/", request, count, self.workers)))
        wire = self.workers * 1000 / self.delay_ms
        return beside(f"{self.delay_ms} ms away, {count:,}, {self.workers} workers", own, bare, count, speed={"at_least": 0.9 * wire})


class Batch:
    """Instances stopped, up to a hundred by a call; beside the same program with a call for each. The server answers after a while, and
    at once."""

    name = "batch"
    workers = 16

    def run(self, bench, sizes):
        return self.measure(bench, sizes, sizes.batch[0], 20, at_least=10) + self.measure(bench, sizes, sizes.batch[1], 0)

    def measure(self, bench, sizes, count, delay_ms, **target):
        own, alone = [], []
        rules = [STS_RULE, Rule("StopInstances", "Action=StopInstances", STOP_INSTANCES, delay_ms=delay_ms)]
        with Answers(bench.program("answers"), bench.new_folder("batch") / "server", rules) as server:
            for _ in range(sizes.runs):
                own.append(self.stop(bench, server, count))
                alone.append(self.stop(bench, server, count, unbatched=True))
        if len({cost.report for cost in own + alone}) != 1:
            raise SystemExit("bench: the reports of shared calls and of single ones differ")
        away = f"{delay_ms} ms away" if delay_ms else "at once"
        name = f"batch, {count:,}, {self.workers} workers, {away}"
        speed, slow = ([count / c.wall_s for c in costs] for costs in (own, alone))
        return [Row(name, "resources per second, batched calls", speed), Row(name, "resources per second, single calls", slow),
                Row(name, "speedup", [a / b for a, b in zip(speed, slow)], **target),
                Row(name, "calls to stop them", [c.requests for c in own], at_most=count / 50),
                Row(name, "CPU µs per resource, batched calls", [c.cpu_s * 1e6 / count for c in own]),
                Row(name, "CPU µs per resource, single calls", [c.cpu_s * 1e6 / count for c in alone]),
                Row(name, "the server's, batched calls", [c.server_s * 1e6 / count for c in own]),
                Row(name, "the server's, single calls", [c.server_s * 1e6 / count for c in alone])]

    def stop(self, bench, server, count, unbatched=False):
        def requests():
            return server.counts()["StopInstances"]["count"]

        spent = server.cpu_s()
        cost = counted(requests, lambda: bench.exec(count, self.workers, server.environment(), unbatched=unbatched,
                                                    action="ec2_stop_instance", kind="EC2 Instance", prefix="i-"))
        cost.server_s = server.cpu_s() - spent
        return cost


class Growth:
    """The same number of resources in many small events and in one large: what it costs a resource to be one of many."""

    name = "growth"
    workers = 16

    def run(self, bench, sizes):
        total = sizes.growth[-1]
        rows, each = [], {}
        with Nginx(bench.new_folder("nginx")) as nginx:
            for count in sizes.growth:
                costs = [self.drain(bench, nginx, count, total // count) for _ in range(sizes.runs)]
                each[count] = [c.wall_s * 1e6 / total for c in costs]
                rows.append(Row(f"growth, {total // count:,} × {count:,}", "µs per resource", each[count]))
            rows.append(self.memory(bench, total, costs))
            change = [b / a * 100 - 100 for a, b in zip(each[sizes.growth[0]], each[total])]
            rows.append(Row(f"growth, {sizes.growth[0]:,} to {total:,}", "change of time per resource, %", change, at_most=20))
            if sizes.million:
                cost = self.drain(bench, nginx, 1_000_000, 1)
                rows.append(Row("growth, 1 × 1,000,000", "µs per resource", [cost.wall_s * 1e6 / 1_000_000]))
                rows.append(self.memory(bench, 1_000_000, [cost]))
        return rows

    @staticmethod
    def memory(bench, count, costs):
        allowed = bench.event(count).stat().st_size * 1.5 / MIB + 32
        return Row(f"growth, 1 × {count:,}", "peak RSS, MiB", [c.peak_mib for c in costs], at_most=allowed)

    def drain(self, bench, nginx, count, events):
        """hgautod run --once on a directory with so many events of so many resources."""
        store = bench.new_folder("store")
        for i in range(events):
            put_event(store, f"run-{i}", bench.event(count))
        config = bench.config(self.workers, f"[source bench]\ntype = directory\npath = {store}\n")
        cost = bench.run([bench.hgautod, "run", "--once", "-c", config], nginx.environment())
        reports = [path.name for path in store.glob("reports/*/report_*")]
        if len(reports) != events or any(f"_success({count})_error(0)_" not in name for name in reports):
            raise SystemExit(f"bench: {events} reports should say that {count} resources were processed: {reports[:5]}")
        shutil.rmtree(store)
        return cost


def put_event(store, name, event):
    """Puts an event into a directory source, as a whole. Returns where its reports will be."""
    folder = store / "events" / name
    folder.mkdir(parents=True)
    shutil.copy(event, folder / "new")
    (folder / "new").rename(folder / "event.json")
    return store / "reports" / name


def queue_config(bench, server, workers=16):
    return bench.config(workers, f"[source bench]\ntype = sqs\nqueue_url = {server.url}/{ACCOUNT}/bench\n"
                                 f"bucket = bench\nregion = {REGION}\nwait_time = 20s\n")


class Idle:
    name = "idle"

    def run(self, bench, sizes):
        starts, memory, cpu = [], [], []
        rules = [STS_RULE, Rule("ReceiveMessage", "AmazonSQS.ReceiveMessage", "{}", delay_ms=20_000)]
        for _ in range(sizes.runs):
            with Answers(bench.program("answers"), bench.new_folder("idle") / "server", rules) as server:
                running = bench.start([bench.hgautod, "run", "-c", queue_config(bench, server)], server.environment())
                try:
                    asked = wait_for(lambda: server.counts()["ReceiveMessage"]["asked"], f"the first poll, see {running.log}")
                    time.sleep(sizes.idle_s / 10)
                    before, at = running.cpu_s(), time.monotonic()
                    time.sleep(sizes.idle_s)
                    cpu.append((running.cpu_s() - before) * 100 / (time.monotonic() - at))
                    memory.append(running.rss_mib())
                finally:
                    running.stop()
                starts.append((asked - running.cost().began) * 1000)
        stripped = bench.folder / "stripped"
        subprocess.run(["strip", "-o", stripped, bench.hgautod], check=True)
        return [Row("idle", "RSS, MiB", memory, at_most=16), Row("idle", "CPU, % of a core", cpu, at_most=0.1),
                Row("idle", "start to first poll, ms", starts, at_most=50),
                Row("idle", "stripped binary, KiB", [os.path.getsize(stripped) / 1024], at_most=1024)]


class FirstCall:
    """From the queue's answer to the first call of the message's action; between them the daemon claims and reads the event."""

    name = "first-call"

    def run(self, bench, sizes):
        key = "automations/events/2024-01-01/bench/event.json"
        message = ('{"Messages": [{"MessageId": "1", "ReceiptHandle": "1", "Body": "{\\"Records\\": [{\\"eventSource\\": '
                   '\\"aws:s3\\", \\"eventName\\": \\"ObjectCreated:Put\\", \\"s3\\": {\\"bucket\\": {\\"name\\": \\"bench\\"}, '
                   '\\"object\\": {\\"key\\": \\"%s\\"}}}]}"}]}' % key)
        listing = "<ListBucketResult><Name>bench</Name><IsTruncated>false</IsTruncated></ListBucketResult>"
        rules = [STS_RULE, Rule("Message", "AmazonSQS.ReceiveMessage", message, delay_ms=500, times=1),
                 Rule("ReceiveMessage", "AmazonSQS.ReceiveMessage", "{}", delay_ms=20_000),
                 Rule("DeleteMessage", "AmazonSQS.DeleteMessage", "{}"), Rule("ListObjects", "list-type=2", listing),
                 Rule("GetEvent", f"GET /bench/{key}", event_of(1)), Rule("Put", "PUT /bench/", ""),
                 Rule("Delete", "DELETE /bench/", "", status=204),
                 Rule("DeleteSnapshot", "Action=DeleteSnapshot", DELETE_SNAPSHOT)]
        times = []
        for _ in range(sizes.runs):
            with Answers(bench.program("answers"), bench.new_folder("first-call") / "server", rules) as server:
                running = bench.start([bench.hgautod, "run", "-c", queue_config(bench, server)], server.environment())
                try:
                    wait_for(lambda: server.counts()["DeleteMessage"]["count"], f"the run to end, see {running.log}")
                finally:
                    running.stop()
                counts = server.counts()
                times.append((counts["DeleteSnapshot"]["asked"] - counts["Message"]["answered"]) * 1000)
        return [Row("first call", "ms from message to first call", times, at_most=5)]


class Waiting:
    """Volumes that are never gone: each task looks again every 15 s at most, by and by."""

    name = "waiting"
    workers = 4
    volumes = ("<DescribeVolumesResponse><requestId>fixed</requestId><volumeSet>{each %s}<item><volumeId>{value}</volumeId>"
               "<status>available</status></item>{end}</volumeSet></DescribeVolumesResponse>")
    deleted = "<DeleteVolumeResponse><requestId>fixed</requestId><return>true</return></DeleteVolumeResponse>"

    def run(self, bench, sizes):
        rules = [STS_RULE, Rule("Look", "volume-id", self.volumes % "Filter.1.Value."),
                 Rule("LookAtOne", "Action=DescribeVolumes", self.volumes % "VolumeId."),
                 Rule("Delete", "Action=DeleteVolume", self.deleted)]
        event = bench.event(sizes.parked, action="ebs_delete_volume", kind="EBS Volume", prefix="vol-")
        with Answers(bench.program("answers"), bench.new_folder("waiting") / "server", rules) as server:
            running = bench.start([bench.hgautod, "exec", str(event), "-c", bench.config(self.workers), "--report-dir",
                                   str(bench.new_folder("reports"))], server.environment())
            try:
                wait_for(lambda: server.counts()["Delete"]["count"] >= sizes.parked, f"all to wait, see {running.log}", 120)
                time.sleep(sizes.settle_s)
                before, at = running.cpu_s(), time.monotonic()
                looks, calls = self.looks(server)
                time.sleep(sizes.waiting_s)
                took = time.monotonic() - at
                cpu = (running.cpu_s() - before) * 100 / took
                looks, calls = ((b - a) / took for a, b in zip((looks, calls), self.looks(server)))
                peak = running.rss_mib("VmHWM")
            finally:
                running.stop()
        name = f"waiting, {sizes.parked:,}, {self.workers} workers"
        return [Row(name, "peak RSS, MiB", [peak], at_most=64), Row(name, "CPU, % of a core", [cpu], at_most=5),
                Row(name, "polls per second", [looks]), Row(name, "calls per second", [calls])]

    @staticmethod
    def looks(server):
        rules = [rule for name, rule in server.counts().items() if name.startswith("Look")]
        return sum(rule["items"] for rule in rules), sum(rule["count"] for rule in rules)


class Fairness:
    """A run of one resource that arrives behind a large one."""

    name = "fairness"

    def run(self, bench, sizes):
        with Nginx(bench.new_folder("nginx")) as nginx:
            runs = [self.measure(bench, nginx, sizes.fair) for _ in range(sizes.runs)]
        from_claim, total = zip(*runs)
        name = f"fairness, 1 behind {sizes.fair:,}"
        return [Row(name, "s from claim to report", list(from_claim), at_most=1),
                Row(name, "s from event to report", list(total), at_most=2.2)]

    def measure(self, bench, nginx, count):
        store = bench.new_folder("store")
        config = bench.config(16, f"[source bench]\ntype = directory\npath = {store}\n")
        put_event(store, "large", bench.event(count))
        served = nginx.requests()
        running = bench.start([bench.hgautod, "run", "-c", config], nginx.environment())
        try:
            wait_for(lambda: nginx.requests() > served + count / 100, f"the large run to begin, see {running.log}", 60)
            began = time.monotonic()
            reports = put_event(store, "small", bench.event(1))
            wait_for(lambda: reports.is_dir() and os.listdir(reports), f"the small run's claim, see {running.log}", 60, 0.001)
            claimed = time.monotonic()
            wait_for(lambda: any(n.startswith("report_") for n in os.listdir(reports)),
                     f"the small run's report, see {running.log}", 60, 0.001)
            ended = time.monotonic()
            if any((store / "reports" / "large").glob("report_*")):
                raise SystemExit("bench: the large run was over before the small one: nothing was measured")
            return ended - claimed, ended - began
        finally:
            running.stop()


class AzureVms:
    """Long-running operations, from the file with the event to its report. What the service itself needs stands beside."""

    name = "azure-vms"
    workers, operation_s = 4, 5

    def run(self, bench, sizes):
        runs = [self.measure(bench, sizes.vms) for _ in range(sizes.runs)]
        name = f"Azure VMs, {sizes.vms:,} × {self.operation_s} s, {self.workers} workers"
        served, walls, under_way, polls, cpu, server_cpu = zip(*runs)
        return [Row(name, "s from event to report", list(walls), at_most=15),
                Row(name, "of these until the server was done, s", list(served)),
                Row(name, "concurrent operations", list(under_way), at_least=sizes.vms),
                Row(name, "polls per machine", list(polls)), Row(name, "CPU s", list(cpu)), Row(name, "CPU s of the server", list(server_cpu))]

    def measure(self, bench, count):
        event, ids = vm_event_of(count)
        store = bench.new_folder("store")
        path = store / "event"
        path.write_text(json.dumps(event))
        reports = put_event(store, "vms", path)
        with CloudServer(bench.cloudserver) as server:
            # Without a Retry-After when to look again is hgautod's to choose.
            server.make(ids, operation_ms=self.operation_s * 1000, retry_after="")
            before = server.cpu_s()
            config = bench.config(self.workers, f"[azure]\narm_endpoint = {server.url}\nauthority = {server.url}\n"
                                                f"[source bench]\ntype = directory\npath = {store}\n")
            cost = bench.run([bench.hgautod, "run", "--once", "-c", config], server.environment())
            server_cpu, requests = server.cpu_s() - before, server.requests()
        names = os.listdir(reports)
        if len(names) != 1 or f"_total({count})_success({count})_error(0)_" not in names[0]:
            raise SystemExit(f"bench: the report should say that {count} machines were deleted: {names}")
        begun = [r["at_ms"] / 1000 for r in requests if r["operation"] == "virtualMachines/delete"]
        if len(begun) != count:
            raise SystemExit(f"bench: {len(begun)} deletions of {count} machines")
        under_way = max(i - sum(e <= at - self.operation_s for e in begun) for i, at in enumerate(begun, 1))
        served = begun[-1] + self.operation_s - requests[0]["at_ms"] / 1000
        polls = sum(r["operation"] == "poll" for r in requests) / count
        return served, cost.wall_s, under_way, polls, cost.cpu_s, server_cpu


SCENARIOS = (Unbatched(), Latency(), Batch(), Growth(), Idle(), FirstCall(), Waiting(), Fairness(), AzureVms())
