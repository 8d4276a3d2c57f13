"""What a relay's faults lead to in the running daemon. daemon/mail/RELAY-FAULTS.md has the table of outcomes, which is
read and played here; its rows, fault by fault, are played by tests/contract/relay.c."""

import pathlib
import sqlite3

import pytest
from harness import late, parse, until
from smtpd import SmtpServer

DOC = pathlib.Path(__file__).parents[2] / "daemon" / "mail" / "RELAY-FAULTS.md"
STATES = ["queued", "leased", "sent", "unsure", "failed", "withdrawn"]
DENIED = "554 access denied"

# Something that leads to each of them, and is over after one time.
PLAYED = {
    "sent": {},
    "retry": {"RCPT:alice@a.example.com": ["450 4.2.0 greylisted"]},
    "unsure": {"DOT:alice@a.example.com": ["store|cut"]},
    "deputy": {"RCPT:alice@a.example.com": ["550 5.1.1 no such user here"]},
    "shout": {"RCPT:alice@a.example.com": ["554 5.7.1 access denied"]},
}


def outcomes():
    """{"retry": ("queued", "deferred"), …}: the first table of five columns."""
    found = {}
    for line in DOC.read_text().splitlines():
        cells = [c.strip(" `") for c in line.strip().strip("|").split("|")]
        if line.startswith("|") and len(cells) == 5 and cells[1].startswith("DW_"):
            found[cells[0]] = (cells[2], cells[3])
    return found


def orders(mail):
    return parse(mail.data).get_all("X-Duewatch-Order")


def by_order(relay):
    return sorted((orders(m)[0], m.to[0].partition("@")[0]) for m in relay.mails)


def tried(work, n, tries=1):
    return until(lambda: work.sql("SELECT id FROM mails WHERE tries >= ?", tries)[n - 1:] and work.outbox(), "%d tries" % n)


def test_the_table_is_whole():
    assert set(outcomes()) == set(PLAYED)


@pytest.mark.parametrize("leads", sorted(PLAYED))
def test_outcome(work, relay, leads):
    """The state, the line in the log, and who has the mail at last; another person's mail is never touched."""
    state, word = outcomes()[leads]
    relay.script.update(PLAYED[leads])
    work.config(relay)
    d = work.started()
    work.csv([late("A1"), late("C1", "chen")])
    work.wait_outbox(2, 1, "chen")
    (number, _, ident, _, unsure, _), = work.wait_outbox(STATES.index(state), 1, "alice")
    tried(work, 2)
    d.wait_log("%s mail=%d order=A1" % (word, number))
    assert ("redirected" in d.log()) == (leads == "deputy")
    status = work.tool("status")
    assert ("The relay refuses 1 mail, " in status and "access denied" in status) == (leads == "shout")
    assert unsure == (leads == "unsure")
    if leads in ("retry", "unsure", "shout"):
        assert work.one("SELECT next_try - last_try FROM mails WHERE id = ?", number) >= 60
        work.retry(number)
        work.wait_outbox(2, 2)
    got = by_order(relay)
    if leads == "deputy":
        until(lambda: by_order(relay) == [("A1", "bo"), ("C1", "chen")], "the deputy's mail")
    elif leads == "unsure":
        assert got == [("A1", "alice")] * 2 + [("C1", "chen")]
        assert [parse(m.data)["Message-ID"] for m in relay.mails].count("<%s>" % ident) == 2
    else:
        assert got == [("A1", "alice"), ("C1", "chen")]
    assert "The relay refuses" not in work.tool("status")
    assert d.stop() == 0


def test_failed_only_by_age(work, relay):
    """The fifth day's last try, as if the mail had been written six days ago."""
    relay.script["RCPT"] = DENIED
    work.config(relay)
    d = work.started()
    work.csv([late("A1")])
    (number, *_), = tried(work, 1)
    assert d.stop() == 0
    with sqlite3.connect(work.state / "duewatch.db") as db:
        db.execute("UPDATE mails SET created = created - 6 * 86400")
    db.close()
    d = work.daemon().ready()
    work.retry(number)
    (row,) = work.wait_outbox(4)
    assert row[3] == 2 and "access denied" in row[5]
    d.wait_log("failed mail=%d" % number)
    assert "redirected" not in d.log() and relay.mails == []
    assert "mails failed: 1" in work.tool("status", "--check", code=2)


@pytest.mark.parametrize("stage", ["BANNER", "EHLO", "MAIL", "RCPT", "DATA", "DOT"])
def test_denied_for_all(work, relay, stage):
    """Nothing is lost, no deputy hears of it, it is said; then everything goes, once."""
    relay.script[stage] = DENIED
    work.config(relay)
    d = work.started()
    work.csv([late("A1"), late("A2", "bo"), late("A3", "chen")])
    tried(work, 3)
    assert [m[1] for m in work.outbox()] == [0, 0, 0]
    assert d.log().count('relay refuses mail=') == 3 and d.log().count(DENIED) >= 3
    assert "redirected" not in d.log() and "dead address" not in d.log()
    status = work.tool("status")
    assert "The relay refuses 3 mails, last " in status and DENIED in status
    assert "the relay refuses mails: 3: " + DENIED in work.tool("status", "--check", code=2)
    assert relay.mails == []
    relay.script.clear()
    work.retry(*[m[0] for m in work.outbox()])
    work.wait_outbox(2, 3)
    assert by_order(relay) == [("A1", "alice"), ("A2", "bo"), ("A3", "chen")]
    assert "refuses" not in work.tool("status")
    assert len(work.outbox()) == 3


@pytest.mark.parametrize("fault", [{"RCPT:alice@a.example.com": "hang"}, {"DOT:alice@a.example.com": "hang"},
                                   {"RCPT:alice@a.example.com": "slow:1:250 2.1.5 by the byte, for half a minute"},
                                   {"RCPT:alice@a.example.com": "flood:250"},
                                   {"RCPT:alice@a.example.com": "550 5.1.1 no such user here"}, {"BANNER": ["hang"]}],
                         ids=["hangs", "hangs-at-the-dot", "slow", "floods", "dead", "a-connection-hangs"])
def test_one_holds_nobody_back(work, relay, fault):
    """Everybody else's mails of three changes are out while alice's is still on its way, or has gone to bo."""
    relay.script.update(fault)
    work.config(relay)
    d = work.started()
    work.csv([late("A1")])
    until(lambda: work.one("SELECT count(*) FROM mails WHERE state <> 0 OR tries > 0"), "the first try")
    rows = [late("A1")]
    for i in range(3):
        rows += [late("B%d" % i, "bo"), late("C%d" % i, "chen")]
        work.csv(rows)
        relay.wait(lambda: {"B%d" % i, "C%d" % i} <= {o for m in relay.mails for o in orders(m)}, 30)
    assert not any(m.to == ["alice@a.example.com"] for m in relay.mails)
    assert d.stop() == 0, "nor its own stop"


# ---- the policy changes while a connection is kept ----

def test_starttls_from_now_on(work, certificate):
    """Plain text was allowed; after the reload not a word goes into the old connection."""
    with SmtpServer(None, tls="starttls", cert=certificate[0], key=certificate[1]) as relay:
        url = "smtp://127.0.0.1:%d" % relay.port
        work.config(transport=url, mail='connections = 1; starttls = "off";')
        d = work.started()
        work.csv([late("A1")])
        relay.wait_mails(1, 30)
        work.wait_outbox(2)
        assert not relay.mails[0].tls
        work.config(transport=url, mail='connections = 1; ca_file = "%s";' % certificate[0])
        d.reload()
        work.csv([late("A1"), late("A2", "bo")])
        relay.wait_mails(2, 30)
        assert relay.mails[1].tls and relay.mails[1].connection != relay.mails[0].connection
        old = relay.mails[0].connection
        assert [text.split(":")[0] for number, who, text in relay.lines if number == old and who == "C"].count("MAIL FROM") == 1
        assert d.stop() == 0


def test_starttls_from_now_on_and_the_relay_has_none(work, relay):
    work.config(relay)
    d = work.started()
    work.csv([late("A1")])
    relay.wait_mails(1, 30)
    work.wait_outbox(2)
    before = len(relay.said("C"))
    work.config(transport="smtp://127.0.0.1:%d" % relay.port)
    d.reload()
    work.csv([late("A1"), late("A2", "bo")])
    d.wait_log("offers no STARTTLS")
    tried(work, 2)
    said = [line.split(" ")[0] for line in relay.said("C")[before:]]
    assert not {"MAIL", "RCPT", "DATA", "AUTH"} & set(said), said
    assert len(relay.mails) == 1
    assert "offers no STARTTLS" in work.tool("status")
    assert d.stop() == 0


def test_reload_while_the_old_policy_hangs(work, certificate):
    """A mail on the wire ends under the policy it began with; the next one on that thread is under the new."""
    with SmtpServer(None, {"RCPT": ["hang"]}, tls="starttls", cert=certificate[0], key=certificate[1]) as relay:
        url = "smtp://127.0.0.1:%d" % relay.port
        work.config(transport=url, mail='connections = 1; starttls = "off";')
        d = work.started()
        work.csv([late("A1")])
        relay.wait_said("hang", 30)
        work.config(transport=url, mail='connections = 1; ca_file = "%s";' % certificate[0])
        d.reload()
        work.csv([late("A1"), late("A2", "bo")])
        until(lambda: work.outbox("bo"), "bo's mail")
        for sock in list(relay._open.values()):     # as if the relay had been restarted
            sock.shutdown(2)
        relay.wait_mails(1, 30)
        assert all(m.tls for m in relay.mails)
        assert d.stop() == 0


def test_starttls_stripped_later(work, certificate):
    """Somebody between us and the relay strips the offer from every connection after the first."""
    with SmtpServer(None, tls="starttls", cert=certificate[0], key=certificate[1]) as relay:
        work.config(transport="smtp://127.0.0.1:%d" % relay.port,
                    mail='connections = 1; ca_file = "%s";' % certificate[0])
        d = work.started()
        work.csv([late("A1")])
        relay.wait_mails(1, 30)
        work.wait_outbox(2)
        relay.script["MAIL"] = ["cut"]
        relay.script["EHLO"] = "250-relay.example.com\n250 SIZE 10485760"
        work.csv([late("A1"), late("A2", "bo")])
        d.wait_log("offers no STARTTLS")
        first = relay.mails[0].connection
        assert not any(text.startswith("MAIL") for number, who, text in relay.lines if who == "C" and number != first)
        assert len(relay.mails) == 1
        assert d.stop() == 0
