"""What hgautod has sent to AWS and to Azure Resource Manager, as the servers play them, during the whole session, and on behalf of which
action."""

import base64
import json
import re
import urllib.parse

SCOPE = re.compile(r"AWS4-HMAC-SHA256 Credential=[^/]+/\d{8}/(?P<region>[^/]+)/(?P<service>[^/]+)/aws4_request,")

# cloudserver plays Azure too: tokens are asked for without, and all else with another kind of authorization. What is left must be signed for AWS.
# Azure Resource Manager is asked with a bearer; storage is played by others.
AZURE_AUTHORIZATION = ("Bearer ", "SharedKey ")
AZURE_TOKENS = re.compile(r"/([^/]+/oauth2/|metadata/identity/|msi/)")


class Request:
    """One request as it came over the wire."""

    def __init__(self, line):
        told = json.loads(line)
        self.method, self.headers = told["method"], told["headers"]
        self.path, _, self.query = told["target"].partition("?")
        self.body = base64.b64decode(told["body"])
        scope = SCOPE.match(self.headers.get("authorization", ""))
        self.service = scope["service"] if scope else None  # as it was signed for: "elasticloadbalancing"; None: not signed
        self.region = scope["region"] if scope else None

    @property
    def azure(self):
        return self.headers.get("authorization", "").startswith(AZURE_AUTHORIZATION) or AZURE_TOKENS.match(self.path) is not None

    @property
    def managed(self):
        return self.headers.get("authorization", "").startswith("Bearer ")

    @property
    def form(self):
        return urllib.parse.parse_qsl(self.body.decode(), keep_blank_values=True, strict_parsing=bool(self.body))

    def __repr__(self):
        return f"{self.method} {self.service} {self.path}{'?' if self.query else ''}{self.query} {self.body[:400]!r}"


class Run:
    """One run of an event: the actions of its event and the requests that came meanwhile."""

    def __init__(self, actions, requests):
        self.actions = actions
        self.requests = [r for r in requests if not r.azure]
        self.managed = [r for r in requests if r.managed]  # by Azure Resource Manager


class Recorder:
    """Keeps what the servers write down in a folder, and reads it. Several processes may share the folder: each has a worker's name.
    A server is given a file of its own by file()."""

    def __init__(self, folder, worker="alone"):
        self.folder, self.worker, self.paths = folder, worker, []

    def file(self, name):
        path = self.folder / f"{name}-{self.worker}-{len(self.paths)}.requests"
        path.touch()
        self.paths.append(path)
        return str(path)

    def mark(self):
        """Where the records of this process end now."""
        return {path.name: path.stat().st_size for path in self.paths}

    def ran(self, event, mark):
        """Says that hgautod has carried out this event (as a dict, text or bytes), and nothing else, since the mark."""
        try:
            told = json.loads(event) if isinstance(event, (str, bytes)) else event
            actions = sorted({r["automation"]["name"] for r in told["results"] if "automation" in r})
        except (ValueError, KeyError, TypeError):
            return
        parts = {name: [mark.get(name, 0), end] for name, end in self.mark().items()}
        with open(self.folder / f"{self.worker}.runs", "a", encoding="ascii") as f:
            f.write(json.dumps({"actions": actions, "parts": parts}) + "\n")

    def _read(self, name, start=0, end=None):
        with open(self.folder / name, "rb") as f:
            f.seek(start)
            # A line that is still being written is not ours to read: whatever runs has ended before it is asked for.
            lines = f.read(-1 if end is None else end - start).splitlines(keepends=True)
        return [Request(line) for line in lines if line.endswith(b"\n")]

    @property
    def runs(self):
        """The runs of events in all processes."""
        found = []
        for path in sorted(self.folder.glob("*.runs")):
            for told in map(json.loads, path.read_text(encoding="ascii").splitlines()):
                requests = [r for name, part in told["parts"].items() for r in self._read(name, *part)]
                found.append(Run(set(told["actions"]), requests))
        return found

    def all(self):
        """The requests of all processes to AWS."""
        return [r for r in self._all() if not r.azure]

    def managed(self):
        """The requests of all processes to Azure Resource Manager."""
        return [r for r in self._all() if r.managed]

    def _all(self):
        return [r for path in sorted(self.folder.glob("*.requests")) for r in self._read(path.name)]
