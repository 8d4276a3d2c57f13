"""duewatchd as a service: start, folder events, stopping, one daemon on one state, feeds that go wrong."""

import os
import shutil
import signal
import time

import pytest
from harness import FEED, HEAD, SLOW, day, fine, late, parse, text_of, until


def only_mail(relay, n=1):
    return [(m.to[0], parse(m.data)) for m in relay.wait_mails(n, 30)]


# ---- rows in the folder ----

def test_closed_file_is_read_at_once(work, relay):
    work.config(relay)
    work.started()
    with open(work.inbox / "new.csv", "w") as f:      # written and closed in place
        f.write(",".join(HEAD) + "\n" + ",".join(late("A1")) + "\n")
    (to, mail), = only_mail(relay)
    assert to == "alice@a.example.com" and mail["X-Duewatch-Order"] == "A1" and mail["X-Duewatch-Kind"] == "overdue"


def test_renamed_file_is_read_at_once(work, relay):
    work.config(relay)
    work.started()
    work.csv([late("A1", "bo")])
    (to, mail), = only_mail(relay)
    assert to == "bo@b.example.com" and mail["X-Duewatch-Order"] == "A1"


def test_feed_that_is_one_file(work, relay):
    work.config(relay, feeds=FEED.replace('"inbox"', '"inbox/orders.csv"') % "")
    d = work.started()
    work.csv([late("X1")], "other.csv")     # a neighbour nobody asked for
    work.csv([late("A1")])
    (_, mail), = only_mail(relay)
    assert mail["X-Duewatch-Order"] == "A1" and "X1" not in d.log()


def test_half_a_file_is_never_read(work, relay):
    work.config(relay)
    d = work.started()
    with open(work.inbox / "slow.csv", "w") as f:
        f.write(",".join(HEAD) + "\n" + ",".join(late("A1")) + "\n" + "A2,awaiting")
        f.flush()
        # the loop has seen the writer once it reads everything else that happens: a person's read of all feeds waits
        d.send(signal.SIGUSR1)
        work.csv([fine("Z1")], "touch.tmp")   # no feed's file, but an event behind the others
        f.write("_shipment,%s,bo,ACME\n" % day(-1))
    found = dict(only_mail(relay, 2))
    assert {m["X-Duewatch-Order"] for m in found.values()} == {"A1", "A2"}
    assert work.one("SELECT sum(rejected) FROM feeds") == 0
    assert "rejected=1" not in d.log()


def test_file_without_a_close_is_read_when_left_alone(work, relay):
    work.config(relay)
    work.started()
    with open(work.inbox / "open.csv", "w") as f:
        f.write(",".join(HEAD) + "\n" + ",".join(late("A1")) + "\n")
        f.flush()
        (_, mail), = only_mail(relay)       # f is still open
    assert mail["X-Duewatch-Order"] == "A1"


def test_folder_that_comes_later(work, relay):
    """Not there at the start: the timer finds it, and from then on its events count."""
    work.inbox.rmdir()
    work.config(relay, feeds=FEED.replace('"1h"', '"1s"') % "")
    d = work.daemon().ready()
    d.wait_log("read failed")
    work.inbox.mkdir()
    work.csv([fine("Z1")])
    work.decided()
    work.csv([late("A1")])
    relay.wait(lambda: any(b"X-Duewatch-Order: A1" in m.data for m in relay.mails), 30)


def test_usr1_reads_all(work):
    d = work.started()
    # a file changed without an event for us: a hard link's other name is outside the folder
    os.link(work.inbox / "orders.csv", work.folder / "outside.csv")
    with open(work.folder / "outside.csv", "a") as f:
        f.write(",".join(late("A1")) + "\n")
    d.send(signal.SIGUSR1)
    mail, = until(work.mails, "a mail")
    assert mail["X-Duewatch-Order"] == "A1"


def test_persons_word_reaches_the_daemon(work):
    work.started()
    work.csv([late("A1")])
    until(work.mails, "a mail")
    begun = time.monotonic()
    work.tool("set", "A1", "status=shipped", "shipped_at=" + day(-2))
    until(lambda: work.one("SELECT count(*) FROM alerts") == 0, "the alert to go", 4)
    assert time.monotonic() - begun < 8


def test_overlay_changes_an_alert(work):
    """The plan says it ships after its date: extend_ship_date; says it ships in time: quiet."""
    work.config(feeds=FEED % "" + ', { name = "plan"; type = "csv"; path = "plan.csv"; overlay = true; of = [ "shop" ];'
                                  ' every = "1h"; timezone = "UTC"; }')
    head = ["order_id", "expected_ship_at"]
    plan = work.folder / "plan.csv"
    write = lambda rows: work.write(plan, "".join(",".join(r) + "\n" for r in [head] + rows))
    write([["P1", day(20)]])
    work.csv([["P1", "awaiting_shipment", day(30), "alice", "ACME"]])
    work.daemon().ready()
    work.decided()
    quiet = lambda: work.sql("SELECT kind FROM alerts WHERE opened IS NOT NULL")
    assert quiet() == []
    write([["P1", day(40)]])
    mail = until(work.mails, "a mail")[0]
    assert mail["X-Duewatch-Kind"] == "extend_ship_date" and mail["X-Duewatch-Order"] == "P1"
    write([["P1", day(20)]])
    until(lambda: quiet() == [], "the alert to go")


# ---- starting and stopping ----

@pytest.mark.parametrize("number", [signal.SIGTERM, signal.SIGINT])
def test_stop(work, number):
    d = work.started()
    assert d.stop(number) == 0
    assert work.started().stop() == 0, "the state is free again"


def test_stop_while_a_send_hangs(work, relay):
    work.config(relay)
    relay.script["RCPT"] = "hang"
    d = work.started()
    work.csv([late("A1"), late("A2", "bo"), late("A3", "chen")])
    relay.wait(lambda: sum(line == "hang" for _, _, line in relay.lines) == 3, 30)
    assert d.stop() == 0
    assert {(m[1], m[3]) for m in work.outbox()} == {(0, 0)}, "queued, and it was no try"
    del relay.script["RCPT"]
    work.daemon().ready()
    relay.wait_mails(3, 30)


def big_csv(path, n):
    with open(path, "w") as f:
        f.write(",".join(HEAD) + "\n")
        for i in range(n):
            f.write("B%d,awaiting_shipment,%s,alice,ACME\n" % (i, "2035-01-01"))


def into_inbox(work):
    """The newest file of the folder counts."""
    os.utime(work.folder / "big.csv")
    os.rename(work.folder / "big.csv", work.inbox / "big.csv")


def test_stop_while_a_big_file_is_read(work):
    big_csv(work.folder / "big.csv", 200000)
    d = work.started()
    into_inbox(work)
    until(lambda: work.one("SELECT count(*) FROM orders") > 1, "the first batch")
    assert d.stop() == 0
    assert work.one("SELECT count(*) FROM orders") < 200001, "it was stopped in the middle"
    d = work.daemon().ready()
    until(lambda: work.one("SELECT orders FROM feeds") == 200000, "the whole file", 60)
    assert work.one("SELECT missing FROM feeds") in (0, 1), "Z1 is the only one that may be missing"


def test_reload_in_the_middle_of_a_big_file(work):
    """Good or bad: nothing that the file lists counts as missing afterwards."""
    big_csv(work.folder / "big.csv", 200000)
    good = work.config(feed='absent = "close";')
    d = work.started()
    into_inbox(work)
    until(lambda: work.one("SELECT count(*) FROM orders") > 1, "the first batch")
    work.write(work.conf, good.replace('"1h"', '"soon"'))
    d.reload(good=False)
    work.write(work.conf, good)
    d.reload()
    until(lambda: work.one("SELECT orders FROM feeds") == 200000, "the whole file", 60)
    assert work.one("SELECT count(*) FROM orders WHERE order_id LIKE 'B%' AND (gone OR missing_since NOTNULL)") == 0
    assert d.stop() == 0


def test_second_daemon(work):
    d = work.started()
    second = work.daemon()
    assert second.process.wait(30) == 1
    assert "(pid %d)" % d.pid in second.log()
    assert "READY=1" not in str(second.said())
    assert d.process.poll() is None


def test_bad_config_at_start(work):
    text = work.config().replace('every = "1h"', 'evry = "1h"; stale_after = "x"').replace('language = "en"', 'language = "xx"')
    work.write(work.conf, text)
    d = work.daemon()
    assert d.process.wait(30) == 2
    for word in ("evry", "every", "stale_after", "language"):
        assert word in d.log(), "all problems at once"
    assert not list(work.state.iterdir())
    check = work.run("-t", code=2).stderr
    assert "duewatch.conf:" in check and "stale_after" in check
    work.config()
    work.csv([fine("Z1")])
    assert "fine" in work.run("-t").stderr


# ---- feeds that go wrong ----

def operators_mails(work):
    return [m for m in work.mails() if m["To"].addresses[0].username == "ops"]


@pytest.mark.parametrize("content, word", [
    ('A1,awaiting_shipment,2026-01-01,alice,"AC', "quot"),
    ("".join("2341060010214%05d000,awaiting_shipment,2035-01-01,alice,ACME\n" % i for i in range(4)), "Excel"),
    ("", None),
], ids=["open-quote", "damaged-ids", "missing"])
def test_feed_error_is_told_once(work, content, word):
    d = work.started([late("A0"), fine("Z1")])
    if word:
        work.write(work.inbox / "orders.csv", ",".join(HEAD) + "\n" + content)
    else:
        (work.inbox / "orders.csv").unlink()
        d.send(signal.SIGUSR1)
    mail, = until(lambda: operators_mails(work), "a mail to the operators")
    assert "feed_error" in mail["Subject"]
    assert (word or "no csv file") in text_of(mail)
    until(lambda: d.send(signal.SIGUSR1) or work.one("SELECT last_attempt > error_since FROM feeds"), "a later failure")
    # what else would be told is told in the same pass as the second failure: a good read closes the question
    work.csv([late("A0"), fine("Z1"), late("A9")])
    until(lambda: any(m["X-Duewatch-Order"] == "A9" for m in work.mails()), "A9's mail")
    assert len(operators_mails(work)) == 1
    assert work.one("SELECT count(*) FROM orders WHERE gone OR missing_since NOTNULL") == 0, "a failed read closes nothing"
    assert work.one("SELECT error_since FROM feeds") is None


def test_stale_feed_lists_what_to_check(work):
    work.config(feed='stale_after = "2h";')
    work.csv([late("S1"), fine("Z1")])
    os.utime(work.inbox / "orders.csv", (time.time() - 90000, time.time() - 90000))
    work.daemon().ready()
    mail, = until(lambda: operators_mails(work), "a mail to the operators")
    assert "feed_stale" in mail["Subject"] and "25 h old" in mail["Subject"]
    assert "S1" in text_of(mail) and "Z1" not in text_of(mail)


def test_vanished_orders_are_told_and_accepted(work):
    work.config(feed='absent = "close";')
    d = work.started([fine("V%d" % i) for i in range(30)])
    work.csv([fine("V0")])
    d.wait_log("feed_error")
    assert work.one("SELECT count(*) FROM orders WHERE gone") == 0
    work.tool("feed", "shop", "--accept")
    until(lambda: work.one("SELECT count(*) FROM orders WHERE gone") == 29, "the vanished to be closed")


def test_state_removed_under_it(work, relay):
    """It ends, for systemd to start it on what is there; nothing is written into, or sent from, what nobody sees."""
    work.config(relay)
    d = work.started()
    shutil.rmtree(work.state)
    work.csv([late("A1")])
    d.wait_log("was removed or replaced while it was in use")
    assert d.process.wait(60 * SLOW) == 1
    assert relay.mails == []
    d = work.daemon().ready()       # the store is lost: the first look again
    relay.wait_mails(1, 30)
    assert d.stop() == 0
