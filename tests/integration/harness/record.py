"""What hgautod has sent to AWS, as the servers play it, during the whole session, and on behalf of which action."""

import base64
import json
import re
import urllib.parse

SCOPE = re.compile(r"AWS4-HMAC-SHA256 Credential=[^/]+/\d{8}/(?P<region>[^/]+)/(?P<service>[^/]+)/aws4_request,")

# cloudserver plays Azure too: tokens are asked for without, and all else with another kind of authorization. What is left must be signed for AWS.
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
    def form(self):
        return urllib.parse.parse_qsl(self.body.decode(), keep_blank_values=True, strict_parsing=bool(self.body))

    def __repr__(self):
        return f"{self.method} {self.service} {self.path}{'?' if self.query else ''}{self.query} {self.body[:400]!r}"


class Run:
    """One run of `hgautod exec`: the actions of its event and the requests that came meanwhile."""

    def __init__(self, actions, requests):
        self.actions, self.requests = actions, requests


class Recorder:
    """Reads what the servers write down. A server is given a file of its own by file()."""

    def __init__(self, folder):
        self.folder, self.paths, self.runs = folder, [], []

    def file(self, name):
        path = self.folder / f"{name}-{len(self.paths)}.jsonl"
        path.touch()
        self.paths.append(path)
        return str(path)

    def mark(self):
        """Where the records end now."""
        return {path: path.stat().st_size for path in self.paths}

    def since(self, mark):
        found = []
        for path in self.paths:
            with open(path, encoding="ascii") as f:
                f.seek(mark.get(path, 0))
                # A line that is still being written is not ours to read: whatever runs has ended before it is asked for.
                found += [Request(line) for line in f if line.endswith("\n")]
        return [r for r in found if not r.azure]

    def ran(self, event, mark):
        """Says that `hgautod exec` has carried out this event (as a dict, text or bytes) since the mark."""
        try:
            told = json.loads(event) if isinstance(event, (str, bytes)) else event
            actions = {r["automation"]["name"] for r in told["results"] if "automation" in r}
        except (ValueError, KeyError, TypeError):
            return
        self.runs.append(Run(actions, self.since(mark)))

    def all(self):
        return self.since({})
