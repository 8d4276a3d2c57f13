"""Two OpenDKIMs of our own, as milters on ports of 127.0.0.1: one signs for the domains it is given, the other verifies and
writes the Authentication-Results of `authserv`. Keys lie in a folder below /tmp; no DNS is asked.

    with OpenDKIM("mx.example.com", ["a.example.com"]) as k:    # k.signer, k.verifier: what Postfix calls a milter"""

import base64
import contextlib
import os
import pathlib
import shutil
import signal
import socket
import subprocess
import tempfile
import time

from postfix import free_port

SIGNER = """
Mode s
KeyTable file:{dir}/keytable
SigningTable refile:{dir}/signing
InternalHosts 127.0.0.1
ExternalIgnoreList 127.0.0.1
"""
VERIFIER = """
Mode v
AuthservID {authserv}
AlwaysAddARHeader yes
RemoveARFrom {authserv}
RemoveARAll yes
InternalHosts 192.0.2.1
TestPublicKeys {dir}/public
"""
BOTH = """
Syslog no
Background no
RequireSafeKeys no
TemporaryDirectory {dir}
Socket inet:{port}@127.0.0.1
"""
SELECTOR = "test"


def why_not():
    return None if os.path.exists("/usr/sbin/opendkim") else "OpenDKIM isn't installed (tests/setup.sh does)"


class OpenDKIM:
    def __init__(self, authserv, domains):
        self.authserv, self.domains = authserv, list(domains)
        self.dir = pathlib.Path(tempfile.mkdtemp(prefix="dw-opendkim.", dir="/tmp"))
        self.ports = {"signer": free_port(), "verifier": free_port()}
        self.signer, self.verifier = ("inet:127.0.0.1:%d" % self.ports[name] for name in ("signer", "verifier"))
        self.running = {}

    def _key(self, domain):
        private = self.dir / (domain + ".private")
        subprocess.run(["openssl", "genrsa", "-out", private, "2048"], check=True, capture_output=True)
        public = subprocess.run(["openssl", "rsa", "-in", private, "-pubout", "-outform", "DER"], check=True,
                                capture_output=True).stdout
        name = "%s._domainkey.%s" % (SELECTOR, domain)
        return ("%s %s:%s:%s\n" % (name, domain, SELECTOR, private), "*@%s %s\n" % (domain, name),
                "%s v=DKIM1;k=rsa;p=%s\n" % (name, base64.b64encode(public).decode()))

    def __enter__(self):
        tables = zip(*map(self._key, self.domains)) if self.domains else ((), (), ())
        for name, lines in zip(("keytable", "signing", "public"), tables):
            (self.dir / name).write_text("".join(lines))
        for name, text in (("signer", SIGNER), ("verifier", VERIFIER)):
            conf = self.dir / (name + ".conf")
            conf.write_text((BOTH + text).format(dir=self.dir, port=self.ports[name], authserv=self.authserv))
            with open(self.dir / (name + ".log"), "wb") as log:
                self.running[name] = subprocess.Popen(["/usr/sbin/opendkim", "-f", "-x", conf], stdin=subprocess.DEVNULL,
                                                      stdout=log, stderr=log)
        end = time.monotonic() + 30
        for name, port in self.ports.items():
            while True:
                with contextlib.suppress(OSError), socket.create_connection(("127.0.0.1", port), 5):
                    break
                if self.running[name].poll() is not None or time.monotonic() > end:
                    said = (self.dir / (name + ".log")).read_text(errors="replace")
                    self.__exit__()
                    raise RuntimeError("opendkim (%s) doesn't start: %s" % (name, said))
                time.sleep(0.02)
        return self

    def __exit__(self, *_):
        for process in self.running.values():
            if process.poll() is None:
                process.send_signal(signal.SIGTERM)
        for process in self.running.values():
            try:
                process.wait(20)
            except subprocess.TimeoutExpired:
                process.kill()
                process.wait()
        shutil.rmtree(self.dir, ignore_errors=True)
