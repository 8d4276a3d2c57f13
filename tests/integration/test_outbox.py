"""How mail leaves, by a relay that does what it is told. Retries are pulled forward with `duewatch outbox retry`: the
waits themselves (a minute and more) are tested in tests/unit and tests/scenario, where time is an argument."""

import base64
import os
import socket
import time

import pytest
from harness import fine, late, parse, text_of, until
from smtpd import SmtpServer


def message_id(mail):
    return parse(mail.data)["Message-ID"].strip("<>")


def tried(work, n=1):
    """Until the answers of a first try each are in the store; the log has them a moment earlier."""
    until(lambda: [m[3] for m in work.outbox()] == [1] * n, "a try each")


def orders_of(mail):
    return parse(mail.data).get_all("X-Duewatch-Order")


def test_dead_address_goes_to_the_deputy(work, relay):
    relay.script["RCPT:alice@a.example.com"] = "550 5.1.1 no such user here"
    work.config(relay)
    d = work.started()
    work.csv([late("A1"), late("A2", "bo"), late("A3", "chen")])
    relay.wait(lambda: len(relay.mails) == 3, 30)
    work.wait_outbox(2, 3)
    got = sorted((m.to[0], orders_of(m)) for m in relay.mails)
    assert got == [("bo@b.example.com", ["A1"]), ("bo@b.example.com", ["A2"]), ("chen@c.example.com", ["A3"])]
    passed_on = [m for m in relay.mails if orders_of(m) == ["A1"]][0]
    text = " ".join(text_of(parse(passed_on.data)).split())
    assert "alice" in text and "no such user here" in text
    (_, state, _, tries, _, answer), = work.outbox("alice")
    assert (state, tries) == (4, 1) and "5.1.1" in answer
    assert "redirected" in d.log()


@pytest.mark.parametrize("words", ["550 5.1.1 nobody", "550 relay not permitted"])
def test_every_address_dead(work, relay, words):
    """Each person is visited once; the last one's mail is kept and tried again, for it may be the relay after all."""
    relay.script["RCPT"] = words
    work.config(relay)
    d = work.started()
    work.csv([late("A1")])
    work.wait_outbox(4, 2)     # alice, bo
    d.wait_log("nobody is left to tell")
    until(lambda: work.outbox("chen")[0][3] == 1, "chen's answer to be written down")
    (number, state, *_), = work.outbox("chen")
    assert state == 0 and len(work.outbox()) == 3 and relay.mails == []
    assert "The relay refuses 1 mail" in work.tool("status")
    work.retry(number)
    until(lambda: work.outbox("chen")[0][3] == 2, "the second try")
    assert work.outbox("chen")[0][1] == 0 and len(work.outbox()) == 3
    relay.script.clear()
    work.retry(number)
    mail, = relay.wait_mails(1, 30)
    assert mail.to == ["chen@c.example.com"] and orders_of(mail) == ["A1"]
    work.wait_outbox(2, 1)
    assert "refuses" not in work.tool("status")


def test_deferred_then_delivered(work, relay):
    relay.script["DOT"] = ["451 4.3.0 try again later"]
    work.config(relay)
    work.started()
    work.csv([late("A1")])
    (number, state, ident, tries, unsure, answer), = until(
        lambda: [m for m in work.outbox() if m[3] == 1], "the first try")
    assert (state, unsure) == (0, 0) and "try again later" in answer
    assert work.one("SELECT next_try - last_try FROM mails") >= 60
    work.retry(number)
    mail, = relay.wait_mails(1, 30)
    assert message_id(mail) == ident
    (row,) = work.wait_outbox(2)
    assert row[3] == 2 and "queued as" in row[5], "the relay's queue id is kept"


def test_cut_after_the_data(work, relay):
    relay.script["DOT"] = ["store|cut"]
    work.config(relay)
    work.started()
    work.csv([late("A1")])
    (row,) = work.wait_outbox(3)
    assert row[4] == 1, "unsure once"
    assert '"unsure": 1' in work.tool("status", "--json") or '"unsure":1' in work.tool("status", "--json")
    work.retry(row[0])
    first, second = relay.wait_mails(2, 30)
    assert message_id(first) == message_id(second) == row[2]
    assert first.data == second.data
    work.wait_outbox(2)


def test_relay_down_and_back(work):
    with socket.socket() as down:       # bound, so that nobody else gets the port, and not listening
        down.bind(("127.0.0.1", 0))
        port = down.getsockname()[1]
        work.config(SmtpServer(None, port=port))
        work.started()
        work.csv([late("A1"), late("A2", "bo"), late("A3", "chen")])
        tried(work, 3)
        assert {m[1] for m in work.outbox()} == {0}
    with SmtpServer(None, port=port) as up:
        work.retry(*[m[0] for m in work.outbox()])
        up.wait_mails(3, 30)
        work.wait_outbox(2, 3)
        assert sorted(map(orders_of, up.mails)) == [["A1"], ["A2"], ["A3"]]


def test_relay_that_refuses_everybody(work, relay):
    """554 for all is the relay's trouble: no deputy is told, nothing is given up."""
    relay.script["RCPT"] = "554 5.7.1 access denied"
    work.config(relay)
    d = work.started()
    work.csv([late("A1"), late("A2", "bo"), late("A3", "chen")])
    tried(work, 3)
    assert [m[1] for m in work.outbox()] == [0, 0, 0]
    assert "access denied" in d.log() and "redirected" not in d.log()
    del relay.script["RCPT"]
    work.retry(*[m[0] for m in work.outbox()])
    relay.wait_mails(3, 30)
    assert sorted((m.to[0][0], orders_of(m)) for m in relay.mails) == [("a", ["A1"]), ("b", ["A2"]), ("c", ["A3"])]


def test_hanging_domain_holds_nobody_back(work, relay):
    relay.script["RCPT:alice@a.example.com"] = "hang"
    work.config(relay)
    work.started()
    work.csv([late("A1"), late("A2", "bo")])
    relay.wait_mails(1, 30)
    for i in range(3):
        work.csv([late("A1"), late("A2", "bo"), late("C%d" % i, "chen")])
        relay.wait_mails(2 + i, 30)
    assert {m.to[0] for m in relay.mails} == {"bo@b.example.com", "chen@c.example.com"}
    assert [m[1] for m in work.outbox("alice")] == [1], "still on its one connection"


def test_long_queue_for_a_hanging_domain(work, relay):
    """More mails than one look at the queue takes, all for a domain whose server hangs."""
    work.config(relay)
    rows = [late("A%d" % i) for i in range(100)]
    work.started(rows + [fine("Z1")])
    relay.wait_mails(1, 30)
    relay.script["RCPT:alice@a.example.com"] = "hang"
    for n in range(5, 101, 5):      # a hundred "resolved", each by itself: more than five at once would be one mail
        work.csv([[r[0], "completed"] + r[2:] for r in rows[:n]] + rows[n:] + [fine("Z1")])
        until(lambda: len(work.outbox("alice")) == 1 + n, "%d mails" % n)
    relay.wait_said("hang", 30)
    work.csv([[r[0], "completed"] + r[2:] for r in rows] + [fine("Z1"), late("B1", "bo")])
    relay.wait(lambda: any(m.to == ["bo@b.example.com"] for m in relay.mails), 30)


def test_kill_while_a_mail_is_on_the_wire(work, relay):
    relay.script["DOT"] = ["hang"]
    work.config(relay)
    d = work.started()
    work.csv([late("A1")])
    relay.wait_said("(message", 30)
    (row,) = work.wait_outbox(1)
    d.process.kill()
    d.process.wait()
    d = work.daemon().ready()
    mail, = relay.wait_mails(1, 30)
    assert message_id(mail) == row[2]
    (after,) = work.wait_outbox(2)
    assert after[3:5] == (1, 0), "the dead holder's lease was neither a try nor unsure"
    assert "queued again" in d.log()
    assert d.stop() == 0
    assert len(relay.mails) == 1


# ---- TLS, passwords ----

def test_starttls_is_required(work, relay):
    work.config(transport="smtp://127.0.0.1:%d" % relay.port)
    d = work.started()
    work.csv([late("A1")])
    tried(work)
    assert "offers no STARTTLS" in d.log()
    assert not any(line.startswith(("MAIL", "RCPT", "AUTH")) for line in relay.said("C"))
    assert [m[1] for m in work.outbox()] == [0]


@pytest.mark.parametrize("tls", ["starttls", "implicit"])
def test_tls_with_an_own_ca(work, certificate, tls):
    with SmtpServer(None, tls=tls, cert=certificate[0], key=certificate[1]) as relay:
        url = ("smtps" if tls == "implicit" else "smtp") + "://127.0.0.1:%d" % relay.port
        work.config(transport=url)
        d = work.started()
        work.csv([late("A1")])
        tried(work)
        assert "can't be trusted" in d.log()
        assert not any(line.startswith("MAIL") for line in relay.said("C"))
        work.config(transport=url, mail='ca_file = "%s";' % certificate[0])
        d.reload()
        work.retry(work.outbox()[0][0])
        mail, = relay.wait_mails(1, 30)
        assert mail.tls


PASSWORD = "s3cret-Pa55-word"


def everything_written(work):
    for path in work.folder.rglob("*"):
        if path.is_file() and path.name != "relay-password" and "relay" not in path.parts[-2]:
            yield path, path.read_bytes()


@pytest.mark.parametrize("right", [True, False], ids=["accepted", "refused-and-echoed"])
def test_password_stays_secret(work, certificate, right):
    name = "duewatch@example.com"
    script = {} if right else {"AUTH": "535 5.7.8 no {password} here {b64}"}
    (work.folder / "relay-password").write_text(PASSWORD + "\n")
    os.chmod(work.folder / "relay-password", 0o600)
    with SmtpServer(None, script, tls="implicit", cert=certificate[0], key=certificate[1], users={name: PASSWORD},
                    require_auth=True) as relay:
        work.config(transport="smtps://127.0.0.1:%d" % relay.port,
                    mail='ca_file = "%s"; username = "%s"; password_file = "relay-password";' % (certificate[0], name))
        d = work.started(args=["-v"])
        work.csv([late("A1")])
        if right:
            assert relay.wait_mails(1, 30)[0].user == name
            work.wait_outbox(2)
        else:
            tried(work)
            assert work.outbox()[0][1] == 0, "the relay's trouble, not the address's"
        work.tool("outbox", "--json")
        secrets = [PASSWORD.encode(), base64.b64encode(PASSWORD.encode()),
                   base64.b64encode(b"\0%s\0%s" % (name.encode(), PASSWORD.encode()))]
        for what in ("cmdline", "environ"):
            with open("/proc/%d/%s" % (d.pid, what), "rb") as f:
                assert not any(s in f.read() for s in secrets)
        seen = dict(everything_written(work))
        assert d.log_path in seen and work.state / "duewatch.db" in seen
        for path, data in seen.items():
            for s in secrets:
                assert s not in data, path
        assert d.stop() == 0


def test_password_file_others_may_read(work):
    (work.folder / "relay-password").write_text(PASSWORD)
    os.chmod(work.folder / "relay-password", 0o644)
    work.config(transport="smtps://127.0.0.1:1", mail='username = "x"; password_file = "relay-password";')
    d = work.daemon()
    assert d.process.wait(30) == 2
    assert "relay-password" in d.log() and PASSWORD not in d.log()


# ---- the relay's rate ----

def test_rate(work):
    accepted = []
    with SmtpServer(None, on_event=lambda e: e.startswith("mail ") and accepted.append(time.monotonic())) as relay:
        work.config(relay, mail='rate = "1/s";')
        d = work.started()
        work.csv([late("A1"), late("A2", "bo"), late("A3", "chen")])
        until(lambda: len(accepted) == 2, "two mails")
        d.reload()      # forgets no send
        relay.wait_mails(3, 30)
    gaps = [b - a for a, b in zip(accepted, accepted[1:])]
    assert min(gaps) > 0.9, gaps
