"""A scripted IMAP server for tests, in the way of smtpd.py: says what it is told, and has the mails it is given.

    with ImapServer(cert=certificate, key=key) as s:        # s.imaps: the port
        s.deliver(box, data)
        s.script["FETCH"] = ["{tag} NO not now"]            # once, then as usual
        s.script["EXAMINE"] = "hang"                        # for ever

Stages: BANNER TLS CAPABILITY STARTTLS LOGIN EXAMINE SEARCH FETCH LOGOUT; LOGIN is AUTHENTICATE, too. An action is steps
joined by "|", as smtpd.py has them, but for
    TEXT          lines parted by "\\n"; in it stand {tag}, {uid}, {next} and {validity} (of the box), {size} and {body} of the
                  mail that is fetched, {longer} and {shorter}: its size and 40 more or less, {usual}: what it else says, {nul}, {gone}: UIDs of
                  150 mails that aren't there
    huge:N:TEXT   one line of N characters after TEXT
    flood:TEXT    this line without end
    many:N:TEXT   this line N times
    garbage       bytes that are no IMAP
s.tls is "implicit", "starttls" or None, and s.certificate(cert, key) sets another one, while it runs."""

import base64
import socket

from smtpd import Gone, Session, SmtpServer, server_context


class ImapServer(SmtpServer):
    """users: {name: password}. Whatever the name, there is one box."""

    def __init__(self, users=None, cert=None, key=None, tls="implicit", script=None, port=0):
        super().__init__(None, script, port=port, tls=tls, cert=cert, key=key, users=users)
        self.cert = cert
        self.validity, self.next = 7, 1
        self.box = {}       # {UID: bytes}, ascending
        self.words = ["IMAP4rev1", "SASL-IR", "AUTH=PLAIN"]

    @property
    def imaps(self):
        return self.port

    def certificate(self, cert, key):
        self._context = server_context(cert, key)

    def talk(self, sock, number):
        return Imap(self, sock, number)

    def deliver(self, _to, data, _sender=""):
        with self._changed:
            self.box[self.next] = data
            self.next += 1

    def again(self):
        """After stop(), at the same port."""
        self._stopping = False
        self.start()

    def gone(self):
        """Before the last one, where self.next was moved on before it came."""
        return " ".join(str(max(self.box) - i) for i in range(150, 0, -1))

    def commands(self, number=None):
        """What clients said, without their tags: of one connection, or all."""
        return [text.partition(" ")[2] for n, who, text in list(self.lines) if who == "C" and number in (n, None)]


class Imap(Session):
    def run(self):
        self.tag, self.mail = "*", (0, b"")
        self.server._open[self.key] = self.sock
        try:
            self.sock.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
            if self.server.tls == "implicit":
                self.secure()
            self.play("BANNER", "* OK ready")
            while True:
                self.said(self.line())
        except (Gone, OSError, ValueError) as e:
            self.server.note(self.number, "!", "gone %s" % e)
        finally:
            self.server._open.pop(self.key, None)
            self.sock.close()

    def steps(self, stage, usual, argument=None, mail=None):        # of secure()
        self.play(stage, usual)

    def play(self, stage, usual):
        self.server.note(self.number, "@", stage)
        for step in self.server.action(stage, None).split("|"):
            if step in ("ok", ""):
                step = "{usual}"
            word, _, rest = step.partition(":")
            if word == "flood":
                self.server.note(self.number, "!", "flood")
                while True:
                    self.send(self.words(rest) * 100)
            elif word == "many":
                n, _, rest = rest.partition(":")
                self.send(self.words(rest) * int(n))
            elif word == "huge":
                n, _, rest = rest.partition(":")
                self.send(self.words(rest)[:-2])
                for left in range(int(n), 0, -65536):
                    self.send(b"x" * min(left, 65536))
                self.send(b"\r\n")
            elif word == "slow":
                seconds, _, rest = rest.partition(":")
                for byte in self.words(rest, usual):
                    self.send(bytes([byte]))
                    self.pause(float(seconds))
            elif word == "garbage":
                self.send(bytes(range(256)) * 4 + b"\r\nSSH-2.0-not_imap\r\n")
            elif step == "{usual}" and usual is None:
                continue
            elif (text := self.special(step)) is not None:
                self.send(self.words(text, usual))

    def words(self, text, usual=None):
        uid, data = self.mail
        text = text.replace("\\n", "\n").replace("{usual}", usual or "")
        for name, value in {"tag": self.tag, "uid": uid, "next": self.server.next, "validity": self.server.validity, "size": len(data),
                            "longer": len(data) + 40, "shorter": len(data) - 40,
                            "nul": "\0", "gone": self.server.gone() if "{gone}" in text else ""}.items():
            text = text.replace("{%s}" % name, str(value))
        return text.replace("\n", "\r\n").encode().replace(b"{body}", data) + b"\r\n"

    # the protocol

    def said(self, line):
        self.tag, _, rest = line.partition(" ")
        verb, _, rest = rest.partition(" ")
        if verb.upper() == "UID":
            verb, _, rest = rest.partition(" ")
        handler = getattr(self, "on_" + verb.lower(), None)
        if handler:
            handler(rest)
        else:
            self.send(self.words("{tag} BAD no such command"))

    def on_capability(self, _rest):
        words = self.server.words + ["STARTTLS"] * (self.server.tls == "starttls" and not self.tls)
        self.play("CAPABILITY", "* CAPABILITY %s\n{tag} OK done" % " ".join(words))

    def on_starttls(self, _rest):
        if self.server.tls != "starttls" or self.tls:
            self.send(self.words("{tag} BAD not here"))
            return
        self.play("STARTTLS", "{tag} OK go ahead")
        self.secure()

    def enter(self, name, word):
        good = (self.server.users or {}).get(name) == word
        self.play("LOGIN", "{tag} OK welcome" if good else "{tag} NO [AUTHENTICATIONFAILED] wrong user or password")

    def on_login(self, rest):
        name, _, word = rest.partition(" ")
        self.enter(name.strip('"'), word.strip('"'))

    def on_authenticate(self, rest):
        _, _, first = rest.partition(" ")
        if not first:
            self.send(b"+ \r\n")
            first = self.line()
        self.enter(*base64.b64decode(first).decode("utf-8", "replace").split("\0")[1:])

    def on_examine(self, _rest):
        self.play("EXAMINE", "* FLAGS ()\n* %d EXISTS\n* OK [UIDVALIDITY {validity}] it is\n* OK [UIDNEXT {next}] next\n"
                             "{tag} OK [READ-ONLY] done" % len(self.server.box))

    def on_search(self, rest):
        found = list(self.server.box)
        if rest.startswith("UID "):     # "n:*" has the last one in any case
            least = int(rest[4:].partition(":")[0])
            found = [u for u in found if u >= least] or found[-1:]
        self.play("SEARCH", "* SEARCH%s\n{tag} OK done" % "".join(" %d" % u for u in found))

    def on_fetch(self, rest):
        uid = int(rest.partition(" ")[0])
        data = self.server.box.get(uid)
        self.mail = uid, data or b""
        self.play("FETCH", "{tag} OK nothing" if data is None else
                  "* 1 FETCH (UID {uid} BODY[]<0> {%d}\n{body})\n{tag} OK done" % len(data))

    def on_logout(self, _rest):
        self.play("LOGOUT", "* BYE\n{tag} OK bye")
        raise Gone("logout")


class Deaf:
    """Neither takes a call at its port nor refuses it: a full queue of calls."""

    def __init__(self, port):
        self.listener = socket.socket()
        self.listener.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
        self.listener.bind(("127.0.0.1", port))
        self.listener.listen(0)
        self.callers = [socket.socket() for _ in range(4)]
        for s in self.callers:
            s.setblocking(False)
            s.connect_ex(("127.0.0.1", port))

    def close(self):
        for s in (*self.callers, self.listener):
            s.close()
