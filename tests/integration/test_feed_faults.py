"""A feed's file that changes its nature under the running daemon: cut, replaced, a folder, a FIFO, far too large, not
ours to read any more. A failed read closes nothing, says why once, and the file's return is noticed by itself.
(Damaged contents: test_hostile.py; half-written files: test_daemon.py.)"""

import os
import signal
import time

import pytest
from faults import ADDRESS, LONG, accepted, as_root, memory_peak, settled
from harness import FEED, HEAD, SANITIZED, day, fine, late, until

GIB = 1 << 30
CLOSES = 'absent = "close";'


def one_file(work, relay):
    """A feed that is one file and whose missing orders are closed."""
    work.config(relay, feeds=FEED.replace('"inbox"', '"inbox/orders.csv"') % CLOSES)
    return work.inbox / "orders.csv"


def nothing_closed(work):
    assert work.one("SELECT count(*) FROM orders WHERE gone OR missing_since NOTNULL") == 0


def told_why(d, word):
    d.wait_log(word)
    assert d.process.poll() is None


def as_folder(path):
    path.rename(path.with_name("away"))
    path.mkdir()


def as_fifo(path):
    path.rename(path.with_name("away"))
    os.mkfifo(path)


def sparse(path, size):
    """What is there, and then a hole; never without the hole, which would be a good file."""
    part = path.with_name(".part")
    part.write_text(",".join(HEAD) + "\n" + ",".join(late("A9")) + "\n")
    os.truncate(part, size)
    part.rename(path)


def as_ten_gib(path):
    path.rename(path.with_name("away"))
    sparse(path, 10 * GIB)


def as_hole(path):
    path.rename(path.with_name("away"))
    sparse(path, 4 * GIB - 1)


def back(path):
    """The export as it was, in one step."""
    if path.is_dir():
        path.rmdir()
    path.with_name("away").rename(path)


@pytest.mark.parametrize("becomes, word", [
    (as_folder, "holds no csv file"), (as_fifo, "is not a regular file"), (as_ten_gib, "has 10.0 GiB"),
    (as_hole, "longer than 64 KiB"), (os.unlink, "No such file"),
], ids=["folder", "fifo", "ten-gib", "hole", "gone"])
def test_becomes(work, relay, becomes, word):
    """Said, in no time and with no memory; other orders' mails go on; its return is read."""
    path = one_file(work, relay)
    d = work.started([fine("Z1"), late("A1")])
    work.tool("set", "Z1", "promised_at=" + day(-1))     # what is owed while the feed is out
    relay.wait(lambda: any(b"X-Duewatch-Order: Z1" in m.data for m in relay.mails), 30)
    before, saved = memory_peak(d), path.read_bytes()
    began = time.monotonic()
    becomes(path)
    d.send(signal.SIGUSR1)
    told_why(d, word)
    took, grown = time.monotonic() - began, memory_peak(d) - before
    print("%s: refused after %.2f s, +%.1f MiB" % (becomes.__name__, took, grown))
    assert SANITIZED or grown < 16 and took < 10
    nothing_closed(work)
    error = until(lambda: [m for m in relay.mails if b"feed_error" in m.data], "a word to the operators")
    assert len(error) == 1 and error[0].to == [ADDRESS["ops"]]
    if becomes is os.unlink:
        path.write_bytes(saved)
    else:
        back(path)
    work.csv([fine("Z1"), late("A1"), late("B1", "bo")])
    until(lambda: ("B1", ADDRESS["bo"]) in accepted(relay), "the order of after")
    nothing_closed(work)
    assert work.one("SELECT error_since FROM feeds") is None
    got = {order: len(ids) for (order, _), ids in accepted(relay).items()}
    assert got["B1"] == 1 and got.get("A1", 1) == 1 and "A9" not in got
    assert d.stop() == 0


def big_rows(n, extra=()):
    rows = ["B%d,awaiting_shipment,2035-01-01,alice,ACME\n" % i for i in range(n)]
    return ",".join(HEAD) + "\n" + "".join(rows) + "".join(",".join(r) + "\n" for r in extra)


@pytest.mark.parametrize("how", ["cut", "replaced"])
def test_changes_while_it_is_read(work, relay, how):
    """In the middle of a big read its end is cut off in place, or another file takes its name: no half counts."""
    path = one_file(work, relay)
    n = 400000 if LONG else 20000 if SANITIZED else 50000
    d = work.started([fine("Z1")])
    whole = big_rows(n, [fine("Z1"), late("A1")])
    work.write(path, whole)
    until(lambda: (work.one("SELECT count(*) FROM orders") or 0) > 1, "the first batch")
    if how == "cut":
        os.truncate(path, len(whole) // 3 + 7)      # in the middle of a row
    else:
        work.write(path, big_rows(n, [fine("Z1"), late("A1"), late("A2", "bo")]))
    if how == "cut":
        until(lambda: "read failed" in d.log() or work.one("SELECT error_since FROM feeds"), "a word about it", 60)
        nothing_closed(work)
        assert not accepted(relay)
        work.write(path, big_rows(n, [fine("Z1"), late("A1"), late("A2", "bo")]))
    settled(work, relay, {"A1": "alice", "A2": "bo"}, timeout=60)
    until(lambda: work.one("SELECT orders FROM feeds") == n + 3, "the whole file", 60)
    nothing_closed(work)
    assert d.stop() == 0


@as_root
@pytest.mark.parametrize("what", ["file", "folder"])
def test_permission_lost_and_given_back(nobody, relay, what):
    """Taken away and given back by a change of mode alone: both are noticed, without the timer's hour."""
    path = one_file(nobody, relay)
    d = nobody.started([fine("Z1")])
    taken = path if what == "file" else nobody.inbox
    nobody.csv([fine("Z1"), late("A1")])
    settled(nobody, relay, {"A1": "alice"})
    taken.chmod(0)
    if what == "file":      # the folder's own mode makes no difference to a watch on it until something is read
        told_why(d, "Permission denied")
    nobody.csv([fine("Z1"), late("A1"), late("B1", "bo")])
    if what == "file":
        path.chmod(0)
        d.send(signal.SIGUSR1)
    told_why(d, "Permission denied")
    nothing_closed(nobody)
    taken.chmod(0o644 if what == "file" else 0o755)
    settled(nobody, relay, {"A1": "alice", "B1": "bo"})
    assert nobody.one("SELECT error_since FROM feeds") is None
    assert d.stop() == 0
