"""What a machine does to a program: clocks that jump, system calls that fail, a relay that answers when told; and the
question asked after each of them: was everything owed accepted, and nothing twice?"""

import collections
import contextlib
import os
import pathlib
import signal
import struct
import subprocess
import threading

import pytest
from harness import WRAP, have, parse, until
from smtpd import SmtpServer

LONG = bool(os.environ.get("DW_LONG"))      # the whole sweeps: minutes
YEAR, HOUR = 365 * 86400, 3600
QUEUED, LEASED, SENT, UNSURE, FAILED, WITHDRAWN = range(6)
ADDRESS = {p: "%s@%s.example.com" % (p, p[0]) for p in ("alice", "bo", "chen", "ops")}
as_root = pytest.mark.skipif(os.geteuid() != 0, reason="needs root")
needs_strace = pytest.mark.skipif(not have("strace") or bool(WRAP), reason="strace is missing, or would trace the wrapper")


class Gate(SmtpServer):
    """Holds its answers to messages for one recipient until it is opened. self.script then has the answer."""

    def __init__(self, to, **more):
        super().__init__(**more)
        self.to, self.opened, self.held = to, threading.Event(), threading.Event()

    def action(self, stage, argument):
        if stage == "DOT" and not self.opened.is_set() and self.waiting_for(argument):
            self.held.set()
            self.opened.wait(120)
        return super().action(stage, argument)

    def waiting_for(self, argument):
        return self.to in str(argument)

    def stop(self):
        self.opened.set()
        super().stop()


def no_leak_check(work):
    """At its end a program would look for leaks, which takes descriptors, and no strace in it. (Others look.)"""
    work.surroundings["ASAN_OPTIONS"] = "detect_leaks=0:log_path=%s/sanitizer" % work.folder


# ---- clocks ----

class Clock:
    """The clocks of a shop's programs (clockstep.c)."""

    def __init__(self, work):
        folder = work.folder
        source, self.library = pathlib.Path(__file__).with_name("clockstep.c"), folder / "clockstep.so"
        subprocess.run(["cc", "-shared", "-fPIC", "-O1", "-o", self.library, source], check=True)
        self.path = folder / "clockstep"
        self.path.write_bytes(bytes(16))
        self.wall = self.boot = 0
        work.surroundings = {"CLOCKSTEP": str(self.path), "LD_PRELOAD": str(self.library)}

    def step(self, wall=0, boot=0):
        """Each so many seconds further on; both at once."""
        self.wall += wall
        self.boot += boot
        fd = os.open(self.path, os.O_WRONLY)    # in place: the program has it mapped
        try:
            os.pwrite(fd, struct.pack("qq", self.wall, self.boot), 0)
        finally:
            os.close(fd)

    def suspend(self, seconds):
        self.step(seconds, seconds)


# ---- system calls that fail ----

class Fault:
    """strace's hand in a running process."""

    def __init__(self, trace, tracer):
        self.trace, self.tracer = trace, tracer

    def struck(self):
        """How many calls have failed by it."""
        return self.trace.read_text(errors="replace").count("INJECTED") if self.trace.exists() else 0


@contextlib.contextmanager
def fault(d, what, paths=()):
    """While it lasts, this happens to daemon d: what is strace's inject expression; with paths, only to calls on those
    files. (strace counts when= by thread.)"""
    trace = d.shop.folder / ("trace-%d" % len(list(d.shop.folder.glob("trace-*"))))
    narrow = [w for p in paths for w in ("-P", p)]
    said = open(trace.with_suffix(".said"), "w+b")
    tracer = subprocess.Popen(["strace", "-f", "-o", trace, "-e", "trace=" + what.partition(":")[0], "-e", "inject=" + what,
                               *narrow, "-p", str(d.pid)], stderr=said, stdin=subprocess.DEVNULL)
    try:
        until(lambda: " attached" in pathlib.Path(said.name).read_text() or tracer.poll() is not None, "strace to attach")
        if tracer.poll() is not None:
            pytest.skip("strace can't attach: " + pathlib.Path(said.name).read_text()[:200])
        yield Fault(trace, tracer)
    finally:
        if tracer.poll() is None:
            tracer.send_signal(signal.SIGINT)   # lets the process go on undisturbed
        tracer.wait(30)
        said.close()


# ---- what was owed, and what came ----

def accepted(relay):
    """{(order, to): [Message-ID of each acceptance]} of the one step of `overdue`."""
    got = collections.defaultdict(list)
    for mail in list(relay.mails):
        m = parse(mail.data)
        for order, kind, step in zip(*(m.get_all("X-Duewatch-" + name, []) for name in ("Order", "Kind", "Step"))):
            if (kind, step) == ("overdue", "due"):
                got[order, mail.to[0]].append(m["Message-ID"])
    return got


def settled(work, relay, owed, window=(), timeout=30):
    """The fault is over. owed: {order: person}. Until all of it is accepted and recorded, and nothing waits; then each
    came once. window: orders that may have come again, with the same Message-ID (guarantee 3)."""
    want = {(order, ADDRESS[person]) for order, person in owed.items()}

    def done():
        for m in work.outbox():
            if m[1] in (QUEUED, UNSURE) and m[3] > 0:
                work.try_now(m[0])
        return want <= set(accepted(relay)) and not [m for m in work.outbox() if m[1] in (QUEUED, LEASED, UNSURE)] \
            and not work.one("SELECT count(*) FROM steps WHERE state=0")
    until(done, "everything owed; owed are %s, there are %s, %s" % (owed, dict(accepted(relay)), work.outbox()), timeout)
    got = accepted(relay)
    assert set(got) == want, "nobody owed %s" % (set(got) - want)
    for (order, to), ids in got.items():
        assert len(ids) == 1 or order in window and len(set(ids)) == 1, "%s to %s: %s" % (order, to, ids)
    assert not [m for m in work.outbox() if m[1] == FAILED]


def memory_peak(d):
    """The most it ever had, in MiB."""
    with open("/proc/%d/status" % d.pid) as f:
        return next(int(line.split()[1]) for line in f if line.startswith("VmHWM")) / 1024
