"""duewatchd --once: exit codes, what it sends and what it doesn't, and that xlsx and GBK exports say the same."""

import pathlib
import re
import subprocess
import sys

import pytest
from harness import SLOW, Shop, day, fine, late, parse, text_of
from smtpd import SmtpServer

DEMO = pathlib.Path(__file__).resolve().parents[1] / "demo-data.py"
DISPUTE = 10    # enum dw_kind
HEAD = ["order_id", "status", "promised_at", "owner", "buyer", "agreed_at"]


def test_exit_codes(work):
    work.csv([late("A1"), fine("Z1")])
    work.once()
    mail, = work.mails()
    assert mail["X-Duewatch-Order"] == "A1"
    assert "queued" not in work.once() and len(work.mails()) == 1, "nothing new, nothing sent"

    (work.inbox / "orders.csv").unlink()
    assert "read failed" in work.once(code=1), "a feed that can't be read"
    work.csv([late("A1"), fine("Z1")])
    work.once()

    d = work.daemon().ready()
    assert "(pid %d)" % d.pid in work.once(code=1)
    assert d.stop() == 0

    work.write(work.conf, work.config().replace("people = (", "peple = ("))
    said = work.once(code=2)
    assert "peple" in said and "people" in said


def test_undelivered_is_said(work):
    with SmtpServer(None) as relay:     # gives us a port where nobody listens afterwards
        pass
    work.config(relay)
    work.csv([late("A1"), late("A2", "bo")])
    said = work.once(code=1)
    assert "2 mails are not delivered yet" in said and "can't connect" in said
    assert [(m[1], m[3]) for m in work.outbox()] == [(0, 1), (0, 1)], "one try each"
    assert "2 mails are not delivered yet" in work.once(code=1), "said again, not tried before its time"
    assert [m[3] for m in work.outbox()] == [1, 1]


def test_one_try_each(work, relay):
    relay.script["DOT"] = "451 4.3.0 later"
    work.config(relay)
    work.csv([late("A1"), late("A2", "bo"), late("A3", "chen")])
    work.once(code=1)
    assert [(m[1], m[3]) for m in work.outbox()] == [(0, 1)] * 3
    del relay.script["DOT"]
    work.retry(*[m[0] for m in work.outbox()])
    work.once()
    assert sorted(m.to[0][0] for m in relay.mails) == ["a", "b", "c"]


def test_dead_address_is_passed_on_in_the_same_run(work, relay):
    relay.script["RCPT:alice@a.example.com"] = "550 5.1.1 no such user"
    work.config(relay)
    work.csv([late("A1")])
    assert "dead address" in work.once(code=1)
    mail, = relay.mails
    assert mail.to == ["bo@b.example.com"] and "no such user" in text_of(parse(mail.data))


def test_daily_mail(work):
    """A step that isn't urgent waits for the person's daily mail; --once sends it too, but not on the first look."""
    text = work.config().replace('daily_at = "off"', 'daily_at = "08:30"')
    text = text.replace('"due!: owner" ]; }', '"due!: owner" ]; }, { kind = "extend_ship_date"; steps = [ "found: owner" ]; }', 1)
    work.write(work.conf, text)
    work.csv([fine("Z1") + [""]], head=HEAD)
    work.once()
    work.csv([fine("Z1") + [""], ["E1", "awaiting_shipment", day(60), "alice", "ACME", day(70)],
              ["E2", "awaiting_shipment", day(61), "alice", "ACME", day(70)]], head=HEAD)
    work.once()
    mail, = [m for m in work.mails() if m["To"].addresses[0].username == "alice"]
    assert sorted(mail.get_all("X-Duewatch-Order")) == ["E1", "E2"]
    assert set(mail.get_all("X-Duewatch-Kind")) == {"extend_ship_date"}
    n = len(work.mails())
    work.once()
    assert len(work.mails()) == n


def demo(folder, kind, name):
    """The demo's shop, its export as this kind of file."""
    folder.mkdir()
    work = Shop(folder)
    subprocess.run([sys.executable, DEMO, "--out", work.inbox], check=True)
    feed = ('{ name = "shop"; type = "%s"; path = "inbox/%s"; platform = "alibaba"; timezone = "America/Los_Angeles"; },'
            ' { name = "factory"; type = "csv"; path = "inbox/plan.csv"; overlay = true; of = [ "shop" ]; }' % (kind, name))
    text = work.config(feeds=feed)
    text = text[:text.index("ladders = (")].replace('"alice@a.example.com";', '"alice@a.example.com"; aliases = [ "Alice Wang" ];')
    work.write(work.conf, text.replace('"bo@b.example.com";', '"bo@b.example.com"; aliases = [ "Bo Li" ];'))
    work.once()
    alerts = sorted(work.sql("SELECT order_id, side, kind, act_by FROM alerts JOIN orders ON orders.id=ord"))
    told = {(m["To"].addresses[0].username, *triple) for m in work.mails()
            for triple in zip(m.get_all("X-Duewatch-Order", []), m.get_all("X-Duewatch-Kind", []),
                              m.get_all("X-Duewatch-Step", []))}
    rejected = work.one("SELECT rejected FROM feeds WHERE name='shop'")
    work.close()
    return alerts, told, rejected


def test_xlsx_and_gbk_say_the_same(tmp_path):
    pytest.importorskip("openpyxl")
    xlsx = demo(tmp_path / "x", "xlsx", "orders.xlsx")
    csv = demo(tmp_path / "c", "csv", "orders.csv")
    assert [a[:3] for a in xlsx[0]] == [a[:3] for a in csv[0]] and xlsx[1:] == csv[1:]
    for one, other in zip(xlsx[0], csv[0]):     # a dispute's time runs from when it was first seen
        assert abs(one[3] - other[3]) <= (60 * SLOW if one[2] == DISPUTE else 0)
    expected = subprocess.run([sys.executable, DEMO, "--expect"], check=True, capture_output=True, text=True).stdout
    wanted = {(line.split()[0], kind) for line in expected.splitlines() for kind in line.split()[1:] if kind != "-"}
    assert {(order, kind) for _, order, kind, _ in xlsx[1]} <= wanted
    # told at a first look: everything owed now; the rest of the expected is watched until its time comes
    assert {"extend_ship_date", "overdue", "dispute", "extend_receipt"} <= {kind for _, _, kind, _ in xlsx[1]}


def test_check_reads_out_an_order_of_a_platform_without_a_zone(work):
    """The pack "generic" names none: the feed's counts."""
    work.csv([fine("Z1")])
    said = work.tool("check")
    assert "order Z1" in said and re.search(r"promised_at .*\(UTC\)", said), said
