"""What tells others that the watcher is well: metrics, heartbeat, reconciliation, backup, doctor."""

import contextlib
import ctypes
import http.server
import os
import re
import sqlite3
import ssl
import stat
import threading
import time

import pytest
from harness import BUILD, day, fine, late, text_of, until
from smtpd import SmtpServer, make_cert, server_context

SECRET = "/ping/0b61-secret"


class Web:
    """An HTTP server for heartbeats: what it was asked, and what it answers. tls: (certificate, key); then it is HTTPS,
    old_tls: of a kind nobody should speak any more."""

    def __init__(self, code=200, headers=(), body=b"OK", hang=None, tls=None, old_tls=False):
        web = self
        web.hits, web.hang = [], hang

        class Handler(http.server.BaseHTTPRequestHandler):
            def answer(self, send=True):
                web.hits.append((self.command, self.path))
                if web.hang:
                    web.hang.wait(30)
                self.send_response(web.code if self.path != "/elsewhere" else 200)
                for name, value in web.headers:
                    self.send_header(name, value)
                self.end_headers()
                with contextlib.suppress(OSError):
                    if send:
                        self.wfile.write(web.body)

            def do_GET(self):
                self.answer()

            def do_HEAD(self):
                self.answer(False)

            def log_message(self, *args):
                pass

        web.code, web.headers, web.body = code, list(headers), body
        self.server = http.server.ThreadingHTTPServer(("127.0.0.1", 0), Handler)
        self.server.daemon_threads = True
        self.host = "127.0.0.1:%d" % self.server.server_port
        self.url = ("https://" if tls else "http://") + self.host + SECRET
        if tls:
            context = server_context(*tls, ssl.TLSVersion.TLSv1_1 if old_tls else None)
            self.server.socket = context.wrap_socket(self.server.socket, server_side=True, do_handshake_on_connect=False)
        threading.Thread(target=self.server.serve_forever, daemon=True).start()

    def close(self):
        if self.hang:
            self.hang.set()
        self.server.shutdown()
        self.server.server_close()


@pytest.fixture
def web():
    w = Web()
    yield w
    w.close()


def ops(work, web=None, relay=None, **more):
    """The shop's config with the keys of this issue."""
    text = work.config(relay, **more) + 'metrics_file = "duewatch.prom";\n'
    if web:
        text += 'heartbeat_url = "%s"; heartbeat_every = "1m";\n' % web.url
    work.write(work.conf, text)


SAMPLE = re.compile(r'^(duewatch_[a-z_]+)(?:\{((?:[a-z_]+="(?:[^"\\\n]|\\["\\n])*",?)*)\})? (-?\d+(?:\.\d+)?)$')


def metrics(work):
    """{(name, labels): value}, after the format was checked: HELP and TYPE before each family, each family once."""
    path = work.folder / "duewatch.prom"
    if not path.exists():
        return {}
    got, seen, family = {}, [], None
    text = path.read_text()
    assert text.endswith("\n")
    for line in text.splitlines():
        if line.startswith("# HELP "):
            family = line.split(" ")[2]
            assert family not in seen, family
            seen.append(family)
        elif line.startswith("# TYPE "):
            assert line.split(" ")[2] == family and line.split(" ")[3] in ("gauge", "counter")
        else:
            name, labels, value = SAMPLE.match(line).groups()
            assert name == family and (name, labels) not in got
            got[name, labels] = float(value)
    return got


def orders(work, feed="shop"):
    return {re.search(r'state="(\w+)"', labels)[1]: int(v) for (name, labels), v in metrics(work).items()
            if name == "duewatch_orders" and 'feed="%s"' % feed in labels}


# ---- metrics ----

def test_metrics_follow(work, relay):
    ops(work, relay=relay)
    work.started([fine("Z1"), late("A1")])
    until(lambda: orders(work).get("open") == 1, "A1 in the file")
    assert orders(work) == {"undecided": 0, "quiet": 0, "watching": 1, "open": 1, "acked": 0}
    path = work.folder / "duewatch.prom"
    assert stat.S_IMODE(path.stat().st_mode) == 0o644
    until(lambda: metrics(work).get(("duewatch_mails_sent_total", None)) == 1, "the mail in the file")
    m = metrics(work)
    assert m["duewatch_outbox_mails", 'state="sent"'] == 1
    assert m["duewatch_feed_error", 'feed="shop"'] == 0 and m["duewatch_feed_stale", 'feed="shop"'] == 0
    assert abs(m["duewatch_last_tick_timestamp_seconds", None] - time.time()) < 60
    assert m["duewatch_cycle_whole", None] == 1 and m["duewatch_unaccounted", None] == 0
    work.tool("ack", "A1", "--as", "alice")
    until(lambda: orders(work).get("acked") == 1, "the ack in the file")
    work.csv([["Z1", "completed", day(200), "alice", "ACME"], late("A1"), late("A2")])
    until(lambda: orders(work) == {"undecided": 0, "quiet": 1, "watching": 0, "open": 1, "acked": 1}, "the new list")
    assert sum(orders(work).values()) == work.one("SELECT count(*) FROM orders")
    assert [p.name for p in work.folder.glob("duewatch.prom*")] == ["duewatch.prom"]


def test_metrics_say_a_feed_fails(work):
    ops(work)
    d = work.started()
    (work.inbox / "orders.csv").write_bytes(b"\0" * 100)
    until(lambda: metrics(work).get(("duewatch_feed_error", 'feed="shop"')) == 1, "the error in the file:\n" + d.log())
    assert metrics(work)["duewatch_cycle_whole", None] == 0


def test_metrics_that_cannot_be_written(work):
    work.write(work.conf, work.config() + 'metrics_file = "no/such/folder/duewatch.prom";\n')
    d = work.started()
    d.wait_log("metrics_file: cannot make")
    work.csv([late("A1")])
    until(work.mails, "a mail all the same")
    assert d.log().count("metrics_file: cannot make") == 1


# ---- heartbeat ----

def test_heartbeat_when_all_is_well(work, web):
    ops(work, web)
    d = work.started()
    until(lambda: web.hits, "the heartbeat")
    until(lambda: metrics(work).get(("duewatch_heartbeat_timestamp_seconds", None), 0) >= time.time() - 60, "it in the file")
    assert web.hits == [("GET", SECRET)]       # once a minute
    assert SECRET not in d.log() and "secret" not in (work.folder / "duewatch.prom").read_text()
    assert d.stop() == 0


def cycle(work):
    """The last cycle as the file has it: None before the first tick that ran to its end."""
    m = metrics(work)
    return m.get(("duewatch_cycle_whole", None)) if m.get(("duewatch_ticks_total", None)) else None


def test_no_heartbeat_while_a_feed_fails(work, web):
    ops(work, web)
    (work.inbox / "orders.csv").write_bytes(b"\0" * 100)
    d = work.daemon().ready()
    d.wait_log("read failed")
    until(lambda: cycle(work) == 0, "a cycle")
    assert web.hits == []
    work.csv([fine("Z1")])
    until(lambda: web.hits, "the heartbeat, once it is mended")


def test_no_heartbeat_while_data_is_old(work, web):
    ops(work, web, feed='stale_after = "1h";')
    work.csv([fine("Z1")])
    old = time.time() - 7200
    os.utime(work.inbox / "orders.csv", (old, old))
    work.daemon().ready()
    until(lambda: cycle(work) == 0, "a cycle")
    assert metrics(work)["duewatch_feed_stale", 'feed="shop"'] == 1 and web.hits == []


def test_no_heartbeat_before_the_first_read(work, web):
    ops(work, web)
    work.daemon().ready()
    until(lambda: cycle(work) == 0, "a cycle")
    assert web.hits == []


def test_no_heartbeat_while_a_mail_waits(work, web, relay):
    relay.script["DOT"] = "451 4.3.0 later"
    ops(work, web, relay)
    d = work.started([late("A1")])
    d.wait_log("deferred")
    assert d.stop() == 0
    hits = len(web.hits)
    with sqlite3.connect(work.state / "duewatch.db") as db:
        db.execute("UPDATE mails SET created=created-3700")
    work.daemon().ready()
    until(lambda: cycle(work) == 0 and metrics(work)["duewatch_outbox_oldest_waiting_seconds", None] > 3600, "a cycle")
    assert len(web.hits) == hits


def test_heartbeat_refused_is_said_without_its_secret(work, web):
    web.code = 503
    ops(work, web)
    d = work.started()
    d.wait_log("heartbeat failed: %s answered 503" % web.host)
    assert "secret" not in d.log()


@pytest.mark.parametrize("target", ["file:///etc/passwd", "ftp://127.0.0.1/", "gopher://127.0.0.1/x"])
def test_heartbeat_never_leaves_http(work, web, target):
    web.code, web.headers = 302, [("Location", target)]
    ops(work, web)
    work.started().wait_log("heartbeat failed")
    assert web.hits == [("GET", SECRET)]


def test_heartbeat_follows_within_http(work, web):
    web.code, web.headers = 302, [("Location", "/elsewhere")]
    ops(work, web)
    d = work.started()
    until(lambda: ("GET", "/elsewhere") in web.hits, "the redirection followed")
    until(lambda: metrics(work).get(("duewatch_heartbeat_timestamp_seconds", None)), "answered well")
    assert "heartbeat failed" not in d.log()


def test_heartbeat_never_leaves_its_host(work, web):
    """Its server doesn't choose what this machine calls upon."""
    other = Web()
    try:
        web.code, web.headers = 302, [("Location", other.url.replace("127.0.0.1", "localhost"))]
        ops(work, web)
        work.started().wait_log("heartbeat failed: %s answered 302" % web.host)
        assert other.hits == []
    finally:
        other.close()


def test_heartbeat_with_a_huge_answer(work, web):
    web.body = b"x" * (64 << 20)
    ops(work, web)
    d = work.started()
    until(lambda: metrics(work).get(("duewatch_heartbeat_timestamp_seconds", None)), "the heartbeat")
    assert "heartbeat failed" not in d.log()


def test_heartbeat_that_hangs_holds_nothing_back(work, web):
    web.hang = threading.Event()
    ops(work, web)
    d = work.started()
    until(lambda: web.hits, "the heartbeat")
    work.csv([late("A1")])
    until(work.mails, "a mail meanwhile", 5)
    assert d.stop() == 0
    assert "heartbeat failed" not in d.log()    # we broke it off ourselves


@pytest.mark.parametrize("url", ["ftp://h/x", "https://u:p@h/geheim", "h/geheim", "https://h:99999/geheim", "https://h /geheim"])
def test_heartbeat_url_is_checked(work, url):
    work.write(work.conf, work.config() + 'heartbeat_url = "%s";\n' % url)
    said = work.run("-t", code=2).stderr
    assert "heartbeat_url: the address" in said or "heartbeat_url: no user" in said
    assert "geheim" not in said


def test_heartbeat_needs_a_certificate_it_trusts(work, certificate):
    """Not by default with one nobody signed; then pinned."""
    web = Web(tls=certificate)
    try:
        ops(work, web)
        d = work.started()
        d.wait_log("heartbeat failed")
        assert web.hits == [] and "secret" not in d.log()
        d.stop()
        pin(work, certificate[0])
        d = work.started()
        until(lambda: web.hits, "the heartbeat")
        assert "heartbeat failed" not in d.log()
        assert marks(doctor(work, 0 if synchronised() else 1), "heartbeat") == {"ok"}
    finally:
        web.close()


def pin(work, path):
    work.write(work.conf, work.conf.read_text() + 'heartbeat_ca_file = "%s";\n' % path)


@pytest.mark.parametrize("wrong", ["another authority", "another host", "TLS 1.1"])
def test_heartbeat_refuses(work, certificate, tmp_path, wrong):
    mine = make_cert(str(tmp_path), "watch.example.com" if wrong == "another host" else "127.0.0.1")
    web = Web(tls=certificate if wrong == "another authority" else mine, old_tls=wrong == "TLS 1.1")
    try:
        ops(work, web)
        pin(work, mine[0])
        d = work.started()
        d.wait_log("heartbeat failed")
        assert web.hits == []
    finally:
        web.close()


def test_heartbeat_never_leaves_https(work, certificate):
    plain = Web()
    web = Web(code=302, headers=[("Location", plain.url)], tls=certificate)
    try:
        ops(work, web)
        pin(work, certificate[0])
        work.started().wait_log("heartbeat failed")
        assert web.hits and plain.hits == []
    finally:
        web.close()
        plain.close()


# ---- reconciliation ----

def reconciled(log):
    return [dict(p.split("=") for p in line.split()[1:]) for line in log.splitlines() if line.startswith("reconciled orders=")]


def adds_up(r):
    n = {k: int(v) for k, v in r.items()}
    assert n["orders"] == n["quiet"] + n["watching"] + n["open"] + n["acked"]
    assert n["steps"] == n["sent"] + n["covered"] + n["spared"] + n["waiting"] + n["failed"] + n["dropped"]
    return n


def test_reconciled_once_a_day(work):
    d = work.started([late("A1"), fine("Z1"), fine("Z2")])
    d.wait_log("reconciled orders=")
    n = adds_up(reconciled(d.log())[-1])
    assert (n["orders"], n["open"], n["watching"], n["steps"]) == (3, 1, 2, 1)
    until(work.mails, "the mail")
    work.csv([late("A1"), late("A2")])
    until(lambda: work.one("SELECT count(*) FROM alerts") == 2, "A2")
    assert len(reconciled(d.log())) == 1 and d.stop() == 0
    # the next day: the last one was before the last midnight
    with sqlite3.connect(work.state / "duewatch.db") as db:
        db.execute("UPDATE meta SET value=value-86400 WHERE key='reconciled_at'")
    d = work.daemon().ready()
    d.wait_log("reconciled orders=")
    n = adds_up(reconciled(d.log())[-1])
    assert (n["orders"], n["open"], n["watching"], n["sent"]) == (4, 2, 2, 2)
    assert "unaccounted" not in d.log()
    work.tool("status", "--check", code=1)      # two are past their deadline, nothing is broken


def break_books(work, *sql):
    with sqlite3.connect(work.state / "duewatch.db") as db:
        for s in sql:
            db.execute(s)
        db.execute("UPDATE meta SET value=value-90000 WHERE key='reconciled_at'")


@pytest.mark.parametrize("sql,words", [
    ("UPDATE steps SET mail=NULL", "1 steps count as told, and their mails are not there"),
    ("UPDATE orders SET class=0 WHERE order_id='Z1'", "1 orders are not decided"),
    ("UPDATE orders SET class=1 WHERE order_id='A1'", "0 orders are open or acked, 1 have an alert"),
    ("DELETE FROM orders WHERE order_id='Z1'", "feed shop: 2 orders read, 1 listed"),
])
def test_unaccounted(work, sql, words):
    d = work.started([late("A1"), fine("Z1")])
    d.wait_log("reconciled orders=")
    work.wait_outbox(2)
    assert d.stop() == 0
    break_books(work, sql)
    d = work.daemon().ready()
    d.wait_log("error: unaccounted for: " + words)
    note = until(lambda: [m for m in work.mails() if "unaccounted" in m["Subject"]], "the note")[0]
    assert note["To"].addresses[0].addr_spec == "ops@o.example.com" and words in " ".join(text_of(note).split())
    assert "unaccounted for: " + words in work.tool("status", "--check", code=2)
    # an hour later it is looked at again; operators hear of it daily
    assert d.stop() == 0
    break_books(work)
    d = work.daemon().ready()
    d.wait_log("reconciled orders=")
    assert len([m for m in work.mails() if "unaccounted" in m["Subject"]]) == 1


def test_mended_books_are_quiet_again(work):
    d = work.started([late("A1"), fine("Z1")])
    d.wait_log("reconciled orders=")
    assert d.stop() == 0
    break_books(work, "UPDATE orders SET class=0 WHERE order_id='Z1'")
    d = work.daemon().ready()
    d.wait_log("unaccounted for")
    assert d.stop() == 0
    break_books(work, "UPDATE orders SET class=2 WHERE order_id='Z1'")
    d = work.daemon().ready()
    d.wait_log("reconciled orders=")
    assert "unaccounted" not in d.log()
    assert "unaccounted" not in work.tool("status", "--check", code=1)


def test_once_does_all_three(work, web):
    ops(work, web)
    work.csv([late("A1"), fine("Z1")])
    said = work.once()
    assert adds_up(reconciled(said)[0])["sent"] == 1
    assert web.hits == [("GET", SECRET)] and orders(work)["open"] == 1
    work.csv([late("A1"), fine("Z1"), fine("Z2")])
    assert not reconciled(work.once())          # not due
    (work.inbox / "orders.csv").write_bytes(b"\0" * 100)
    hits = len(web.hits)
    work.once(code=1)
    assert len(web.hits) == hits


# ---- backup ----

def test_backup_online_and_put_back(work):
    d = work.started([late("A1"), fine("Z1")])
    until(work.mails, "a mail")
    work.wait_outbox(2)
    copy = work.folder / "copy.db"
    assert "checked" in work.tool("backup", str(copy))
    assert stat.S_IMODE(copy.stat().st_mode) == 0o600
    assert [p.name for p in work.folder.glob("copy*")] == ["copy.db"]
    assert "new file" in work.run("backup", str(copy), program=BUILD / "duewatch", code=1).stderr
    assert d.process.poll() is None and d.stop() == 0
    before = work.sql("SELECT order_id FROM orders ORDER BY 1")
    for p in work.state.glob("duewatch.db*"):
        p.unlink()
    copy.rename(work.state / "duewatch.db")
    d = work.daemon().ready()
    work.decided()
    assert work.sql("SELECT order_id FROM orders ORDER BY 1") == before
    work.csv([late("A1"), late("A2")])
    until(lambda: len(work.mails()) == 2, "A2's mail")
    assert [m["X-Duewatch-Order"] for m in work.mails()].count("A1") == 1     # the backup knew that it was told


def test_backup_without_a_store(work):
    work.state.mkdir(mode=0o700, exist_ok=True)     # ours, where root would else work as the service's user
    assert "nothing has been read yet" in work.run("backup", "x.db", program=BUILD / "duewatch", code=1).stderr


# ---- doctor ----

def doctor(work, code):
    """{check: [(mark, words)]}"""
    said = {}
    for line in work.tool("doctor", code=code).splitlines():
        m = re.match(r"^(ok|warn|FAIL) +(\w+) +(.*)$", line)
        if m:
            said.setdefault(m[2], []).append((m[1], m[3]))
    return said


def marks(said, check):
    return {mark for mark, _ in said.get(check, [])}


def worst(said, *skip):
    """Whether this machine's clock is synchronised isn't ours to test."""
    return {mark for check, lines in said.items() if check not in skip for mark, _ in lines}


def password(work, word, mode=0o600):
    path = work.folder / "smtp-password"
    path.write_text(word + "\n")
    path.chmod(mode)


def synchronised():
    """The kernel's word: TIME_ERROR is 5."""
    return ctypes.CDLL(None).adjtimex(ctypes.create_string_buffer(512)) != 5


def test_doctor_all_well(work, web, certificate):
    with SmtpServer(str(work.folder / "relay"), tls="implicit", cert=certificate[0], key=certificate[1],
                    users={"shop": "pass-word-1"}, require_auth=True) as relay:
        password(work, "pass-word-1")
        ops(work, web, transport="smtps://127.0.0.1:%d" % relay.port,
            mail=' username = "shop"; password_file = "smtp-password"; ca_file = "%s";' % certificate[0])
        d = work.started([fine("Z1")])
        until(lambda: web.hits, "the heartbeat")
        hits = len(web.hits)
        said = doctor(work, 0 if synchronised() else 1)
        assert worst(said, "clock") == {"ok"}, said
        assert {"config", "files", "state", "disk", "store", "daemon", "zones", "feeds", "watches", "outbox", "relay",
                "metrics", "heartbeat"} <= set(said)
        assert "logged in" in said["relay"][0][1] and "pass-word-1" not in str(said)
        assert "secret" not in str(said)
        verbs = [text.split(" ")[0].split("\r")[0] for _, who, text in relay.lines if who == "C"]
        assert "NOOP" in verbs and not {"MAIL", "RCPT", "DATA", "VRFY"} & set(verbs), verbs
        assert relay.mails == []
        assert [h for h in web.hits[hits:] if h != ("HEAD", "/")] == []     # never the heartbeat itself
        assert d.stop() == 0


def test_doctor_relay(work, relay):
    """What the relay's trouble is, and that a greeting with a date is compared with the clock."""
    work.config(relay)
    work.started()
    relay.script["EHLO"] = "421 4.3.2 too busy"
    relay.script["HELO"] = "421 4.3.2 too busy"
    said = doctor(work, 2)
    assert marks(said, "relay") == {"FAIL"} and "too busy" in said["relay"][0][1]
    relay.script.clear()
    relay.script["BANNER"] = "220 relay ESMTP; Mon, 23 Nov 2015 05:38:31 +0800"
    said = doctor(work, 2)
    assert marks(said, "relay") == {"ok"} and any("of the relay" in w and m == "FAIL" for m, w in said["clock"])
    relay.script["BANNER"] = "220 relay ESMTP; " + time.strftime("%a, %d %b %Y %H:%M:%S +0000", time.gmtime())
    said = doctor(work, 0 if synchronised() else 1)
    assert any("the relay agrees" in w for m, w in said["clock"] if m == "ok")
    assert relay.mails == []


def test_doctor_wrong_password_and_open_file(work, certificate):
    with SmtpServer(str(work.folder / "relay"), tls="implicit", cert=certificate[0], key=certificate[1],
                    users={"shop": "right"}, require_auth=True) as relay:
        password(work, "very-wrong-word")
        work.config(transport="smtps://127.0.0.1:%d" % relay.port,
                    mail=' username = "shop"; password_file = "smtp-password"; ca_file = "%s";' % certificate[0])
        work.started()
        said = doctor(work, 2)
        assert marks(said, "relay") == {"FAIL"} and "very-wrong-word" not in str(said)
        password(work, "right", 0o644)
        said = doctor(work, 2)
        assert "FAIL" in marks(said, "files") and marks(said, "relay") == {"FAIL"}


def test_doctor_no_relay(work):
    with SmtpServer(str(work.folder / "relay")) as relay:
        work.config(relay)
    work.csv([fine("Z1")])
    work.once()
    said = doctor(work, 2)
    assert marks(said, "relay") == {"FAIL"} and "can't connect" in said["relay"][0][1]
    assert marks(said, "daemon") == {"warn"}        # it ran a moment ago, by --once


def test_doctor_before_anything(work):
    work.state.mkdir(mode=0o700, exist_ok=True)
    said = doctor(work, 2)
    assert marks(said, "store") == {"warn"} and marks(said, "daemon") == {"FAIL"} and marks(said, "feeds") == {"warn"}
    work.write(work.conf, "nonsense\n")
    out = work.tool("doctor", code=2)
    assert "FAIL  config" in out and "can't be looked at" in out


def test_doctor_state_feeds_clock(work):
    work.csv([fine("Z1")])
    work.once()
    (work.state / "duewatch.db").chmod(0o644)
    work.state.chmod(0o755)
    said = doctor(work, 2)
    assert marks(said, "state") == {"FAIL", "warn"}
    (work.state / "duewatch.db").chmod(0o600)
    work.state.chmod(0o700)
    (work.inbox / "orders.csv").write_bytes(b"\0" * 100)
    work.once(code=1)
    assert marks(doctor(work, 2), "feeds") == {"FAIL"}
    with sqlite3.connect(work.state / "duewatch.db") as db:
        db.execute("UPDATE meta SET value=value+200000 WHERE key='decided_at'")
    said = doctor(work, 2)
    assert any("before the last read or decision" in w and m == "FAIL" for m, w in said["clock"])


def test_doctor_damaged_store(work):
    work.csv([fine("Z%03d" % i) for i in range(300)])
    work.once()
    with open(work.state / "duewatch.db", "r+b") as f:
        f.seek(4096 * 8)
        f.write(b"\x5a" * 4096 * 6)
    said = doctor(work, 2)
    assert "FAIL" in marks(said, "store")


def test_doctor_mails_given_up(work):
    work.csv([late("A1")])
    work.once()
    with sqlite3.connect(work.state / "duewatch.db") as db:
        db.execute("UPDATE mails SET state=4")
    assert marks(doctor(work, 2), "outbox") == {"FAIL"}
