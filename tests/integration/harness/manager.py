"""A small Azure Resource Manager with a token service, for tests that script each response."""

import json
import threading
from contextlib import contextmanager
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer

from harness.azure import CLIENT, SECRET, TENANT

ENV = {"AZURE_TENANT_ID": TENANT, "AZURE_CLIENT_ID": CLIENT, "AZURE_CLIENT_SECRET": SECRET}


class ManagerHandler(BaseHTTPRequestHandler):
    """Issues tokens; everything else is up to respond()."""

    protocol_version = "HTTP/1.1"

    def respond(self):
        """The status and the JSON body (None: empty) of the response to self.command and self.path."""
        raise NotImplementedError

    def serve(self):
        self.rfile.read(int(self.headers.get("Content-Length") or 0))
        if self.path == f"/{TENANT}/oauth2/v2.0/token":
            status, body = 200, {"token_type": "Bearer", "expires_in": 3600, "access_token": "a-token"}
        else:
            status, body = self.respond()
        text = b"" if body is None else json.dumps(body).encode()
        self.send_response(status)
        self.send_header("Content-Type", "application/json")
        self.send_header("Content-Length", str(len(text)))
        self.end_headers()
        self.wfile.write(text)

    do_GET = do_POST = do_PATCH = do_DELETE = serve

    def log_message(self, *_):
        pass


@contextmanager
def running_manager(handler, **state):
    """Such a server at server.url, with the given attributes; server.config is the [azure] section for it."""
    server = ThreadingHTTPServer(("127.0.0.1", 0), handler)
    vars(server).update(state)
    server.url = f"http://127.0.0.1:{server.server_port}"
    server.config = {"arm_endpoint": server.url, "authority": server.url}
    thread = threading.Thread(target=server.serve_forever)
    thread.start()
    try:
        yield server
    finally:
        server.shutdown()
        thread.join()
        server.server_close()
