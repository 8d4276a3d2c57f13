"""What the whole-daemon tests share: a shop in a folder of its own, and duewatchd running on it.

Programs come from $DUEWATCH_BUILD (default ./build). Nothing sleeps for a time: until() looks at the store, the log
or the mails, to a deadline. Programs end by their process id. Everything is on loopback, ports are given out by the
kernel.

The shop's ladders are cut down so that a mail says one thing: an order whose ship date has passed is one urgent mail
to its owner, at once; nothing else speaks. A test that wants more writes its own config."""

import datetime
import email
import email.policy
import os
import pathlib
import shlex
import shutil
import signal
import socket
import sqlite3
import subprocess
import threading
import time

BUILD = pathlib.Path(os.environ.get("DUEWATCH_BUILD", "build")).resolve()
DAEMON, TOOL = BUILD / "duewatchd", BUILD / "duewatch"
WRAP = shlex.split(os.environ.get("DUEWATCH_WRAP", ""))     # what starts duewatchd: stands before its path
PROGRAM = DAEMON.read_bytes() if DAEMON.exists() else b""
TSAN = b"__tsan_init" in PROGRAM
SANITIZED = TSAN or b"__asan_init" in PROGRAM
SLOW = int(os.environ.get("DW_SLOW", 4 if SANITIZED else 1))     # tests/analyse.sh valgrind: far slower
STOP_S = 5 * SLOW       # interface.md: TERM and INT stop within 5 s
HEAD = ["order_id", "status", "promised_at", "owner", "buyer"]

CONFIG = """
timezone = "UTC"; language = "en"; state = "state"; daily_at = "off";
default_owner = "alice"; operators = [ "ops" ];
mail = { transport = "%(transport)s"; from = "Duewatch <duewatch@example.com>"; %(mail)s };
people = (
  { name = "alice"; email = "alice@a.example.com"; deputy = "bo"; manager = "chen"; },
  { name = "bo";    email = "bo@b.example.com";    deputy = "alice"; manager = "chen"; },
  { name = "chen";  email = "chen@c.example.com";  deputy = "alice"; manager = "alice"; %(chen)s },
  { name = "ops";   email = "ops@o.example.com";   deputy = "alice"; manager = "alice"; }
);
feeds = ( %(feeds)s );
ladders = (
  { kind = "overdue"; steps = [ "due!: owner" ]; },
  { kind = "incomplete"; steps = [ ]; }, { kind = "shipped_late"; steps = [ ]; }%(ladders)s
);
"""
FEED = """{ name = "shop"; type = "csv"; path = "inbox"; platform = "generic"; every = "1h"; %s }"""


def wrapped(program):
    """The program's path as the first words of a command, behind $DUEWATCH_WRAP where it is duewatchd."""
    return [*WRAP, program] if pathlib.Path(program).name == "duewatchd" else [program]


def until(condition, what="", timeout=15):
    """The first true value of condition(), looked at again and again."""
    end = time.monotonic() + timeout * SLOW
    while True:
        value = condition()
        if value:
            return value
        if time.monotonic() > end:
            raise AssertionError("waited %d s for %s" % (timeout * SLOW, what or condition))
        time.sleep(0.02)


def day(n):
    """A date n days from now, UTC."""
    return (datetime.datetime.now(datetime.timezone.utc) + datetime.timedelta(days=n)).strftime("%Y-%m-%d")


def late(number, owner="alice", buyer="ACME"):
    """A row of an order whose ship date passed yesterday."""
    return [number, "awaiting_shipment", day(-1), owner, buyer]


def fine(number, owner="alice"):
    """A row that needs nobody for months."""
    return [number, "awaiting_shipment", day(200), owner, "ACME"]


def parse(data):
    return email.message_from_bytes(data, policy=email.policy.default)


def text_of(mail):
    return mail.get_body(("plain",)).get_content()


class Shop:
    """A folder with a config, a watched inbox, a state and a maildir."""

    def __init__(self, folder):
        self.folder = pathlib.Path(folder)
        self.conf = self.folder / "duewatch.conf"
        self.inbox = self.folder / "inbox"
        self.state = self.folder / "state"
        self.maildir = self.folder / "mail"
        self.inbox.mkdir()
        self.daemons = []
        self.surroundings = {}      # more of the environment, for all programs
        self.config()

    # the config

    def config(self, relay=None, transport=None, feeds=None, feed="", mail="", chen="", ladders=""):
        """relay: an SmtpServer without TLS. Rewritten in one step, as an editor does."""
        if relay is not None:
            transport = "smtp://127.0.0.1:%d" % relay.port
            mail += ' starttls = "off";'
        text = CONFIG % {"transport": transport or "maildir://%s" % self.maildir, "feeds": feeds or FEED % feed,
                         "mail": mail, "chen": chen, "ladders": ladders}
        self.write(self.conf, text)
        return text

    def write(self, path, text):
        part = path.with_name("." + path.name + ".part")
        part.write_text(text)
        part.rename(path)

    # orders

    def csv(self, rows, name="orders.csv", head=HEAD):
        """Into the inbox, in one step."""
        self.write(self.inbox / name, "".join(",".join(row) + "\n" for row in [head] + rows))

    # programs

    def env(self, more=None):
        options = "log_path=%s/sanitizer:" % self.folder
        return {**os.environ, "TSAN_OPTIONS": options + os.environ.get("TSAN_OPTIONS", ""),
                "ASAN_OPTIONS": options + os.environ.get("ASAN_OPTIONS", ""),
                "UBSAN_OPTIONS": options + "print_stacktrace=1:" + os.environ.get("UBSAN_OPTIONS", ""), **self.surroundings, **(more or {})}

    def run(self, *args, program=DAEMON, code=0, timeout=60):
        done = subprocess.run([*wrapped(program), "-c", self.conf, *args], capture_output=True, text=True, timeout=timeout * SLOW,
                              stdin=subprocess.DEVNULL, env=self.env())
        with open(self.folder / "runs.log", "a") as log:
            log.write(done.stderr)
        assert done.returncode == code, "%s: exit %d, not %d\n%s" % (args, done.returncode, code, done.stderr)
        return done

    def own_state(self):
        """Else root would work as the user duewatch, on a machine where the package made one."""
        self.state.mkdir(0o700, exist_ok=True)

    def once(self, code=0, timeout=60):
        self.own_state()
        return self.run("--once", code=code, timeout=timeout).stderr

    def tool(self, *args, code=0):
        return self.run(*args, program=TOOL, code=code).stdout

    def daemon(self, **more):
        self.own_state()
        d = Daemon(self, **more)
        self.daemons.append(d)
        return d

    def started(self, rows=(), **more):
        """A daemon whose first look is behind it, so that what comes later is told at once."""
        self.csv(list(rows) or [fine("Z1")])
        d = self.daemon(**more).ready()
        self.decided()
        return d

    # state

    def sql(self, query, *args):
        path = self.state / "duewatch.db"
        if not path.exists():
            return []
        db = sqlite3.connect("file:%s?mode=ro" % path, uri=True, timeout=10)
        try:
            return db.execute(query, args).fetchall()
        except sqlite3.OperationalError as e:
            if "no such table" in str(e):
                return []
            raise
        finally:
            db.close()

    def one(self, query, *args):
        rows = self.sql(query, *args)
        return rows[0][0] if rows else None

    def decided(self):
        """Until every feed's first look is over."""
        until(lambda: self.one("SELECT count(*) FROM feeds WHERE known AND first_look") == 0, "the first look")

    def outbox(self, person=None):
        """(id, state, message_id, tries, unsure, answer): 0 queued 1 leased 2 sent 3 unsure 4 failed 5 withdrawn."""
        return self.sql("SELECT id, state, message_id, tries, unsure, answer FROM mails"
                        " WHERE ? IN (person, '') ORDER BY id", person or "")

    def wait_outbox(self, state, n=1, person=None):
        def there():
            rows = [m for m in self.outbox(person) if m[1] == state]
            return rows if len(rows) >= n else None
        return until(there, "%d mails in state %d; there are %s" % (n, state, self.outbox()))

    def retry(self, *ids):
        """Now instead of in a minute: the waits themselves are the unit tests' and scenarios'."""
        self.tool("outbox", "retry", *map(str, ids))

    def try_now(self, *ids):
        """The same while the daemon runs, which may be quicker: then none of them is pulled forward."""
        try:
            self.retry(*ids)
        except AssertionError as e:
            if not any(word in str(e) for word in ("is sent already", "is being sent", "is withdrawn")):
                raise

    def mails(self):
        """What lies in the maildir, parsed."""
        new = self.maildir / "new"
        return [parse(p.read_bytes()) for p in sorted(new.iterdir())] if new.exists() else []

    def close(self):
        for d in self.daemons:
            d.kill()
        assert [d.log() for d in self.daemons if d.process.returncode == -signal.SIGSYS] == [], "a forbidden system call"
        reports = [p for p in self.folder.glob("sanitizer*")]
        assert not reports, "\n".join(p.read_text()[:6000] for p in reports)
        for log in self.folder.glob("*.log"):
            said = log.read_text(errors="replace")
            for bad in ("Sanitizer", "runtime error:", "Assertion", "did not close cleanly"):
                assert bad not in said, said


class Daemon:
    """duewatchd in the foreground, with a notify socket of ours instead of systemd's."""

    count = 0

    def __init__(self, shop, args=(), prefix=()):
        Daemon.count += 1
        self.shop = shop
        self.log_path = shop.folder / ("daemon-%d.log" % Daemon.count)
        path = str(shop.folder / ("notify-%d" % Daemon.count))
        self.socket = socket.socket(socket.AF_UNIX, socket.SOCK_DGRAM)
        self.socket.bind(path)
        os.chmod(path, 0o777)       # a daemon that gives up being root
        self.messages = []
        threading.Thread(target=self._listen, daemon=True).start()  # a full queue would block who notifies
        with open(self.log_path, "wb") as log:
            self.process = subprocess.Popen([*prefix, *wrapped(DAEMON), "-c", shop.conf, *args], stderr=log,
                                            stdin=subprocess.DEVNULL, env=shop.env({"NOTIFY_SOCKET": path}))
        self.pid = self.process.pid

    # what it says

    def log(self):
        return self.log_path.read_text(errors="replace")

    def wait_log(self, text, n=1):
        until(lambda: self.log().count(text) >= n, "%r in the log:\n%s" % (text, self.log()))

    def _listen(self):
        while True:
            message = self.socket.recv(4096).decode()
            if message == "the test is over":
                return
            self.messages.append(message)

    def said(self):
        """Everything it told systemd so far, a message each."""
        return list(self.messages)

    def wait_said(self, line, n=1):
        def enough():
            assert self.process.poll() is None or line in str(self.said()), self.log()
            return sum(line in m.split("\n") for m in self.said()) >= n
        until(enough, "%s from %s" % (line, self.messages))

    def ready(self):
        self.wait_said("READY=1")
        return self

    # what is done to it

    def send(self, number):
        self.process.send_signal(number)

    def reload(self, good=True):
        n = sum("READY=1" in m.split("\n") for m in self.said())
        self.send(signal.SIGHUP)
        self.wait_said("READY=1", n + 1)
        self.wait_log("reloaded" if good else "reload failed")

    def stop(self, number=signal.SIGTERM):
        """Its exit code; asserts that it took no longer than promised."""
        begun = time.monotonic()
        self.send(number)
        try:
            code = self.process.wait(STOP_S)
        except subprocess.TimeoutExpired:
            raise AssertionError("still there %d s after signal %d\n%s" % (STOP_S, number, self.log()))
        self.took = time.monotonic() - begun
        return code

    def kill(self):
        if self.process.poll() is None:
            self.process.kill()
        self.process.wait()
        with socket.socket(socket.AF_UNIX, socket.SOCK_DGRAM) as s:
            s.sendto(b"the test is over", self.socket.getsockname())


def have(program):
    return shutil.which(program, path=os.environ.get("PATH", "") + ":/usr/sbin:/sbin") is not None
