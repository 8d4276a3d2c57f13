"""Answers by mail and bounces: the real daemon, a real Dovecot, a scripted relay."""

import re
import signal
import socket
import time
import urllib.parse
from html import unescape

import pytest
from dovecot import Dovecot, why_not
from harness import day, fine, late, parse, until
from replies import BOX, PASSWORD, Mailed, body
from smtpd import make_cert

pytestmark = pytest.mark.skipif(why_not() is not None, reason=str(why_not()))


@pytest.fixture(scope="module")
def server(certificate):
    with Dovecot(*certificate, {BOX: PASSWORD}) as d:
        yield d


@pytest.fixture
def box(work, relay, server):
    with server.imap(BOX) as b:     # each test begins with an empty one
        b.select("INBOX")
        b.store("1:*", "+FLAGS", "\\Deleted") if b.response("EXISTS")[1][0] != b"0" else None
        b.expunge()
    return Mailed(work, relay, server)


@pytest.fixture
def told(box):
    """Alice has been told that 77 is overdue: box.mail."""
    box.daemon = box.shop.started([fine("Z1")])
    box.settled()
    box.shop.csv([fine("Z1"), late("77")])
    box.mail = box.wait_mail("alice@a.example.com")
    return box


ALICE = "alice@a.example.com"


def test_by_thread(told):
    """Each word does what duewatch's own command would; the answer says it, in the same thread."""
    asked = told.write("ack 1d", told.mail)
    answer = parse(told.wait_mail(ALICE, 2).data)
    assert "you are on it" in body(told.mails(ALICE)[1]) and "77" in body(told.mails(ALICE)[1])
    assert answer["In-Reply-To"] == asked and asked in answer["References"]
    assert parse(told.mail.data)["References"].split()[0] in answer["References"]
    assert answer["Auto-Submitted"] == "auto-replied" and answer["Subject"] == "Re: " + parse(told.mail.data)["Subject"]
    assert told.alerts("77") == [("overdue", "acked")]

    told.write("ship %s\nagreed %s" % (day(5), day(6)), told.mail)
    assert "expected to ship on " + day(5) in body(told.wait_mail(ALICE, 3))
    assert told.fact("77", "expected_ship_at").startswith(day(5)) and told.fact("77", "agreed_at").startswith(day(6))

    told.write("filed " + day(8), told.mail)
    told.wait_mail(ALICE, 4)
    assert told.fact("77", "extension_state") == "requested" and told.fact("77", "extension_until").startswith(day(8))

    told.write("close paid back", told.mails(ALICE)[3])      # an answer to an answer
    assert "is settled" in body(told.wait_mail(ALICE, 5)), told.daemon.log()
    assert told.alerts("77") == []


def test_by_token(told):
    """The link alone is enough, whoever has it; the answer goes to the person whose right it is."""
    told.write("arrives " + day(9), token=told.token("77"), sender="Colleague <somebody@elsewhere.example.net>", auth=None)
    assert "expected to arrive" in body(told.wait_mail(ALICE, 2))
    assert told.fact("77", "expected_arrival_at").startswith(day(9))
    assert {m.to if isinstance(m.to, str) else m.to[0] for m in told.relay.mails} <= {ALICE}


def test_click(told):
    """The links in a mail, as a mail program makes a mail of them: from whatever address it is set up with."""
    html = parse(told.mail.data).get_body(("html",)).get_content()
    links = [urllib.parse.urlsplit(unescape(link)) for link in re.findall(r'href="(mailto:[^"]*)"', html)]
    assert links and all(link.path == "duewatch@example.com" for link in links)
    for link in links:
        told_to = dict(urllib.parse.parse_qsl(link.query))
        if told_to["body"].split()[0] == "ack":
            told.write(told_to["body"].replace("\r\n", "\n"), sender="Colleague <c@elsewhere.example.net>", auth=None, subject=told_to["subject"])
    answer = parse(told.wait_mail(ALICE, 2).data)
    assert "you are on it" in body(told.mails(ALICE)[1]) and answer["Subject"] == "Re: 77"


def test_yes(work, relay, server, box):
    """It leaves by the date in force, in the zone that is in: not a second after it."""
    box.config(feed='timezone = "America/Los_Angeles";', ladders=', { kind = "confirm_ship_date"; steps = [ "30d!: owner" ]; }')
    d = box.shop.started([fine("Z1")])
    box.settled()
    box.shop.csv([fine("Z1"), ["88", "awaiting_shipment", day(9), "alice", "ACME"]])
    mail = box.wait_mail(ALICE)
    box.write("yes", mail)
    assert "leaves in time" in body(box.wait_mail(ALICE, 2)), d.log()
    until(lambda: [kind for kind, _ in box.alerts("88")] == ["ship_by"], "ship_by and nothing else")


def test_not_understood(told):
    told.write("please do something about it", told.mail)
    text = body(told.wait_mail(ALICE, 2))
    assert "Nothing was done" in text and "please do something about it" in text and "ship 2026-12-10" in text
    told.write("yes", told.mail)
    assert "has passed" in body(told.wait_mail(ALICE, 3))     # the promise was yesterday


def test_who_is_not_obeyed(told):
    """Nothing happens, and nobody gets a mail: no backscatter."""
    other = told.token("77", key=bytes(32))
    ignored = [
        told.write("close", told.mail, auth="fail"),                                           # forged
        told.write("close", told.mail, auth=None),                                             # nobody vouches
        told.write("close", told.mail, sender="Bo <bo@b.example.com>"),                        # not Bo's mail
        told.write("close", told.mail, sender="Eve <eve@e.example.com>"),                      # unknown
        told.write("close"),                                                                   # no thread
        told.write("close", sender="Eve <eve@e.example.com>", token=other),                    # not our key
        told.write("close", sender="Eve <eve@e.example.com>", token=told.token("77", expires=int(time.time()) - 5)),
        told.write("close", token=told.token("77", person="dora"), sender="Eve <eve@e.example.com>"),   # left the config
        told.write("close", told.mail, head=["Auto-Submitted: auto-replied"]),                 # a vacation note
        told.write("close", told.mail, sender="Duewatch <duewatch@example.com>"),              # ourselves
    ]
    for message_id in ignored:
        told.taken(message_id)
    told.write("ack", told.mail)        # what comes after them is done
    assert "you are on it" in body(told.wait_mail(ALICE, 2))
    assert len(told.mails(ALICE)) == 2 and told.daemon.log().count("ignored uid=") == len(ignored)
    assert {m.to if isinstance(m.to, str) else m.to[0] for m in told.relay.mails} <= {ALICE, "chen@c.example.com"}
    assert "close" not in told.daemon.log().replace("closed", "")


def test_expired_link(told):
    told.write("close", token=told.token("77", expires=int(time.time()) - 5))
    assert "link is over" in body(told.wait_mail(ALICE, 2))
    assert told.alerts("77") == [("overdue", "open")]


def test_which_order(box):
    """A mail about several orders: the command must name one, and only one of these."""
    box.daemon = box.shop.started([fine("Z1"), fine("Z2", "bo")])
    box.settled()
    box.shop.csv([fine("Z1"), fine("Z2", "bo"), late("7701"), late("7702")])
    mail = box.wait_mail(ALICE)
    box.write("ack", mail)
    text = body(box.wait_mail(ALICE, 2))
    assert "Say which order" in text and "7701" in text and "7702" in text
    box.write("7702 ack", mail)
    assert "Order 7702: you are on it" in body(box.wait_mail(ALICE, 3))
    box.write("ack Z234567", mail)
    assert "not about an order" in body(box.wait_mail(ALICE, 4))
    assert box.alerts("7701") == [("overdue", "open")] and box.alerts("7702") == [("overdue", "acked")]


def test_once(told):
    """The same mail twice (a copy, a move) is done once and answered once."""
    message_id = told.write("ship " + day(5), told.mail)
    told.wait_mail(ALICE, 2)
    told.shop.tool("unset", "77", "expected_ship_at")
    told.write("ship " + day(5), told.mail, message_id=message_id)
    until(lambda: "it was taken before" in told.daemon.log(), "the copy is passed")
    assert len(told.relay.mails) == 2 and told.fact("77", "expected_ship_at") is None


def test_nothing_changes_there(told):
    """Not even a flag: the mailbox is somebody's."""
    for _ in range(3):
        told.write("ack", told.mail)
    told.wait_mail(ALICE, 4)
    with told.dovecot.imap(BOX) as b:
        b.select("INBOX", readonly=True)
        flags = b.fetch("1:*", "(FLAGS)")[1]
    assert len(flags) == 3 and all(b"FLAGS (\\Recent)" in f for f in flags), flags


def test_made_anew(told):
    """UIDVALIDITY changed: nothing is done twice, and what came in meanwhile isn't lost."""
    told.write("ship " + day(5), told.mail)
    told.wait_mail(ALICE, 2)
    before = told.place()
    told.shop.tool("unset", "77", "expected_ship_at")
    told.dovecot.renumber(BOX)
    told.write("ack", told.mail)
    assert "you are on it" in body(told.wait_mail(ALICE, 3))
    assert told.place()[0] != before[0] and "made anew" in told.daemon.log()
    assert told.fact("77", "expected_ship_at") is None and len(told.mails(ALICE)) == 3


def test_too_large(told):
    told.dovecot.deliver(BOX, b"Subject: big\r\n\r\n" + (b"x" * 76 + b"\r\n") * 16000)
    told.write("ack", told.mail)
    assert "you are on it" in body(told.wait_mail(ALICE, 2))
    assert "larger than 1 MiB" in told.daemon.log()


def test_down_and_back(work, relay, certificate, tmp_path):
    """A mailbox that can't be reached is said once, shown by status, and read when it is back."""
    with Dovecot(*certificate, {BOX: PASSWORD}) as d:
        box = Mailed(work, relay, d)
        daemon = work.started([fine("Z1")])
        box.settled()
        port = d.imaps
    until(lambda: box.status()["replies"]["state"] == "error", "status says so")
    assert box.status()["replies"]["error"] and "127.0.0.1:%d" % port in box.status()["replies"]["error"]
    assert "answers by mail can't be read" in work.tool("status", "--check", code=1)
    with Dovecot(*certificate, {BOX: PASSWORD}) as d:
        box.dovecot = d
        box.config()
        daemon.reload()
        until(lambda: box.status()["replies"]["state"] == "ok", "and that it is well again")
        work.csv([fine("Z1"), late("77")])
        box.write("ack", box.wait_mail(ALICE))
        assert "you are on it" in body(box.wait_mail(ALICE, 2))
        assert daemon.stop() == 0


def test_wrong_password(box):
    """Said with the server's words, without the password, and not tried again at once: that locks accounts."""
    box.password("not it at all")
    daemon = box.shop.started([fine("Z1")])
    daemon.wait_log("refuses the login")
    tries = box.dovecot.log().count("Password mismatch")
    box.shop.csv([fine("Z1"), late("77")])
    box.wait_mail(ALICE)        # everything else goes on
    time.sleep(3)               # three times `every`: a second try would have come
    assert box.dovecot.log().count("Password mismatch") == tries == 1, box.dovecot.log()
    assert "not it at all" not in daemon.log() and "not it" not in box.shop.tool("status")
    assert "FAIL  mailbox" in box.doctor()
    box.password(PASSWORD)      # secrets are read at the start and at a reload
    daemon.reload()
    box.settled()
    assert "ok    mailbox" in box.doctor()


def test_wrong_certificate(box, tmp_path):
    (tmp_path / "tls").mkdir()
    other = make_cert(str(tmp_path / "tls"), "127.0.0.1")
    box.config(ca=other[0])
    daemon = box.shop.started([fine("Z1")])
    daemon.wait_log("can't be trusted")
    assert box.status()["replies"]["state"] == "error"


def test_stops_while_the_server_is_silent(box):
    """A mailbox that accepts and says nothing doesn't hold the stop up."""
    with socket.create_server(("127.0.0.1", 0)) as s:
        box.config(url="imap://127.0.0.1:%d" % s.getsockname()[1], more='starttls = "off";')
        daemon = box.shop.started([fine("Z1")])
        s.accept()
        assert daemon.stop() == 0


def test_usr1(work, relay, server, box):
    box.every = "1d"
    box.config()
    daemon = box.shop.started([fine("Z1")])
    box.settled()
    box.shop.csv([fine("Z1"), late("77")])
    box.write("ack", box.wait_mail(ALICE))
    daemon.send(signal.SIGUSR1)
    assert "you are on it" in body(box.wait_mail(ALICE, 2))


# ---- bounces ----

def test_bounce(told):
    """A mail that came back: the next person gets it with the reason, status shows the address, and so do later mails."""
    assert told.mail.sender.startswith("duewatch+b-") and told.mail.sender.endswith("@example.com")
    told.bounce(told.mail)
    text = body(told.wait_mail("bo@b.example.com"))
    assert "alice@a.example.com" in text and "no such user here" in text and "77" in text
    assert [d["person"] for d in told.status()["dead_addresses"]] == ["alice"]
    assert "come back since" in told.shop.tool("status")
    told.bounce(told.mail)      # again: nobody is told twice
    told.shop.csv([fine("Z1"), late("77"), late("78")])
    text = body(told.wait_mail("bo@b.example.com", 2))
    assert "78" in text and "alice@a.example.com" in text
    assert len(told.mails(ALICE)) == 1, "not tried on the first day"
    told.shop.tool("test-mail", "alice")
    assert told.status()["dead_addresses"] == []
    told.shop.csv([fine("Z1"), late("77"), late("78"), late("79")])
    until(lambda: any("79" in body(m) for m in told.mails(ALICE)), "79 goes to alice again")


def test_bounces_that_say_nothing(told):
    """One that is forged, delayed, or about a mail that isn't ours."""
    local, domain = told.mail.sender.split("@")
    forged = local[:-1] + ("0" if local[-1] != "0" else "1") + "@" + domain
    told.bounce(told.mail, envelope=forged)
    told.bounce(told.mail, status="4.4.1", action="delayed")
    told.bounce(told.mail, envelope="duewatch@example.com")
    until(lambda: told.daemon.log().count("bounce uid=") == 3, "three bounces are passed")
    assert told.status()["dead_addresses"] == [] and len(told.relay.mails) == 1


def test_bounce_of_one_mail(told):
    """A full mailbox: this mail goes to the next person, the address stays good."""
    told.bounce(told.mail, status="5.2.2")
    assert "77" in body(told.wait_mail("bo@b.example.com"))
    assert told.status()["dead_addresses"] == []


def test_without_bounces(work, relay, server, box):
    box.config(more="bounces = false;")
    box.shop.started([fine("Z1")])
    box.shop.csv([fine("Z1"), late("77")])
    assert box.wait_mail(ALICE).sender == "duewatch@example.com"


def test_by_once(box):
    """--once reads the mailbox too, before it decides."""
    box.shop.csv([fine("Z1")])
    box.shop.once()
    box.shop.csv([fine("Z1"), late("77")])
    box.shop.once()
    box.write("ack", box.wait_mail(ALICE))
    box.shop.once()
    assert "you are on it" in body(box.wait_mail(ALICE, 2))
    assert box.status()["replies"]["state"] == "ok"
