"""Microsoft's own mock of Azure Resource Manager, against which the Azure SDKs are tested, and a way for hgautod's actions to reach it.

The mock knows resources of its own making ("orders"), one scenario each. The way between renames what hgautod asks for to what a
scenario does, and passes all else on as it is. The mock takes the addresses of operations from the Host header, so they lead along the
same way."""

import http.client
import json
import os
import re
import urllib.parse

from .azure import Arm
from .need import without
from .process import ROOT, Process, clean_environment
from .proxy import Proxy
from .wait import wait_until

MODULES = os.path.join(ROOT, "tests", "node_modules")
SPECTOR = os.path.join(MODULES, ".bin", "tsp-spector")
SCENARIOS = os.path.join(MODULES, "@azure-tools", "azure-http-specs", "specs")
# The only ones that the mock knows.
VERSION = "2023-12-01-preview"
SUBSCRIPTION = "/subscriptions/00000000-0000-0000-0000-000000000000"
GROUP = SUBSCRIPTION + "/resourceGroups/test-rg"


def needs_mock():
    """Skips what needs the mock where there is none, except with CI=true."""
    if os.access(SPECTOR, os.X_OK):
        return
    without("Microsoft's mock of Azure Resource Manager is not installed: run `npm ci` in tests/")


class ArmMock:
    """The mock in a process of its own."""

    def __init__(self, folder):
        # It asks for the commit of its scenarios, and what npm has installed has none.
        git = os.path.join(folder, "git")
        with open(git, "w") as f:
            f.write("#!/bin/sh\necho none\n")
        os.chmod(git, 0o755)
        command = [SPECTOR, "serve", SCENARIOS, "--port", "0", "--coverageFile", os.path.join(folder, "coverage.json")]
        self.process = Process(command, clean_environment({"PATH": f"{folder}:{os.environ['PATH']}"}), cwd=folder)
        self.url = f"http://127.0.0.1:{wait_until(self._port, 'the mock of Azure Resource Manager', timeout=60)}"

    def _port(self):
        assert self.process.alive, f"the mock has ended:\n{self.process.stderr}"
        found = re.search(r"Started server on (\d+)", "\n".join(self.process.lines))
        return found and found[1]

    def verdict(self, scenario):
        """What the mock makes of what it was asked for since its start: "pass", "fail" (an endpoint of the scenario has answered with
        an error), "not-implemented" (not all of them were asked)."""
        there = http.client.HTTPConnection(urllib.parse.urlsplit(self.url).netloc, timeout=30)
        there.request("GET", "/.coverage")
        [coverage] = json.load(there.getresponse())
        there.close()
        return coverage["results"]["Azure_ResourceManager_" + scenario]

    def stop(self):
        self.process.signal(15)
        self.process.wait(30)


class Way(Proxy):
    """The way to the mock. It begins the operations of `renames`, {(method, end of the path): (method, path)}. Tokens come from
    cloudserver."""

    def __init__(self, mock, cloud, renames):
        self.renames, self.arm, self.seen = renames, Arm(cloud), []
        super().__init__(mock)

    def env(self, *_):
        return self.arm.env()

    def config(self):
        return {"azure": {"arm_endpoint": self.url, "authority": self.arm.url}}

    def towards(self, method, path):
        plain, _, query = path.partition("?")
        for (asked, end), (wanted, there) in self.renames.items():
            if method == asked and plain.endswith(end):
                query = urllib.parse.urlencode({**dict(urllib.parse.parse_qsl(query)), "api-version": VERSION})
                return wanted, f"{there}?{query}"
        return method, path

    def exchanged(self, method, path, headers, body, status):
        self.seen.append({"method": method, "path": path, "bearer": headers["Authorization"], "body": body, "status": status})

    def told(self):
        """[(method, last part of the path, status)], in their order."""
        return [(e["method"], e["path"].partition("?")[0].rsplit("/", 1)[-1], e["status"]) for e in self.seen]
