"""Clocks under the running daemon: set wrong, for one look or for good; a suspended machine; zone files under way.
(Scenarios clock-*, dst-*, leap-day tell the same of the engine, with days passing.)"""

import datetime
import os
import pathlib
import shutil
import signal
import time

import pytest
from faults import ADDRESS, FAILED, HOUR, QUEUED, YEAR, Clock, Gate, accepted, settled
from harness import FEED, fine, late, until

JUMPED, BELIEVED = "the clock jumped", "the clock is believed again"
STEADY = 601


@pytest.fixture
def clock(work):
    return Clock(work)


def look(d, said, n=1):
    """The daemon looks, and says so."""
    d.send(signal.SIGUSR1)
    d.wait_log(said, n)


def due_in(number, seconds, owner="alice"):
    at = datetime.datetime.now(datetime.timezone.utc) + datetime.timedelta(seconds=seconds)
    return [number, "awaiting_shipment", at.strftime("%Y-%m-%dT%H:%M:%SZ"), owner, "ACME"]


@pytest.mark.parametrize("step", [YEAR, -YEAR], ids=["ahead", "behind"])
def test_a_year_wrong_for_one_look(work, clock, step):
    """A mail under way, a new row, a new person and a stale-looking feed: none of them is judged by that clock."""
    with Gate(ADDRESS["bo"], script={"DOT": ["451 4.3.0 later"]}) as relay:
        text = work.config(relay)
        d = work.started()
        rows = [fine("Z1"), late("A1", "bo")]
        work.csv(rows)
        until(relay.held.is_set, "A1 at the relay")
        clock.step(wall=step)
        look(d, JUMPED)
        work.write(work.conf, text.replace("people = (", 'people = ( { name = "dan"; email = "dan@d.example.com"; },'))
        d.reload()
        rows.append(late("A2"))
        work.csv(rows)
        relay.opened.set()
        answered = until(lambda: [m for m in work.outbox("bo") if m[3] == 1], "its answer to be recorded")
        assert answered[0][1] == QUEUED, "deferred, whatever the clock says"
        assert work.one("SELECT count(*) FROM orders") == 2 and not relay.mails
        clock.step(wall=-step)
        look(d, BELIEVED)
        settled(work, relay, {"A1": "bo", "A2": "alice"})
        soon = time.time() + HOUR
        for what in ("daily_at FROM people", "next_try FROM mails WHERE state<>2", "last_success FROM feeds",
                     "created FROM mails", "CAST(value AS INTEGER) FROM meta WHERE key='decided_at'"):
            assert (work.one("SELECT max(%s" % what.replace(" FROM", ") FROM", 1)) or 0) < soon, what
        assert d.stop() == 0


@pytest.mark.parametrize("step", [YEAR, -YEAR], ids=["ahead", "behind"])
def test_a_year_wrong_and_believed(work, relay, clock, step):
    """Ten minutes long nobody set it right: then it counts. What was sent stays sent when it is right again."""
    work.config(relay)
    rows = [fine("Z1"), late("A1")]
    d = work.started()
    work.csv(rows)
    relay.wait_mails(1, 30)
    clock.step(wall=step)
    look(d, JUMPED)
    rows.append(late("A2", "bo"))
    work.csv(rows)
    clock.suspend(STEADY)
    look(d, BELIEVED)
    until(lambda: work.one("SELECT count(*) FROM orders") == 3, "A2 to be read")
    # a year on the feed is stale, and its deadlines are the operators'; a year back nothing is late
    until(lambda: any((b"feed_stale" if step > 0 else b"X-Duewatch-Step: resolved") in m.data for m in relay.mails),
          "what that clock makes of it")
    settled(work, relay, {"A1": "alice"})
    clock.step(wall=-step - STEADY)
    look(d, JUMPED, 2)
    rows.append(late("A3", "chen"))
    work.csv(rows)
    clock.suspend(STEADY)
    look(d, BELIEVED, 2)
    until(lambda: work.one("SELECT count(*) FROM orders") == 4, "A3 to be read")
    if step > 0:
        d.wait_log("decided anew")
    owed = {"A1": "alice", "A2": "bo", "A3": "chen"}
    got = until(lambda: {o for o, _ in accepted(relay)} >= set(owed) and accepted(relay), "all of %s" % owed)
    assert {key[0]: key[1] for key in got} == {o: ADDRESS[p] for o, p in owed.items()}
    # by a clock a year back A1 was no longer late, and then it was again: a new episode, a new mail
    assert {o: len(ids) for (o, _), ids in got.items()} == {o: 2 if step < 0 and o == "A1" else 1 for o in owed}
    assert d.stop() == 0


def test_suspend(work, clock):
    """Two hours pass at once, with a mail on its way: no doubt, and what fell due meanwhile is told."""
    with Gate(ADDRESS["bo"]) as relay:
        work.config(relay)
        d = work.started([fine("Z1"), due_in("S1", HOUR)])
        work.csv([fine("Z1"), due_in("S1", HOUR), late("A1", "bo"), due_in("S2", 3 * HOUR)])
        until(relay.held.is_set, "A1 at the relay")
        assert not accepted(relay)
        clock.suspend(2 * HOUR)
        d.send(signal.SIGUSR1)      # else within a minute
        until(lambda: ("S1", ADDRESS["alice"]) in accepted(relay), "what fell due in the sleep")
        relay.opened.set()
        settled(work, relay, {"A1": "bo", "S1": "alice"})
        assert JUMPED not in d.log()
        clock.suspend(2 * HOUR)
        d.send(signal.SIGUSR1)
        settled(work, relay, {"A1": "bo", "S1": "alice", "S2": "alice"})
        assert d.stop() == 0


# ---- zone files ----

ZONES = ("Europe/Berlin", "Asia/Shanghai", "America/Los_Angeles")


@pytest.fixture
def zones(tmp_path):
    """A folder of zone data of our own; what is under way in it."""
    system, mine = pathlib.Path("/usr/share/zoneinfo"), tmp_path / "zoneinfo"
    for name in ZONES:
        (mine / name).parent.mkdir(parents=True, exist_ok=True)
        shutil.copy(system / name, mine / name)
    return mine


def under_way(zones, how):
    path = zones / "Europe/Berlin"
    whole = (pathlib.Path("/usr/share/zoneinfo") / "Europe/Berlin").read_bytes()
    path.unlink(missing_ok=True)
    if how == "half":
        path.write_bytes(whole[:len(whole) // 2])
    elif how == "empty":
        path.write_bytes(b"")
    elif how == "zeros":
        path.write_bytes(bytes(len(whole)))
    elif how == "folder":
        path.mkdir()
    elif how == "fifo":
        os.mkfifo(path)


def test_zone_data_under_way(work, relay, zones):
    """Reloads meet half a file, none, a strange one: the old rules stay in force and everything is told. A new version
    of the zone then counts, and what was told stays told."""
    work.surroundings = {"TZDIR": str(zones)}
    text = work.config(relay).replace('timezone = "UTC"', 'timezone = "Europe/Berlin"')
    work.write(work.conf, text)
    soon = (datetime.datetime.now(datetime.timezone.utc) + datetime.timedelta(hours=30)).strftime("%Y-%m-%d %H:%M")
    rows = [fine("Z1"), ["T1", "awaiting_shipment", soon, "alice", "ACME"]]
    d = work.started(rows)
    owed = {}
    for i, how in enumerate(("half", "empty", "zeros", "missing", "folder", "fifo")):
        under_way(zones, how)
        n = d.log().count("reload failed")
        d.send(signal.SIGHUP)
        d.wait_log("reload failed", n + 1)
        rows.append(late("A%d" % i))
        work.csv(rows)
        owed["A%d" % i] = "alice"
        settled(work, relay, owed)
        if how in ("folder", "fifo"):
            (zones / "Europe/Berlin").rmdir() if how == "folder" else (zones / "Europe/Berlin").unlink()
    assert d.log().count("Europe/Berlin") >= 6
    # a start in the middle of an update fails so that systemd tries again, and the next one tells the rest
    d.kill()
    under_way(zones, "half")
    rows.append(late("B1", "bo"))
    work.csv(rows)
    broken = work.daemon()
    assert broken.process.wait(30) == 1 and "damaged" in broken.log()
    # "the new version": Berlin now keeps Shanghai's time
    shutil.copy(zones / "Asia/Shanghai", zones / "Europe/Berlin")
    d = work.daemon().ready()
    settled(work, relay, {**owed, "B1": "bo"})
    note = until(lambda: [m for m in relay.mails if b"Deadlines moved" in m.data], "a word to the operators")
    assert len(note) == 1 and note[0].to == [ADDRESS["ops"]]
    assert d.stop() == 0
