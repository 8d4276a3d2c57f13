"""The real thing: a Dovecot that takes nothing but tokens, of a token server it asks itself. Its submission service is the
relay, in front of a scripted one; its IMAP is asked by libcurl's own program, which is what reads a mailbox."""

import json
import os
import subprocess

import pytest
from dovecot import Dovecot, Tokens, free_port, why_not
from harness import fine, have, late, parse, text_of, until
from replies import BOX, Mailed, body
from smtpd import SmtpServer

pytestmark = pytest.mark.skipif(why_not() is not None or not os.path.exists("/usr/lib/dovecot/submission"),
                                reason=str(why_not() or "dovecot-submissiond isn't installed (tests/setup.sh does)"))
USER = "duewatch@d.example.com"
SUBMISSION = """
protocols = imap lmtp submission
submission_relay_host = 127.0.0.1
submission_relay_port = %d
hostname = submission.example.com
service submission-login {
  chroot =
  inet_listener submission {
    port = %d
  }
}
"""


@pytest.fixture
def tokens():
    with Tokens("client-1", "its secret", {"the refresh token": USER}) as t:
        yield t


@pytest.fixture
def behind(tmp_path):
    """What Dovecot hands mails on to."""
    with SmtpServer(str(tmp_path / "behind")) as s:
        yield s


@pytest.fixture
def submission(tokens, behind, certificate):
    """(Dovecot, its submission port)"""
    d, port = Dovecot(*certificate, {USER: "no password serves"}, oauth=tokens, plain=False), free_port()
    with open(d.dir / "conf/dovecot.conf", "a") as conf:
        conf.write(SUBMISSION % (behind.port, port))
    with d:
        yield d, port


def configured(work, tokens, port, certificate, mechanism):
    for name, word in (("refresh", "the refresh token"), ("client", "its secret")):
        (work.folder / name).write_text(word + "\n")
        (work.folder / name).chmod(0o600)
    work.config(transport="smtp://127.0.0.1:%d" % port, mail="""username = "%s"; ca_file = "%s"; oauth = { client_id = "client-1";
        client_secret_file = "client"; refresh_token_file = "refresh"; token_url = "%s"; mechanism = "%s"; };"""
                % (USER, certificate[0], tokens.token, mechanism))


@pytest.mark.parametrize("mechanism", ["xoauth2", "oauthbearer", "any"])
def test_submission(work, submission, tokens, behind, certificate, mechanism):
    """Mails leave; a token that was taken back is renewed in the same try; one that is never good is a refusal."""
    dovecot, port = submission
    configured(work, tokens, port, certificate, mechanism)
    d = work.started()
    work.csv([late("A1")])
    behind.wait_mails(1, 30)
    work.wait_outbox(2)
    assert "the relay took it" in work.tool("test-mail", "ops")
    assert d.stop() == 0
    assert len(tokens.asked) == 1
    path = work.state / "tokens" / "mail.json"
    kept = json.loads(path.read_text())     # not just made any more
    path.write_text(json.dumps({**kept, "obtained": kept["obtained"] - 100}))
    tokens.revoke()
    d = work.daemon().ready()
    work.csv([late("A1"), late("A2", "bo")])
    behind.wait_mails(3, 30)     # with the test mail
    work.wait_outbox(2, 2)
    assert [m[3] for m in work.outbox()] == [1, 1] and len(tokens.asked) == 2
    assert d.stop() == 0
    assert "refuses" not in d.log()


def test_submission_refuses(work, submission, tokens, certificate):
    """The token is another mailbox's."""
    tokens.refresh["the refresh token"] = "somebody@d.example.com"
    configured(work, tokens, submission[1], certificate, "xoauth2")
    work.csv([late("A1")])
    work.once(code=1)
    assert "AUTH" in str(work.outbox()) or "token" in str(work.outbox()), work.outbox()
    assert "refuses" in work.tool("status")


@pytest.mark.parametrize("mechanism", ["XOAUTH2", "OAUTHBEARER"])
@pytest.mark.skipif(not have("curl"), reason="curl is missing")
def test_imap(submission, tokens, certificate, mechanism):
    """By the options that our own reader sets; a revoked token is refused, not taken for a hang."""
    dovecot, _ = submission
    dovecot.deliver(USER, b"Subject: hello\r\n\r\nack\r\n")

    def curl(token):
        return subprocess.run(["curl", "-sS", "--max-time", "20", "--cacert", certificate[0], "--user", USER + ":", "--oauth2-bearer", token,
                               "--login-options", "AUTH=" + mechanism, "imaps://127.0.0.1:%d/INBOX;MAILINDEX=1" % dovecot.imaps],
                              capture_output=True, text=True, timeout=60)
    token = tokens.issue(USER)
    good = curl(token)
    assert "ack" in good.stdout, good.stderr
    tokens.revoke()
    bad = curl(token)
    assert bad.returncode == 67 and bad.stdout == "", bad


# ---- the mailbox for answers ----

@pytest.fixture
def mailed(work, relay, certificate):
    """A shop whose mailbox takes nothing but tokens: mailed.tokens."""
    with Tokens("client-1", "its secret", {"the refresh token": BOX}) as t, Dovecot(*certificate, {BOX: "no password serves"}, oauth=t, plain=False) as d:
        mailed = Mailed(work, relay, d)
        mailed.tokens = t
        (work.folder / "client").write_text("its secret\n")
        (work.folder / "client").chmod(0o600)
        yield mailed


def by_token(mailed, mechanism="any", **more):
    (mailed.shop.folder / "refresh").write_text("the refresh token\n")
    (mailed.shop.folder / "refresh").chmod(0o600)
    mailed.config(login='oauth = { client_id = "client-1"; client_secret_file = "client"; refresh_token_file = "refresh"; token_url = "%s"; '
                        'mechanism = "%s"; };' % (mailed.tokens.token, mechanism), **more)


@pytest.mark.parametrize("mechanism", ["xoauth2", "oauthbearer", "any"])
def test_answers(mailed, mechanism):
    """An answer is read and done; a token that was taken back is renewed within the same look."""
    by_token(mailed, mechanism)
    d = mailed.shop.started([fine("Z1")])
    mailed.settled()
    mailed.shop.csv([fine("Z1"), late("77")])
    mailed.write("ack 1d", mailed.wait_mail("alice@a.example.com"))
    assert "you are on it" in body(mailed.wait_mail("alice@a.example.com", 2)), d.log()
    assert mailed.alerts("77") == [("overdue", "acked")]
    assert len(mailed.tokens.asked) == 1
    said = mailed.doctor()
    assert "logged in, " in said and "login replies: an access token is there" in said, said
    assert d.stop() == 0

    path = mailed.shop.state / "tokens" / "replies.json"
    kept = json.loads(path.read_text())     # not just made any more
    path.write_text(json.dumps({**kept, "obtained": kept["obtained"] - 100}))
    mailed.tokens.revoke()
    d = mailed.shop.daemon().ready()
    mailed.write("close paid back", mailed.mails("alice@a.example.com")[0])
    assert "is settled" in body(mailed.wait_mail("alice@a.example.com", 3)), d.log()
    assert len(mailed.tokens.asked) == 2 and "can't be read" not in d.log()
    assert d.stop() == 0
    for secret in ("the refresh token", "its secret", *mailed.tokens.access):
        assert secret not in d.log()


def test_answers_need_a_person(mailed):
    """Access ended: the operators hear of it, status and doctor say what to do; a new grant is found without a restart."""
    mailed.tokens.refresh.clear()
    by_token(mailed)
    d = mailed.shop.started([fine("Z1")])
    d.wait_log("login=replies token_expiring: ")
    note = mailed.wait_mail("ops@o.example.com")
    assert "token_expiring" in parse(note.data)["Subject"]
    assert "duewatch authorize replies" in " ".join(text_of(parse(note.data)).split())
    until(lambda: "duewatch authorize replies" in (mailed.status()["replies"]["error"] or ""), "status says what to do")
    assert "duewatch authorize replies" in mailed.doctor()
    mailed.tokens.refresh["another token"] = BOX
    (mailed.shop.folder / "refresh").write_text("another token\n")
    d.reload()
    mailed.settled()
    until(lambda: mailed.status()["replies"]["state"] == "ok", "the mailbox can be read")
    assert d.stop() == 0


def test_answers_of_another(mailed):
    """The token is another mailbox's: refused, said so, and not asked for on and on."""
    mailed.tokens.refresh["the refresh token"] = "somebody@example.com"
    by_token(mailed, "xoauth2")
    d = mailed.shop.started([fine("Z1")])
    d.wait_log("refuses the access token for " + BOX)
    assert len(mailed.tokens.asked) <= 2
    assert d.stop() == 0
