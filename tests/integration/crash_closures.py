"""crash.py --every, the mails before a closure: `--once` dies at the 1st, 2nd, 3rd … call of each sort, on a state from which two
people's lists are owed. Afterwards each has theirs once: what was told and the mail are written in one transaction."""

import collections
import pathlib
import shutil
import subprocess
import time

from harness import DAEMON, Shop, day, fine, parse, wrapped
from smtpd import SmtpServer

CALLS = ("pwrite64", "fdatasync", "write", "sendto", "connect")
QUEUED, LEASED, SENT, UNSURE = range(4)
WANT = {"alice@a.example.com": ["A1", "A2"], "bo@b.example.com": ["B1"]}


def owner_row(number, owner):
    return [number, "awaiting_shipment", day(9), owner, "ACME"]


class Closures:
    def __init__(self, folder):
        self.shop, self.relay = Shop(folder), SmtpServer().start()
        shop, off = self.shop, 'holidays = [ "%s..%s" ]; working_days = [ "mon", "tue", "wed", "thu", "fri", "sat", "sun" ];' % (day(7), day(12))
        text = shop.config(self.relay, ladders=', { kind = "ship_by"; steps = [ ]; }, { kind = "confirm_ship_date"; steps = [ ]; }')
        shop.csv([fine("Z1", "chen")])
        shop.once()
        for name in ("alice", "bo"):    # not before: a closure into which nothing falls is told, too
            text = text.replace('{ name = "%s";' % name, '{ name = "%s"; %s' % (name, off))
        shop.write(shop.conf, text)
        shop.csv([fine("Z1", "chen"), owner_row("A1", "alice"), owner_row("A2", "alice"), owner_row("B1", "bo")])
        self.before = folder / "state-before"
        shutil.copytree(shop.state, self.before)

    def close(self):
        self.relay.stop()
        self.shop.close()

    def attempt(self, strace=()):
        """A run of --once on the state from before, which may die. Its exit code."""
        env = self.shop.env()
        env["ASAN_OPTIONS"] += ":detect_leaks=0"
        with open(self.shop.folder / "lives.log", "ab") as log:
            return subprocess.run([*strace, *wrapped(DAEMON), "-c", self.shop.conf, "--once"], stderr=log, stdin=subprocess.DEVNULL,
                                  env=env, timeout=120).returncode

    def settle(self):
        """Nobody is connected any more, and everything owed is sent."""
        end = time.monotonic() + 10
        while self.relay._open and time.monotonic() < end:
            time.sleep(0.002)
        for _ in range(4):
            self.attempt()
            left = [m for m in self.shop.outbox() if m[1] in (QUEUED, LEASED, UNSURE)]
            if not left:
                break
            for m in left:
                self.shop.try_now(m[0])

    def wrong(self, first):
        """first: how many each had when it died."""
        got = collections.defaultdict(list)
        for m in self.relay.mails:
            head = parse(m.data)
            if set(head.get_all("X-Duewatch-Step", [])) != {"closure"}:
                yield "a mail about something else to %s" % m.to
            if sorted(head.get_all("X-Duewatch-Order", [])) != WANT.get(m.to[0]):
                yield "%s got a list of %s" % (m.to, head.get_all("X-Duewatch-Order"))
            got[m.to[0]].append(head["Message-ID"])
        for to in WANT:     # accepted, and not written down: once more, the same
            if len(set(got[to])) != 1 or len(got[to]) > 1 + first[to]:
                yield "%s got %d mails, %d of them new" % (to, len(got[to]), len(set(got[to])))
        if self.shop.one("PRAGMA integrity_check") != "ok":
            yield "the store is damaged"

    def life(self, call, n):
        """Whether it died there, and what was wrong."""
        shutil.rmtree(self.shop.state)
        shutil.copytree(self.before, self.shop.state)
        self.relay.mails.clear()
        self.attempt(["strace", "-f", "-qq", "-o", self.shop.folder / "trace", "-e", "trace=" + call, "-e",
                      "inject=%s:signal=KILL:when=%d" % (call, n)] if call else ())
        killed = bool(call) and "killed by SIGKILL" in (self.shop.folder / "trace").read_text(errors="replace")
        first = collections.Counter(m.to[0] for m in list(self.relay.mails)) if killed else collections.Counter()
        self.settle()
        return killed, ["%s %d: %s" % (call, n, w) for w in self.wrong(first)]


def run(folder, most=10000, every=1):
    """(figures, violations); each `every`-th call."""
    place = pathlib.Path(folder) / "closures"
    place.mkdir()
    figures, c = collections.Counter(kills=0, owed=0, accepted=0, repeats=0, lost=0), Closures(place)
    try:
        violations = c.life(None, 0)[1]
        for call in CALLS:
            n, killed = 1, True
            while killed and n <= most and len(violations) < 20:
                killed, bad = c.life(call, n)
                violations += bad
                figures["kills"] += killed
                figures["owed"] += len(WANT)
                figures["accepted"] += len(c.relay.mails)
                figures["repeats"] += len(c.relay.mails) - len({parse(m.data)["Message-ID"] for m in c.relay.mails})
                n += every
    finally:
        c.close()
    if not violations:
        shutil.rmtree(place)
    return figures, violations
