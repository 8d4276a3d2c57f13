"""The Dovecot that other tests rely on does what they think it does."""

import imaplib

import pytest
from dovecot import Dovecot, Tokens, why_not

pytestmark = pytest.mark.skipif(why_not() is not None, reason=str(why_not()))
BOX, PASSWORD = "duewatch@d.example.com", "correct horse"
MAIL = b"From: Alice <alice@a.example.com>\r\nSubject: hello\r\nMessage-ID: <1@a.example.com>\r\n\r\nack\r\n"


@pytest.fixture
def dovecot(certificate):
    with Dovecot(*certificate, {BOX: PASSWORD}) as d:
        yield d


def test_delivered_and_fetched(dovecot):
    dovecot.deliver(BOX, MAIL, "alice@a.example.com")
    dovecot.deliver(BOX.replace("@", "+b.1234@"), MAIL)
    (one, flags, data), (two, *_) = dovecot.mails(BOX)
    assert one < two and b"\\Seen" not in flags
    assert data.startswith(b"Return-Path: <alice@a.example.com>\r\n") and data.endswith(b"\r\n\r\nack\r\n")
    assert b"Delivered-To: " + BOX.encode() in data
    assert all(b"\\Seen" not in f for _, f, _ in dovecot.mails(BOX)), "looking marks nothing"


def test_wrong_password(dovecot):
    with dovecot.connect() as box, pytest.raises(imaplib.IMAP4.error, match="AUTHENTICATIONFAILED"):
        box.login(BOX, "wrong")


def test_unknown_box(dovecot):
    with pytest.raises(Exception, match="User doesn't exist"):
        dovecot.deliver("nobody@d.example.com", MAIL)


def test_uidvalidity_changes(dovecot):
    def validity():
        with dovecot.imap(BOX) as box:
            box.select("INBOX", readonly=True)
            return int(box.response("UIDVALIDITY")[1][0])
    dovecot.deliver(BOX, MAIL)
    before = validity()
    assert before == validity()
    dovecot.renumber(BOX)
    assert validity() != before and len(dovecot.mails(BOX)) == 1


def bearer(mechanism, user, token):
    if mechanism == "XOAUTH2":
        return ("user=%s\1auth=Bearer %s\1\1" % (user, token)).encode()
    return ("n,a=%s,\1host=127.0.0.1\1auth=Bearer %s\1\1" % (user, token)).encode()


@pytest.mark.parametrize("mechanism", ["XOAUTH2", "OAUTHBEARER"])
def test_oauth(certificate, mechanism):
    with Tokens("client", "secret", {"refresh": BOX}) as tokens, \
            Dovecot(*certificate, {BOX: PASSWORD}, oauth=tokens, plain=False) as d:
        token = tokens.issue(BOX)
        with d.connect() as box:
            assert "AUTH=PLAIN" not in box.capabilities and "AUTH=" + mechanism in box.capabilities
            box.authenticate(mechanism, lambda _: bearer(mechanism, BOX, token))
            assert box.select("INBOX", readonly=True)[0] == "OK"
        tokens.revoke()
        with d.connect() as box, pytest.raises(imaplib.IMAP4.error):
            box.authenticate(mechanism, lambda _: bearer(mechanism, BOX, token))
