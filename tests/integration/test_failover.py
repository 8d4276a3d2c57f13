"""Several relays and the running daemon: who gets the mails while the first one is ill, and that they go back to it."""

import json
import signal

import pytest
from faults import Clock, accepted, settled
from harness import PROGRAM, late, parse, until
from smtpd import SmtpServer

DENIED = "554 access denied"


@pytest.fixture
def second(tmp_path):
    with SmtpServer(str(tmp_path / "second")) as s:
        yield s


def both(work, first, second, mail="", more=""):
    """The config with one fallback."""
    work.config(first, mail='%s fallback = ( { transport = "smtp://127.0.0.1:%d"; starttls = "off"; %s } );' % (mail, second.port, more))


def relays(work):
    return json.loads(work.tool("status", "--json"))["relays"]


def states(work):
    return [r["state"] for r in relays(work)]


def by_order(relay):
    return sorted(parse(m.data)["X-Duewatch-Order"] for m in relay.mails)


def poke(d, work, clock, seconds, until_true, what):
    """Time passes until it is so; each look makes the daemon look, too."""
    def now():
        d.send(signal.SIGUSR1)
        return until_true()
    clock.suspend(seconds)
    until(now, what, 30)


@pytest.fixture
def clock(work):
    if b"__asan_init" in PROGRAM or b"__tsan_init" in PROGRAM:
        pytest.skip("the clock's library would come before the sanitizer's")
    return Clock(work)


@pytest.mark.parametrize("script", [{"BANNER": "cut"}, {"BANNER": "421 4.3.2 closing"}, {"MAIL": "421 4.7.0 slow down|cut"}, {"MAIL": "cut"}],
                         ids=["cut", "421", "421-at-mail", "silent-at-mail"])
def test_ill_at_once(work, relay, second, script):
    """The mail is out by the fallback in its first try; the next one doesn't even ask the first."""
    relay.script.update(script)
    both(work, relay, second)
    d = work.started()
    assert states(work) == ["ok", "ok"]
    work.csv([late("A1")])
    second.wait_mails(1, 30)
    (row,) = work.wait_outbox(2)
    assert row[3] == 1, "one try"
    d.wait_log("delivered mail=%d" % row[0])
    assert "relay=smtp://127.0.0.1:%d answer=" % second.port in d.log()
    assert "relay=smtp://127.0.0.1:%d ill: " % relay.port in d.log()
    asked = relay.connections
    work.csv([late("A1"), late("A2", "bo")])
    second.wait_mails(2, 30)
    work.wait_outbox(2, 2)
    assert relay.connections == asked and by_order(second) == ["A1", "A2"]
    until(lambda: states(work) == ["ill", "ok"], "the state in status")
    assert relays(work)[0]["since"] and relays(work)[0]["error"]
    assert " ill " in work.tool("status")
    assert "relay smtp://127.0.0.1:%d is ill" % relay.port in work.tool("status", "--check", code=1)
    assert d.stop() == 0


def test_nobody_there(work, relay, second):
    """Connection refused, and the same for --once."""
    relay.stop()
    both(work, relay, second)
    work.csv([late("A1"), late("A2", "bo")])
    work.once()
    until(lambda: len(second.mails) >= 2, "the first look of both")
    work.wait_outbox(2, 2)


def test_a_refused_login(work, second, certificate):
    """535: the login is everybody's. The fallback has another one."""
    with SmtpServer(None, users={"bo@example.com": "right"}, require_auth=True) as first:
        password = work.folder / "password"
        password.write_text("wrong\n")
        password.chmod(0o600)
        both(work, first, second, mail='username = "bo@example.com"; password_file = "password";')
        d = work.started()
        work.csv([late("A1")])
        second.wait_mails(1, 30)
        until(lambda: states(work) == ["ill", "ok"], "the first to be ill")
        assert "535" in relays(work)[0]["error"] and "wrong" not in d.log().replace("wrong user", "")
        assert d.stop() == 0


def test_a_dead_address_is_no_reason(work, relay, second):
    relay.script["RCPT:alice@a.example.com"] = "550 5.1.1 no such user here"
    relay.script["RCPT:chen@c.example.com"] = "450 4.2.0 greylisted"
    both(work, relay, second)
    d = work.started()
    work.csv([late("A1"), late("C1", "chen")])
    until(lambda: by_order(relay) == ["A1"], "the deputy's mail, by the same relay")
    work.wait_outbox(0, 1, "chen")
    until(lambda: work.outbox("chen")[0][3] == 1, "chen's try")
    assert second.mails == [] and second.connections == 0 and states(work) == ["ok", "ok"]
    assert d.stop() == 0


def test_a_refusal_tries_the_next_first(work, relay, second):
    """One refused mail goes by the fallback, and the relay keeps the others; three in a row make it ill."""
    relay.script["DATA"] = [DENIED]
    both(work, relay, second, mail="connections = 1;")
    d = work.started()
    work.csv([late("A1")])
    second.wait_mails(1, 30)
    work.wait_outbox(2, 1)
    work.csv([late("A1"), late("A2", "bo")])
    relay.wait_mails(1, 30)
    work.wait_outbox(2, 2)
    assert states(work) == ["ok", "ok"]
    relay.script["DATA"] = DENIED
    rows = [late("A1"), late("A2", "bo")]
    for i in range(4):
        rows.append(late("B%d" % i, "chen"))
        work.csv(rows)
        second.wait_mails(2 + i, 30)
    work.wait_outbox(2, 6)
    until(lambda: states(work) == ["ill", "ok"], "the refusing one to be ill")
    assert relay.said("C").count("DATA") == 5 and "relay refuses mail=" not in d.log()
    assert d.stop() == 0


def test_unsure_goes_nowhere_else(work, relay, second):
    """Guarantee 3: what may have arrived isn't sent again before its time; then by whom ever, with the same Message-ID."""
    relay.script["DOT"] = ["store|cut"]
    both(work, relay, second)
    d = work.started()
    work.csv([late("A1")])
    (row,) = work.wait_outbox(3)
    assert row[4] == 1 and second.connections == 0
    assert work.one("SELECT next_try - last_try FROM mails WHERE id = ?", row[0]) >= 60
    relay.script["BANNER"] = "cut"
    work.retry(row[0])
    second.wait_mails(1, 30)
    settled(work, second, {"A1": "alice"})
    assert accepted(second)["A1", "alice@a.example.com"] == accepted(relay)["A1", "alice@a.example.com"]
    assert d.stop() == 0


def test_back_to_the_first(work, relay, second, clock):
    relay.script["BANNER"] = "cut"
    both(work, relay, second)
    d = work.started()
    work.csv([late("A1")])
    second.wait_mails(1, 30)
    work.wait_outbox(2)
    until(lambda: states(work) == ["ill", "ok"], "the first to be ill")
    asked = relay.connections
    poke(d, work, clock, 61, lambda: relay.connections > asked, "the first to be asked")
    d.wait_log("still ill")
    relay.script.clear()
    poke(d, work, clock, 121, lambda: states(work) == ["ok", "ok"], "the first to be well")
    d.wait_log("relay=smtp://127.0.0.1:%d is well again" % relay.port)
    assert relay.mails == [] and "NOOP" in relay.said("C"), "asked without a mail"
    work.csv([late("A1"), late("A2", "bo")])
    relay.wait_mails(1, 30)
    assert by_order(relay) == ["A2"] and by_order(second) == ["A1"]
    assert d.stop() == 0


def test_operators_hear_after_an_hour(work, relay, second, clock):
    relay.script["BANNER"] = "421 4.3.2 down for maintenance"
    both(work, relay, second)
    d = work.started()
    work.csv([late("A1")])
    second.wait_mails(1, 30)
    until(lambda: states(work) == ["ill", "ok"], "the first to be ill")
    assert work.outbox("ops") == []
    for _ in range(5):
        poke(d, work, clock, 800, lambda: True, "time")
    poke(d, work, clock, 10, lambda: any(m.to == ["ops@o.example.com"] for m in second.mails), "the note")
    note = next(m for m in second.mails if m.to == ["ops@o.example.com"])
    assert "down for maintenance" in parse(note.data).get_body(("plain",)).get_content().replace("\n", " ")
    for _ in range(5):
        poke(d, work, clock, 800, lambda: True, "time")
    assert len(work.outbox("ops")) == 1, "once"
    assert d.stop() == 0


def test_all_ill(work, relay, second):
    """Nobody takes it: both were asked, it waits; and the words of both are there."""
    relay.script["BANNER"] = "421 4.3.2 first is down"
    second.script["MAIL"] = DENIED
    both(work, relay, second)
    d = work.started()
    work.csv([late("A1")])
    until(lambda: [m for m in work.outbox() if m[3] == 1], "the first try")
    (row,) = work.outbox()
    assert row[1] == 0 and "first is down" in row[5] and DENIED in row[5]
    relay.script.clear()
    second.script.clear()
    work.retry(row[0])
    work.wait_outbox(2)
    assert len(relay.mails) + len(second.mails) == 1
    assert d.stop() == 0


def test_a_hanging_relay_holds_no_fallback_back(work, relay, second):
    """While one mail hangs at the first relay's greeting the others do, too; its answer then moves all."""
    relay.script["BANNER"] = ["hang"]
    relay.script["MAIL"] = "cut"
    both(work, relay, second, mail="connections = 2;")
    d = work.started()
    work.csv([late("A1")])
    relay.wait_said("hang", 30)
    work.csv([late("A1"), late("A2", "bo"), late("A3", "chen")])
    second.wait_mails(2, 30)
    assert "A1" not in by_order(second)
    assert d.stop() == 0


def test_rates_are_each_relays_own(work, relay, second):
    """A fallback's rate holds for it; and a first relay that has used its rate up isn't ill."""
    relay.script["BANNER"] = "cut"
    both(work, relay, second, more='rate = "1/h";')
    d = work.started()
    work.csv([late("A1"), late("A2", "bo")])
    second.wait_mails(1, 30)
    until(lambda: len([m for m in work.outbox() if m[3] == 1]) >= 1, "a try")
    work.tool("status")
    assert len(second.mails) == 1
    assert states(work)[1] == "ok"
    assert d.stop() == 0


def test_reload_forgets_the_illness(work, relay, second):
    relay.script["BANNER"] = "cut"
    both(work, relay, second)
    d = work.started()
    work.csv([late("A1")])
    second.wait_mails(1, 30)
    work.wait_outbox(2)
    relay.script.clear()
    both(work, relay, second, mail="connections = 3;")
    d.reload()
    until(lambda: states(work) == ["ok", "ok"], "a fresh look")
    work.csv([late("A1"), late("A2", "bo")])
    relay.wait_mails(1, 30)
    assert d.stop() == 0


def test_doctor_asks_each(work, relay, second):
    second.script["BANNER"] = "554 go away"
    both(work, relay, second)
    work.csv([late("A1")])
    work.once()
    said = work.tool("doctor", code=2)
    assert "ok    relay      smtp://127.0.0.1:%d: greeted" % relay.port in said
    assert "FAIL  relay      smtp://127.0.0.1:%d: 554 go away" % second.port in said
    assert "smtp://127.0.0.1:%d" % second.port in work.tool("test-mail", "ops", "--relay", "2", code=1)
    assert "the relay took it" in work.tool("test-mail", "ops")
    work.tool("test-mail", "ops", "--relay", "3", code=1)


def test_metrics(work, relay, second):
    relay.script["BANNER"] = "cut"
    both(work, relay, second)
    work.write(work.conf, work.conf.read_text() + 'metrics_file = "d.prom";\n')
    d = work.started()
    work.csv([late("A1")])
    second.wait_mails(1, 30)
    want = ['duewatch_relay_up{relay="smtp://127.0.0.1:%d"} %d' % (r.port, up) for r, up in ((relay, 0), (second, 1))]
    until(lambda: all(line in (work.folder / "d.prom").read_text() for line in want), "the metrics")
    assert d.stop() == 0


def test_stop_while_a_relay_is_asked(work, relay, second, clock):
    """A probe that hangs holds neither mails nor the stop."""
    relay.script["BANNER"] = "cut"
    both(work, relay, second)
    d = work.started()
    work.csv([late("A1")])
    second.wait_mails(1, 30)
    until(lambda: states(work) == ["ill", "ok"], "the first to be ill")
    relay.script["BANNER"] = "hang"
    poke(d, work, clock, 61, lambda: ("!", "hang") in [(who, text) for _, who, text in relay.lines], "the probe to hang")
    work.csv([late("A1"), late("A2", "bo")])
    second.wait_mails(2, 30)
    assert d.stop() == 0
