"""SIGHUP: the whole new config, or the old one and why."""

import signal

from harness import FEED, fine, late, until
from smtpd import SmtpServer


def test_new_recipient(work, relay):
    text = work.config(relay)
    d = work.started()
    work.write(work.conf, text.replace("alice@a.example.com", "alice@new.example.com"))
    d.reload()
    work.csv([late("A1")])
    assert relay.wait_mails(1, 30)[0].to == ["alice@new.example.com"]


def test_bad_config_keeps_the_old(work, relay):
    text = work.config(relay)
    d = work.started()
    for bad, word in ((text.replace("people = (", "people = ( ;"), "duewatch.conf:"),
                      (text.replace('path = "inbox"', 'pth = "inbox"'), "pth"),
                      (text.replace('state = "state"', 'state = "elsewhere"'), "restart"),
                      (text.replace("smtp://", "imap://"), "transport")):
        work.write(work.conf, bad)
        n = d.log().count("reload failed")
        d.send(signal.SIGHUP)
        d.wait_log("reload failed", n + 1)
        assert word in d.log()
    work.csv([late("A1")])
    assert relay.wait_mails(1, 30)[0].to == ["alice@a.example.com"]
    assert d.stop() == 0


def test_new_relay_and_new_folder(work, relay):
    work.config(relay)
    d = work.started()
    work.csv([late("A1")])
    relay.wait_mails(1, 30)
    (work.folder / "second").mkdir()
    with SmtpServer(None) as other:
        work.config(other, feeds=FEED % "" + "," + (FEED % "").replace('"shop"', '"two"').replace('"inbox"', '"second"'))
        d.reload()
        work.write(work.folder / "second" / "a.csv", "order_id,status,promised_at\nQ1,awaiting_shipment,2035-01-01\n")
        until(lambda: work.one("SELECT orders FROM feeds WHERE name='two'") == 1, "the new folder to be read by its event")
        work.csv([late("A1"), late("A2")])
        mail = other.wait_mails(1, 30)[0]
        assert b"X-Duewatch-Order: A2" in mail.data
        assert len(relay.mails) == 1
        assert d.stop() == 0


def test_reload_while_a_mail_is_on_the_wire(work, relay):
    """It is neither sent twice nor called left over."""
    relay.script["DOT"] = ["wait:1|ok"]
    work.config(relay)
    d = work.started()
    work.csv([late("A1")])
    relay.wait_said("(message", 30)
    d.reload()
    work.csv([late("A1"), late("A2")])
    relay.wait_mails(2, 30)
    work.wait_outbox(2, 2)
    assert [m[3] for m in work.outbox()] == [1, 1]
    assert "last stop" not in d.log()
    assert sorted(m.data.count(b"X-Duewatch-Order: A1") for m in relay.mails) == [0, 1]


def test_storm_of_signals(work):
    d = work.started()
    for _ in range(30):
        d.send(signal.SIGHUP)
        d.send(signal.SIGUSR1)
    d.send(signal.SIGHUP)
    assert d.stop() == 0
    assert "error" not in d.log()


def test_removed_feed_rests(work):
    d = work.started([late("A1"), fine("Z1")])
    until(lambda: work.sql("SELECT 1 FROM alerts"), "the alert")
    (work.folder / "empty").mkdir()
    work.config(feeds=(FEED % "").replace('"shop"', '"other"').replace('"inbox"', '"empty"'))
    d.reload()
    until(lambda: not work.sql("SELECT 1 FROM alerts"), "the alert to rest")
    work.config()
    d.reload()
    until(lambda: work.sql("SELECT 1 FROM alerts"), "the alert to be back")
