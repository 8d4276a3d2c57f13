"""What the tests of answers by mail share: a shop whose mails go to a scripted relay and whose mailbox is a real Dovecot's,
and what people write back."""

import base64
import email.utils
import hashlib
import hmac
import itertools
import json
import subprocess
import time

from harness import TOOL, parse, text_of, until

BOX, PASSWORD, AUTHSERV = "duewatch@example.com", "box secret", "mx.example.com"
REPLIES = """
replies = {
  mailbox = "%(url)s"; username = "%(user)s"; %(login)s ca_file = "%(ca)s"; every = "%(every)s";
  address = "duewatch@example.com"; authserv = "mx.example.com"; %(more)s
};
"""
numbers = itertools.count(1)


def varint(v):
    u = v << 1 if v >= 0 else (-v << 1) - 1
    out = b""
    while u >= 0x80:
        out += bytes([u & 0x7F | 0x80])
        u >>= 7
    return out + bytes([u])


class Mailed:
    """A shop with a mailbox."""

    def __init__(self, shop, relay, dovecot, every="1s"):
        self.shop, self.relay, self.dovecot, self.every = shop, relay, dovecot, every
        self.file = shop.folder / "imap-password"
        self.password(PASSWORD)
        self.config()

    def password(self, word):
        self.file.write_text(word + "\n")
        self.file.chmod(0o600)

    def config(self, url=None, ca=None, more="", login=None, **shop):
        text = self.shop.config(relay=self.relay, **shop)
        self.shop.write(self.shop.conf, text + REPLIES % {
            "url": url or "imaps://127.0.0.1:%d/INBOX" % self.dovecot.imaps, "user": BOX, "login": login or 'password_file = "%s";' % self.file,
            "ca": ca or self.dovecot.cert, "every": self.every, "more": more})

    # what the daemon has sent

    def mails(self, to=None):
        return [m for m in list(self.relay.mails) if to is None or m.to == to or m.to == [to]]

    def wait_mail(self, to, n=1):
        until(lambda: len(self.mails(to)) >= n, "%d mails to %s: there are %s" % (n, to, [m.to for m in self.relay.mails]))
        return self.mails(to)[n - 1]

    def settled(self):
        """Until the mailbox has been looked into once: from here on what comes in is read."""
        until(lambda: self.shop.one("SELECT last_success FROM mailboxes"), "a first look into the mailbox")

    def place(self):
        return self.shop.sql("SELECT uidvalidity, last_uid FROM mailboxes")[0]

    # what people send

    def key(self):
        return bytes.fromhex(self.shop.one("SELECT value FROM meta WHERE key='token_key'"))

    def token(self, order, person="alice", expires=None, key=None):
        """As reply.h makes them, for the order's ship side."""
        row = self.shop.one("SELECT id FROM orders WHERE order_id=?", order)
        episode = self.shop.one("SELECT max(last) FROM episodes WHERE ord=? AND side=0", row) or 1
        data = varint(row) + varint(0) + varint(episode) + varint(expires or int(time.time()) + 86400) + person.encode()
        mac = hmac.new(key or self.key(), b"duewatch token 1\0" + data, hashlib.sha256).digest()[:16]
        return "dw1-" + base64.urlsafe_b64encode(data + mac).decode().rstrip("=")

    def write(self, text, to_mail=None, sender="Alice <alice@a.example.com>", auth="pass", token=None, message_id=None, head=(),
              subject="Re: your mail", box=BOX):
        """A person's mail into the mailbox. to_mail: the mail of ours it answers. Returns its Message-ID."""
        message_id = message_id or "<%d.%d@a.example.com>" % (time.time_ns(), next(numbers))
        lines = ["From: " + sender, "To: duewatch@example.com", "Date: " + email.utils.formatdate(), "Message-ID: " + message_id]
        if auth:
            domain = email.utils.parseaddr(sender)[1].split("@")[-1]
            lines.insert(0, "Authentication-Results: %s; dmarc=%s header.from=%s" % (AUTHSERV, auth, domain))
        if to_mail:
            original = parse(to_mail.data)
            lines += ["In-Reply-To: " + original["Message-ID"],
                      "References: %s %s" % (original["References"], original["Message-ID"])]
        lines += ["Subject: " + subject + (" [%s]" % token if token else ""), *head, "MIME-Version: 1.0",
                  "Content-Type: text/plain; charset=utf-8", "", *text.split("\n"), "",
                  "On Mon, 23 Nov 2026 at 08:00, Duewatch <duewatch@example.com> wrote:", "> close", "> ack"]
        self.dovecot.deliver(box, "\r\n".join(lines).encode() + b"\r\n", email.utils.parseaddr(sender)[1])
        return message_id

    def bounce(self, of, status="5.1.1", action="failed", address="alice@a.example.com", envelope=None):
        """A delivery report as a mail server sends it, to the envelope sender of a mail of ours."""
        to = envelope or of.sender
        text = "\r\n".join([
            "From: MAILER-DAEMON@relay.example.com", "To: " + to, "Auto-Submitted: auto-replied",
            "Message-ID: <bounce.%d.%d@relay.example.com>" % (time.time_ns(), next(numbers)), "Subject: Undelivered Mail Returned to Sender",
            "MIME-Version: 1.0", 'Content-Type: multipart/report; report-type=delivery-status; boundary="b"', "",
            "--b", "Content-Type: text/plain", "", "It could not be delivered.", "",
            "--b", "Content-Type: message/delivery-status", "", "Reporting-MTA: dns; relay.example.com", "",
            "Final-Recipient: rfc822; " + address, "Action: " + action, "Status: " + status,
            "Diagnostic-Code: smtp; 550 %s no such user here" % status, "", "--b--", ""])
        self.dovecot.deliver(to, text.encode(), "")

    # what came of it

    def taken(self, message_id):
        until(lambda: self.shop.one("SELECT 1 FROM inbound WHERE id=?", message_id.strip("<>")), "the mail %s is taken" % message_id)

    def fact(self, order, field):
        told = json.loads(self.shop.tool("explain", order, "--json"))
        return next((f.get("value") for f in told["facts"] if f["field"] == field), None)

    def status(self):
        return json.loads(self.shop.tool("status", "--json"))

    def alerts(self, order):
        return [(a["kind"], a["state"]) for a in self.status()["alerts"] if a["order_id"] == order]

    def doctor(self):
        """Whatever else it finds on this machine."""
        return subprocess.run([TOOL, "-c", self.shop.conf, "doctor"], capture_output=True, text=True, timeout=60, env=self.shop.env()).stdout


def body(mail):
    return " ".join(text_of(parse(mail.data)).split())
