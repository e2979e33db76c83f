"""A server between hgautod and a cloud: it passes requests on, and what is made of it may swallow answers or end the caller."""

import http.client
import http.server
import threading
import urllib.parse

from .cloud import Cloud

# The daemon's look at itself comes before all actions, and is tested elsewhere.
OWN = "GetCallerIdentity"


# What the caller gets when it gets no answer. The beginning of one keeps libcurl from sending the request again by itself.
NO_ANSWER = {
    "silent": b"",
    "cut off": b"HTTP/1.1 200 OK\r\nContent-Length: 1000\r\n\r\n<",
    "cut off in its headers": b"HTTP/1.1 200 OK\r\nContent-Length: 0\r\n",
    "a page": b"HTTP/1.1 200 OK\r\nContent-Type: text/html\r\nContent-Length: 19\r\n\r\n<html>Log in</html>",
}


class Proxy(Cloud):
    """Passes on every request. `arrived` and `answered` may end an exchange by answering True: then the caller gets no answer."""

    def __init__(self, cloud, manner="silent"):
        self.manner, behind = manner, urllib.parse.urlparse(cloud.url)
        self.server = http.server.ThreadingHTTPServer(("127.0.0.1", 0), handler_of(self, behind))
        super().__init__(f"http://127.0.0.1:{self.server.server_port}")
        self.thread = threading.Thread(target=self.server.serve_forever, kwargs={"poll_interval": 0.02}, daemon=True)
        self.thread.start()

    def arrived(self, operation):
        """A request has come that the cloud has not seen yet."""
        return False

    def answered(self, operation):
        """The cloud has carried it out."""
        return False

    def towards(self, method, path):
        """What the cloud is asked for."""
        return method, path

    def exchanged(self, method, path, headers, body, status):
        """What it was asked for, as it came, and what it answered."""

    def stop(self):
        self.server.shutdown()
        self.server.server_close()
        self.thread.join(10)


def operation_of(headers, command, path, body):
    if "X-Amz-Target" in headers:
        return headers["X-Amz-Target"].rsplit(".", 1)[1]
    form = urllib.parse.parse_qs(body.decode("latin-1"))
    return form["Action"][0] if "Action" in form else f"{command} {path}"


def handler_of(proxy, behind):
    class Handler(http.server.BaseHTTPRequestHandler):
        protocol_version = "HTTP/1.1"
        disable_nagle_algorithm = True

        def pass_on(self):
            body = self.rfile.read(int(self.headers.get("Content-Length", 0)))
            operation = operation_of(self.headers, self.command, self.path, body)
            if operation != OWN and proxy.arrived(operation):
                return self.say_nothing()
            method, path = proxy.towards(self.command, self.path)
            there = http.client.HTTPConnection(behind.hostname, behind.port, timeout=30)
            there.request(method, path, body, dict(self.headers))
            answer = there.getresponse()
            told = answer.read()
            there.close()
            proxy.exchanged(method, path, self.headers, body, answer.status)
            if operation != OWN and proxy.answered(operation):
                return self.say_nothing()
            self.hand_back(answer, told)

        do_GET = do_PUT = do_POST = do_DELETE = do_HEAD = do_PATCH = pass_on

        def say_nothing(self):
            self.wfile.write(NO_ANSWER[proxy.manner])
            self.close_connection = True

        def hand_back(self, answer, told):
            self.send_response_only(answer.status)
            for name, value in answer.getheaders():
                if name.lower() not in ("transfer-encoding", "connection", "content-length"):
                    self.send_header(name, value)
            if self.command == "HEAD" or answer.status in (204, 304):
                told = b""
            if answer.status not in (204, 304):
                self.send_header("Content-Length", str(len(told)))
            self.end_headers()
            self.wfile.write(told)

        def log_message(self, *arguments):
            pass

    return Handler
