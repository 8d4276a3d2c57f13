#!/usr/bin/python3
"""A scripted SMTP server for tests: says what it is told, stores what it accepts. Standard library only.

    with SmtpServer(folder) as s:                  # s.port
        s.script["RCPT:bo@example.com"] = "550 5.1.1 no such user"
        s.script["DOT"] = ["451 4.3.0 later"]      # once, then as usual
        ...
        s.wait_mails(2)                            # s.mails[0].to, .data, .path

Stages: BANNER TLS EHLO STARTTLS AUTH-CMD AUTH MAIL RCPT DATA BODY DOT RSET NOOP QUIT. RCPT and DOT may be named
with a recipient ("RCPT:bo@example.com"), which is looked at first. BODY comes between the 354 and the reading of
the message. An action is a string (for ever) or a list (one each time, then as usual) of steps joined by "|":
    250 text      the answer; "\\n" (or the two characters \\ and n) parts lines: each is sent as it stands
    ok            the usual answer
    hang          says nothing more until the other side goes
    cut / reset   closes the connection (FIN / RST)
    wait:S        waits S seconds, then the next step
    slow:S:TEXT   TEXT a byte every S seconds
    huge:N:CODE   one line of N characters after CODE
    flood:CODE    "CODE-..." lines without end
    garbage       bytes that are no SMTP
    store         keeps the mail although it isn't answered (at DOT)
In an AUTH answer {password} and {b64} stand for what the client sent: a server that echoes secrets.
A mail is accepted when DOT is answered with 2xx: NNNNN.eml (as received, dots removed, CRLF) and NNNNN.json
(from, to, helo, tls, user, connection) appear in the folder, each at once and the .json last."""

import argparse
import base64
import hmac
import json
import os
import select
import socket
import ssl
import struct
import subprocess
import sys
import threading
import time
import warnings

LINE_MAX = 8192
STAGES = ("BANNER TLS EHLO STARTTLS AUTH-CMD AUTH MAIL RCPT DATA BODY DOT RSET NOOP QUIT").split()


class Gone(Exception):
    """The connection is over, by either side."""


class Mail:
    """One mail whose data came in whole."""

    def __init__(self, sender, to, data, helo, tls, user, connection):
        self.sender, self.to, self.data = sender, to, data
        self.helo, self.tls, self.user, self.connection = helo, tls, user, connection
        self.path = None

    def envelope(self):
        return {"from": self.sender, "to": self.to, "helo": self.helo, "tls": self.tls, "user": self.user,
                "connection": self.connection}


def server_context(cert, key, tls_max=None):
    """tls_max: for a server too old to trust."""
    context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
    if tls_max:
        context.set_ciphers("ALL:@SECLEVEL=0")
        with warnings.catch_warnings():
            warnings.simplefilter("ignore", DeprecationWarning)
            context.minimum_version = ssl.TLSVersion.TLSv1
            context.maximum_version = tls_max
    context.load_cert_chain(cert, key)
    return context


class SmtpServer:
    """tls: None (plain only), "starttls" (offered) or "implicit"; both need cert and key (make_cert).
    users: {name: password}; then AUTH is offered, with require_auth MAIL is refused without it. With XOAUTH2 or
    OAUTHBEARER among the mechanisms the password is the access token; a refusal is then a 334 with JSON first (RFC 7628)."""

    def __init__(self, folder=None, script=None, host="127.0.0.1", port=0, tls=None, cert=None, key=None,
                 users=None, require_auth=False, mechanisms=("PLAIN", "LOGIN"), tls_max=None, on_event=None):
        self.folder, self.script, self.host, self.port = folder, dict(script or {}), host, port
        self.tls, self.users, self.require_auth = tls, users, require_auth
        self.mechanisms, self.on_event = mechanisms, on_event
        self.mails = []     # accepted, in order
        self.lines = []     # (connection, "C" or "S" or "!", text), everything said
        self.connections = 0
        self.tokens_seen = []   # (mechanism, user, token)
        self._changed = threading.Condition()
        self._open = {}
        self._stopping = False
        self._context = None
        if tls:
            self._context = server_context(cert, key, tls_max)
        if folder:
            os.makedirs(folder, exist_ok=True)

    # life

    def start(self):
        self._listen = socket.create_server((self.host, self.port), backlog=128)
        self.port = self._listen.getsockname()[1]
        self._acceptor = threading.Thread(target=self._accept, daemon=True)
        self._acceptor.start()
        return self

    def stop(self):
        self._stopping = True
        for s in [self._listen] + list(self._open.values()):
            try:
                s.shutdown(socket.SHUT_RDWR)
            except OSError:
                pass
        self._acceptor.join()
        self._listen.close()

    def __enter__(self):
        return self.start()

    def __exit__(self, *_):
        self.stop()

    def _accept(self):
        while not self._stopping:
            try:
                sock, _ = self._listen.accept()
            except OSError:
                return
            self.connections += 1
            threading.Thread(target=self.talk(sock, self.connections).run, daemon=True).start()

    def talk(self, sock, number):
        return Session(self, sock, number)

    # waiting for state

    def wait(self, condition, timeout=10.0):
        """Blocks until condition() holds; it is looked at after everything said or stored."""
        with self._changed:
            if not self._changed.wait_for(condition, timeout):
                raise TimeoutError("waited %g s; %d mails, said: %s" % (timeout, len(self.mails), self.lines[-20:]))

    def wait_mails(self, n, timeout=10.0):
        self.wait(lambda: len(self.mails) >= n, timeout)
        return self.mails

    def wait_said(self, text, timeout=10.0):
        """Until a line by either side holds text."""
        self.wait(lambda: any(text in line for _, _, line in self.lines), timeout)

    def said(self, who=None):
        with self._changed:
            return [line for _, by, line in self.lines if who in (None, by)]

    # from the sessions

    def note(self, connection, who, text):
        with self._changed:
            self.lines.append((connection, who, text))
            if self.on_event:
                self.on_event("%d %s %s" % (connection, who, text))
            self._changed.notify_all()

    def action(self, stage, argument):
        with self._changed:
            key = "%s:%s" % (stage, argument)
            if key not in self.script:
                key = stage
            a = self.script.get(key, "ok")
            if isinstance(a, list):
                return a.pop(0) if a else "ok"
            return a

    def accept(self, mail):
        with self._changed:
            if self.folder:
                base = os.path.join(self.folder, "%05d" % (len(self.mails) + 1))
                mail.path = base + ".eml"
                for path, data in ((mail.path, mail.data), (base + ".json", json.dumps(mail.envelope()).encode())):
                    with open(path + ".tmp", "wb") as f:
                        f.write(data)
                    os.rename(path + ".tmp", path)
            self.mails.append(mail)
            if self.on_event:
                self.on_event("mail %d %s" % (len(self.mails), mail.path or "-"))
            self._changed.notify_all()


class Session:
    def __init__(self, server, sock, number):
        self.server, self.sock, self.number = server, sock, number
        self.key = number
        self.buffer = b""
        self.helo = self.user = self.sender = None
        self.to = []
        self.tls = False
        self.auth = {"password": "", "b64": ""}

    def run(self):
        self.server._open[self.key] = self.sock
        try:
            self.sock.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
            if self.server.tls == "implicit":
                self.secure()
            self.reply("BANNER", "220 relay.example.com ESMTP test")
            while True:
                self.command(self.line())
        except (Gone, OSError, ValueError) as e:
            self.server.note(self.number, "!", "gone %s" % e)
        finally:
            self.server._open.pop(self.key, None)
            self.sock.close()

    # bytes in and out

    def fill(self):
        got = self.sock.recv(65536)
        if not got:
            raise Gone("client left")
        self.buffer += got

    def line(self):
        while b"\n" not in self.buffer:
            if len(self.buffer) > LINE_MAX:
                raise Gone("line too long")
            self.fill()
        line, self.buffer = self.buffer.split(b"\n", 1)
        text = line.rstrip(b"\r").decode("utf-8", "backslashreplace")
        self.server.note(self.number, "C", text)
        return text

    def message(self):
        """To the lone dot: bare LF ends no line here, as in a strict server."""
        data = b"\r\n"
        while True:
            data += self.buffer
            self.buffer = b""
            at = data.find(b"\r\n.\r\n")
            if at >= 0:
                self.buffer = data[at + 5:]
                return data[:at + 2].replace(b"\r\n.", b"\r\n")[2:]
            self.fill()

    def send(self, data):
        self.sock.sendall(data)

    def hang(self):
        while True:
            if not self.sock.recv(65536):
                raise Gone("client left a hanging server")

    def secure(self):
        self.steps("TLS", None, None)
        self.sock = self.server._context.wrap_socket(self.sock, server_side=True)
        self.server._open[self.key] = self.sock
        self.tls = True
        self.buffer = b""

    # the script

    def reply(self, stage, usual, argument=None, mail=None):
        """Plays the stage's action; True if the last answer was a 2xx or 3xx, None without one."""
        return self.steps(stage, usual, argument, mail)

    def steps(self, stage, usual, argument, mail=None):
        self.server.note(self.number, "@", stage)
        good, stored = None, False
        for step in self.server.action(stage, argument).split("|"):
            if step in ("ok", ""):
                step = usual
            elif step == "store" and mail:
                self.server.accept(mail)
                stored = True
                continue
            text = self.special(step)
            if text is None:
                continue
            for name, value in self.auth.items():
                text = text.replace("{%s}" % name, value)
            good = text[:1] in ("2", "3")
            if mail and good and not stored:    # before the answer: a test that has it may look for the file
                self.server.accept(mail)
                stored = True
            lines = text.replace("\\n", "\n").split("\n")
            for one in lines:
                self.server.note(self.number, "S", one[:200])
            self.send("".join(one + "\r\n" for one in lines).encode("utf-8", "surrogateescape"))
        return good

    def special(self, step):
        """Plays a step that is no plain answer (None), or gives the answer's text back."""
        if step is None:
            return None
        word, _, rest = step.partition(":")
        if step == "hang":
            self.server.note(self.number, "!", "hang")
            self.hang()
        elif step == "cut":
            raise Gone("cut by script")
        elif step == "reset":
            self.sock.setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, struct.pack("ii", 1, 0))
            raise Gone("reset by script")
        elif step == "garbage":
            self.send(bytes(range(256)) * 4 + b"\r\nSSH-2.0-not_smtp\r\n")
        elif word == "wait":
            self.pause(float(rest))
        elif word == "slow":
            seconds, _, text = rest.partition(":")
            self.server.note(self.number, "!", "slow")
            for byte in text.encode() + b"\r\n":
                self.send(bytes([byte]))
                self.pause(float(seconds))
        elif word == "huge":
            n, _, code = rest.partition(":")
            if int(n) <= 1 << 20:
                return code + " " + "x" * int(n)
            self.send(code.encode() + b" ")
            for left in range(int(n), 0, -65536):
                self.send(b"x" * min(left, 65536))
            self.send(b"\r\n")
        elif word == "flood":
            self.server.note(self.number, "!", "flood")
            while True:
                self.send((rest.encode() + b"-and so on\r\n") * 100)
        else:
            return step
        return None

    def pause(self, seconds):
        """Waits, and notices a client that leaves meanwhile."""
        end = time.monotonic() + seconds
        while (left := end - time.monotonic()) > 0:
            ready, _, _ = select.select([self.sock], [], [], left)
            if not ready:
                return
            if self.tls or self.sock.recv(1, socket.MSG_PEEK):
                time.sleep(min(left, 0.05))     # data ahead of time: left for later
                continue
            raise Gone("client left a slow server")

    # the protocol

    def command(self, line):
        verb, _, rest = line.partition(" ")
        verb = verb.upper()
        handler = getattr(self, "do_" + verb.lower(), None) if verb.isalpha() else None
        if handler:
            handler(rest)
        else:
            self.send(b"502 5.5.2 no such command\r\n")

    def do_ehlo(self, rest):
        self.helo = rest
        words = ["relay.example.com", "PIPELINING", "SIZE 10485760", "8BITMIME", "ENHANCEDSTATUSCODES"]
        if self.server.tls == "starttls" and not self.tls:
            words.append("STARTTLS")
        if self.server.users:
            words.append("AUTH " + " ".join(self.server.mechanisms))
        self.reply("EHLO", "\n".join("250%s%s" % ("-" if w is not words[-1] else " ", w) for w in words))

    def do_helo(self, rest):
        self.helo = rest
        self.reply("EHLO", "250 relay.example.com")

    def do_starttls(self, _rest):
        if self.server.tls != "starttls" or self.tls:
            self.send(b"502 5.5.1 no STARTTLS here\r\n")
        elif self.reply("STARTTLS", "220 2.0.0 go ahead"):
            self.secure()

    def do_auth(self, rest):
        if self.reply("AUTH-CMD", None) is not None:
            return
        mechanism, _, first = rest.partition(" ")
        name, good = self.credentials(mechanism.upper(), first)
        if name is None:
            self.send(b"504 5.5.4 unknown mechanism\r\n")
        elif self.reply("AUTH", "235 2.7.0 welcome" if good else "535 5.7.8 wrong user or password"):
            self.user = name

    def challenge(self, text):
        self.send(b"334 " + base64.b64encode(text.encode()) + b"\r\n")
        self.auth["b64"] = self.line()
        return base64.b64decode(self.auth["b64"]).decode("utf-8", "replace")

    def credentials(self, mechanism, first):
        users = self.server.users or {}
        if mechanism == "PLAIN":
            if first:
                self.auth["b64"] = first
            else:
                self.send(b"334 \r\n")
                self.auth["b64"] = self.line()
            _, name, word = base64.b64decode(self.auth["b64"]).decode("utf-8", "replace").split("\0")
        elif mechanism == "LOGIN":
            name = self.challenge("Username:")
            word = self.challenge("Password:")
        elif mechanism == "CRAM-MD5":
            text = "<1.1@relay.example.com>"
            name, _, digest = self.challenge(text).rpartition(" ")
            word = users.get(name, "")
            return name, name in users and digest == hmac.new(word.encode(), text.encode(), "md5").hexdigest()
        elif mechanism in ("XOAUTH2", "OAUTHBEARER") and mechanism in self.server.mechanisms:
            return self.bearer(mechanism, first)
        else:
            return None, False
        self.auth["password"] = word
        return name, name in users and users[name] == word

    def bearer(self, mechanism, first):
        """"user=…^Aauth=Bearer …^A^A", or "n,a=…,^Ahost=…^Aport=…^Aauth=Bearer …^A^A"."""
        if not first:
            self.send(b"334 \r\n")
            first = self.line()
        self.auth["b64"] = first
        text = base64.b64decode(first).decode("utf-8", "replace")
        parts = dict(p.split("=", 1) for p in text.rstrip("\1").split("\1") if "=" in p)
        if mechanism == "XOAUTH2":
            name, shape = parts.get("user"), text.endswith("\1\1")
        else:
            name, shape = parts.get("n,a", "").rstrip(","), text.startswith("n,a=") and int(parts.get("port", 0)) == self.server.port
        word = parts.get("auth", "").removeprefix("Bearer ")
        self.auth["password"] = word
        self.server.tokens_seen.append((mechanism, name, word))
        good = shape and self.server.users.get(name) == word
        if not good and "AUTH" not in self.server.script:
            self.send(b"334 " + base64.b64encode(b'{"status":"401","schemes":"bearer"}') + b"\r\n")
            self.line()
        return name, good

    @staticmethod
    def path(rest):
        """The address and the parameters of "FROM:<a@b> SIZE=1"."""
        inside, _, after = rest.partition("<")[2].partition(">")
        return inside, after.strip()

    def do_mail(self, rest):
        sender, _ = self.path(rest)
        if self.server.require_auth and not self.user:
            self.send(b"530 5.7.0 authentication required\r\n")
        elif self.reply("MAIL", "250 2.1.0 ok", sender):
            self.sender, self.to = sender, []

    def do_rcpt(self, rest):
        to, _ = self.path(rest)
        if self.sender is None:
            self.send(b"503 5.5.1 MAIL first\r\n")
        elif self.reply("RCPT", "250 2.1.5 ok", to):
            self.to.append(to)

    def do_data(self, _rest):
        if not self.to:
            self.send(b"554 5.5.1 no recipients\r\n")
            return
        if not self.reply("DATA", "354 end with a dot"):
            return
        self.steps("BODY", None, None)
        mail = Mail(self.sender, self.to, self.message(), self.helo, self.tls, self.user, self.number)
        self.sender, self.to = None, []
        self.server.note(self.number, "C", "(message, %d bytes)" % len(mail.data))
        self.reply("DOT", "250 2.0.0 ok: queued as %d-%d" % (self.number, len(self.server.mails) + 1), mail.to[0], mail)

    def do_rset(self, _rest):
        self.sender, self.to = None, []
        self.reply("RSET", "250 2.0.0 ok")

    def do_noop(self, _rest):
        self.reply("NOOP", "250 2.0.0 ok")

    def do_quit(self, _rest):
        self.reply("QUIT", "221 2.0.0 bye")
        raise Gone("quit")


def make_cert(folder, name="localhost", expired=False, stem="server"):
    """A self-signed certificate for a DNS name or an IPv4 address: (certificate, key) paths. By openssl."""
    cert, key = os.path.join(folder, stem + ".crt"), os.path.join(folder, stem + ".key")
    kind = "IP" if name.replace(".", "").isdigit() else "DNS"
    request = ["openssl", "req", "-newkey", "ec", "-pkeyopt", "ec_paramgen_curve:prime256v1", "-nodes",
               "-keyout", key, "-subj", "/CN=" + name]
    san = "subjectAltName=%s:%s" % (kind, name)
    if not expired:
        run(request + ["-x509", "-days", "30", "-addext", san, "-out", cert])
        return cert, key
    config = os.path.join(folder, stem + ".cnf")    # only `openssl ca` in Debian 12 takes a start and an end
    with open(config, "w") as f:
        f.write("[ca]\ndefault_ca=x\n[x]\ndatabase=%s.idx\nserial=%s.srl\nnew_certs_dir=%s\ndefault_md=sha256\n"
                "policy=p\nx509_extensions=e\n[p]\ncommonName=supplied\n[e]\n%s\nbasicConstraints=CA:TRUE\n"
                % (config, config, folder, san))
    open(config + ".idx", "w").close()
    with open(config + ".srl", "w") as f:
        f.write("01\n")
    run(request + ["-new", "-out", cert + ".csr"])
    run(["openssl", "ca", "-batch", "-selfsign", "-config", config, "-keyfile", key, "-in", cert + ".csr",
         "-startdate", "20200101000000Z", "-enddate", "20200201000000Z", "-out", cert])
    return cert, key


def run(command):
    done = subprocess.run(command, stdin=subprocess.DEVNULL, capture_output=True, text=True)
    if done.returncode:
        raise RuntimeError("%s: %s" % (command[:3], done.stderr))


def orders(server, stream):
    """Lines on stdin: "on STAGE ACTION", "once STAGE ACTION", "plain" (forget the script); ends at its end."""
    for line in stream:
        verb, _, rest = line.rstrip("\n").partition(" ")
        stage, _, action = rest.partition(" ")
        with server._changed:
            if verb == "on":
                server.script[stage] = action
            elif verb == "once":
                have = server.script.get(stage)
                server.script[stage] = (have if isinstance(have, list) else []) + [action]
            elif verb == "plain":
                server.script.clear()
        say("done " + line.rstrip("\n"))


def say(text):
    try:
        print(text.encode("ascii", "backslashreplace").decode(), flush=True)
    except OSError:
        os._exit(0)     # nobody listens any more


def main():
    p = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    p.add_argument("--folder", help="where accepted mails go")
    p.add_argument("--host", default="127.0.0.1")
    p.add_argument("--port", type=int, default=0, help="0: any; the number is the first line on stdout")
    p.add_argument("--on", action="append", default=[], metavar="STAGE=ACTION")
    p.add_argument("--script", help="JSON file: {stage: action or [actions]}")
    p.add_argument("--tls", choices=("starttls", "implicit"))
    p.add_argument("--cert")
    p.add_argument("--key")
    p.add_argument("--make-cert", metavar="FOLDER", help="make a self-signed certificate there and use it")
    p.add_argument("--cert-name", default="localhost")
    p.add_argument("--cert-expired", action="store_true")
    p.add_argument("--tls-old", action="store_true", help="nothing newer than TLS 1.1")
    p.add_argument("--user", metavar="NAME:PASSWORD", help="offer AUTH and require it")
    p.add_argument("--mechanisms", default="PLAIN LOGIN")
    p.add_argument("--events", action="store_true", help="everything said on stdout, a line each")
    p.add_argument("--stdin", action="store_true", help="take orders from stdin, stop at its end")
    o = p.parse_args()

    script = {}
    if o.script:
        with open(o.script) as f:
            script = json.load(f)
    for pair in o.on:
        stage, _, action = pair.partition("=")
        script[stage] = action
    for stage in script:
        if stage.partition(":")[0] not in STAGES:
            p.error("no stage %s; there are: %s" % (stage, " ".join(STAGES)))
    if o.make_cert:
        os.makedirs(o.make_cert, exist_ok=True)
        o.cert, o.key = make_cert(o.make_cert, o.cert_name, o.cert_expired)
    users = dict([o.user.split(":", 1)]) if o.user else None
    server = SmtpServer(o.folder, script, o.host, o.port, o.tls, o.cert, o.key, users, bool(users),
                        o.mechanisms.split(), ssl.TLSVersion.TLSv1_1 if o.tls_old else None)
    if o.events:
        server.on_event = say
    server.start()
    print(server.port, flush=True)
    try:
        if o.stdin:
            orders(server, sys.stdin)
        else:
            threading.Event().wait()
    except KeyboardInterrupt:
        pass
    server.stop()
    os._exit(0)     # sessions may still be ending; their last words interest nobody


if __name__ == "__main__":
    main()
