"""The servers that the bench measures against, on the loopback: nginx with TLS, answers.c, and cloudserver as Azure."""

import json
import os
import pathlib
import socket
import subprocess
import time
import urllib.request

START_LIMIT_S = 10

STS = """<GetCallerIdentityResponse xmlns="https://sts.amazonaws.com/doc/2011-06-15/"><GetCallerIdentityResult>
<Arn>arn:aws:iam::123456789012:user/bench</Arn><UserId>AIDABENCH</UserId><Account>123456789012</Account>
</GetCallerIdentityResult><ResponseMetadata><RequestId>fixed</RequestId></ResponseMetadata></GetCallerIdentityResponse>"""

DELETE_SNAPSHOT = """<?xml version="1.0" encoding="UTF-8"?>
<DeleteSnapshotResponse xmlns="http://ec2.amazonaws.com/doc/2016-11-15/">
    <requestId>59dbff89-35bd-4eac-99ed-be587EXAMPLE</requestId>
    <return>true</return>
</DeleteSnapshotResponse>
"""


# What answers.c repeats for each id.
STOP_INSTANCES = """<?xml version="1.0" encoding="UTF-8"?>
<StopInstancesResponse xmlns="http://ec2.amazonaws.com/doc/2016-11-15/">
    <requestId>59dbff89-35bd-4eac-99ed-be587EXAMPLE</requestId>
    <instancesSet>{each InstanceId.}
        <item>
            <instanceId>{value}</instanceId>
            <currentState><code>64</code><name>stopping</name></currentState>
            <previousState><code>16</code><name>running</name></previousState>
        </item>{end}
    </instancesSet>
</StopInstancesResponse>
"""


def wait_for(condition, what, limit_s=START_LIMIT_S, pause_s=0.005):
    """Polls until the condition answers something true, which is returned."""
    end = time.monotonic() + limit_s
    while not (result := condition()):
        if time.monotonic() > end:
            raise SystemExit(f"bench: waited {limit_s} s for {what}")
        time.sleep(pause_s)
    return result


def get(url, body=None):
    """Gets a page; with a body it is posted, as JSON."""
    request = urllib.request.Request(url, None if body is None else json.dumps(body).encode())
    with urllib.request.build_opener(urllib.request.ProxyHandler({})).open(request, timeout=60) as answer:
        return answer.read().decode()


def free_ports(count):
    sockets = [socket.create_server(("127.0.0.1", 0)) for _ in range(count)]
    ports = [s.getsockname()[1] for s in sockets]
    for s in sockets:
        s.close()
    return ports


class Server:
    """A server's process; stopped at the end of a with block."""

    process = None

    def __enter__(self):
        return self

    def __exit__(self, *_):
        self.process.terminate()
        try:
            self.process.wait(10)
        except subprocess.TimeoutExpired:
            self.process.kill()
            self.process.wait()

    def cpu_s(self):
        """Processor time of its one thread so far."""
        return int(pathlib.Path(f"/proc/{self.process.pid}/schedstat").read_text().split()[0]) / 1e9


class Nginx(Server):
    """nginx with TLS and a certificate of its own: one port for EC2, one for STS, one for its counts."""

    def __init__(self, folder):
        self.folder = pathlib.Path(folder)
        self.ca = str(self.folder / "ca.pem")
        self._make_certificate()
        ports = free_ports(3)
        self.ec2, self.sts = (f"https://127.0.0.1:{p}" for p in ports[:2])
        self._counts = f"http://127.0.0.1:{ports[2]}/"
        (self.folder / "nginx.conf").write_text(self._configuration(ports))
        self.process = subprocess.Popen(
            ["nginx", "-p", str(self.folder), "-c", str(self.folder / "nginx.conf"), "-e", str(self.folder / "nginx.log")],
            stdin=subprocess.DEVNULL, stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL)
        wait_for(self._answers, f"nginx to start (see {self.folder}/nginx.log)")

    def environment(self):
        return {"AWS_ENDPOINT_URL_EC2": self.ec2, "AWS_ENDPOINT_URL_STS": self.sts, "AWS_CA_BUNDLE": self.ca}

    def requests(self):
        """How many requests it has had, less those for this number."""
        self._asked = getattr(self, "_asked", 0) + 1
        return int(get(self._counts).splitlines()[2].split()[2]) - self._asked

    def _answers(self):
        if self.process.poll() is not None:
            raise SystemExit("bench: nginx did not start: " + (self.folder / "nginx.log").read_text())
        try:
            return self.requests() >= 0
        except OSError:
            self._asked -= 1
            return False

    def _make_certificate(self):
        subprocess.run(
            ["openssl", "req", "-x509", "-newkey", "ec", "-pkeyopt", "ec_paramgen_curve:P-256", "-nodes", "-days", "2",
             "-subj", "/CN=hgautod bench", "-addext", "subjectAltName=IP:127.0.0.1",
             "-keyout", str(self.folder / "key.pem"), "-out", self.ca], check=True, capture_output=True)

    def _configuration(self, ports):
        temp = "\n".join(f"{what}_temp_path {self.folder}/temp;" for what in
                         ("client_body", "proxy", "fastcgi", "uwsgi", "scgi"))
        return f"""daemon off; worker_processes {os.cpu_count()}; pid {self.folder}/nginx.pid; error_log {self.folder}/nginx.log;
events {{ worker_connections 4096; }}
http {{
    access_log off; default_type text/xml; keepalive_requests 1000000000; keepalive_timeout 600s; tcp_nodelay on;
    {temp}
    ssl_certificate {self.ca}; ssl_certificate_key {self.folder}/key.pem; ssl_protocols TLSv1.3;
    add_header x-amzn-requestid 59dbff89-35bd-4eac-99ed-be587EXAMPLE;
    server {{ listen 127.0.0.1:{ports[0]} ssl backlog=1024; return 200 '{DELETE_SNAPSHOT}'; }}
    server {{ listen 127.0.0.1:{ports[1]} ssl; return 200 '{STS}'; }}
    server {{ listen 127.0.0.1:{ports[2]}; location / {{ stub_status; }} }}
}}
"""


class Rule:
    """One kind of request that answers.c knows, and its answer."""

    def __init__(self, name, match, answer, *, status=200, delay_ms=0, times=0):
        self.name, self.match, self.answer = name, match, answer
        self.status, self.delay_ms, self.times = status, delay_ms, times


STS_RULE = Rule("GetCallerIdentity", "Action=GetCallerIdentity", STS)


class Answers(Server):
    """answers.c with these rules; plain HTTP."""

    def __init__(self, program, folder, rules):
        folder = pathlib.Path(folder)
        folder.mkdir()
        self.recorded = folder / "recorded"
        self.recorded.mkdir()
        lines = []
        for rule in rules:
            path = folder / f"answer-{rule.name}"
            path.write_text(rule.answer)
            lines.append(f"{rule.name}\t{rule.match}\t{rule.times}\t{rule.status}\t{rule.delay_ms}\t{path}\n")
        (folder / "rules").write_text("".join(lines))
        self.process = subprocess.Popen([program, str(folder / "rules"), str(self.recorded)], stdout=subprocess.PIPE,
                                        stdin=subprocess.DEVNULL, text=True)
        port = self.process.stdout.readline().strip()
        if not port:
            raise SystemExit("bench: answers did not start")
        self.url = f"http://127.0.0.1:{port}"

    def environment(self):
        return {"AWS_ENDPOINT_URL": self.url}

    def counts(self):
        return json.loads(get(self.url + "/_counts"))


class CloudServer(Server):
    """The integration tests' cloudserver, as Azure Resource Manager and the token service. It has one thread."""

    def __init__(self, program):
        self.process = subprocess.Popen([program, "--port", "0", "--quiet"], stdout=subprocess.PIPE, stdin=subprocess.DEVNULL, text=True)
        line = self.process.stdout.readline()
        if not line:
            raise SystemExit("bench: cloudserver did not start")
        self.url = line.split()[-1]

    def environment(self):
        """Who it takes for the tests' application; see tests/cloud/azure_token.h."""
        return {"AZURE_TENANT_ID": "11111111-1111-1111-1111-111111111111",
                "AZURE_CLIENT_ID": "22222222-2222-2222-2222-222222222222", "AZURE_CLIENT_SECRET": "cloudserver-client~secret"}

    def make(self, ids, **settings):
        """Puts resources there, and says how operations go."""
        get(self.url + "/_control/azure", [{"id": id, "location": "westeurope", "properties": {}} for id in ids])
        get(self.url + "/_control/azure-settings", settings)

    def requests(self):
        """The requests to Resource Manager, in order."""
        return [r for r in json.loads(get(self.url + "/_control/requests")) if r["service"] == "arm"]
