#!/usr/bin/python3
"""Kills duewatchd again and again and looks whether a mail got lost or came twice (rules.md §6, guarantees 2 and 3).

    tests/integration/crash.py --kills 1000 --seed 7 --build build
    tests/integration/crash.py --every --build build

The real daemon runs on a feed whose orders fall due within seconds, and sends to the scripted relay of smtpd.py. It is
ended, and started again, over and over; between and during its lives the feed changes. How a life ends:
    random    SIGKILL at a random moment
    syscall   SIGKILL at the n-th pwrite64, write, fdatasync, fsync, rename, sendto … of one thread (by strace)
    power     SIGKILL as in the two above, and what was not synced is lost (see Disk)
    once      the same as syscall or random, to `duewatchd --once`
    term      SIGTERM: must end cleanly

With --every nothing of that is by chance: the daemon, with a relay and with a maildir, `--once` from an empty state, and
`duewatch set` die at the 1st, 2nd, 3rd … write, sync, rename and send, each in its turn, up to the last there is.

With --replies answers by mail arrive meanwhile: crash_replies.py.

After each death, of a copy of the store: PRAGMA integrity_check and foreign_key_check; every mail the relay accepted
is known to the store (its lease was durable before its data left); no more accepted mails are unrecorded than there
are connections. At the end of a season the daemon runs undisturbed until nothing is owed; then what the relay has is
compared with what a model of its own says was owed (class Model: from the rows written, not from the store), and with
the store's table of steps. Lost: owed and not accepted. Repeated: a Message-ID accepted again; allowed only where the
store did not have it as sent when the life ended in which it was accepted, or where the relay took it without an answer.

What "power" shows and what not: the survivors are computed from a full record of the system calls. Everything before
the last finished fsync of a file is there, of what was written later any subset of 512-byte sectors in any order, a
file made or removed since the folder's last fsync is there or not. That is as harsh as a disk with a write cache that
honours flushes; a disk that lies about flushes, and damage to the file system's own structures, are not simulated."""

import argparse
import collections
import os
import pathlib
import random
import re
import shutil
import signal
import sqlite3
import subprocess
import sys
import tempfile
import threading
import time

if __name__ == "__main__" and "--build" in sys.argv[1:-1]:      # harness.py reads it when it is imported
    os.environ["DUEWATCH_BUILD"] = sys.argv[sys.argv.index("--build") + 1]
from harness import DAEMON, SLOW, TOOL, Shop, have, parse, until, wrapped
from smtpd import SmtpServer

CONNECTIONS = 4         # the daemon's default: so many mails can be on their way at once
SEASON = 100            # kills until everything is compared and a new state begins
QUEUED, LEASED, SENT, UNSURE, FAILED, WITHDRAWN = range(6)
WAITING, MAILED = 0, 1
HEAD = ["order_id", "status", "promised_at", "agreed_at", "extension_state", "extension_until", "owner"]
PEOPLE = {"alice": ("bo", "chen"), "bo": ("alice", "chen"), "chen": ("alice", "alice"), "dan": ("bo", "chen")}
LAST_S = 6              # the last timed step of `overdue`, after act_by
HOUR = 3600
CONFIG = """
timezone = "UTC"; language = "en"; state = "state"; daily_at = "off"; default_owner = "alice"; operators = [ "ops" ]; metrics_file = "metrics.prom";
mail = { transport = "%s"; from = "Duewatch <duewatch@example.com>"; %s };
people = ( %s { name = "ops"; email = "ops@ops.example.com"; deputy = "alice"; manager = "alice"; } );
feeds = ( { name = "shop"; type = "csv"; path = "inbox"; platform = "generic"; timezone = "UTC"; every = "1h"; } );
ladders = (
  { kind = "overdue"; steps = [ "due!: owner deputy", "+3s!: owner", "+6s!: owner deputy manager",
                                "every 1h!: owner manager" ]; },
  { kind = "extend_ship_date"; steps = [ "found: owner" ]; },
  { kind = "dispute"; steps = [ "found!: owner deputy manager" ]; },
  { kind = "confirm_ship_date"; steps = [ ]; }, { kind = "ship_by"; steps = [ ]; }, { kind = "incomplete"; steps = [ ]; },
  { kind = "extension_unanswered"; steps = [ ]; }, { kind = "extension_declined"; steps = [ ]; },
  { kind = "late_ahead"; steps = [ ]; }, { kind = "shipped_late"; steps = [ ]; }, { kind = "edit_before_payment"; steps = [ ]; }
);
"""


def instant(t):
    return time.strftime("%Y-%m-%d %H:%M:%S", time.gmtime(t))


# ---- where mails arrive ----

class Accepted:
    """One acceptance of a mail. cut: the relay kept it but its answer never left."""

    def __init__(self, to, data, life, cut):
        head = parse(data)
        self.id = head["Message-ID"].strip("<>")
        self.person = to.partition("@")[0]
        self.life, self.cut = life, cut
        self.entries = list(zip(head.get_all("X-Duewatch-Order", []), head.get_all("X-Duewatch-Kind", []),
                                head.get_all("X-Duewatch-Step", [])))


class Relay(SmtpServer):
    """A relay that is slow, refuses, hangs up, or keeps a mail without saying so, now and then."""

    DOT = [(70, "ok"), (18, "wait:0.02|ok"), (4, "wait:0.1|ok"), (3, "451 4.3.0 later"), (2, "store|cut"),
           (1, "store|reset"), (1, "wait:0.02|cut"), (1, "store|wait:0.05|ok")]
    OTHER = {"BANNER": "421 4.3.2 busy", "MAIL": "421 4.3.2 going down", "RCPT": "450 4.2.1 later", "BODY": "cut"}

    def __init__(self, rng):
        super().__init__()
        self.rng, self.calm, self.life = rng, True, 0
        self.accepted = []
        self._chosen = {}

    def action(self, stage, argument):
        with self._changed:
            a = "ok"
            if not self.calm and stage == "DOT":
                a = self.rng.choices([w for _, w in self.DOT], [n for n, _ in self.DOT])[0]
            elif not self.calm and stage in self.OTHER and self.rng.random() < 0.01:
                a = self.OTHER[stage]
            self._chosen[threading.get_ident()] = a
        return super().action(stage, argument) if a == "ok" else a

    def accept(self, mail):
        a = self._chosen.get(threading.get_ident(), "")
        super().accept(mail)
        with self._changed:
            self.accepted.append(Accepted(mail.to[0], mail.data, self.life, "cut" in a or "reset" in a))

    def settle(self):
        """Until nobody is connected any more: what a dead daemon sent has been taken, or not."""
        end = time.monotonic() + 10
        time.sleep(0.002)
        while self._open and time.monotonic() < end:
            time.sleep(0.002)
        assert not self._open, "the relay's sessions of a dead daemon don't end"

    def transport(self):
        return "smtp://127.0.0.1:%d" % self.port, 'starttls = "off";'


class Folder:
    """A maildir as the place mails arrive in."""

    def __init__(self, folder):
        self.folder = pathlib.Path(folder)
        self.accepted, self._seen = [], set()
        self.life, self.calm = 0, True

    def settle(self):
        new = self.folder / "new"
        for path in sorted(new.iterdir()) if new.exists() else []:
            if path.name not in self._seen:
                self._seen.add(path.name)
                data = path.read_bytes()
                self.accepted.append(Accepted(parse(data)["To"].addresses[0].addr_spec, data, self.life, False))

    def transport(self):
        return "maildir://%s" % self.folder, ""

    def stop(self):
        pass


# ---- what is owed, from the rows alone ----

class Order:
    def __init__(self, number, sort, owner, row):
        self.number, self.sort, self.owner, self.row = number, sort, owner, row
        self.deputy, self.manager = PEOPLE[owner]
        self.act_by = None      # of `overdue`
        self.told = set()       # persons who knew of an overdue order before it was filed
        self.made = time.time()


class Model:
    """Writes the feed and knows what each order owes to whom:
    slip     agreed past the promise: one `found`
    hand     the same, said by `duewatch set`
    filed    a slip that is then filed: at most one `found`
    again    slip, filed, slip: one `found` (told within 12 h: not again)
    dispute  one `found` to three persons
    ladder   a promise that passes within seconds: the last step once to each; steps before it at most once
    every    a promise an hour old: the repetition that falls due within seconds
    settled  overdue, then filed: steps at most once; one `resolved` to each who was told"""

    SORTS = ["slip", "slip", "hand", "filed", "again", "dispute", "ladder", "ladder", "every", "settled"]

    def __init__(self, rng, prefix, tools=True):
        self.rng, self.prefix = rng, prefix
        self.sorts = [s for s in self.SORTS if tools or s != "hand"]
        self.orders = {}
        self.to_set, self.to_file, self.to_slip = [], [], []

    def add(self):
        number = "%s%05d" % (self.prefix, len(self.orders) + 1)
        sort, owner, now = self.rng.choice(self.sorts), self.rng.choice(list(PEOPLE)), int(time.time())
        o = Order(number, sort, owner, None)
        far, agreed, status = instant(now + 100 * 86400), "", "awaiting_shipment"
        if sort in ("slip", "filed", "again"):
            agreed = instant(now + 120 * 86400)
        elif sort == "dispute":
            status = "disputed"
        elif sort == "hand":
            self.to_set.append(o)
        elif sort in ("ladder", "settled"):
            o.act_by = now + self.rng.randint(-1, 5)
        elif sort == "every":
            o.act_by = now - HOUR - LAST_S + self.rng.randint(0, 5)
        if sort in ("filed", "again", "settled"):
            self.to_file.append(o)
        o.row = [number, status, instant(o.act_by) if o.act_by else far, agreed, "", "", owner]
        self.orders[number] = o

    def change(self, sent):
        """A few new orders, now and then a filing or a slip. sent: (order, kind, step, person) known to have gone out."""
        for _ in range(self.rng.choice((0, 1, 1, 2, 3))):
            self.add()
        for o in [o for o in self.to_file if self.rng.random() < 0.2]:
            o.row[4:6] = ["accepted", instant(o.made + 150 * 86400)]
            o.told = {p for number, kind, _, p in sent if number == o.number and kind == "overdue"}
            self.to_file.remove(o)
            if o.sort == "again":
                self.to_slip.append(o)
        for o in [o for o in self.to_slip if self.rng.random() < 0.2]:
            o.row[3] = instant(o.made + 200 * 86400)
            self.to_slip.remove(o)

    def rows(self):
        return [o.row for o in self.orders.values()]

    def settled_at(self):
        """When the last timed step has come."""
        return max([o.made + 5 + LAST_S + 2 for o in self.orders.values() if o.act_by] or [0])

    def owed(self, end):
        """{(order, kind, step, person): (least, most)} distinct mails."""
        want = {}
        for o in self.orders.values():
            three = {o.owner, o.deputy, o.manager}
            if o.sort in ("slip", "hand", "filed", "again"):
                slips = o.sort in ("slip", "hand") or o in self.to_file or o.sort == "again" and o not in self.to_slip
                want[o.number, "extend_ship_date", "found", o.owner] = (int(slips), 1)
            elif o.sort == "dispute":
                want.update({(o.number, "dispute", "found", p): (1, 1) for p in three})
            else:
                want.update(self.overdue(o, three, end))
        return want

    def overdue(self, o, three, end):
        want = {(o.number, "overdue", s, p): (0, 1) for s in ("due", "+3s", "+6s") for p in three}
        times = int(max(0, end - o.act_by - LAST_S) // HOUR)
        filed = o.sort == "settled" and o not in self.to_file
        if times and not filed:     # who was passed over by a step is told by the next
            for p in three:
                want[o.number, "overdue", "every 1h", p] = (int(p in (o.owner, o.manager)), times)
        if o.sort != "every" and not filed:
            want.update({(o.number, "overdue", "+6s", p): (1, 1) for p in three})
        if filed:
            want.update({(o.number, "overdue", "resolved", p): (int(p in o.told), 1) for p in three})
        return want


# ---- a disk without power ----

CALL = re.compile(r'^(\d+\.\d+) (\w+)\((.*)\)\s+= (-?\d+)')
FD = re.compile(r'^-?\w+<([^>]*)>')
TEXT = re.compile(r'"([^"]*)"')
TRACED = "openat,pwrite64,write,writev,pwritev,ftruncate,fallocate,fsync,fdatasync,unlink,unlinkat,rename,renameat,renameat2"


def unhex(text):
    return bytes.fromhex(text.replace("\\x", "")) if "\\x" in text else text.encode()


class File:
    """What is on the platter, and what was done since the last sync."""

    def __init__(self, data, durable):
        self.data, self.later = bytearray(data), []
        self.durable = durable          # its name survives
        self.gone = False               # removed, but the folder wasn't synced

    @staticmethod
    def put(data, offset, piece):
        if len(data) < offset:
            data.extend(bytes(offset - len(data)))
        data[offset:offset + len(piece)] = piece

    def sync(self):
        for what, at, piece in self.later:
            if what == "write":
                self.put(self.data, at, piece)
            else:
                del self.data[at:]
                self.data.extend(bytes(at - len(self.data)))
        self.later = []

    def lose(self, rng, keep):
        """Each sector written since is there or not."""
        for what, at, piece in self.later:
            if what == "cut":
                if rng.random() < keep:
                    del self.data[at:]
                continue
            for i in range(0, len(piece), 512):
                if rng.random() < keep:
                    self.put(self.data, at + i, piece[i:i + 512])
        self.later = []


class Disk:
    """The store's two files, followed through strace's record of every thread (merged by time: all of the store is
    written by one thread at a time). Made before the daemon starts; cut() makes the folder what a power cut leaves."""

    NAMES = ("duewatch.db", "duewatch.db-wal")

    def __init__(self, state):
        self.state = pathlib.Path(state)
        self.files = {n: File((self.state / n).read_bytes(), True) for n in self.NAMES if (self.state / n).exists()}
        shm = self.state / "duewatch.db-shm"
        self.shm = shm.read_bytes() if shm.exists() else None

    def follow(self, traces):
        lines = []
        for path in traces:
            with open(path, errors="replace") as f:
                lines += [m for m in map(CALL.match, f) if m]
        for m in sorted(lines, key=lambda m: float(m.group(1))):
            if not m.group(4).startswith("-"):
                self.call(m.group(2), m.group(3))

    def call(self, name, args):
        fd = FD.match(args)
        texts = TEXT.findall(args)
        path = unhex(fd.group(1)).decode("utf-8", "replace") if fd else ""
        if name == "openat":
            self.opened(unhex(texts[0]).decode("utf-8", "replace"), args)
        elif name in ("unlink", "unlinkat"):
            self.removed(unhex(texts[0]).decode("utf-8", "replace"))
        elif path == str(self.state) and name in ("fsync", "fdatasync"):
            for n, f in list(self.files.items()):
                f.durable = True
                if f.gone:
                    del self.files[n]
        elif path.startswith(str(self.state) + "/"):
            self.changed(self.files.get(os.path.basename(path)), name, args, texts, path)

    def changed(self, f, name, args, texts, path):
        if f is None:
            assert os.path.basename(path) not in self.NAMES or name not in ("write", "pwrite64"), "written unopened: " + path
        elif name == "pwrite64":
            f.later.append(("write", int(args.rsplit(",", 1)[1]), unhex(texts[0])))
        elif name == "ftruncate":
            f.later.append(("cut", int(args.rsplit(",", 1)[1]), b""))
        elif name in ("fsync", "fdatasync"):
            f.sync()
        else:
            raise AssertionError("a store file was changed by %s: not followed" % name)

    def opened(self, path, args):
        name = os.path.basename(path)
        if os.path.dirname(path) == str(self.state) and name in self.NAMES and "O_CREAT" in args:
            if name not in self.files or self.files[name].gone:
                self.files[name] = File(b"", False)

    def removed(self, path):
        if os.path.dirname(path) == str(self.state) and os.path.basename(path) in self.files:
            self.files[os.path.basename(path)].gone = True

    def cut(self, rng):
        """The folder after the cut. Returns how many unsynced writes there were."""
        keep = rng.choice((0, 0, 0.5, 0.9, rng.random(), 1))
        unsynced = sum(len(f.later) for f in self.files.values())
        for n in self.NAMES + ("duewatch.db-shm",):
            (self.state / n).unlink(missing_ok=True)
        for n, f in self.files.items():
            f.lose(rng, keep)
            if f.durable and not (f.gone and rng.random() < 0.5) or not f.durable and rng.random() < 0.5:
                (self.state / n).write_bytes(f.data)
                (self.state / n).chmod(0o600)
        if self.shm is not None and rng.random() < 0.5:     # never synced; an old one must not be believed
            (self.state / "duewatch.db-shm").write_bytes(self.shm)
            (self.state / "duewatch.db-shm").chmod(0o600)
        return unsynced


# ---- the store, seen from outside ----

class Snapshot:
    """A copy of the store as a dead (or running) daemon left it."""

    def __init__(self, shop, scratch):
        self.problems, self.mails, self.sent_entries = [], {}, set()
        if not (shop.state / "duewatch.db").exists():
            return
        copy = pathlib.Path(scratch) / "copy"
        shutil.rmtree(copy, ignore_errors=True)
        copy.mkdir()
        for n in Disk.NAMES:
            if (shop.state / n).exists():
                shutil.copyfile(shop.state / n, copy / n)
        db = sqlite3.connect(copy / "duewatch.db")
        try:
            self.look(db)
        except sqlite3.DatabaseError as e:
            self.problems.append("the store can't be read: %s" % e)
        finally:
            db.close()

    def look(self, db):
        said = db.execute("PRAGMA integrity_check").fetchone()[0]
        if said != "ok":
            self.problems.append("integrity_check: %s" % said)
        if db.execute("PRAGMA foreign_key_check").fetchone():
            self.problems.append("foreign_key_check: rows refer to nothing")
        if not db.execute("SELECT 1 FROM sqlite_schema WHERE name='mails'").fetchone():
            return
        self.mails = dict(db.execute("SELECT message_id, state FROM mails"))
        if len(self.mails) != db.execute("SELECT count(*) FROM mails").fetchone()[0]:
            self.problems.append("two mails share a Message-ID")


# ---- lives and deaths ----

class Figures(collections.Counter):
    def text(self):
        return ", ".join("%s %d" % (k.replace("_", " "), self[k]) for k in self)


class Season:
    """One state folder from its first start to the comparison."""

    # how far to count, per thread; what the daemon never calls with a relay (link) is tried with a maildir
    COUNTED = {"pwrite64": 80, "fdatasync": 10, "sendto": 12, "recvfrom": 10, "write": 20, "openat": 100, "close": 60,
               "connect": 3, "futex": 40, "poll": 30}
    IN_MAILDIR = {"pwrite64": 80, "fdatasync": 10, "fsync": 6, "rename": 4, "link": 4, "unlink": 4, "write": 20,
                  "openat": 100, "close": 60, "futex": 40}
    # what changes the world: with --every all of it
    EVERY = ("pwrite64", "write", "fdatasync", "fsync", "rename", "link", "unlink", "ftruncate", "sendto", "connect")

    def __init__(self, folder, rng, figures, maildir=False, only=None, wild=False):
        self.rng, self.figures, self.only, self.maildir = rng, figures, only, maildir
        self.folder = pathlib.Path(folder)
        self.scratch = pathlib.Path(tempfile.mkdtemp(prefix="crash-", dir="/dev/shm" if os.path.isdir("/dev/shm") else None))
        self.shop = Shop(self.folder)
        self.shop.state.mkdir(mode=0o700, exist_ok=True)    # ours, also where there is a user duewatch
        self.sink = Folder(self.folder / "mail") if maildir else Relay(random.Random(rng.random())).start()
        self.model = Model(rng, "%c" % rng.choice("ABCDEFGH"))
        self.violations, self.snapshots = [], []
        self.process = None
        self.checked = 0        # acceptances already held against snapshots
        url, more = self.sink.transport()
        people = " ".join('{ name = "%s"; email = "%s@%s.example.com"; deputy = "%s"; manager = "%s"; },'
                          % (p, p, p, *PEOPLE[p]) for p in PEOPLE)
        self.shop.write(self.shop.conf, CONFIG % (url, more, people))
        self.log = self.folder / "daemon.log"
        if wild:                # the first look is killed, too
            for _ in range(12):
                self.model.add()
        self.write_feed()
        if not wild:
            self.run_calm(lambda: self.shop.one("SELECT count(*) FROM feeds WHERE NOT first_look"))

    def close(self):
        if self.process and self.process.poll() is None:    # we were stopped ourselves
            pid = self.traced(self.process) if self.process.args[0] == "strace" else self.process.pid
            self.finish(self.process, pid)
        self.sink.stop()
        self.shop.close()
        shutil.rmtree(self.scratch, ignore_errors=True)

    def write_feed(self):
        self.shop.csv([["Z0", "awaiting_shipment", instant(time.time() + 300 * 86400), "", "", "", "alice"]]
                      + self.model.rows(), head=HEAD)

    # a life

    def env(self):
        env = self.shop.env()
        env["ASAN_OPTIONS"] += ":detect_leaks=0"        # not under ptrace, and a killed program leaks
        return env

    def start(self, args=(), strace=()):
        with open(self.log, "ab") as log:
            log.write(b"--- life %d %s\n" % (len(self.snapshots), " ".join(map(str, strace)).encode()))
            log.flush()
            self.process = subprocess.Popen([*strace, *wrapped(DAEMON), "-c", self.shop.conf, *args], stderr=log,
                                            stdin=subprocess.DEVNULL, env=self.env())
        return self.process

    @staticmethod
    def traced(p):
        """The process below strace; None if both are gone already."""
        program = str(DAEMON)
        while p.poll() is None:
            try:
                with open("/proc/%d/task/%d/children" % (p.pid, p.pid)) as f:
                    for kid in f.read().split():
                        if os.readlink("/proc/%s/exe" % kid) == program:
                            return int(kid)
            except OSError:
                pass
            time.sleep(0.002)
        return None

    @staticmethod
    def heeds(p, number):
        """Whether it has a handler for that signal by now (it is started by a wrapper, or a busy machine), or is gone."""
        try:
            with open("/proc/%d/status" % p.pid) as f:
                caught = next(line for line in f if line.startswith("SigCgt:"))
        except (OSError, StopIteration):
            return True
        return p.poll() is not None or int(caught.split()[1], 16) >> (number - 1) & 1 == 1

    def stir(self, p, seconds, tools):
        """Changes the world for so long, or until the daemon is gone."""
        end = time.monotonic() + seconds
        when = end - seconds * self.rng.random()
        while p.poll() is None and (now := time.monotonic()) < end:
            if now >= when:
                self.change(tools)
                when = end + 1
            time.sleep(min(0.003, max(0, end - now)))

    def change(self, tools):
        self.model.change(self.sent_entries())
        self.write_feed()
        if not tools:
            return
        for o in [o for o in self.model.to_set if self.rng.random() < 0.3][:2]:
            if self.set_by_hand(o):
                self.model.to_set.remove(o)

    def setter(self, o, strace=()):
        """`duewatch set`, on its way."""
        return subprocess.Popen([*strace, TOOL, "-c", self.shop.conf, "set", o.number,
                                 "agreed_at=" + instant(o.made + 120 * 86400)], stdout=subprocess.DEVNULL,
                                stderr=subprocess.DEVNULL, stdin=subprocess.DEVNULL, env=self.env())

    def set_by_hand(self, o):
        """The same, killed itself now and then. True: it said that it is done."""
        p = self.setter(o)
        if self.rng.random() < 0.3:
            time.sleep(self.rng.random() * 0.03)
            p.kill()
        return p.wait() == 0

    def sent_entries(self):
        """Told for certain: accepted and recorded as sent."""
        sent = self.snapshots[-1].mails if self.snapshots else {}
        return {(*e, a.person) for a in list(self.sink.accepted) if sent.get(a.id) == SENT for e in a.entries}

    # how it ends

    def life(self):
        """One life by chance. True if it ended by a kill."""
        kind = self.only or self.rng.choices(("random", "syscall", "power", "once", "term"), (36, 30, 22, 8, 4))[0]
        self.sink.calm = False
        self.sink.life = len(self.snapshots)
        if kind == "syscall" or self.rng.random() < 0.5:
            self.change(tools=False)
        killed = getattr(self, "end_" + kind)()
        self.after(kind)
        return killed

    def injected(self):
        """A system call, and its how-many-th of some thread. (With --seccomp-bpf strace 6.1 counts no further than one.)"""
        counted = self.IN_MAILDIR if self.maildir else self.COUNTED
        often = ("pwrite64", "fdatasync", "sendto", "rename", "link", "fsync")
        call = self.rng.choices(list(counted), [6 if c in often else 1 for c in counted])[0]
        return call, max(1, int(counted[call] ** self.rng.random()))

    def reach(self, call, n, args=()):
        """A life that ends at the n-th such call of some thread. False: there were not so many."""
        self.sink.calm = False
        self.sink.life = len(self.snapshots)
        p = self.start(args, self.killer(call, n))
        if args:
            p.wait(60 * SLOW)
        else:
            self.change(tools=False)
            self.stir(p, 0.5 * SLOW, False)
        reached = p.poll() == -signal.SIGKILL
        if not args:
            self.finish(p, self.traced(p))
        elif not reached and p.returncode not in (0, 1):
            self.violations.append("--once: exit %d\n%s" % (p.returncode, self.last_words()))
        self.after("%s %d" % (call, n))
        self.figures["kills"] += reached
        return reached

    @staticmethod
    def killer(call, n):
        return ["strace", "-f", "-qq", "-o", "/dev/null", "-e", "trace=" + call, "-e",
                "inject=%s:signal=KILL:when=%d" % (call, n)]

    def finish(self, p, pid):
        """Kills what is still there, and nothing else. True if it died by SIGKILL."""
        if pid and p.poll() is None:
            try:
                os.kill(pid, signal.SIGKILL)
            except ProcessLookupError:
                pass
        code = p.wait(30)
        if code != -signal.SIGKILL:
            self.violations.append("life %d ended by itself: %d\n%s" % (len(self.snapshots), code, self.last_words()))
        return code == -signal.SIGKILL

    def moment(self):
        return self.rng.random() ** 2 * 0.6 * SLOW

    def end_random(self):
        p = self.start()
        self.stir(p, self.moment(), self.rng.random() < 0.3)
        return self.finish(p, p.pid)

    def end_syscall(self, args=()):
        p = self.start(args, self.killer(*self.injected()))
        self.stir(p, 0.7 * SLOW, self.rng.random() < 0.2)
        self.figures["at_a_syscall"] += p.poll() == -signal.SIGKILL
        return self.finish(p, self.traced(p))

    def end_power(self):
        trace = self.scratch / "trace"
        shutil.rmtree(trace, ignore_errors=True)
        trace.mkdir()
        disk = Disk(self.shop.state)
        calls, inject, seconds = TRACED, ["--seccomp-bpf"], self.moment()
        if self.rng.random() < 0.6:
            call, n = self.injected()
            calls, inject, seconds = TRACED + "," + call, self.killer(call, n)[-2:], 0.7 * SLOW
        p = self.start((), ["strace", "-ff", "-qq", "-y", "-xx", "-s", "200000", "-ttt", "-o",
                            trace / "t", "-e", "trace=" + calls, *inject])
        self.stir(p, seconds, False)
        killed = self.finish(p, self.traced(p))
        self.sink.settle()
        disk.follow(trace.iterdir())
        lost = disk.cut(self.rng)
        self.figures["power_cuts"] += 1
        self.figures["power_cuts_with_unsynced_writes"] += lost > 0
        return killed

    def end_once(self):
        if self.rng.random() < 0.5:
            p = self.start(["--once"])
            time.sleep(self.moment() / 2)
            p.kill()
        else:
            p = self.start(["--once"], self.killer(*self.injected()))
        code = p.wait(60 * SLOW)
        if code not in (0, 1, -signal.SIGKILL):     # 1: mails wait for another try
            self.violations.append("--once: exit %d\n%s" % (code, self.last_words()))
        self.figures["once"] += 1
        return code == -signal.SIGKILL

    def end_term(self):
        p = self.start()
        self.stir(p, 0.3 * SLOW + self.moment(), False)
        until(lambda: self.heeds(p, signal.SIGTERM), "its handler of SIGTERM")
        p.terminate()
        try:
            code = p.wait(5 * SLOW)
        except subprocess.TimeoutExpired:
            p.kill()
            code = p.wait()
        if code != 0:
            self.violations.append("SIGTERM: exit %d\n%s" % (code, self.last_words()))
        self.figures["stops"] += 1
        return False

    def last_words(self):
        return "".join("    " + line for line in open(self.log, errors="replace").readlines()[-12:])

    def after(self, kind):
        self.sink.settle()
        s = Snapshot(self.shop, self.scratch)
        i = len(self.snapshots)
        fresh = self.sink.accepted[self.checked:]
        self.checked += len(fresh)
        self.violations += ["life %d (%s): %s" % (i, kind, p) for p in s.problems]
        for a in fresh:
            if a.id not in s.mails:
                self.violations.append("life %d (%s): the relay has %s, the store doesn't know it" % (i, kind, a.id))
        open_ends = {a.id for a in fresh if s.mails.get(a.id) not in (None, SENT) and not a.cut}
        if len(open_ends) > CONNECTIONS:
            self.violations.append("life %d (%s): %d mails accepted and unrecorded" % (i, kind, len(open_ends)))
        self.figures["in_the_window"] += len(open_ends)
        if self.snapshots:      # only the last is asked for what it knew of all; older ones for their own acceptances
            self.snapshots[-1] = self.slim(self.snapshots[-1], i - 1)
        self.snapshots.append(s)
        self.figures["restarts"] += 1

    def slim(self, s, life):
        mine = {a.id for a in self.sink.accepted if a.life <= life}
        s.mails = {m: state for m, state in s.mails.items() if m in mine}
        return s

    # undisturbed

    def run_calm(self, done, seconds=30):
        """A life without harm, to a condition. It ends by SIGTERM."""
        self.sink.calm = True
        self.sink.life = len(self.snapshots)
        p = self.start()
        end = time.monotonic() + seconds * SLOW
        ok = False
        while not ok and time.monotonic() < end and p.poll() is None:
            ok = self.heeds(p, signal.SIGTERM) and done()
            time.sleep(0.05)
        if p.poll() is not None:
            self.violations.append("undisturbed, it ended by itself: %d\n%s" % (p.returncode, self.last_words()))
        elif not ok:
            self.violations.append("undisturbed for %d s, and not done: %s" % (seconds, self.shop.sql(
                "SELECT state, count(*), group_concat(answer) FROM mails GROUP BY state")))
        p.terminate()
        if p.wait(10 * SLOW) != 0:
            self.violations.append("SIGTERM: exit %d" % p.returncode)
        self.after("calm")

    def dry(self):
        """Nothing waits; what waits for its time is sent for."""
        left = [m[0] for m in self.shop.sql("SELECT id FROM mails WHERE state IN (0, 3) AND next_try > ?",
                                                 int(time.time()) + 1)]
        for i in range(0, len(left), 50):
            self.shop.try_now(*left[i:i + 50])
        return not left and time.time() > self.model.settled_at() and self.idle()

    def idle(self):
        return not self.shop.one("SELECT count(*) FROM mails WHERE state IN (0, 1, 3)") and \
            not self.shop.one("SELECT count(*) FROM steps WHERE state=0") and \
            self.shop.one("SELECT orders FROM feeds") == len(self.model.orders) + 1

    def all_said(self):
        """Twice the same, seconds of the daemon's own time apart: a machine that was halted may have skipped some."""
        for o in list(self.model.to_set):
            if self.shop.one("SELECT 1 FROM orders WHERE order_id=?", o.number):
                self.shop.tool("set", o.number, "agreed_at=" + instant(o.made + 120 * 86400))
                self.model.to_set.remove(o)
        if self.model.to_set or not self.dry():
            return False
        n = len(self.sink.accepted)
        time.sleep(2.5)
        return n == len(self.sink.accepted) and self.dry()

    def breathe(self):
        """Mails that failed are tried again, so that the outbox doesn't only grow."""
        def waiting():
            return self.shop.one("SELECT count(*) FROM mails WHERE state IN (0, 1, 3)")

        def less():
            self.dry()
            return not waiting()
        if waiting():
            self.run_calm(less)

    # the comparison

    def compare_once(self):
        """The same after `--once` alone, of orders that owe what they owe at once."""
        self.sink.calm = True
        for _ in range(3):
            self.sink.life = len(self.snapshots)
            code = self.start(["--once"]).wait(60 * SLOW)
            self.after("calm")
            if code == 0:
                break
            for number, in self.shop.sql("SELECT id FROM mails WHERE state IN (0, 3)"):
                self.shop.retry(number)
        else:
            self.violations.append("--once: exit %d\n%s" % (code, self.last_words()))
        self.compare_model(time.time())
        self.compare_store()
        self.compare_repeats()
        return self.violations

    def compare(self):
        """Lets everything be said, then counts."""
        self.figures["seasons"] += 1
        self.run_calm(self.all_said, 90)
        self.sink.settle()
        self.compare_model(time.time())
        self.compare_store()
        self.compare_repeats()
        return self.violations

    def got(self):
        have = collections.defaultdict(set)
        for a in self.sink.accepted:
            for order, kind, step in a.entries:
                have[order, kind, step, a.person].add(a.id)
        return have

    def compare_model(self, end):
        have, want = self.got(), self.model.owed(end)
        for key, (least, most) in want.items():
            n = len(have.get(key, ()))
            self.figures["owed"] += least
            self.figures["lost"] += max(0, least - n)
            if not least <= n <= most:
                self.violations.append("%s (%s): %d mails, owed are %d to %d" % (
                    key, self.model.orders[key[0]].sort, n, least, most))
        for key in have:
            if key not in want:
                self.violations.append("nobody owed %s" % (key,))

    def compare_store(self):
        """What the store says was told is in the relay, under that Message-ID, and nothing else is."""
        have = self.got()
        steps = self.shop.sql("SELECT o.order_id, s.person, s.step, s.state, m.message_id, m.state FROM steps s"
                              " JOIN orders o ON o.id=s.ord LEFT JOIN mails m ON m.id=s.mail")
        told = set()
        for order, person, step, state, mid, mail in steps:
            told.add((order, person, step, mid))
            if state == WAITING:
                self.violations.append("%s %s %s waits for ever" % (order, step, person))
            there = any(k[0] == order and k[3] == person and k[2] == step and mid in ids for k, ids in
                        ((k, have[k]) for k in self.keys_of(order, have)))
            if state == MAILED and (mail != SENT or not there):
                self.figures["lost"] += 1
                self.violations.append("%s %s %s: the store says told in %s (state %s), the relay has it: %s" % (
                    order, step, person, mid, mail, there))
        states = dict(self.shop.sql("SELECT message_id, state FROM mails"))
        self.figures["mails"] += sum(s == SENT for s in states.values())
        for a in self.sink.accepted:
            if states.get(a.id) != SENT:
                self.violations.append("%s was accepted; the store says %s" % (a.id, states.get(a.id)))
        for a in {a.id for a in self.sink.accepted if not a.entries}:
            self.violations.append("a mail about no order: %s" % a)

    def keys_of(self, order, have):
        if not hasattr(self, "_by_order"):
            self._by_order = collections.defaultdict(list)
            for k in have:
                self._by_order[k[0]].append(k)
        return self._by_order[order]

    def compare_repeats(self):
        by_id = collections.defaultdict(list)
        for a in self.sink.accepted:
            by_id[a.id].append(a)
        self.figures["accepted"] += len(self.sink.accepted)
        for mid, all_of in by_id.items():
            self.figures["repeats"] += len(all_of) - 1
            for a, b in zip(all_of, all_of[1:]):
                recorded = self.snapshots[a.life].mails.get(mid) == SENT
                if a.person != b.person:
                    self.violations.append("%s went to two persons" % mid)
                if a.cut and (a.life == b.life or not recorded):
                    self.figures["repeats_after_no_answer"] += 1
                elif a.life != b.life and not recorded:
                    self.figures["repeats_in_the_window"] += 1
                else:
                    self.violations.append("%s was accepted in life %d, recorded: %s, and again in life %d" % (
                        mid, a.life, recorded, b.life))


def run(kills, seed, folder, maildir=False, only=None, say=lambda text: None, season=SEASON):
    """(figures, violations) of so many kills. The seed fixes what is done and when; the daemon's timing is its own."""
    rng, figures, violations = random.Random(seed), Figures(), []
    figures.update(kills=0, restarts=0, at_a_syscall=0, power_cuts=0, seasons=0, owed=0, mails=0, accepted=0, repeats=0,
                   repeats_in_the_window=0, repeats_after_no_answer=0, lost=0)
    number = 0
    while figures["kills"] < kills and len(violations) < 20:
        number += 1
        place = pathlib.Path(folder) / ("season-%d" % number)
        place.mkdir()
        s = Season(place, rng, figures, maildir, only, wild=number % 2 == 0)
        try:
            until = min(kills, figures["kills"] + season)
            while figures["kills"] < until and len(s.violations) < 20:
                figures["kills"] += s.life()
                if rng.random() < 0.06:
                    s.breathe()
            bad = s.compare()
        finally:
            s.close()
        violations += ["season %d: %s" % (number, v) for v in bad]
        if not bad:
            shutil.rmtree(place)
        say("season %d: %s" % (number, figures.text()))
    return figures, violations


def every_of_daemon(folder, rng, figures, maildir, most):
    """One state, on which daemon after daemon dies, each one call later than the one before. {call: how many}, violations."""
    reached, s = {}, Season(folder, rng, figures, maildir)
    try:
        for call in Season.EVERY:
            n = missed = 0
            while missed < 3 and n < most and len(s.violations) < 20:   # what a life does differs a little
                n += 1
                missed = 0 if s.reach(call, n) else missed + 1
                reached[call] = n - missed
            s.breathe()
        return reached, list(s.compare())
    finally:
        s.close()


def every_of_tool(folder, rng, figures, maildir, most):
    """`duewatch set` dies beside no daemon: said is said, and what wasn't may be said again."""
    reached, s = {}, Season(folder, rng, figures, maildir)
    try:
        s.model.sorts = ["hand"]
        for call in Season.EVERY:
            n, killed = 0, True
            while killed and n < most and len(s.violations) < 20:
                n += 1
                s.model.add()
                s.write_feed()
                s.run_calm(lambda: s.shop.one("SELECT count(*) FROM orders") == len(s.model.orders) + 1)
                o = s.model.to_set[-1]
                code = s.setter(o, s.killer(call, n)).wait(60 * SLOW)
                killed = code == -signal.SIGKILL
                figures["kills"] += killed
                if not killed:
                    s.model.to_set.remove(o)
                    if code != 0:
                        s.violations.append("set: exit %d" % code)
                s.after("set, %s %d" % (call, n))
            reached[call] = n - (not killed)
        return reached, list(s.compare())
    finally:
        s.close()


def every_of_once(folder, rng, figures, maildir, most):
    """A new state for each death of `--once`, then `--once` until all is said."""
    reached, bad = {}, []
    for call in Season.EVERY:
        n = missed = 0
        while missed < 2 and n < most and len(bad) < 20:
            n += 1
            place = pathlib.Path(folder) / ("%s-%d" % (call, n))
            place.mkdir()
            s = Season(place, rng, figures, maildir, wild=True)
            try:
                s.model.sorts = ["slip", "dispute"]     # nothing has to be waited for
                s.model.orders.clear()
                for _ in range(3):
                    s.model.add()
                s.write_feed()
                missed = 0 if s.reach(call, n, ["--once"]) else missed + 1
                bad += ["%s %d: %s" % (call, n, v) for v in s.compare_once()]
            finally:
                s.close()
            if not bad:
                shutil.rmtree(place)
        reached[call] = n - missed
    return reached, bad


def every(folder, seed, say=lambda text: None, most=10000, closures=False):
    """(figures, violations) of a death at each call. most: no further than so many of each."""
    rng, figures, violations = random.Random(seed), Figures(kills=0, owed=0, accepted=0, repeats=0, lost=0), []
    for what, sweep, maildir in (("daemon, relay", every_of_daemon, False), ("daemon, maildir", every_of_daemon, True),
                                 ("--once, relay", every_of_once, False), ("--once, maildir", every_of_once, True),
                                 ("set, relay", every_of_tool, False)):
        place = pathlib.Path(folder) / what.replace(", ", "-").strip("-")
        place.mkdir()
        reached, bad = sweep(place, rng, figures, maildir, most)
        violations += ["%s: %s" % (what, v) for v in bad]
        say("%s: %s; %s" % (what, " ".join("%s %d" % r for r in reached.items() if r[1]), figures.text()))
    if closures:
        import crash_closures
        more, bad = crash_closures.run(folder, most)
        figures.update(more)
        violations += ["closures: %s" % v for v in bad]
        say("closures: %s" % figures.text())
    return figures, violations


def main():
    p = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    p.add_argument("--kills", type=int, default=1000)
    p.add_argument("--seed", type=int, default=int(time.time()))
    p.add_argument("--build", help="folder of duewatchd and duewatch (default: $DUEWATCH_BUILD, else ./build)")
    p.add_argument("--only", choices=("random", "syscall", "power", "once"), help="one kind of end")
    p.add_argument("--maildir", action="store_true", help="deliver into a maildir")
    p.add_argument("--every", action="store_true", help="a death at each write, sync, rename and send instead")
    p.add_argument("--replies", action="store_true", help="answers by mail arrive while it is killed (Dovecot)")
    p.add_argument("--season", type=int, default=SEASON, help="kills until everything is compared")
    p.add_argument("--keep", metavar="FOLDER", help="work there; seasons with a violation stay")
    o = p.parse_args()
    if not have("strace"):
        sys.exit("strace is missing: tests/setup.sh")
    signal.signal(signal.SIGTERM, lambda *_: sys.exit(1))   # through the finallys: no daemon stays behind
    folder = o.keep or tempfile.mkdtemp(prefix="duewatch-crash-")
    os.makedirs(folder, exist_ok=True)
    print("seed %d, in %s" % (o.seed, folder), flush=True)
    began = time.monotonic()
    if o.replies:
        import crash_replies        # needs Dovecot
        figures, violations = crash_replies.run(o.kills, o.seed, folder, lambda t: print(t, flush=True))
        figures = Figures(figures)
    elif o.every:
        figures, violations = every(folder, o.seed, lambda t: print(t, flush=True), closures=True)
    else:
        figures, violations = run(o.kills, o.seed, folder, o.maildir, o.only, lambda t: print(t, flush=True), o.season)
    for v in violations:
        print("VIOLATION", v)
    print("%s; %d violations; %d s" % (figures.text(), len(violations), time.monotonic() - began))
    if not violations and not o.keep:
        shutil.rmtree(folder)
    sys.exit(bool(violations))


if __name__ == "__main__":
    main()
