"""crash.py --replies: answers by mail arrive while duewatchd is killed, at a system call of some thread or at any moment.

A reply is applied once and answered once, whenever it dies: after fetching and before the commit, between the commit and the
answer's sending, while the next mail is fetched. What is counted: the order's history (each application is a line in it),
the store's list of mails taken, and the answers the relay has, by their Message-IDs."""

import collections
import os
import pathlib
import random
import shutil
import signal
import subprocess
import time

from dovecot import Dovecot
from harness import DAEMON, SLOW, Shop, day, fine, late, parse, until, wrapped
from replies import BOX, PASSWORD, Mailed
from smtpd import SmtpServer, make_cert

ALICE = "alice@a.example.com"
CALLS = {"pwrite64": 60, "fdatasync": 25, "write": 40, "sendto": 30, "recvfrom": 60}    # and how far into a life it may be
ORDERS = 6


class Life:
    def __init__(self, mailed, rng, figures):
        self.mailed, self.rng, self.figures = mailed, rng, figures
        self.log = mailed.shop.folder / "lives.log"

    def start(self, strace=()):
        with open(self.log, "ab") as log:
            return subprocess.Popen([*strace, *wrapped(DAEMON), "-c", self.mailed.shop.conf], stderr=log, stdin=subprocess.DEVNULL,
                                    env=self.mailed.shop.env())

    def traced(self, p):
        """duewatchd itself, below strace."""
        try:
            return int(pathlib.Path("/proc/%d/task/%d/children" % (p.pid, p.pid)).read_text().split()[0])
        except (OSError, IndexError, ValueError):
            return None

    def end(self):
        """One life with a death."""
        call = self.rng.choice([None, *CALLS])
        strace = ["strace", "-f", "-qq", "-o", "/dev/null", "-e", "trace=" + call, "-e",
                  "inject=%s:signal=KILL:when=%d" % (call, self.rng.randint(1, CALLS[call]))] if call else ()
        p = self.start(strace)
        end = time.monotonic() + (2 if call else self.rng.random() * 1.5) * SLOW
        while p.poll() is None and time.monotonic() < end:
            time.sleep(0.01)
        self.figures["at_a_syscall"] += p.poll() == -signal.SIGKILL
        pid = self.traced(p) if strace else p.pid
        if p.poll() is None and pid:
            try:
                os.kill(pid, signal.SIGKILL)
            except ProcessLookupError:
                pass
        code = p.wait(30)
        self.figures["kills"] += code == -signal.SIGKILL
        return [] if code == -signal.SIGKILL else ["a life ended by itself: %d" % code]


def write_one(mailed, rng, mail, number, n):
    """A reply whose trace in the history is its own: a date that nobody else says."""
    text = "%s agreed %s" % (number, day(20 + n)) if rng.random() < 0.8 else "agreed %s %s" % (day(20 + n), number)
    return mailed.write(text, mail), number, day(20 + n)


def compare(mailed, written):
    bad = []
    answers = collections.defaultdict(set)
    for m in mailed.mails(ALICE):
        head = parse(m.data)
        answers[head["In-Reply-To"]].add(head["Message-ID"])
    for message_id, number, date in written:
        taken = mailed.shop.one("SELECT count(*) FROM inbound WHERE id=?", message_id.strip("<>"))
        done = mailed.shop.one("SELECT count(*) FROM history h JOIN orders o ON o.id=h.ord WHERE o.order_id=? AND h.text=?", number,
                               "alice set agreed_at = " + date)
        if taken != 1 or done != 1 or len(answers[message_id]) != 1:
            bad.append("%s (%s %s): taken %s, done %s times, %d answers" % (message_id, number, date, taken, done, len(answers[message_id])))
    return bad


def run(kills, seed, folder, say=lambda text: None):
    """(figures, violations)"""
    rng, figures = random.Random(seed), collections.Counter(kills=0, at_a_syscall=0, replies=0)
    place = pathlib.Path(folder) / "replies"
    (place / "tls").mkdir(parents=True)
    cert, key = make_cert(str(place / "tls"), "127.0.0.1")
    (place / "shop").mkdir()
    shop, violations, written = Shop(place / "shop"), [], []
    numbers = ["77%02d" % i for i in range(ORDERS)]
    with SmtpServer(str(place / "relay")) as relay, Dovecot(cert, key, {BOX: PASSWORD}) as dovecot:
        mailed = Mailed(shop, relay, dovecot)
        try:
            d = shop.started([fine("Z1")])
            mailed.settled()
            shop.csv([fine("Z1"), *[late(n) for n in numbers]])
            mail = mailed.wait_mail(ALICE)
            d.stop()
            life = Life(mailed, rng, figures)
            while figures["kills"] < kills and len(violations) < 20:
                # under the limits of 100 commands a day and 20 answers an hour, which a person's trace shares
                for _ in range(rng.randint(0, 2)):
                    if len(written) < 18:
                        written.append(write_one(mailed, rng, mail, rng.choice(numbers), len(written)))
                violations += life.end()
            calm = shop.daemon().ready()
            for message_id, *_ in written:
                mailed.taken(message_id)
            until(lambda: shop.one("SELECT count(*) FROM mails WHERE state IN (0, 1, 3)") == 0, "all answers to be sent", 60)
            violations += compare(mailed, written)
            if shop.one("PRAGMA integrity_check") != "ok":
                violations.append("the store is damaged")
            if calm.stop() != 0:
                violations.append("SIGTERM: it didn't end well")
            figures["replies"] = len(written)
            say(" ".join("%s %d" % f for f in figures.items()))
        finally:
            shop.close()
    if not violations:
        shutil.rmtree(place)
    return figures, violations

