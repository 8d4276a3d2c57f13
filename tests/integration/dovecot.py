"""A Dovecot of our own: Debian's programs, everything else in one folder below /tmp, IMAPS and LMTP on ports of 127.0.0.1.

    with Dovecot(cert, key, {"duewatch@example.com": "secret"}) as d:       # d.imaps, d.lmtp: ports
        d.deliver("duewatch@example.com", b"Subject: hello\\r\\n\\r\\n...")
        with d.imap("duewatch@example.com") as box:                        # an imaplib.IMAP4_SSL, logged in
            box.select("INBOX", readonly=True)

oauth: a Tokens (below) or any introspection URL; then XOAUTH2 and OAUTHBEARER are offered, and `plain = False` offers
nothing else. A recipient's "+detail" is delivered to the box before it. Runs as root or as anybody: as root the boxes
are nobody's. It ends by its master's process id."""

import contextlib
import grp
import http.server
import imaplib
import json
import os
import pathlib
import pwd
import secrets
import shutil
import signal
import smtplib
import socket
import ssl
import subprocess
import tempfile
import threading
import time
import urllib.parse

from postfix import free_port

CONF = """
base_dir = {dir}/run
state_dir = {dir}/state
log_path = {dir}/dovecot.log
instance_name = {dir}
protocols = imap lmtp
listen = 127.0.0.1
default_internal_user = {internal}
default_internal_group = {internal_group}
default_login_user = {login}
mail_uid = {uid}
mail_gid = {gid}
first_valid_uid = 1
first_valid_gid = 1
mail_home = {dir}/boxes/%u
mail_location = maildir:{dir}/boxes/%u/Maildir
ssl = required
ssl_cert = <{cert}
ssl_key = <{key}
ssl_min_protocol = TLSv1.2
auth_mechanisms = {mechanisms}
auth_verbose = yes
auth_failure_delay = 0
recipient_delimiter = +
lmtp_save_to_detail_mailbox = no
lda_mailbox_autocreate = yes
mail_max_userip_connections = 50
namespace inbox {{
  inbox = yes
}}
passdb {{
  driver = passwd-file
  mechanisms = plain login
  args = scheme=PLAIN username_format=%u {dir}/conf/users
}}
{oauth}
userdb {{
  driver = passwd-file
  args = username_format=%u {dir}/conf/users
}}
service imap-login {{
  chroot =
  inet_listener imap {{
    port = 0
  }}
  inet_listener imaps {{
    port = {imaps}
    ssl = yes
  }}
}}
service lmtp {{
  inet_listener lmtp {{
    port = {lmtp}
  }}
}}
service anvil {{
  chroot =
}}
service stats {{
  chroot =
}}
service auth {{
  unix_listener auth-userdb {{
    mode = 0666
  }}
}}
"""
OAUTH = """passdb {{
  driver = oauth2
  mechanisms = xoauth2 oauthbearer
  args = {dir}/conf/oauth2
}}"""
OAUTH2 = """introspection_mode = post
introspection_url = {url}
active_attribute = active
active_value = true
username_attribute = username
"""


def why_not():
    """Why it can't run here, or None."""
    if not os.path.exists("/usr/sbin/dovecot") or not os.path.exists("/usr/lib/dovecot/lmtp"):
        return "Dovecot isn't installed (tests/setup.sh does)"
    return None


class Dovecot:
    def __init__(self, cert, key, users, oauth=None, plain=True):
        """users: {address: password}"""
        self.dir = pathlib.Path(tempfile.mkdtemp(prefix="dw-dovecot.", dir="/tmp"))
        self.dir.chmod(0o755)
        self.users, self.cert = dict(users), cert
        self.master = None
        conf = self.dir / "conf"
        for name in ("conf", "run", "state", "boxes"):
            (self.dir / name).mkdir(mode=0o755)
        for source, name in ((cert, "server.crt"), (key, "server.key")):
            shutil.copy(source, conf / name)
        if os.geteuid() == 0:
            owner, internal, login = pwd.getpwnam("nobody"), "dovecot", "dovenull"
            os.chown(self.dir / "boxes", owner.pw_uid, owner.pw_gid)
        else:
            owner = pwd.getpwuid(os.geteuid())
            internal = login = owner.pw_name
        (conf / "users").write_text("".join("%s:{PLAIN}%s:%d:%d\n" % (user, password, owner.pw_uid, owner.pw_gid)
                                            for user, password in users.items()))
        (conf / "users").chmod(0o644)       # its auth process is another user
        self.imaps, self.lmtp = free_port(), free_port()
        mechanisms = ("plain login " if plain else "") + ("xoauth2 oauthbearer" if oauth else "")
        if oauth:
            url = oauth if isinstance(oauth, str) else oauth.introspection
            (conf / "oauth2").write_text(OAUTH2.format(url=url))
        (conf / "dovecot.conf").write_text(CONF.format(
            dir=self.dir, cert=conf / "server.crt", key=conf / "server.key", uid=owner.pw_uid, gid=owner.pw_gid,
            internal=internal, internal_group=grp.getgrgid(pwd.getpwnam(internal).pw_gid).gr_name, login=login, imaps=self.imaps, lmtp=self.lmtp,
            mechanisms=mechanisms, oauth=OAUTH.format(dir=self.dir) if oauth else ""))

    def __enter__(self):
        # it leaves its terminal and session by itself; -F keeps its process id ours
        self.master = subprocess.Popen(["/usr/sbin/dovecot", "-F", "-c", self.dir / "conf/dovecot.conf"],
                                       stdin=subprocess.DEVNULL, stdout=subprocess.DEVNULL, stderr=subprocess.PIPE)
        end = time.monotonic() + 30
        for port in (self.imaps, self.lmtp):
            while True:
                with contextlib.suppress(OSError), socket.create_connection(("127.0.0.1", port), 5):
                    break
                if self.master.poll() is not None or time.monotonic() > end:
                    said = self.log() + (self.master.stderr.read().decode() if self.master.poll() is not None else "")
                    self.__exit__()
                    raise RuntimeError("dovecot doesn't start: %s" % said)
                time.sleep(0.02)
        return self

    def __exit__(self, *_):
        if self.master and self.master.poll() is None:
            self.master.send_signal(signal.SIGTERM)
            try:
                self.master.wait(20)
            except subprocess.TimeoutExpired:
                self.master.kill()
                self.master.wait()
        if self.master:
            self.master.stderr.close()
        shutil.rmtree(self.dir, ignore_errors=True)

    def log(self):
        path = self.dir / "dovecot.log"
        return path.read_text(errors="replace") if path.exists() else ""

    # what comes in

    def deliver(self, to, data, sender="person@example.org"):
        """By LMTP; returns when it lies in the box. data: bytes with CRLF."""
        with smtplib.LMTP("127.0.0.1", self.lmtp) as lmtp:
            lmtp.sendmail(sender, [to], data)

    # what is there

    def imap(self, user):
        """Logged in over TLS; the server's certificate is checked."""
        box = self.connect()
        box.login(user, self.users[user])
        return box

    def connect(self):
        return imaplib.IMAP4_SSL("127.0.0.1", self.imaps, ssl_context=ssl.create_default_context(cafile=self.cert), timeout=30)

    def mails(self, user, folder="INBOX"):
        """[(uid, flags, bytes)], nothing marked as seen."""
        with self.imap(user) as box:
            box.select(folder, readonly=True)
            found = []
            for uid in box.uid("SEARCH", "ALL")[1][0].split():
                (about, data), *_ = box.uid("FETCH", uid, "(FLAGS BODY.PEEK[])")[1]
                found.append((int(uid), imaplib.ParseFlags(about), data))
            return found

    def renumber(self, user):
        """A new UIDVALIDITY, as after a restore: every UID known so far means nothing any more. Stop nobody for it."""
        folder = self.dir / "boxes" / user / "Maildir"
        for name in ("dovecot-uidlist", "dovecot-uidvalidity", *[p.name for p in folder.glob("dovecot-uidvalidity.*")],
                     *[p.name for p in folder.glob("dovecot.index*")]):
            with contextlib.suppress(FileNotFoundError):
                (folder / name).unlink()
        time.sleep(1.1)     # a UIDVALIDITY is the second it was made in


class Tokens:
    """A local OAuth 2 server: POST /token (refresh_token grant) gives access tokens, POST /introspect knows them.

        with Tokens("client", "its secret", {"a refresh token": "duewatch@example.com"}) as t:   # t.token, t.introspection

    life: what `expires_in` says, seconds; t.revoke() ends every access token; t.answers: (status, JSON object) to give
    at /token instead of the usual, one each time; t.asked: what came there."""

    def __init__(self, client, secret, refresh, life=3600):
        self.client, self.secret, self.refresh, self.life = client, secret, dict(refresh), life
        self.access = {}        # token: (user, monotonic end)
        self.answers, self.asked = [], []
        server = self

        class Handler(http.server.BaseHTTPRequestHandler):
            def do_POST(self):
                form = urllib.parse.parse_qs(self.rfile.read(int(self.headers.get("Content-Length", 0))).decode())
                form = {k: v[0] for k, v in form.items()}
                status, body = server._token(form) if self.path == "/token" else server._introspect(form)
                data = json.dumps(body).encode()
                self.send_response(status)
                self.send_header("Content-Type", "application/json")
                self.send_header("Content-Length", str(len(data)))
                self.end_headers()
                self.wfile.write(data)

            def log_message(self, *_):
                pass

        self._http = http.server.ThreadingHTTPServer(("127.0.0.1", 0), Handler)
        self.port = self._http.server_address[1]
        self.token = "http://127.0.0.1:%d/token" % self.port
        self.introspection = "http://127.0.0.1:%d/introspect" % self.port

    def __enter__(self):
        self._thread = threading.Thread(target=self._http.serve_forever, daemon=True)
        self._thread.start()
        return self

    def __exit__(self, *_):
        self._http.shutdown()
        self._thread.join()
        self._http.server_close()

    def issue(self, user):
        """An access token, given out by hand."""
        token = secrets.token_urlsafe(24)
        self.access[token] = (user, time.monotonic() + self.life)
        return token

    def revoke(self):
        self.access.clear()

    def _token(self, form):
        self.asked.append(form)
        if self.answers:
            return self.answers.pop(0)
        if form.get("client_id") != self.client or form.get("client_secret", "") != self.secret:
            return 401, {"error": "invalid_client"}
        if form.get("grant_type") != "refresh_token" or form.get("refresh_token") not in self.refresh:
            return 400, {"error": "invalid_grant"}
        return 200, {"access_token": self.issue(self.refresh[form["refresh_token"]]), "token_type": "Bearer",
                     "expires_in": self.life}

    def _introspect(self, form):
        user, end = self.access.get(form.get("token"), (None, 0))
        if user is None or time.monotonic() >= end:
            return 200, {"active": False}
        return 200, {"active": True, "username": user}
