"""An authority of the tests' own, and a certificate of this machine that it has signed."""

import subprocess


class Certificate:
    """Files in PEM: .ca (the authority's certificate), .chain and .key (the server's)."""

    def __init__(self, folder, name="hgautod tests"):
        self.ca, self.chain, self.key = (str(folder / f) for f in ("ca.pem", "server.pem", "server.key"))
        signer = str(folder / "ca.key")
        self._make(name, signer, self.ca, "basicConstraints=critical,CA:TRUE", "keyUsage=critical,keyCertSign")
        self._make("localhost", self.key, self.chain, "basicConstraints=critical,CA:FALSE", "extendedKeyUsage=serverAuth",
                   "subjectAltName=IP:127.0.0.1,DNS:localhost", signed_by=["-CA", self.ca, "-CAkey", signer])

    @staticmethod
    def _make(name, key, certificate, *extensions, signed_by=()):
        command = ["openssl", "req", "-x509", "-newkey", "ec", "-pkeyopt", "ec_paramgen_curve:P-256", "-nodes", "-days", "2",
                   "-subj", f"/CN={name}", "-keyout", key, "-out", certificate, *signed_by]
        for extension in extensions:
            command += ["-addext", extension]
        done = subprocess.run(command, stdin=subprocess.DEVNULL, capture_output=True, text=True, timeout=60)
        assert done.returncode == 0, f"openssl cannot make a certificate:\n{done.stderr}"
