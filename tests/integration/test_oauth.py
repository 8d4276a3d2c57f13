"""Logins by OAuth 2: a token server of our own, scripted SMTP servers that take tokens, and the real Dovecot."""

import json
import os
import pathlib
import signal
import stat
import subprocess

import pytest
from faults import Clock
from harness import PROGRAM, TOOL, late, parse, until
from oauthd import TokenServer
from smtpd import SmtpServer

USER, FIRST = "duewatch@example.com", "the-first-refresh-token"
BUSY = (503, {}, "busy")


class Users(dict):
    """Whatever token the token server gave last is good."""


@pytest.fixture
def tokens():
    with TokenServer() as t:
        t.grant(FIRST)
        yield t


@pytest.fixture
def bearer(tokens):
    """A relay that takes the newest access token, and no other."""
    with SmtpServer(None, users=Users(), require_auth=True, mechanisms=("XOAUTH2",)) as relay:
        tokens.on_access = lambda token: relay.users.__setitem__(USER, token)
        yield relay


def conf(work, relay, tokens, oauth="", mail="", refresh=FIRST, more=""):
    if refresh:
        path = work.folder / "refresh"
        path.write_text(refresh + "\n")
        path.chmod(0o600)
        oauth += ' refresh_token_file = "refresh";'
    group = 'oauth = { client_id = "client-1"; token_url = "%s"; %s };' % (tokens.url, oauth)
    work.config(relay, mail='username = "%s"; %s %s' % (USER, group, mail), **({"feeds": more} if more else {}))


def kept(work, name="mail"):
    return json.loads((work.state / "tokens" / (name + ".json")).read_text())


def token_state(work, i=0):
    return json.loads(work.tool("status", "--json"))["relays"][i]["token"]


def nothing_said(work, *secrets):
    """No secret in a log, the store, a run's output, or the process list's part that is ours."""
    texts = [p.read_bytes() for p in work.folder.glob("*.log")] + [p.read_bytes() for p in work.state.glob("duewatch.db*")]
    for secret in secrets:
        assert not any(secret.encode() in text for text in texts), secret


@pytest.fixture
def clock(work):
    if b"__asan_init" in PROGRAM or b"__tsan_init" in PROGRAM:
        pytest.skip("the clock's library would come before the sanitizer's")
    return Clock(work)


def cpu(d):
    """Seconds of processor time so far."""
    with open("/proc/%d/stat" % d.pid) as f:
        return sum(int(x) for x in f.read().rpartition(")")[2].split()[11:13]) / os.sysconf("SC_CLK_TCK") or 0.001


def poke(d, work, clock, seconds, condition, what):
    def now():
        d.send(signal.SIGUSR1)
        return condition()
    clock.suspend(seconds)
    return until(now, what, 30)


@pytest.mark.parametrize("mechanism,offered", [("xoauth2", ("XOAUTH2", "PLAIN")), ("oauthbearer", ("OAUTHBEARER", "XOAUTH2")),
                                               ("any", ("XOAUTH2",)), ("any", ("OAUTHBEARER",))])
def test_a_mail_by_token(work, tokens, mechanism, offered):
    with SmtpServer(None, users=Users(), require_auth=True, mechanisms=offered) as relay:
        tokens.on_access = lambda token: relay.users.__setitem__(USER, token)
        conf(work, relay, tokens, oauth='mechanism = "%s";' % mechanism)
        d = work.started()
        work.csv([late("A1")])
        relay.wait_mails(1, 30)
        assert relay.mails[0].user == USER
        want = {"xoauth2": "XOAUTH2", "oauthbearer": "OAUTHBEARER"}.get(mechanism, offered[0])
        assert {seen[:2] for seen in relay.tokens_seen} == {(want, USER)}
        (form,) = tokens.asked
        assert form == {"grant_type": "refresh_token", "refresh_token": FIRST, "client_id": "client-1"}
        assert token_state(work) == "ok"
        assert d.stop() == 0
    nothing_said(work, tokens.latest, FIRST)


def test_kept_in_the_state_folder(work, bearer, tokens):
    """0600 in 0700; a restart, and the tool, use the token that still lives."""
    conf(work, bearer, tokens)
    d = work.started()
    work.csv([late("A1")])
    bearer.wait_mails(1, 30)
    folder, path = work.state / "tokens", work.state / "tokens" / "mail.json"
    assert stat.S_IMODE(folder.stat().st_mode) == 0o700 and stat.S_IMODE(path.stat().st_mode) == 0o600
    assert kept(work)["refresh_token"] == FIRST and kept(work)["access_token"] == tokens.latest
    assert d.stop() == 0
    d = work.daemon().ready()
    work.csv([late("A1"), late("A2", "bo")])
    bearer.wait_mails(2, 30)
    work.tool("test-mail", "ops")
    assert len(tokens.asked) == 1
    assert d.stop() == 0


def test_client_secret_and_scope(work, bearer, tokens):
    tokens.secret = "s3cr3t-of-the-client"
    path = work.folder / "client"
    path.write_text(tokens.secret + "\n")
    path.chmod(0o600)
    conf(work, bearer, tokens, oauth='client_secret_file = "client"; scope = "mail offline";')
    work.csv([late("A1")])
    work.once()
    assert tokens.asked[0]["client_secret"] == tokens.secret and tokens.asked[0]["scope"] == "mail offline"
    nothing_said(work, tokens.secret)
    path.chmod(0o644)
    assert "oauth.client_secret_file" in work.run("-t", code=2).stderr


def test_rotation(work, bearer, tokens, clock):
    """The new refresh token is on the disk before the old one is forgotten; each serves once."""
    tokens.rotate = True
    conf(work, bearer, tokens)
    d = work.started()
    work.csv([late("A1")])
    bearer.wait_mails(1, 30)
    assert kept(work)["refresh_token"] == "refresh-1"
    for n in range(2, 5):       # four fifths of an hour each: renewed before anybody needs it
        poke(d, work, clock, 2900, lambda: kept(work)["refresh_token"] == "refresh-%d" % n, "the next rotation")
    d.kill()
    d = work.daemon().ready()
    work.csv([late("A1"), late("A2", "bo")])
    bearer.wait_mails(2, 30)
    assert tokens.refuse is None and token_state(work) == "ok"
    assert [f["refresh_token"] for f in tokens.asked] == [FIRST, "refresh-1", "refresh-2", "refresh-3"][:len(tokens.asked)]
    assert d.stop() == 0


def test_rotated_while_the_disk_is_full(work, bearer, tokens):
    """It can't be written: the new one is used from memory, said, and written as soon as it can be."""
    tokens.rotate = True
    conf(work, bearer, tokens)
    work.own_state()
    (work.state / "tokens").mkdir(mode=0o700)
    (work.state / "tokens" / "mail.part").mkdir()      # in the way
    (work.state / "tokens" / "mail.part" / "x").touch()
    d = work.started()
    work.csv([late("A1")])
    bearer.wait_mails(1, 30)
    d.wait_log("can't be written")
    (work.state / "tokens" / "mail.part" / "x").unlink()
    (work.state / "tokens" / "mail.part").rmdir()
    work.csv([late("A1"), late("A2", "bo")])
    bearer.wait_mails(2, 30)
    until(lambda: (work.state / "tokens" / "mail.json").exists(), "the file")
    assert kept(work)["refresh_token"] in tokens.refresh
    assert d.stop() == 0


def test_taken_back(work, bearer, tokens, clock):
    """535 to a token that should live: one renewal, and the mail goes in the same try."""
    conf(work, bearer, tokens)
    d = work.started()
    work.csv([late("A1")])
    bearer.wait_mails(1, 30)
    work.wait_outbox(2)
    clock.suspend(100)
    bearer.users[USER] = "another"      # until the token server gives a new one
    for s in list(bearer._open.values()):
        s.shutdown(2)
    work.csv([late("A1"), late("A2", "bo")])
    bearer.wait_mails(2, 30)
    work.wait_outbox(2, 2)
    assert [m[3] for m in work.outbox()] == [1, 1] and len(tokens.asked) == 2
    assert d.stop() == 0


def test_refused_for_good(work, bearer, tokens):
    """A fresh token is refused, too: no renewal at each try; said as the relay's refusal."""
    tokens.on_access = None
    bearer.users[USER] = "never"
    conf(work, bearer, tokens)
    d = work.started()
    work.csv([late("A1"), late("A2", "bo")])
    until(lambda: len([m for m in work.outbox() if m[3] >= 1]) == 2, "two tries")
    assert len(tokens.asked) == 1
    assert "refuses the access token for " + USER in work.tool("status")
    said = work.tool("doctor", code=2)
    assert "username isn't the mailbox it was granted for" in said
    assert d.stop() == 0
    nothing_said(work, tokens.latest)


@pytest.mark.parametrize("refuse", ["invalid_grant", "invalid_client"])
def test_a_person_must_act(work, bearer, tokens, refuse):
    """Operators hear of it by the relay that still works; status and doctor say what to do; the grant mends all."""
    tokens.refuse = refuse
    with SmtpServer(None) as second:
        conf(work, bearer, tokens, mail='fallback = ( { transport = "smtp://127.0.0.1:%d"; starttls = "off"; } );' % second.port)
        d = work.started()
        d.wait_log("login=mail token_expiring: ")
        until(lambda: any(m.to == ["ops@o.example.com"] for m in second.mails), "the note")
        note = next(m for m in second.mails if m.to == ["ops@o.example.com"])
        text = parse(note.data).get_body(("plain",)).get_content()
        assert "token_expiring" in parse(note.data)["Subject"] and "duewatch authorize mail" in text.replace("\n", " ")
        work.csv([late("A1")])
        until(lambda: any(m.to == ["alice@a.example.com"] for m in second.mails), "the mail by the fallback")
        assert token_state(work) == "gone"
        assert "Login mail: " in work.tool("status") and refuse in work.tool("status")
        assert "login mail: " in work.tool("status", "--check", code=2)
        assert "duewatch authorize mail" in work.tool("doctor", code=2)
        assert len([f for f in tokens.asked]) <= 3, "not asked again and again"
        assert d.stop() == 0


@pytest.mark.parametrize("step", [BUSY, (429, {"Retry-After": "120"}, {"error": "slow down"}), (200, {}, "garbage \x00\xff"), (200, {}, b"\xff\xfe"),
                                  (200, {"Content-Type": "text/html"}, "<html>log in to the airport's net</html>"),
                                  (302, {"Location": "http://127.0.0.1:9/steal"}, ""), (200, {}, "x" * 200000), "cut",
                                  (200, {}, {"access_token": "a b", "token_type": "Bearer"}), (200, {}, {"access_token": "ab", "token_type": "mac"}),
                                  (200, {}, {"token_type": "Bearer"}), (200, {}, [1]), (500, {}, {"error": "invalid_grant"})],
                         ids=["503", "429", "garbage", "no-utf8", "html", "redirect", "huge", "cut", "bad-token", "bad-type", "no-token", "array", "500-with-a-word"])
def test_no_answer_is_no_death(work, bearer, tokens, step, clock):
    """The mail waits; nobody has to act; a little later it goes."""
    tokens.script.append(step)
    conf(work, bearer, tokens)
    d = work.started()
    d.wait_log("login=mail: no new access token: 127.0.0.1:%d" % tokens.port)
    work.csv([late("A1")])
    until(lambda: [m for m in work.outbox() if m[3] == 1], "a try")
    assert len(tokens.asked) == 1 and token_state(work) == "ok" and bearer.tokens_seen == []
    assert "no new access token" in work.outbox()[0][5]
    poke(d, work, clock, 130, lambda: len(tokens.asked) == 2, "the server to be asked again")
    work.try_now(work.outbox()[0][0])
    bearer.wait_mails(1, 30)
    until(lambda: "no new access token" not in work.tool("status"), "the words to go")
    assert d.stop() == 0


def test_the_old_token_serves_while_it_lives(work, bearer, tokens, clock):
    """The renewal at four fifths fails: mails go on with the old token until its end."""
    conf(work, bearer, tokens)
    d = work.started()
    work.csv([late("A1")])
    bearer.wait_mails(1, 30)
    tokens.script += [BUSY] * 50
    poke(d, work, clock, 2900, lambda: len(tokens.asked) >= 2, "a renewal")
    work.csv([late("A1"), late("A2", "bo")])
    bearer.wait_mails(2, 30)
    assert tokens.count == 1
    tokens.script.clear()
    poke(d, work, clock, 1000, lambda: tokens.count == 2, "the renewal that works")
    work.csv([late("A1"), late("A2", "bo"), late("A3", "chen")])
    bearer.wait_mails(3, 30)
    assert d.stop() == 0


def test_a_hanging_token_server(work, bearer, tokens):
    """Whoever stops us doesn't wait for it."""
    tokens.script.append("hang")
    conf(work, bearer, tokens)
    d = work.started()
    work.csv([late("A1")])
    until(lambda: tokens.asked, "the question")
    assert d.stop() == 0


def test_tls(work, bearer, certificate):
    """https with a certificate of the token server's own; without ca_file it isn't trusted."""
    with TokenServer(cert=certificate[0], key=certificate[1]) as tokens:
        tokens.grant(FIRST)
        tokens.on_access = lambda token: bearer.users.__setitem__(USER, token)
        conf(work, bearer, tokens)
        work.csv([late("A1")])
        work.once(code=1)
        assert tokens.asked == []
        conf(work, bearer, tokens, oauth='ca_file = "%s";' % certificate[0])
        work.retry(*[m[0] for m in work.outbox()])
        work.once()
        assert len(bearer.mails) >= 1


def test_a_new_refresh_token_file_goes_first(work, bearer, tokens):
    conf(work, bearer, tokens)
    work.csv([late("A1")])
    work.once()
    tokens.refresh.discard(FIRST)
    conf(work, bearer, tokens, refresh=tokens.grant("by-hand"))
    work.tool("test-mail", "ops")
    assert tokens.asked[-1]["refresh_token"] == "by-hand" and kept(work)["refresh_token"] == "by-hand"


@pytest.mark.parametrize("spoil", ["garbage", "modes", "another-login"])
def test_a_spoilt_token_file(work, bearer, tokens, spoil):
    conf(work, bearer, tokens)
    work.csv([late("A1")])
    work.once()
    path = work.state / "tokens" / "mail.json"
    if spoil == "garbage":
        path.write_text("{")
    elif spoil == "modes":
        path.chmod(0o644)
    else:
        path.write_text(json.dumps({**kept(work), "of": "1"}))
    if spoil == "another-login":
        work.tool("test-mail", "ops")
        assert len(tokens.asked) == 2
        return
    d = work.daemon().ready()
    d.wait_log("login=mail token_expiring: token file")
    busy = until(lambda: cpu(d), "its time")
    until(lambda: token_state(work) == "gone", "the state")
    assert cpu(d) - busy < 0.5, "no spinning"
    assert work.outbox("ops") == [], "by no way there is to tell"
    assert d.stop() == 0
    said = work.tool("test-mail", "ops", code=1)
    assert ("is damaged" if spoil == "garbage" else "chmod 0600") in said


# ---- duewatch authorize ----

def authorize(work, *args, answer=""):
    """(exit code, output); answer: a function from what it printed first to what is typed."""
    work.own_state()
    p = subprocess.Popen([TOOL, "-c", work.conf, "authorize", *args], stdin=subprocess.PIPE, stdout=subprocess.PIPE,
                         stderr=subprocess.STDOUT, text=True, env=work.env())
    said = ""
    if answer:
        while "\n> " not in said:
            c = p.stdout.read(1)
            if not c:
                break
            said += c
        said += p.communicate(answer(said) + "\n", timeout=60)[0]
    else:
        said += p.communicate(timeout=60)[0]
    return p.returncode, said


def opened(said):
    return next(line for line in said.splitlines() if line.startswith("http://127.0.0.1"))


def test_authorize(work, bearer, tokens):
    conf(work, bearer, tokens, oauth='authorize_url = "%s"; scope = "mail";' % tokens.authorize_url, refresh=None)
    work.csv([late("A1")])
    work.once(code=1)
    assert "no access was granted yet" in work.tool("status") or "duewatch authorize mail" in str(work.outbox())
    asked = {}

    def browser(said):
        q, address = tokens.code(opened(said))
        asked.update(q)
        return address
    code, said = authorize(work, "mail", answer=browser)
    assert code == 0 and "granted" in said, said
    assert asked["client_id"] == "client-1" and asked["scope"] == "mail" and asked["login_hint"] == USER
    assert asked["redirect_uri"] == "http://localhost"
    path = work.state / "tokens" / "mail.json"
    assert stat.S_IMODE(path.stat().st_mode) == 0o600 and kept(work)["refresh_token"] == "granted-1"
    assert "access-1" not in said and "granted-1" not in said
    work.retry(*[m[0] for m in work.outbox()])
    work.once()
    assert bearer.mails


def test_authorize_while_the_daemon_runs(work, bearer, tokens, clock):
    """A login that is gone is back within a minute or so, without a restart."""
    conf(work, bearer, tokens, oauth='authorize_url = "%s";' % tokens.authorize_url, refresh=None)
    d = work.started()
    d.wait_log("no access was granted yet")
    code, said = authorize(work, "mail", answer=lambda said: tokens.code(opened(said))[1])
    assert code == 0, said
    poke(d, work, clock, 61, lambda: token_state(work) == "ok", "the new grant to be seen")
    work.csv([late("A1")])
    until(lambda: any(m.to == ["alice@a.example.com"] for m in bearer.mails), "the mail")
    assert d.stop() == 0


@pytest.mark.parametrize("typed,words", [("", "nothing was given"), ("http://localhost/?error=access_denied&state=x", "access_denied"),
                                         ("http://localhost/?code=abc&state=other", "belongs to another try"), ("http://localhost/", "no code"),
                                         ("made-up-code", "invalid_grant"), ("two words", "neither a code nor an address"), ("x" * 8500, "too long")])
def test_authorize_refused(work, bearer, tokens, typed, words):
    conf(work, bearer, tokens, oauth='authorize_url = "%s";' % tokens.authorize_url, refresh=None)
    code, said = authorize(work, "mail", answer=lambda _: typed)
    assert code == 1 and words in said, said
    assert not (work.state / "tokens" / "mail.json").exists()


def test_authorize_device(work, bearer, tokens):
    tokens.device["pending"] = 1
    conf(work, bearer, tokens, oauth='device_url = "%s";' % tokens.device_url, refresh=None)
    code, said = authorize(work, "mail", "--device")
    assert code == 0 and "WDJB-MJHT" in said and "https://login.example.com/device" in said, said
    assert kept(work)["refresh_token"] == "granted-1" and "device-1" not in said
    tokens.device["agreed"] = False
    code, said = authorize(work, "mail", "--device")
    assert code == 1 and "access_denied" in said and kept(work)["refresh_token"] == "granted-1"


def test_authorize_what(work, relay, tokens):
    conf(work, relay, tokens, refresh=None)
    assert "there mail" in authorize(work, "replies")[1] or "mail" in authorize(work, "replies")[1]
    assert "no device login" in authorize(work, "mail", "--device")[1]
    assert "no authorize_url" in authorize(work, "mail")[1]
    work.config(relay)
    assert "is none" in authorize(work, "mail")[1]
    assert os.path.basename(pathlib.Path(TOOL)) == "duewatch"
