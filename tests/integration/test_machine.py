"""A machine that is short of something under the running daemon: disk, descriptors, threads, the store's lock. After
each: everything owed was accepted, nothing twice but in guarantee 3's window. DW_LONG=1: every call, every n."""

import os
import pathlib
import resource
import signal
import sqlite3
import subprocess
import time

import pytest
from faults import ADDRESS, LONG, QUEUED, SENT, UNSURE, Gate, accepted, as_root, fault, memory_peak, needs_strace, no_leak_check, settled
from harness import SANITIZED, TSAN, day, fine, late, parse, until
from imapd import ImapServer
from replies import BOX, PASSWORD, Mailed

EVERYBODY = ("alice", "bo", "chen")
DATA = pathlib.Path(__file__).resolve().parents[2] / "conf"     # else it looks where its program lies, by a call of its own


def said_of_it(d, word):
    """A line of its own about it, not one of a mail it quotes."""
    return [line for line in d.log().splitlines() if word in line]


# A failed start systemd tries again: ours, before main() the dynamic linker's, and libuv's when it can't make a pipe.
ENDS = (1, 127, -signal.SIGABRT)


# ---- calls that fail ----

# What a running daemon does to the store's files; about as many of each, by one thread, for three orders and mails.
STORE_CALLS = [("pwrite64", "ENOSPC"), ("fdatasync", "EIO")]
if LONG:
    STORE_CALLS += [("pwrite64", "EIO"), ("pwrite64", "EROFS"), ("fcntl", "ENOLCK")]
MOMENTS = {"pwrite64": 36, "fdatasync": 8, "fcntl": 60}


def store_files(work):
    return [work.state / name for name in ("duewatch.db", "duewatch.db-wal", "duewatch.db-shm", "lock")]


def moments(call):
    """Once at the n-th call, and from it on."""
    n = MOMENTS[call]
    for i in range(1, n + 1) if LONG else (2, n // 2):
        yield str(i)
        if LONG or i > 2:
            yield "%d+" % i


@needs_strace
@as_root
@pytest.mark.parametrize("call, error", STORE_CALLS)
def test_store_calls_fail(work, relay, call, error):
    """One after another, in one running daemon: the n-th call fails once, or all from the n-th on until it is over."""
    work.config(relay)
    rows, owed, struck = [fine("Z1")], {}, 0
    d = work.started(rows)
    for k, when in enumerate(moments(call)):
        with fault(d, "%s:error=%s:when=%s" % (call, error, when), store_files(work)) as f:
            for person in EVERYBODY:
                owed["%s%d" % (person[0].upper(), k)] = person
                rows.append(late("%s%d" % (person[0].upper(), k), person))
            work.csv(rows)
            lines = d.log().count("\n")
            if "+" in when:     # it must have been met; else what is owed may come
                until(lambda: f.struck() > 1 or "fcntl" == call or told(relay) >= len(owed), "the fault to be met")
                until(lambda: d.log().count("\n") > lines, "a word about it")
            else:
                until(lambda: told(relay) >= len(owed), "%s at %s: %d of %d" % (call, when, told(relay), len(owed)), 30)
            assert d.process.poll() is None, d.log()
            assert f.struck() or LONG and told(relay) >= len(owed), "no call was met"
            struck += f.struck()
        settled(work, relay, owed, window=owed)
    print("%s %s: %d calls failed, %d mails owed" % (call, error, struck, len(owed)))
    db = sqlite3.connect(work.state / "duewatch.db")
    assert db.execute("PRAGMA integrity_check").fetchone() == ("ok",)
    db.close()
    assert d.stop() == 0


@needs_strace
@as_root
@pytest.mark.parametrize("call, error", STORE_CALLS)
def test_store_calls_fail_at_a_reply(work, relay, certificate, call, error):
    """At the n-th call of taking a reply, or from it on: it is taken whole or not yet, done once and answered once."""
    with ImapServer({BOX: PASSWORD}, *certificate) as server:
        box = Mailed(work, relay, server, every="1d")
        d = work.started()
        box.settled()
        work.csv([fine("Z1"), late("77")])
        mail = box.wait_mail(ADDRESS["alice"])
        work.wait_outbox(SENT)
        written, struck, n = [], 0, 8 if LONG else 3
        for when in ["%d%s" % (i, more) for i in range(1, n + 1) for more in ("", "+")]:
            date = day(20 + len(written))
            written.append((box.write("agreed " + date, mail), date))

            def done():
                return work.one("SELECT count(*) FROM history WHERE text=?", "alice set agreed_at = " + date)

            def taken():
                return work.one("SELECT count(*) FROM inbound WHERE id=?", written[-1][0].strip("<>"))
            with fault(d, "%s:error=%s:when=%s" % (call, error, when), store_files(work)) as f:
                lines = d.log().count("\n")
                d.send(signal.SIGUSR1)
                if "+" in when:
                    until(lambda: f.struck() > 1 or call == "fcntl" or taken(), "the fault to be met")
                    until(lambda: d.log().count("\n") > lines, "a word about it")
                else:
                    until(lambda: f.struck() or call == "fcntl" or taken(), "the fault to be met")
                assert d.process.poll() is None, d.log()
                struck += f.struck()
            until(lambda: taken() and done(), "%s at %s: the reply" % (call, when), 30)
            assert (taken(), done()) == (1, 1)
        for m in work.outbox():
            if m[1] in (QUEUED, UNSURE) and m[3] > 0:
                work.try_now(m[0])
        until(lambda: not [m for m in work.outbox() if m[1] != SENT], "all to be sent")
        heads = [parse(m.data) for m in relay.mails]
        for message_id, date in written:
            ids = [h["Message-ID"] for h in heads if h["In-Reply-To"] == message_id]
            assert len(set(ids)) == 1, (date, ids)      # accepted, and not written down: the same again
            assert work.one("SELECT count(*) FROM history WHERE text=?", "alice set agreed_at = " + date) == 1
        assert work.one("PRAGMA integrity_check") == "ok"
        print("%s %s: %d calls failed at %d replies" % (call, error, struck, len(written)))
        assert struck >= n and d.stop() == 0


def told(relay):
    return len(accepted(relay))


def nudged(d):
    """One whose READY found no descriptor says it again with its next sign of life."""
    if "watches" in d.log():
        d.send(signal.SIGUSR1)


@needs_strace
def test_a_start_whose_calls_fail(work, relay):
    """It starts, or says why not and exits with 1, so that systemd tries again: never 2, never a crash."""
    no_leak_check(work)
    work.config(relay)
    work.csv([late("A1"), late("B1", "bo")])
    ended = 0
    calls = [("openat", "EMFILE"), ("openat", "ENFILE"), ("pwrite64", "ENOSPC"), ("fdatasync", "EIO"), ("clone3", "EAGAIN"),
             ("socket", "EMFILE"), ("epoll_create1", "EMFILE"), ("pipe2", "EMFILE"), ("inotify_init1", "EMFILE")]
    for call, error in calls:
        for n in range(1, 100 if LONG and call == "openat" else 9 if call == "clone3" or LONG else 3):
            d = work.daemon(args=["-D", DATA], prefix=["strace", "-D", "-f", "-qq", "-o", "/dev/null", "-e", "trace=" + call,
                                                       "-e", "inject=%s:error=%s:when=%d" % (call, error, n)])
            until(lambda: d.process.poll() is not None or "READY=1" in str(d.said()) or nudged(d),
                  "%s %d" % (call, n), 30)
            if d.process.poll() is None:
                assert d.stop() == 0, (call, n)
                continue
            ended += 1
            assert d.process.returncode in ENDS and (d.log().strip() or d.process.returncode < 0), (call, n, d.log())
    assert ended > 3
    work.daemon().ready()
    settled(work, relay, {"A1": "alice", "B1": "bo"}, window=("A1", "B1"))


@needs_strace
@as_root
def test_threads_run_out(work, relay):
    """No thread to read with: the read comes later, not with the next poll in an hour."""
    work.config(relay)
    d = work.started()
    with fault(d, "clone3:error=EAGAIN:when=1+"):
        work.csv([fine("Z1"), late("A1")])
        d.wait_log("no thread for reading feed")
        assert not accepted(relay) and d.process.poll() is None
    settled(work, relay, {"A1": "alice"})
    assert d.stop() == 0


@needs_strace
@pytest.mark.skipif(TSAN, reason="thread sanitizer has a thread of its own: the numbers are others")
def test_senders_without_threads_come_later(work):
    """Of four connections three had no thread at the start: a relay that hangs on one would hold everybody's mail."""
    no_leak_check(work)
    with Gate(ADDRESS["bo"]) as relay:
        work.config(relay)
        work.csv([fine("Z1")])
        # thread 1 is the pulse's, 2 to 5 the senders', 6 the worker's
        d = work.daemon(prefix=["strace", "-D", "-f", "-qq", "-o", work.folder / "trace-clone", "-e", "trace=clone3", "-e",
                                "inject=clone3:error=EAGAIN:when=3..5"]).ready()
        work.decided()
        assert (work.folder / "trace-clone").read_text().count("INJECTED") == 3
        work.csv([fine("Z1"), late("B1", "bo")])
        until(relay.held.is_set, "B1 to hang")
        work.csv([fine("Z1"), late("B1", "bo"), late("A1")])
        until(lambda: ("A1", ADDRESS["alice"]) in accepted(relay), "A1, past the one that hangs")
        relay.opened.set()
        settled(work, relay, {"A1": "alice", "B1": "bo"})
        assert d.stop() == 0


# ---- descriptors ----

def test_descriptors_run_out(work, relay):
    """Nothing can be opened, not even a connection. Afterwards the file is read by itself, within seconds, and folder
    events, lost at a reload meanwhile, are back."""
    work.config(relay)
    d = work.started()
    soft, hard = resource.prlimit(d.pid, resource.RLIMIT_NOFILE)
    resource.prlimit(d.pid, resource.RLIMIT_NOFILE, (3, hard))
    work.csv([fine("Z1"), late("A1")])
    d.wait_log("Too many open files")
    d.send(signal.SIGHUP)
    d.wait_log("reload failed")
    assert not accepted(relay) and d.process.poll() is None
    resource.prlimit(d.pid, resource.RLIMIT_NOFILE, (soft, hard))
    settled(work, relay, {"A1": "alice"})
    assert work.one("SELECT error_since FROM feeds") is None
    assert d.stop() == 0


def test_started_with_few_descriptors(work, relay):
    no_leak_check(work)
    work.config(relay)
    work.csv([late("A1"), late("B1", "bo")])
    codes = {}
    for n in range(4, 30) if LONG else (4, 5, 6, 8, 10, 13, 16):
        d = work.daemon(prefix=["prlimit", "--nofile=%d:%d" % (n, n)])
        until(lambda: d.process.poll() is not None or "watches" in d.log(), "a start with %d" % n)
        codes[n] = d.process.poll()
        if codes[n] is None:
            assert d.stop() == 0
        else:
            assert codes[n] in ENDS, (n, d.process.returncode, d.log())
    assert 1 in codes.values() and (None in codes.values() or SANITIZED)
    work.daemon().ready()
    settled(work, relay, {"A1": "alice", "B1": "bo"}, window=("A1", "B1"))


# ---- the lock ----

class Locked:
    """Another program's BEGIN EXCLUSIVE."""

    def __init__(self, work):
        self.db = sqlite3.connect(work.state / "duewatch.db", timeout=20, isolation_level=None)

    def __enter__(self):
        self.db.execute("BEGIN EXCLUSIVE")
        return self

    def __exit__(self, *_):
        self.db.execute("ROLLBACK")
        self.db.close()


@pytest.mark.parametrize("seconds", [30, 150] if LONG else [8])
def test_store_locked_by_another(work, seconds):
    """With a mail on its way. It waits, says so, lives on; the answer isn't lost, so nothing repeats."""
    with Gate(ADDRESS["bo"]) as relay:
        work.config(relay)
        d = work.started()
        work.csv([fine("Z1"), late("B1", "bo")])
        until(relay.held.is_set, "B1 at the relay")
        began = time.monotonic()
        with Locked(work):
            relay.opened.set()
            work.csv([fine("Z1"), late("B1", "bo"), late("A1")])
            d.wait_log("locked")
            until(lambda: accepted(relay), "B1")
            while time.monotonic() - began < seconds:   # the lock's own length is what is tested
                assert d.process.poll() is None, d.log()
                time.sleep(0.2)
            assert len(accepted(relay)) == 1
            assert len(said_of_it(d, "locked")) <= 3 + 2 * (seconds / 60 + seconds / 5), "not a line each second"
        settled(work, relay, {"B1": "bo", "A1": "alice"})
        d.wait_log("the store can be used again")
        assert d.stop() == 0


def test_stop_while_locked(work):
    with Gate(ADDRESS["bo"]) as relay:
        work.config(relay)
        d = work.started()
        work.csv([fine("Z1"), late("B1", "bo")])
        until(relay.held.is_set, "B1 at the relay")
        with Locked(work):
            relay.opened.set()
            work.csv([fine("Z1"), late("B1", "bo"), late("A1")])
            d.wait_log("locked")
            until(lambda: accepted(relay), "B1")
            assert d.stop() == 0        # within STOP_S
            # a start meanwhile gives up, so that systemd tries again
            second = work.daemon()
            assert second.process.wait(30) == 1 and "locked" in second.log()
        work.daemon().ready()
        settled(work, relay, {"B1": "bo", "A1": "alice"}, window=("B1",))


# ---- the WAL ----

MIB = 1 << 20
WAL_MIB = 1024 if LONG else 80
WAL_KEPT = 17 * MIB     # journal_size_limit, and a header


def grow_wal(work, mib):
    """A reader that stays in its snapshot, and another program's writes behind it."""
    reader = sqlite3.connect(work.state / "duewatch.db", isolation_level=None)
    reader.execute("BEGIN")
    reader.execute("SELECT count(*) FROM orders").fetchone()
    writer = sqlite3.connect(work.state / "duewatch.db", isolation_level=None, timeout=20)
    writer.execute("PRAGMA synchronous=OFF")
    writer.execute("INSERT OR REPLACE INTO meta(key, value) VALUES('a test', '')")
    while wal(work) < mib * MIB:
        writer.execute("UPDATE meta SET value=hex(randomblob(?)) WHERE key='a test'", (4 * MIB,))
    writer.execute("DELETE FROM meta WHERE key='a test'")
    writer.close()
    return reader


def wal(work):
    path = work.state / "duewatch.db-wal"
    return path.stat().st_size if path.exists() else 0


def test_wal_grows(work, relay):
    """Told while it is big, started on it after a crash, with little memory; small again once the reader has gone,
    though nothing happens."""
    work.config(relay)
    d = work.started([fine("Z1")])
    before = memory_peak(d)
    reader = grow_wal(work, WAL_MIB)
    assert wal(work) >= WAL_MIB * MIB
    began = time.monotonic()
    work.csv([fine("Z1"), late("A1")])
    settled(work, relay, {"A1": "alice"})
    tick = time.monotonic() - began
    grown = memory_peak(d) - before
    d.kill()
    began = time.monotonic()
    d = work.daemon().ready()
    start = time.monotonic() - began
    work.csv([fine("Z1"), late("A1"), late("B1", "bo")])
    settled(work, relay, {"A1": "alice", "B1": "bo"})
    peak = memory_peak(d)
    assert wal(work) >= WAL_MIB * MIB, "the reader is still there"
    size = (work.state / "duewatch.db").stat().st_size
    reader.close()
    began = time.monotonic()
    until(lambda: d.send(signal.SIGUSR1) or wal(work) <= WAL_KEPT, "the WAL to be cut", 90)    # looked at by each tick
    print("WAL %d MiB: told in %.2f s, started in %.2f s, +%.0f MiB, peak %.0f MiB, cut to %.1f MiB after %.1f s, database %.1f MiB"
          % (WAL_MIB, tick, start, grown, peak, wal(work) / MIB, time.monotonic() - began, size / MIB))
    assert SANITIZED or grown < 24 and peak < 64
    assert d.stop() == 0
    assert wal(work) == 0


# ---- the state folder ----

@as_root
def test_state_folder_read_only(nobody, relay):
    """Running: what is open goes on. At a start: refused, with its name; and nothing of it is lost."""
    nobody.config(relay)
    d = nobody.started()
    files = list(nobody.state.iterdir())
    for path in (nobody.state, *files):
        path.chmod(0o500)
    nobody.csv([fine("Z1"), late("A1")])
    settled_or_waits = until(lambda: accepted(relay) or "duewatch.db" in d.log(), "A1, or a word why not")
    assert settled_or_waits and d.stop() == 0
    second = nobody.daemon()
    assert second.process.wait(30) == 1 and str(nobody.state) in second.log()
    for path in (nobody.state, *nobody.state.iterdir()):
        path.chmod(0o700 if path == nobody.state else 0o600)
    nobody.csv([fine("Z1"), late("A1"), late("B1", "bo")])
    nobody.daemon().ready()
    settled(nobody, relay, {"A1": "alice", "B1": "bo"}, window=("A1",))


@as_root
def test_state_mounted_read_only(work, relay):
    work.config(relay)
    d = work.started()
    assert d.stop() == 0
    done = subprocess.run(["mount", "--bind", work.state, work.state], capture_output=True, text=True)
    if done.returncode:
        pytest.skip("nothing can be mounted: " + done.stderr.strip())
    try:
        subprocess.run(["mount", "-o", "remount,bind,ro", work.state], check=True)
        work.csv([fine("Z1"), late("A1")])
        d = work.daemon()
        assert d.process.wait(30) == 1 and "ead-only" in d.log() and str(work.state) in d.log()
        subprocess.run(["mount", "-o", "remount,bind,rw", work.state], check=True)
        d = work.daemon().ready()
        settled(work, relay, {"A1": "alice"})
        assert d.stop() == 0
    finally:
        subprocess.run(["umount", work.state], check=True)
