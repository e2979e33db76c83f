#!/usr/bin/env python3
"""Writes what Microsoft's own libraries send, as expectations for our Azure client. Sends nothing.

    tests/tools/azure_requests.py          write tests/unit/data/azure_requests/*.json
    tests/tools/azure_requests.py --check  compare instead; exit 1 when anything differs

Needs azure-storage-blob, azure-storage-queue, azure-identity and azure-mgmt-* from PyPI. An operation runs through the
library with a transport that keeps the request and breaks off. A storage request is then signed by the library's own
policy with the headers that we send on each request, at a fixed time and with a fixed request id.
"""

import json
import logging
import os
import pathlib
import sys
import tempfile
import urllib.parse

import jwt
import msal
from azure.core.credentials import AccessToken
from azure.core.pipeline import PipelineContext, PipelineRequest
from azure.core.pipeline.transport import HttpRequest, HttpTransport
from azure.identity import ClientSecretCredential, ManagedIdentityCredential, WorkloadIdentityCredential
from azure.mgmt.compute import ComputeManagementClient
from azure.storage.blob import BlobServiceClient
from azure.storage.blob._shared.authentication import SharedKeyCredentialPolicy
from azure.storage.blob._shared.shared_access_signature import SharedAccessSignature
from azure.storage.queue import QueueServiceClient

DATA = pathlib.Path(__file__).resolve().parent.parent / "unit" / "data" / "azure_requests"
CERTIFICATE = DATA.parent / "azure_identity" / "rsa.pem"
ACCOUNT = "devstoreaccount1"
KEY = "Eby8vdM02xNOcqFlqUwJPLlmEtlCDXJ1OUzFT50uSRZ6IFsuFq2UVErCz4I6tq/K1SZFPTOtr/KBHBeksoGMGw=="
VERSION = "2021-12-02"
COMMON = {"x-ms-version": VERSION, "x-ms-date": "Thu, 29 Feb 2024 23:59:58 GMT",
          "x-ms-client-request-id": "11111111-1111-4111-9111-111111111111"}
ETAG = '"0x8DC0123456789AB"'
RECEIPT = "AgAAAAMAAAAAAAAA+/==&x"
MESSAGE = "5974b586-0df3-4e2d-ad0c-18e3892bfca2"
TENANT = "aaaaaaaa-1111-2222-3333-444444444444"
CLIENT = "bbbbbbbb-1111-2222-3333-444444444444"
SUBSCRIPTION = "cccccccc-1111-2222-3333-444444444444"


class Kept(Exception):
    pass


class Keeper(HttpTransport):
    """Keeps the request that would be sent. Requests that only look for a tenant's endpoints are answered."""

    def __init__(self):
        self.request = None

    def send(self, request, **kwargs):
        if "/.well-known/" in request.url or "/common/discovery/" in request.url:
            return Discovery(request)
        self.request = request
        raise Kept()

    def open(self):
        pass

    def close(self):
        pass

    def __exit__(self, *args):
        pass


class Discovery:
    """The answer to a question after a tenant's endpoints, as azure.core's policies and MSAL want to see it."""

    def __init__(self, request):
        authority = "https://login.microsoftonline.com/" + TENANT
        self.request = request
        self.status_code = 200
        self.reason = "OK"
        self.content_type = "application/json"
        self.headers = {"Content-Type": "application/json"}
        self.internal_response = self
        self.context = {}
        self._text = json.dumps({
            "token_endpoint": authority + "/oauth2/v2.0/token",
            "authorization_endpoint": authority + "/oauth2/v2.0/authorize",
            "issuer": authority + "/v2.0",
            "tenant_discovery_endpoint": authority + "/v2.0/.well-known/openid-configuration",
            "metadata": [],
        })

    def text(self, encoding=None):
        return self._text

    def body(self):
        return self._text.encode()

    def json(self):
        return json.loads(self._text)

    def raise_for_status(self):
        pass


def keep(run):
    """The request that `run`, given a transport, wants to send."""
    keeper = Keeper()
    try:
        run(keeper)
    except Exception as e:  # pylint: disable=broad-except
        if keeper.request is None:
            raise e
    return keeper.request


def body_of(request):
    data = request.data if request.data is not None else request.content if hasattr(request, "content") else None
    if data is None:
        return ""
    if hasattr(data, "read"):
        data.seek(0)
        data = data.read()
    if isinstance(data, dict):
        return urllib.parse.urlencode(data)
    return data.decode() if isinstance(data, bytes) else str(data)


def query_of(url):
    return sorted(urllib.parse.parse_qsl(urllib.parse.urlsplit(url).query, keep_blank_values=True))


# --- storage ---

NAMES = ("if-match", "if-none-match", "content-type", "x-ms-blob-type")


def sign(method, url, headers, length):
    """The Authorization header by the library's own policy for a request with our headers."""
    request = HttpRequest(method, url, headers={k: v for k, v in headers.items()})
    if length:
        request.headers["Content-Length"] = str(length)
    SharedKeyCredentialPolicy(ACCOUNT, KEY).on_request(PipelineRequest(request, PipelineContext(Keeper())))
    return request.headers["Authorization"]


def storage(run, connection):
    request = keep(run)
    url = urllib.parse.urlsplit(request.url)
    body = body_of(request)
    headers = {n.lower(): v for n, v in request.headers.items() if n.lower() in NAMES and v}
    if not body and request.method != "PUT":
        headers.pop("content-type", None)
    headers.update(COMMON)
    if "SharedAccessSignature" not in connection:
        headers["authorization"] = sign(request.method, request.url, headers, len(body.encode()))
    return {"method": request.method, "path": url.path, "query": query_of(request.url), "headers": headers,
            "body": body}


def sas():
    made = SharedAccessSignature(ACCOUNT, KEY, x_ms_version=VERSION)
    return made.generate_account(services="bq", resource_types="sco", permission="rwdlacup",
                                 expiry="2030-01-01T00:00:00Z")


def connection_strings():
    """Host and port are the test's: they are no part of what is signed."""
    blob = f"BlobEndpoint=http://127.0.0.1:PORT/{ACCOUNT};QueueEndpoint=http://127.0.0.1:PORT/{ACCOUNT}"
    return {"key": f"AccountName={ACCOUNT};AccountKey={KEY};{blob}", "sas": f"{blob};SharedAccessSignature={sas()}"}


BLOB = "events/a b+c%20ü(1)'&=~/event.json"


def blob_cases(connection):
    def client(transport):
        return BlobServiceClient.from_connection_string(connection.replace("PORT", "1"), transport=transport,
                                                        api_version=VERSION, retry_total=0)

    def blob(transport, name=BLOB):
        return client(transport).get_blob_client("reports", name)

    return {
        "blob_get": ({"name": BLOB}, lambda t: blob(t)._client.blob.download()),
        "blob_put": ({"name": BLOB, "body": '{"a":1}', "content_type": "application/json"},
                     lambda t: blob(t)._client.block_blob.upload(
                         content_length=7, body=b'{"a":1}', headers={"x-ms-blob-type": "BlockBlob"},
                         content_type="application/json")),
        "blob_put_if_absent": ({"name": "is_pending", "body": "x", "condition": "absent"},
                               lambda t: blob(t, "is_pending").upload_blob(b"x", overwrite=False)),
        "blob_put_if_match": ({"name": "is_pending", "body": "x", "condition": "match", "etag": ETAG},
                              lambda t: upload_if_match(blob(t, "is_pending"))),
        "blob_delete": ({"name": BLOB}, lambda t: blob(t).delete_blob()),
        "blob_list": ({"prefix": "events/a b&c/"},
                      lambda t: list(client(t).get_container_client("reports").list_blobs("events/a b&c/"))),
    }


def upload_if_match(blob):
    from azure.core import MatchConditions
    blob.upload_blob(b"x", overwrite=True, etag=ETAG, match_condition=MatchConditions.IfNotModified)


def queue_cases(connection):
    def queue(transport):
        return QueueServiceClient.from_connection_string(
            connection.replace("PORT", "1"), transport=transport, api_version=VERSION,
            retry_total=0).get_queue_client("events-1")

    return {
        "queue_receive": ({"count": 32, "visibility_s": 300},
                          lambda t: next(queue(t).receive_messages(messages_per_page=32, visibility_timeout=300))),
        "queue_update": ({"id": MESSAGE, "pop_receipt": RECEIPT, "visibility_s": 300},
                         lambda t: queue(t).update_message(MESSAGE, RECEIPT, visibility_timeout=300)),
        "queue_delete": ({"id": MESSAGE, "pop_receipt": RECEIPT}, lambda t: queue(t).delete_message(MESSAGE, RECEIPT)),
        "queue_put": ({"text": "<a> & b"}, lambda t: queue(t).send_message("<a> & b", time_to_live=-1)),
        "queue_create": ({}, lambda t: queue(t).create_queue()),
    }


def storage_cases():
    for way, connection in connection_strings().items():
        for name, (given, run) in {**blob_cases(connection), **queue_cases(connection)}.items():
            expected = storage(run, connection)
            # The library adds a type to puts without one; we say none.
            if "content_type" not in given and name.startswith("blob_put"):
                expected["headers"].pop("content-type", None)
            if name == "queue_put":  # the library's document begins with a declaration that says nothing
                expected["body"] = expected["body"][expected["body"].index("<QueueMessage>"):]
            if "authorization" in expected["headers"]:
                headers = {k: v for k, v in expected["headers"].items() if k != "authorization"}
                url = "http://h" + expected["path"] + "?" + urllib.parse.urlencode(
                    expected["query"], quote_via=urllib.parse.quote)
                expected["headers"]["authorization"] = sign(expected["method"], url, headers,
                                                            len(expected["body"].encode()))
            yield f"{name}_{way}", {"operation": name, "connection_string": connection, "given": given,
                                    "expected": expected}


# --- identities ---

SCOPE = "https://management.azure.com/.default"
OURS = ("client_id", "client_secret", "client_assertion", "client_assertion_type", "grant_type", "scope")


def token_request(request):
    # The rest of the form is telemetry.
    form = {k: v for k, v in urllib.parse.parse_qsl(body_of(request)) if k in OURS}
    expected = {"method": request.method, "path": urllib.parse.urlsplit(request.url).path,
                "query": query_of(request.url), "form": form}
    assertion = form.get("client_assertion", "")
    if assertion.count(".") == 2:
        del form["client_assertion"]
        claims = jwt.decode(assertion, options={"verify_signature": False})
        expected["assertion_header"] = jwt.get_unverified_header(assertion)
        expected["assertion_header"].pop("x5c", None)  # for subject name authentication, which we do not do
        # MSAL for Python pads it, which RFC 7515 does not; MSAL for .NET does not.
        expected["assertion_header"]["x5t#S256"] = expected["assertion_header"]["x5t#S256"].rstrip("=")
        expected["assertion_claims"] = {k: claims[k] for k in ("aud", "iss", "sub")}
        expected["assertion_life_s"] = int(claims["exp"] - claims["iat"])
    return expected


class MsalKeeper:
    """The same as Keeper for MSAL itself, which signs by PS256 when it is given a certificate."""

    def __init__(self):
        self.request = None

    def get(self, url, **kwargs):
        answer = Discovery(HttpRequest("GET", url))
        answer.text = answer.text()  # here an attribute
        return answer

    def post(self, url, data=None, **kwargs):
        self.request = HttpRequest("POST", url, data=data)
        raise Kept()

    def close(self):
        pass


def certificate_request():
    keeper = MsalKeeper()
    pem = CERTIFICATE.read_text()
    certificate = pem[pem.index("-----BEGIN CERTIFICATE"):]
    app = msal.ConfidentialClientApplication(
        CLIENT, authority="https://login.microsoftonline.com/" + TENANT, http_client=keeper,
        instance_discovery=False,
        client_credential={"private_key": pem[:pem.index("-----BEGIN CERTIFICATE")], "public_certificate": certificate})
    try:
        app.acquire_token_for_client([SCOPE])
    except Kept:
        pass
    return keeper.request


def identity_cases():
    yield "identity_secret", token_request(keep(lambda t: ClientSecretCredential(
        TENANT, CLIENT, "s3cr~t+/=&", transport=t).get_token(SCOPE)))
    yield "identity_certificate", token_request(certificate_request())
    with tempfile.NamedTemporaryFile("w") as f:
        f.write("federated")
        f.flush()
        yield "identity_workload", token_request(keep(lambda t: WorkloadIdentityCredential(
            tenant_id=TENANT, client_id=CLIENT, token_file_path=f.name, transport=t).get_token(SCOPE)))
    for name, variables in {
            "identity_imds": {},
            "identity_app_service": {"IDENTITY_ENDPOINT": "http://127.0.0.1/msi/token", "IDENTITY_HEADER": "h34d"},
            "identity_arc": {"IDENTITY_ENDPOINT": "http://127.0.0.1/metadata/identity/oauth2/token",
                             "IMDS_ENDPOINT": "http://127.0.0.1"}}.items():
        os.environ.update(variables)
        request = keep(lambda t: ManagedIdentityCredential(transport=t).get_token(SCOPE))
        for v in variables:
            del os.environ[v]
        yield name, {"method": request.method, "path": urllib.parse.urlsplit(request.url).path,
                     "query": query_of(request.url),
                     "headers": {n.lower(): v for n, v in request.headers.items()
                                 if n.lower() == ("x-identity-header" if "IDENTITY_HEADER" in variables else "metadata")}}


# --- Resource Manager ---

class Credential:
    def get_token(self, *scopes, **kwargs):
        return AccessToken("t", 4102444800)


def arm_request(operation):
    request = keep(lambda t: operation(ComputeManagementClient(Credential(), SUBSCRIPTION, transport=t, retry_total=0)))
    # The version is our own table's.
    return {"method": request.method, "path": urllib.parse.urlsplit(request.url).path}


def arm_cases():
    yield "arm_vm_start", arm_request(
        lambda c: c.virtual_machines.begin_start("my group (1)", "vm-1", polling=False))
    yield "arm_vm_get", arm_request(lambda c: c.virtual_machines.get("my group (1)", "vm-1"))
    yield "arm_disk_delete", arm_request(
        lambda c: c.disks.begin_delete("my group (1)", "disk-1", polling=False))


def main():
    logging.disable(logging.CRITICAL)  # of requests that are broken off on purpose
    check = sys.argv[1:] == ["--check"]
    if sys.argv[1:] and not check:
        sys.exit(__doc__)
    differ = []
    for name, case in [*storage_cases(), *identity_cases(), *arm_cases()]:
        path = DATA / f"{name}.json"
        text = json.dumps(case, indent=2, ensure_ascii=False, sort_keys=True) + "\n"
        if not check:
            path.write_text(text)
        elif not path.exists() or path.read_text() != text:
            differ.append(path)
    for path in differ:
        print(f"{path}: differs from what the library sends; run tests/tools/azure_requests.py", file=sys.stderr)
    sys.exit(1 if differ else 0)


main()
