"""Mails that mean harm, into the mailbox of a real daemon: what comes of them is nothing, or what its sender may have."""

import email.utils
import itertools
import re
import time

import pytest
from dovecot import why_not
from harness import fine, late, parse, text_of, until
from replies import AUTHSERV, BOX, body
from test_replies import ALICE, box, server, told  # noqa: F401

pytestmark = pytest.mark.skipif(why_not() is not None, reason=str(why_not()))
numbers = itertools.count(1)


def put(box, head, content, answers=None):  # noqa: F811
    """A mail as it stands, with its own fields; its Message-ID."""
    message_id = "<h%d.%d@a.example.com>" % (time.time_ns(), next(numbers))
    lines = [*head, "Message-ID: " + message_id, "Date: " + email.utils.formatdate()]
    if answers:
        lines.append("In-Reply-To: " + parse(answers.data)["Message-ID"])
    box.dovecot.deliver(BOX, ("\r\n".join(lines) + "\r\n" + content).encode(), "eve@e.example.com")
    return message_id


def results(domain, verdict="pass", host=AUTHSERV):
    return "Authentication-Results: %s; dmarc=%s header.from=%s" % (host, verdict, domain)


def test_forged_senders(told):  # noqa: F811
    """The host's own results stand on top, as it puts them there; what the sender wrote, below, in every order and folding."""
    own, true, alice = results("e.example.com"), results("a.example.com"), "From: Alice <alice@a.example.com>"
    eve = "From: eve@e.example.com"
    heads = [
        [own, alice],
        [results("a.example.com", "fail"), true, alice],
        [results("a.example.com", "fail"), alice, true, true],
        ["Authentication-Results: %s; none" % AUTHSERV, true, alice],
        ["Authentication-Results: %s; dmarc=fail (%s) header.from=a.example.com" % (AUTHSERV, true), alice],
        ["Authentication-Results: %s;\r\n dmarc=fail\r\n header.from=a.example.com" % AUTHSERV, true.replace("; ", ";\r\n\t"), alice],
        ["Authentication-Results: %s; broken" % AUTHSERV, true, alice],
        [own + " header.from=a.example.com", alice],
        [results("a.example.com", host="mx.example.com.evil.example"), alice],
        [results("a.example.com", host="(mx.example.com) evil.example"), alice],
        [own, 'From: "alice@a.example.com" <eve@e.example.com>'],
        [own, "From: alice@a.example.com <eve@e.example.com>"],
        [own, "From: =?utf-8?Q?alice=40a.example.com?= <eve@e.example.com>"],
        [true, alice, eve],
        [true, eve, alice],
        [true, alice.replace(":", " :"), eve],
        [true, "From: alice@a.example.com, eve@e.example.com"],
        [true, "From: alice@a.example.com,\r\n eve@e.example.com"],
        [true, "From: <@a.example.com:eve@e.example.com>"],
        [true, "From: g: alice@a.example.com;"],
        [true, "X: y\rFrom: eve@e.example.com", alice],
        [true, alice + "\0"],
        [true, "Sender: alice@a.example.com"],
    ]
    for head in heads:
        told.taken(put(told, head + ["Subject: Re: x"], "\r\nclose\r\n", told.mail))
    assert told.alerts("77") == [("overdue", "open")] and len(told.mails(ALICE)) == 1
    assert told.daemon.log().count("ignored uid=") == len(heads)
    told.taken(put(told, [true, alice, "Subject: Re: x"], "\r\nack\r\n", told.mail))     # what is hers is done
    assert told.alerts("77") == [("overdue", "acked")]


def test_a_buyer_called_close(box):  # noqa: F811
    """Alice's program quotes our mail without any mark, as text and as HTML. Its list holds what buyers are called."""
    box.daemon = box.shop.started([fine("Z1")])
    box.settled()
    names = ["close", "yes", "可以", "ack 3d", "收到", "ship 2099-01-05"]
    box.shop.csv([fine("Z1")] + [late("77%02d" % i, buyer=name) for i, name in enumerate(names)])
    mail = box.wait_mail(ALICE)
    html = next(p.get_content() for p in parse(mail.data).walk() if p.get_content_type() == "text/html")
    plain = text_of(parse(mail.data))
    head = [results("a.example.com"), "From: alice@a.example.com", "Subject: Re: orders", "MIME-Version: 1.0"]
    bare = re.sub(r'(class|id|style)="[^"]*"', "", html)
    for kind, content in [("plain", "I'll look into it\r\n\r\n" + plain), ("html", "<p>I'll look into it</p>" + html),
                          ("html", "<p>I'll look into it</p>" + bare), ("html", html), ("plain", plain)]:
        box.taken(put(box, head + ["Content-Type: text/%s; charset=utf-8" % kind, "Content-Transfer-Encoding: 8bit"], "\r\n" + content, mail))
    assert {box.alerts("77%02d" % i)[0] for i in range(len(names))} == {("overdue", "open")}
    box.taken(put(box, head + ["Content-Type: text/plain; charset=utf-8"], "\r\nack 7702\r\n\r\n" + plain, mail))
    assert box.alerts("7702") == [("overdue", "acked")] and box.alerts("7700") == [("overdue", "open")]


def test_another_text_than_the_readers(told):  # noqa: F811
    """Parts that differ, files, a subject that a link wrote: only what the person sees as their own text counts."""
    head = [results("a.example.com"), "From: alice@a.example.com", "MIME-Version: 1.0"]
    parts = head + ["Subject: Re: x", "Content-Type: multipart/%s; boundary=b"]

    def mixed(kind, *part):
        return put(told, [h % kind if "%s" in h else h for h in parts], "\r\n--b\r\n" + "\r\n--b\r\n".join(part) + "\r\n--b--\r\n", told.mail)

    text, html = "Content-Type: text/plain\r\n", "Content-Type: text/html\r\n"
    for message_id in [
            mixed("alternative", text + "\r\nI'll look\r\n", html + "\r\n<p>close</p>"),
            mixed("mixed", text + "\r\nI'll look\r\n", text + "Content-Disposition: attachment\r\n\r\nclose\r\n"),
            mixed("mixed", html + "\r\n<p>I'll look</p>", text + "Content-Disposition: inline; filename=a.txt\r\n\r\nclose\r\n"),
            mixed("mixed", text + "\r\nI'll look\r\n", "Content-Type: message/rfc822\r\n\r\nSubject: close\r\n\r\nclose\r\n"),
            put(told, head + ["Subject: Re: x", "Content-Type: text/html"], "\r\n<p>I'll look</p><p style='display:none'>close</p>", told.mail),
            put(told, head + ["Subject: close " + told.token("77")], "\r\nplease don't close it\r\n"),
            put(told, head + ["Subject: Re: x"], "\r\nI'll look\r\n> close\r\n-----Original Message-----\r\nclose\r\n", told.mail)]:
        told.taken(message_id)
    assert told.alerts("77") == [("overdue", "open")]


def test_the_answers_head(told):  # noqa: F811
    """Line ends and turned text in a subject, a name and a Message-ID don't get into the head of what we write back."""
    evil = "=?utf-8?Q?Re:_x=0D=0ABcc:_eve=40e.example.com=0A=E2=80=AE=1B[31m?="
    name = "From: =?utf-8?Q?A=0D=0ABcc:_x=40e.example.com?= <alice@a.example.com>"
    told.taken(put(told, [results("a.example.com"), name, "Subject: " + evil], "\r\nclose\r\n", told.mail))   # no such name is hers
    put(told, [results("a.example.com"), "From: alice@a.example.com", "Subject: " + evil,
               "Reply-To: eve@e.example.com", "Return-Path: <eve@e.example.com>", "X-Forwarded-To: eve@e.example.com"],
        "\r\nack \u202e\x1b[31m\r\nwhat? \u202e <script>\r\n", told.mail)
    answer = told.wait_mail(ALICE, 2)
    head = answer.data.split(b"\r\n\r\n")[0]
    assert b"\nBcc" not in head and b"\x1b" not in answer.data and "\u202e" not in text_of(parse(answer.data))
    assert told.alerts("77") == [("overdue", "open")]
    assert parse(answer.data)["Auto-Submitted"] == "auto-replied"
    assert all("eve@" not in str(m.to) for m in told.relay.mails)


def test_a_leaked_link(told):  # noqa: F811
    """Who has a link has that order, in Alice's name, and she hears of it; not another order, and no subject of ours."""
    token = told.token("77")
    told.shop.csv([fine("Z1"), late("77"), late("78")])
    told.wait_mail(ALICE, 2)
    put(told, ["From: Eve <eve@e.example.com>", "Subject: Your password ends today " + token], "\r\nack 78\r\nack Z1\r\n")
    answer = told.wait_mail(ALICE, 3)
    assert parse(answer.data)["Subject"] == "Re: 77" and token not in answer.data.decode("latin-1")
    assert told.alerts("78") == [("overdue", "open")]
    for word in ["dw1-" + "A" * 60, token[:-1], token + "A", token.swapcase(), told.token("78", person="bo", key=bytes(32))]:
        told.taken(put(told, ["From: Eve <eve@e.example.com>", "Subject: x"], "\r\nclose %s\r\n" % word))
    assert told.alerts("77") == [("overdue", "open")] and len(told.mails(ALICE)) == 3


def test_a_strangers_flood(told):  # noqa: F811
    """Hundreds of mails, a third with a token that leaked: alerts don't wait behind them, and Alice gets twenty answers."""
    token = told.token("77")
    for i in range(300):
        put(told, ["From: Eve <eve@e.example.com>", "Subject: x " + (token if i % 3 == 0 else "")], "\r\nwhat about it, number %d\r\n" % i)
    told.shop.csv([fine("Z1"), late("77"), late("78", "bo")])
    told.wait_mail("bo@b.example.com")
    until(lambda: told.shop.one("SELECT count(*) FROM inbound") == 300, "all are taken", timeout=60)
    until(lambda: len(told.mails(ALICE)) == 21, "the alert and twenty answers")
    assert told.alerts("77") == [("overdue", "open")] and told.shop.one("SELECT count(*) FROM mails") < 30


def test_somebody_reads_a_return_path(told):  # noqa: F811
    """Who has a mail has its sender address: such a report hits that mail's address, once, whoever is named as having failed."""
    told.bounce(told.mail, address="bo@b.example.com")
    assert "77" in body(told.wait_mail("bo@b.example.com"))
    assert [d["person"] for d in told.status()["dead_addresses"]] == ["alice"]
    for _ in range(20):
        told.bounce(told.mail, address="chen@c.example.com")
    until(lambda: told.daemon.log().count("bounce uid=") == 21, "all are taken")
    assert [d["person"] for d in told.status()["dead_addresses"]] == ["alice"] and len(told.mails("bo@b.example.com")) == 1


@pytest.mark.parametrize("inner", ["--x\n", "--\n", "<p>", "<b>"])
def test_a_mail_that_costs(told, inner):  # noqa: F811
    """1 MiB of nested parts, or of tags: it is read within seconds, and what comes behind it is done."""
    nest = "" if inner.startswith("<") else "".join(
        'Content-Type: multipart/mixed; boundary="b%d"\r\n\r\n--b%d\r\n' % (i, i) for i in range(190))
    content = nest or "Content-Type: text/html\r\n\r\n"
    put(told, ["From: eve@e.example.com", "MIME-Version: 1.0"], content + inner * ((1000 * 1024 - len(content)) // len(inner)))
    told.write("ack", told.mail)
    assert "you are on it" in body(told.wait_mail(ALICE, 2))
