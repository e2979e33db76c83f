"""A server between hgautod and a cloud that passes on everything but the operations it was told to answer itself."""

import http.client
import http.server
import threading
import urllib.parse

from .cloud import Cloud

HOP = ("transfer-encoding", "connection", "content-length")


def operation_of(headers, body):
    """"DeleteDBInstance" of a query or JSON request; "" of others."""
    if "X-Amz-Target" in headers:
        return headers["X-Amz-Target"].rsplit(".", 1)[1]
    return dict(urllib.parse.parse_qsl(body.decode("latin-1"))).get("Action", "")


class Between(Cloud):
    """answers is {operation: [(status, body), ...]}: each of these is given once, then the operation is passed on."""

    def __init__(self, behind, answers):
        self.answers, self.lock, place = {k: list(v) for k, v in answers.items()}, threading.Lock(), urllib.parse.urlparse(behind.url)
        between = self

        class Handler(http.server.BaseHTTPRequestHandler):
            protocol_version = "HTTP/1.1"

            def pass_on(self):
                body = self.rfile.read(int(self.headers.get("Content-Length", 0)))
                own = between.answer(operation_of(self.headers, body), body.decode("latin-1"))
                if own:
                    return self.reply(own[0], [("Content-Type", "text/xml")], own[1].encode())
                there = http.client.HTTPConnection(place.hostname, place.port, timeout=30)
                there.request(self.command, self.path, body, dict(self.headers))
                answer = there.getresponse()
                return self.reply(answer.status, answer.getheaders(), answer.read())

            def reply(self, status, headers, body):
                self.send_response_only(status)
                for name, value in headers:
                    if name.lower() not in HOP:
                        self.send_header(name, value)
                self.send_header("Content-Length", str(len(body)))
                self.end_headers()
                self.wfile.write(body)

            do_GET = do_PUT = do_POST = do_DELETE = pass_on

            def log_message(self, *arguments):
                pass

        self.server = http.server.ThreadingHTTPServer(("127.0.0.1", 0), Handler)
        super().__init__(f"http://127.0.0.1:{self.server.server_port}")
        self.thread = threading.Thread(target=self.server.serve_forever, daemon=True)
        self.thread.start()

    def answer(self, operation, body):
        """(status, body), or None: the request is passed on."""
        with self.lock:
            left = self.answers.get(operation)
            return left.pop(0) if left else None

    def assert_used_up(self):
        left = {k: v for k, v in self.answers.items() if v}
        assert not left, f"never asked for: {left}"

    def stop(self):
        self.server.shutdown()
        self.server.server_close()
        self.thread.join(10)
