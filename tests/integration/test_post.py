"""The way of mails that come to us (post.py) is what other tests take it for: signatures are verified, forgeries told
from them, and bounces come to an address with a detail."""

import pytest
from harness import late, text_of
from post import HOST, US, Post, why_not, written

pytestmark = pytest.mark.skipif(why_not() is not None, reason=str(why_not()))
ALICE = "alice@a.example.com"


@pytest.fixture(scope="module")
def post(certificate):
    with Post(certificate, {ALICE: "alice"}) as p:
        yield p


def test_signed_on_the_way(post):
    post.mta.send(post.mta.outgoing, ALICE, US, written(ALICE, US, "ack"))
    mail = post.comes()
    (result,) = post.results(mail)
    assert "dkim=pass" in result and "header.d=a.example.com" in result
    assert mail["Return-Path"] == "<%s>" % ALICE and mail.get_content().strip() == "ack"


def test_unsigned(post):
    """As whoever says he is Alice sends it: from another server."""
    post.mta.send(post.mta.mx, ALICE, US, written(ALICE, US, "ack"))
    (result,) = post.results(post.comes())
    assert "dkim=none" in result


def test_a_domain_that_does_not_sign(post):
    post.mta.send(post.mta.outgoing, "eve@e.example.com", US, written("eve@e.example.com", US, "ack"))
    (result,) = post.results(post.comes())
    assert "dkim=none" in result


def test_changed_after_signing(post):
    post.mta.send(post.mta.outgoing, ALICE, US, written(ALICE, US, "ack"))
    signature = " ".join(post.comes()["DKIM-Signature"].split())
    post.mta.send(post.mta.mx, ALICE, US, written(ALICE, US, "close paid", DKIM_Signature=signature))
    (result,) = post.results(post.comes())
    assert "dkim=fail" in result and "pass" not in result


@pytest.mark.parametrize("claim", ["%s; dkim=pass header.d=a.example.com", "%s (ours) 1; dkim=pass header.d=a.example.com",
                                   "%s; spf=pass smtp.mailfrom=a.example.com"])
def test_forged_results_of_our_host_go(post, claim):
    post.mta.send(post.mta.mx, ALICE, US, written(ALICE, US, "ack", Authentication_Results=claim % HOST))
    mail = post.comes()
    assert len(mail.get_all("Authentication-Results")) == 1 and "dkim=none" in post.results(mail)[0]


def test_results_of_another_host_stay(post):
    post.mta.send(post.mta.mx, ALICE, US,
                  written(ALICE, US, "ack", Authentication_Results="other.example.net; dkim=pass header.d=a.example.com"))
    mail = post.comes()
    assert len(mail.get_all("Authentication-Results")) == 2
    (result,) = post.results(mail)
    assert "dkim=none" in result


def test_detail_of_our_address(post):
    to = US.replace("@", "+b-17-abc@")
    post.mta.send(post.mta.outgoing, ALICE, to, written(ALICE, to, "ack"))
    assert post.comes()["Delivered-To"] == to


def test_bounce_comes_to_the_detail(post):
    """RFC 3464, in RFC 3462's three parts."""
    sender = US.replace("@", "+b-18-abc@")
    post.mta.send(post.mta.late, sender, "gone@a.example.com", written(US, "gone@a.example.com", "a deadline"))
    mail = post.comes()
    assert mail.get_content_type() == "multipart/report" and mail.get_param("report-type") == "delivery-status"
    assert mail["Return-Path"] == "<>" and mail["Auto-Submitted"] == "auto-replied"
    assert mail["To"] == sender and mail["Delivered-To"] == sender
    (status,) = [p for p in mail.walk() if p.get_content_type() == "message/delivery-status"]
    _, recipient = status.get_payload()
    assert recipient["Final-Recipient"] == "rfc822; gone@a.example.com"
    assert recipient["Action"] == "failed" and recipient["Status"] == "5.1.1"


def test_the_daemons_mail_is_answered_or_bounces(post, work, certificate):
    work.config(transport="smtp://127.0.0.1:%d" % post.mta.late, mail='ca_file = "%s";' % certificate[0])
    text = work.conf.read_text().replace("duewatch@example.com", US).replace("bo@b.example.com", "gone@a.example.com")
    work.write(work.conf, text)
    work.started()
    work.csv([late("P1"), late("P2", "bo")])
    mail = post.got("alice", "P1")
    back = post.comes()
    assert back.get_content_type() == "multipart/report" and "gone@a.example.com" in back.as_string()
    post.reply(ALICE, mail, "ack 2d")
    answer = post.comes()
    assert text_of(answer).startswith("ack 2d\r\n") and "\n> " in text_of(answer)
    assert answer["In-Reply-To"] == mail["Message-ID"] and answer["Subject"] == "Re: " + mail["Subject"]
    (result,) = post.results(answer)
    assert "dkim=pass" in result
