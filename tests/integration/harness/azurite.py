"""Azurite, Microsoft's emulator of Azure storage, and a container whose events are announced to a queue in it."""

import base64
import email.utils
import hashlib
import hmac
import json
import os
import shutil
import ssl
import urllib.error
import urllib.parse
import urllib.request
import xml.etree.ElementTree as ElementTree
from xml.sax.saxutils import escape

from .azure import SUBSCRIPTION, GROUP
from .cloud import EVENT_KEY, Site
from .events import Report, is_report
from .need import without
from .process import ROOT, Process, clean_environment
from .wait import wait_until

# The account that every Azurite has, as its documentation says.
ACCOUNT = "devstoreaccount1"
KEY = "Eby8vdM02xNOcqFlqUwJPLlmEtlCDXJ1OUzFT50uSRZ6IFsuFq2UVErCz4I6tq/K1SZFPTOtr/KBHBeksoGMGw=="
VERSION = "2021-12-02"


def find_azurite():
    """The emulator's program; None if it is not installed."""
    own = os.path.join(ROOT, "tests", "node_modules", ".bin", "azurite")
    return own if os.access(own, os.X_OK) else shutil.which("azurite")


def needs_azurite():
    """Skips what needs the emulator where there is none, except with CI=true."""
    if find_azurite():
        return
    without("azurite is not installed: run `npm ci` in tests/")


class Azurite:
    """The emulator in a process of its own, all in memory. Requests are signed here by code of the tests' own.

    With a certificate (harness.tls) it speaks https, and then it takes bearer tokens too, whose claims it checks."""

    def __init__(self, folder, certificate=None):
        command = [find_azurite(), "--inMemoryPersistence", "--extentMemoryLimit", "256", "--disableTelemetry"]
        for service in ("blob", "queue", "table"):
            command += [f"--{service}Port", "0"]
        self.context = None
        if certificate:
            command += ["--oauth", "basic", "--cert", certificate.chain, "--key", certificate.key]
            self.context = ssl.create_default_context(cafile=certificate.ca)
        self.process = Process(command, clean_environment({}), cwd=folder)
        self.blob, self.queue = self._wait_listening("Blob"), self._wait_listening("Queue")

    def _wait_listening(self, service):
        mark = f"Azurite {service} service is successfully listening at "

        def said():
            assert self.process.alive, f"azurite has ended:\n{self.process.stderr}"
            return [line[len(mark):] for line in list(self.process.lines) if line.startswith(mark)]

        return wait_until(said, f"azurite's {service} service", timeout=60)[0].strip() + "/" + ACCOUNT

    @property
    def connection_string(self):
        return f"AccountName={ACCOUNT};AccountKey={KEY};" + self.endpoints

    @property
    def endpoints(self):
        """A connection string that says where it is, and gives no right to it."""
        return f"BlobEndpoint={self.blob};QueueEndpoint={self.queue};"

    def env(self):
        return {}

    def call(self, method, base, path, query=None, body=b"", **headers):
        """One signed request; answers (status, headers, body), whatever the status."""
        query = query or {}
        url = base + urllib.parse.quote(path) + ("?" + urllib.parse.urlencode(query) if query else "")
        sent = {"x-ms-version": VERSION, "x-ms-date": email.utils.formatdate(usegmt=True),
                **{k.replace("_", "-"): v for k, v in headers.items()}}
        if body:
            sent["Content-Type"] = "application/octet-stream"
        lower = {k.lower(): v for k, v in sent.items()}
        told = [str(len(body)) if body and name == "content-length" else lower.get(name, "") for name in (
            "content-encoding", "content-language", "content-length", "content-md5", "content-type", "date",
            "if-modified-since", "if-match", "if-none-match", "if-unmodified-since", "range")]
        own = [f"{k}:{v}" for k, v in sorted(lower.items()) if k.startswith("x-ms-")]
        resource = "/" + ACCOUNT + urllib.parse.urlsplit(url).path
        parameters = [f"{k.lower()}:{v}" for k, v in sorted(query.items())]
        text = "\n".join([method] + told + own + [resource] + parameters)
        digest = hmac.new(base64.b64decode(KEY), text.encode(), hashlib.sha256).digest()
        sent["Authorization"] = f"SharedKey {ACCOUNT}:{base64.b64encode(digest).decode()}"
        request = urllib.request.Request(url, data=body or None, method=method, headers=sent)
        try:
            with urllib.request.urlopen(request, timeout=30, context=self.context) as answer:
                return answer.status, answer.headers, answer.read()
        except urllib.error.HTTPError as e:
            return e.code, e.headers, e.read()

    def done(self, *arguments, **more):
        """The same; the request must succeed."""
        status, headers, body = self.call(*arguments, **more)
        assert 200 <= status < 300, f"azurite answered {arguments[:3]} with {status}: {body.decode()}"
        return headers, body

    def stop(self):
        self.process.signal(15)
        self.process.wait(30)


class AzureSite:
    """A container and a queue; put_event also puts the message there that Event Grid would."""

    folder = staticmethod(Site.folder)

    def __init__(self, azurite, name="events", queue=True):
        self.cloud, self.name = azurite, name
        self.container, self.queue = f"hg-{name}", f"hg-{name}-queue" if queue else None
        azurite.done("PUT", azurite.blob, f"/{self.container}", {"restype": "container"})
        if queue:
            azurite.done("PUT", azurite.queue, f"/{self.queue}")

    def source(self, **keys):
        """The [source] section that reads this site."""
        made = {"type": "azure_blob", "sweep_interval": "1s"}
        if self.queue:
            made = {"type": "azure_queue", "queue": self.queue, "poll_interval": "1s"}
        made.update(container=self.container, connection_string=self.cloud.connection_string)
        return {f"source {self.name}": {**made, **keys}}

    # --- messages

    def grid_event(self, key=EVENT_KEY, api="PutBlob", url=None):
        """What Event Grid says of a blob, in its own schema."""
        return {
            "topic": f"/subscriptions/{SUBSCRIPTION}/resourceGroups/{GROUP}/providers/Microsoft.Storage/storageAccounts/{ACCOUNT}",
            "subject": f"/blobServices/default/containers/{self.container}/blobs/{key}",
            "eventType": "Microsoft.Storage.BlobCreated",
            "id": "831e1650-001e-001b-66ab-eeb76e069631",
            "data": {"api": api, "contentType": "application/json", "blobType": "BlockBlob", "sequencer": "0000442000000028963",
                     "url": url or f"{self.cloud.blob}/{self.container}/{urllib.parse.quote(key)}"},
            "dataVersion": "", "metadataVersion": "1", "eventTime": "2024-01-01T00:00:00Z"}

    def cloud_event(self, key=EVENT_KEY):
        """The same as a CloudEvent."""
        grid = self.grid_event(key)
        return {"specversion": "1.0", "type": grid["eventType"], "source": grid["topic"], "subject": grid["subject"],
                "id": grid["id"], "time": grid["eventTime"], "data": grid["data"]}

    def send(self, message, encode=True):
        """Puts a message (a string as it is, anything else as JSON) into the queue, in base64 unless told otherwise."""
        text = message if isinstance(message, str) else json.dumps(message)
        text = base64.b64encode(text.encode()).decode() if encode else text
        body = f"<QueueMessage><MessageText>{escape(text)}</MessageText></QueueMessage>"
        self.cloud.done("POST", self.cloud.queue, f"/{self.queue}/messages", body=body.encode())

    def peek(self, queue=None):
        """The texts of the messages in a queue that are visible; None if there is no such queue."""
        status, _, body = self.cloud.call("GET", self.cloud.queue, f"/{queue or self.queue}/messages",
                                          {"peekonly": "true", "numofmessages": "32"})
        if status == 404:
            return None
        assert status == 200, body
        return [m.findtext("MessageText") for m in ElementTree.fromstring(body).iter("QueueMessage")]

    def messages(self, queue=None):
        """How many messages a queue holds, visible or not."""
        headers, _ = self.cloud.done("GET", self.cloud.queue, f"/{queue or self.queue}", {"comp": "metadata"})
        return int(headers["x-ms-approximate-messages-count"])

    def wait_empty(self, timeout=60):
        wait_until(lambda: self.messages() == 0, "the queue to be empty", timeout)

    def announce(self, key=EVENT_KEY):
        """Announces an event once more."""
        self.send(self.grid_event(key))

    # --- blobs

    def put(self, key, body):
        self.cloud.done("PUT", self.cloud.blob, f"/{self.container}/{key}", body=body, x_ms_blob_type="BlockBlob")
        return key

    def put_event(self, event, key=EVENT_KEY, announce=True):
        self.put(key, event if isinstance(event, bytes) else json.dumps(event).encode())
        if self.queue and announce:
            self.send(self.grid_event(key))
        return key

    def keys(self, prefix=""):
        _, body = self.cloud.done("GET", self.cloud.blob, f"/{self.container}",
                                  {"restype": "container", "comp": "list", "prefix": prefix})
        return [b.findtext("Name") for b in ElementTree.fromstring(body).iter("Blob")]

    def read(self, key):
        return self.cloud.done("GET", self.cloud.blob, f"/{self.container}/{key}")[1]

    def reports(self, key=EVENT_KEY):
        found = [Report(k, self.read(k)) for k in self.keys(self.folder(key)) if is_report(k)]
        return sorted(found, key=lambda r: r.index)

    def pending(self, key=EVENT_KEY):
        return (self.folder(key) + "is_pending") in self.keys(self.folder(key))

    wait_reports = Site.wait_reports
