"""moto's server, with a record of the requests that hgautod has sent: moto_server.py RECORD [moto's own options]. The record is a JSON object
a line, as cloudserver --record writes it: {"method", "target", "headers" (names in lower case), "body" (base64)}."""

import base64
import io
import json
import sys
import threading

import moto.server
from moto.moto_server.werkzeug_app import DomainDispatcherApplication

lock = threading.Lock()


def headers_of(environ):
    named = {k[5:].replace("_", "-").lower(): v for k, v in environ.items() if k.startswith("HTTP_")}
    plain = {k.replace("_", "-").lower(): environ[k] for k in ("CONTENT_TYPE", "CONTENT_LENGTH") if environ.get(k)}
    return {**named, **plain}


def recording(path):
    record = open(path, "a", encoding="ascii")

    class Recording(DomainDispatcherApplication):
        def __call__(self, environ, start_response):
            if environ.get("HTTP_USER_AGENT", "").startswith("hgautod/"):
                body = environ["wsgi.input"].read(int(environ.get("CONTENT_LENGTH") or 0))
                environ["wsgi.input"] = io.BytesIO(body)
                line = {"method": environ["REQUEST_METHOD"], "target": environ["RAW_URI"], "headers": headers_of(environ),
                        "body": base64.b64encode(body).decode()}
                with lock:
                    record.write(json.dumps(line) + "\n")
                    record.flush()
            return super().__call__(environ, start_response)

    return Recording


if __name__ == "__main__":
    moto.server.DomainDispatcherApplication = recording(sys.argv[1])
    moto.server.main(sys.argv[2:])
