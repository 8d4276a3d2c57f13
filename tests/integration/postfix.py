"""A Postfix of our own: Debian's programs, everything else in one folder below /tmp, on a port of 127.0.0.1.

    with Postfix({"alice@a.example.com": "alice"}, cert, key) as p:   # p.port
        p.mails("alice")                                            # the mails in her Maildir, bytes each

lmtp {address: port}: these addresses' mails, with any "+detail", go to an LMTP server (dovecot.py) instead. dkim: an
OpenDKIM (opendkim.py). Its ports:
    port      the relay that duewatch uses: refuses an unknown recipient at RCPT
    late      a relay that takes every recipient and sends a bounce (RFC 3464) afterwards, as most do for others' domains
    mx        where mail comes in from outside: with dkim, a signature is verified and Authentication-Results written
    outgoing  a person's provider: with dkim, signs for its domains; hands over to mx as any server would

Needs root, as every Postfix does. It ends by its master's process id."""

import contextlib
import os
import pathlib
import pwd
import random
import shutil
import signal
import smtplib
import socket
import subprocess
import tempfile
import time

MAIN = """
compatibility_level = 3.6
queue_directory = {dir}/queue
data_directory = {dir}/data
command_directory = /usr/sbin
daemon_directory = /usr/lib/postfix/sbin
mail_owner = postfix
setgid_group = postdrop
maillog_file = {dir}/mail.log
maillog_file_prefixes = {dir}
myhostname = relay.example.com
mydestination =
inet_interfaces = 127.0.0.1
inet_protocols = ipv4
mynetworks = 127.0.0.0/8
alias_maps =
alias_database =
local_recipient_maps =
default_transport = error:nothing leaves this machine
relay_transport = error:nothing leaves this machine
recipient_delimiter = +
virtual_mailbox_domains = {domains}
virtual_mailbox_maps = texthash:{dir}/conf/boxes
transport_maps = texthash:{dir}/conf/transport
milter_default_action = tempfail
virtual_mailbox_base = {dir}/boxes
virtual_uid_maps = static:{uid}
virtual_gid_maps = static:{gid}
virtual_minimum_uid = 1
smtpd_recipient_restrictions = permit_mynetworks, reject
smtpd_reject_unlisted_recipient = yes
smtpd_tls_cert_file = {cert}
smtpd_tls_key_file = {key}
smtpd_tls_security_level = may
smtpd_tls_received_header = yes
smtputf8_enable = yes
"""
MASTER = """
127.0.0.1:{port} inet n - n - - smtpd
127.0.0.1:{late} inet n - n - - smtpd
  -o smtpd_reject_unlisted_recipient=no
127.0.0.1:{mx} inet n - n - - smtpd
  -o myhostname={mx_name}
  -o smtpd_milters={verifier}
127.0.0.1:{outgoing} inet n - n - - smtpd
  -o smtpd_reject_unlisted_recipient=no
  -o content_filter=smtp:[127.0.0.1]:{mx}
  -o smtpd_milters={signer}
smtp unix - - n - - smtp
lmtp unix - - n - - lmtp
cleanup unix n - n - 0 cleanup
qmgr unix n - n 300 1 qmgr
tlsmgr unix - - n 1000? 1 tlsmgr
rewrite unix - - n - - trivial-rewrite
bounce unix - - n - 0 bounce
defer unix - - n - 0 bounce
trace unix - - n - 0 bounce
error unix - - n - - error
virtual unix - n n - - virtual
anvil unix - - n - 1 anvil
postlog unix-dgram n - n - 1 postlogd
"""


def why_not():
    """Why it can't run here, or None."""
    if os.geteuid() != 0:
        return "Postfix must be started as root"
    if not os.path.exists("/usr/sbin/postfix"):
        return "Postfix isn't installed (tests/setup.sh does)"
    return None


def free_port():
    """Below those that the kernel gives out: on a busy machine somebody's connection has one of them before Postfix has."""
    with open("/proc/sys/net/ipv4/ip_local_port_range") as f:
        low = int(f.read().split()[0])
    while True:
        port = random.randrange(low // 2, low)
        with contextlib.suppress(OSError), socket.create_server(("127.0.0.1", port)):
            return port


class Postfix:
    def __init__(self, boxes, cert, key, lmtp=None, dkim=None):
        """boxes: {address: Maildir}"""
        lmtp = lmtp or {}
        self.dir = pathlib.Path(tempfile.mkdtemp(prefix="dw-postfix.", dir="/tmp"))
        self.dir.chmod(0o755)
        user = pwd.getpwnam("postfix")
        conf = self.dir / "conf"
        for name in ("conf", "queue", "data", "boxes"):
            (self.dir / name).mkdir()
        os.chown(self.dir / "data", user.pw_uid, user.pw_gid)
        os.chown(self.dir / "boxes", user.pw_uid, user.pw_gid)
        for source, name in ((cert, "server.crt"), (key, "server.key")):
            shutil.copy(source, conf / name)
        self.port, self.late, self.mx, self.outgoing = (free_port() for _ in range(4))
        (conf / "boxes").write_text("".join("%s %s/\n" % pair for pair in [*boxes.items(), *((a, "lmtp") for a in lmtp)]))
        (conf / "transport").write_text("".join("%s lmtp:inet:127.0.0.1:%d\n" % pair for pair in lmtp.items()))
        (conf / "main.cf").write_text(MAIN.format(
            dir=self.dir, uid=user.pw_uid, gid=user.pw_gid, cert=conf / "server.crt", key=conf / "server.key",
            domains=", ".join(sorted({a.split("@")[1] for a in [*boxes, *lmtp]}))))
        (conf / "master.cf").write_text(MASTER.format(
            port=self.port, late=self.late, mx=self.mx, outgoing=self.outgoing, mx_name=dkim.authserv if dkim else "mx.example.com",
            verifier=dkim.verifier if dkim else "", signer=dkim.signer if dkim else ""))

    def __enter__(self):
        done = subprocess.run(["/usr/sbin/postfix", "-c", self.dir / "conf", "start"], capture_output=True, text=True,
                              stdin=subprocess.DEVNULL, timeout=60)
        if done.returncode:
            log = self.log()
            self.__exit__()
            raise RuntimeError("postfix doesn't start: %s%s%s" % (done.stdout, done.stderr, log))
        return self

    def __exit__(self, *_):
        try:
            pid = int((self.dir / "queue/pid/master.pid").read_text())
            os.kill(pid, signal.SIGTERM)
            end = time.monotonic() + 20
            while time.monotonic() < end and os.path.exists("/proc/%d" % pid):
                time.sleep(0.02)
        except (OSError, ValueError):
            pass
        shutil.rmtree(self.dir, ignore_errors=True)

    def log(self):
        path = self.dir / "mail.log"
        return path.read_text(errors="replace") if path.exists() else ""

    def send(self, port, sender, to, data):
        """One mail by SMTP to one of the ports. data: bytes with CRLF."""
        with smtplib.SMTP("127.0.0.1", port, timeout=30) as smtp:
            smtp.sendmail(sender, [to], data)

    def mails(self, box):
        new = self.dir / "boxes" / box / "new"
        return [p.read_bytes() for p in sorted(new.iterdir())] if new.exists() else []
