"""What a file, a relay, another user of this machine or a clumsy edit may try, on the real programs (.github/SECURITY.md).

Programs are taken from $DUEWATCH_BUILD (default ./build). Nothing leaves the folder of a test: mails go to a maildir or
to a relay of our own on this machine.
"""
import csv
import email
import email.policy
import html.parser
import io
import itertools
import json
import os
import pathlib
import random
import signal
import sqlite3
import stat
import subprocess
import sys
import time
import zipfile
from collections import Counter
from datetime import datetime, timedelta

import pytest
from harness import fine, late, until, wrapped
from smtpd import SmtpServer

BUILD = pathlib.Path(os.environ.get("DUEWATCH_BUILD", "build")).resolve()
HEADER = ["order_id", "status", "promised_at", "paid_at", "agreed_at", "owner", "buyer", "title", "note", "url", "amount", "currency"]
CONF = """
timezone = "Asia/Shanghai"; state = "state"; daily_at = "off";
default_owner = "alice"; default_deputy = "bo"; default_manager = "chen";
mail = {{ transport = "{transport}"; from = "Duewatch <duewatch@example.com>"; {mail} }};
people = ( {{ name = "alice"; email = "alice@example.com"; }}, {{ name = "bo"; email = "bo@example.com"; }},
           {{ name = "chen"; email = "chen@example.com"; }} );
feeds = ( {{ name = "shop"; type = "{type}"; path = "{path}"; platform = "alibaba"; timezone = "America/Los_Angeles"; {feed} }} );
"""
DECEIVING = "\x1b\x07\x7f\x85\x9b\u200b\u200f\u202a\u202e\u2066\ufeff"
as_root = pytest.mark.skipif(os.geteuid() != 0, reason="needs root")


def day(n):
    return (datetime.now() + timedelta(days=n)).strftime("%Y-%m-%d")


def order(number, **more):
    row = {"order_id": number, "status": "awaiting_shipment", "promised_at": day(20), "paid_at": day(-20),
           "agreed_at": day(40), "owner": "alice", "buyer": "B", "amount": "12.00", "currency": "USD", **more}
    return [row.get(name, "") for name in HEADER]


class Shop:
    def __init__(self, folder, **more):
        self.dir = folder
        self.conf = folder / "duewatch.conf"
        self.config(**more)

    def config(self, **more):
        self.conf.write_text(CONF.format(**{"transport": f"maildir://{self.dir}/mail", "mail": "", "type": "csv", "path": "shop.csv",
                                            "feed": "", **more}))

    def orders(self, *rows, name="shop.csv"):
        out = io.StringIO(newline="")
        csv.writer(out).writerows([HEADER, *rows])
        part = self.dir / (name + ".part")
        part.write_bytes(out.getvalue().encode("utf-8", "surrogateescape"))
        part.rename(self.dir / name)

    def run(self, *args, program="duewatch", code=None):
        done = subprocess.run([*wrapped(BUILD / program), "-c", self.conf, *args], capture_output=True, timeout=60, stdin=subprocess.DEVNULL)
        assert b"Sanitizer" not in done.stderr, done.stderr.decode("utf-8", "replace")
        assert done.returncode in ((0, 1, 2) if code is None else (code,)), (args, done)
        return done

    def once(self, code=None):
        return self.run("--once", program="duewatchd", code=code).stderr.decode()

    def mails(self):
        for path in sorted((self.dir / "mail" / "new").glob("*")):
            yield email.message_from_bytes(path.read_bytes(), policy=email.policy.default)


@pytest.fixture
def shop(tmp_path):
    return Shop(tmp_path)


class Tags(html.parser.HTMLParser):
    """Every tag with its attributes; a value counts only where it could do something."""

    def __init__(self, text):
        super().__init__()
        self.seen, self.links = Counter(), []
        self.feed(text)

    def handle_starttag(self, tag, attrs):
        self.seen[(tag, tuple(sorted(name for name, _ in attrs)))] += 1
        self.links += [value for name, value in attrs if name in ("href", "src", "action")]


def body(mail, kind):
    return mail.get_body((kind,)).get_content()


CELLS = ["<script>alert(1)</script>", '"><img src=x onerror=alert(1)>', "</td></table><a href='//evil.example'>x</a>", "' onmouseover='x",
         "{{order_id}} {{{buyer}}} {{>mail}} {{#x}}", "{{=<% %>=}}", "=cmd|' /C calc'!A0", "\r\nBcc: eve@evil.example\r\n\r\nx",
         "\x1b]0;pwn\x07\x1b[31m\x1b[2J", "\u202egnp.exe\u202c\u200b", "\u009b31m\u0085", "\udcff\udcfe", "N" * 60000, "../../etc/passwd",
         "=?UTF-8?B?QmNjOiBldmU=?=", "%s%n%x", "\u2028Bcc: x\u2029"]


def test_cells_stay_text(shop):
    """No cell gets a header, a tag, an attribute, a recipient or a terminal's ear."""
    urls = ["javascript:alert(1)", "data:text/html,<script>", 'https://ok.example/"onclick="x', "https://x.example/\r\nBcc: a@evil.example", "//evil.example"]
    shop.orders(*[order(f"2341{i:04}", buyer=c, title=c, note=c, owner=["eve@evil.example", c[:90]][i % 2], url=urls[i % len(urls)])
                  for i, c in enumerate(CELLS)])
    log = shop.once(code=0)
    mails = list(shop.mails())
    assert {m["To"].addresses[0].addr_spec for m in mails} == {"alice@example.com"}
    (shop.dir / "plain").mkdir()
    plain = Shop(shop.dir / "plain")
    plain.orders(*[order(f"2341{i:04}", title="T") for i in range(len(CELLS))])
    plain.once(code=0)
    allowed = set()
    for mail in plain.mails():
        allowed |= set(Tags(body(mail, "html")).seen)
    for mail in mails:
        assert not mail.defects and mail["Bcc"] is None and "evil" not in str(mail["Subject"])
        tags = Tags(body(mail, "html"))
        assert {t for t, _ in tags.seen} <= {t for t, _ in allowed} and tags.links == []
        assert not any(name.startswith("on") for _, names in tags.seen for name in names)
        assert not set(DECEIVING) & set(body(mail, "plain") + body(mail, "html") + str(mail["Subject"]))
    for said in (log, *(shop.run(*a).stdout.decode() for a in (["status"], ["explain", "23410008"], ["explain", "23410010"], ["outbox"], ["feed"]))):
        assert not set(DECEIVING) & set(said)
    json.loads(shop.run("status", "--json").stdout)
    json.loads(shop.run("explain", "23410011", "--json").stdout)


def test_order_numbers(shop):
    """Numbers made to be pasted into a shell, taken for another order, or to forge the log."""
    ids = ["-rf", "--help", "a;reboot", "$(reboot)", "a b", "q'", '"dq"', "x kind=overdue person=chen", "é中文", "{{id}}", "<b>1</b>", "..", "%s%n", "x" * 64, "7", "shop/7"]
    bad = ["x" * 65, "a\x1b[31m", "a\nb", "a\u202eb", "a\u0000b"]
    shop.orders(*[order(i, note=str(n)) for n, i in enumerate(ids + bad)])
    log = shop.once(code=0)
    assert f"orders={len(ids)} rejected={len(bad)}" in log
    assert not [line for line in log.splitlines() if line.startswith("alert ") and len(line.split()) != 5]
    assert "kind=overdue" not in [word for line in log.splitlines() for word in line.split()]
    pasted = set()
    for mail in shop.mails():
        for line in body(mail, "plain").splitlines():
            if line.strip().startswith("duewatch ack"):  # what a shell makes of it is one word that names an order
                word = subprocess.run(["sh", "-c", f"set -- {line.strip()}; printf %s \"$3\"; exit $#"], capture_output=True, text=True, check=False)
                assert word.returncode == 3
                pasted.add(json.loads(shop.run("explain", word.stdout, "--json", code=0).stdout)["order_id"])
    assert pasted == set(ids)
    for start in ("", "a", "$", "<", "-"):  # completion puts what it prints on the command line as it is
        offered = subprocess.run([BUILD / "duewatch", "--complete", "-c", shop.conf, "explain", start], capture_output=True, text=True, check=False)
        assert not [line for line in offered.stdout.splitlines() if set(line) & set(" ;&|<>()$`'\"\\*?[]{}#~!")]
    for number in ids:
        name = json.loads(shop.run("explain", f"shop/{number}", "--json", code=0).stdout)
        assert name["order_id"] == number


def test_bombs_and_strange_files(tmp_path):
    """None is read for long, none hangs, none is believed."""
    def sheet(inside, **more):
        out = io.BytesIO()
        with zipfile.ZipFile(out, "w", zipfile.ZIP_DEFLATED) as z:
            z.writestr("_rels/.rels", '<R><Relationship Id="a" Type="x/officeDocument" Target="w.xml"/></R>')
            z.writestr("_rels/w.xml.rels", f'<R><Relationship Id="a" Type="x/worksheet" Target="{more.get("target", "s.xml")}"/>'
                                           '<Relationship Id="b" Type="x/sharedStrings" Target="t.xml"/></R>')
            z.writestr("t.xml", f'<t><si><t>{"N" * 65000}</t></si></t>')
            z.writestr("w.xml", '<w xmlns:r="r"><sheets><sheet name="A&#x9b;31m&#x202e;" r:id="a"/></sheets></w>')
            z.writestr("s.xml", inside)
        return out.getvalue()
    files = {"bomb.xlsx": sheet("<w><sheetData>" + " " * 200_000_000 + "</sheetData></w>"), "deep.xlsx": sheet("<a>" * 100_000),
             "xxe.xlsx": sheet('<!DOCTYPE x [<!ENTITY a SYSTEM "file:///etc/passwd">]><w>&a;</w>'), "out.xlsx": sheet("<w/>", target="../../etc/passwd"),
             "said.xlsx": sheet("<w><sheetData><row>" + "".join(f'<c t="str"><v>{name}</v></c>' for name in HEADER) + "</row>" +
                                "".join(f'<row><c t="str"><v>{random.getrandbits(60)}</v></c>' + '<c t="s"><v>0</v></c>' * 11 + "</row>" for _ in range(20_000)) +
                                "</sheetData></w>"),
             "cut.xlsx": sheet("<w/>")[:-30], "junk.xlsx": b"PK\3\4" + bytes(range(256)) * 20, "wide.csv": b"order_id" + b",x" * 1_000_000 + b"\n",
             "long.csv": b"a" * 3_000_000, "open.csv": b'order_id,status\n"1,x\n' + b"2,x\n" * 50_000, "nul.csv": b"order_id\0,status\n1,x\n"}
    for name, data in files.items():
        (tmp_path / name).write_bytes(data)
    os.mkfifo(tmp_path / "fifo.csv")
    os.symlink("loop.csv", tmp_path / "loop.csv")
    for name in [*files, "fifo.csv", "loop.csv", "/dev/zero"]:
        (tmp_path / name[:4].strip("/")).mkdir(exist_ok=True)
        s = Shop(tmp_path / name[:4].strip("/"), path=tmp_path / name, type="xlsx" if name.endswith("xlsx") else "csv")
        began = time.monotonic()
        assert "read failed feed=shop" in s.once(code=1), name
        assert time.monotonic() - began < 10, name


def test_numbers_that_fall_into_one_slot(tmp_path):
    """65,536 order numbers whose FNV hashes agree in their low 23 bits are read about as fast as any."""
    def step(h, text):
        for byte in text:
            h = (h ^ byte) * 1099511628211 & (1 << 23) - 1
        return h
    pairs, h = [], 14695981039346656037 & (1 << 23) - 1
    for _ in range(16):     # for each place two texts that lead to the same state: all ways through are alike
        seen = {}
        for text in itertools.product(b"0123456789abcdefghijklmnopqrstuvwxyz", repeat=4):
            end = step(h, text)
            if seen.setdefault(end, text) != text:
                break
        pairs.append((bytes(seen[end]).decode(), bytes(text).decode()))
        h = end
    took = {}
    for name, numbers in {"plain": ("%064d" % i for i in range(1 << 16)), "alike": map("".join, itertools.product(*pairs))}.items():
        (tmp_path / name).mkdir()
        s = Shop(tmp_path / name)
        s.orders(*([n, "completed"] for n in numbers))
        began = time.monotonic()
        s.once(code=0)
        took[name] = time.monotonic() - began
    assert took["alike"] < 2.5 * took["plain"], took


def test_rows_that_stand_apart_are_held_up_to_a_bound(tmp_path):
    s = Shop(tmp_path)
    numbers = "".join("%d\n" % i for i in range(500_000 if sys.maxsize > 2**32 else 900_000))
    (tmp_path / "shop.csv").write_text("order_id\n" + numbers * 2)
    assert "orders don't stand together" in s.once(code=1)
    (tmp_path / "shop.csv").write_text("order_id\n" + "".join("%d\n" % i for i in range(2000)) * 2)
    assert "read feed=shop orders=2000" in s.once(code=0)


def test_message_ids_cannot_be_foretold(tmp_path):
    """The buyer knows the order, its dates, and perhaps who is told; not what another store would call the same mail."""
    ids = set()
    for name in "ab":
        (tmp_path / name).mkdir()
        s = Shop(tmp_path / name)
        s.orders(order("1", promised_at="2026-01-01", agreed_at=""))
        s.once(code=0)
        ids |= {mail["Message-ID"] for mail in s.mails()}
        people = len(list(s.mails()))
    assert people and len(ids) == 2 * people


@pytest.mark.parametrize("n, mails", [(5, 5), (300, 1)])
def test_good_news_in_bulk_is_one_mail(work, n, mails):
    work.csv([fine("Z1")] + [late("A%d" % i) for i in range(n)])
    work.once()
    before = len(work.mails())
    work.csv([fine("Z1")] + [fine("A%d" % i) for i in range(n)])
    work.once()
    settled = [m for m in work.mails() if "resolved" in m.get_all("X-Duewatch-Step")]
    assert len(settled) == len(work.mails()) - before == mails
    assert sum(len(m.get_all("X-Duewatch-Order")) for m in settled) == min(n, 220)      # 20 in full, 200 lines, the count of the rest
    assert {s for s, in work.sql("SELECT state FROM steps")} == {1}


@as_root
def test_links_in_the_drop_folder(tmp_path):
    """Whoever may drop files may not have the service's own files read out in an error mail."""
    s = Shop(tmp_path, path="in")
    inbox = tmp_path / "in"
    inbox.mkdir()
    (tmp_path / "secret").write_text("hunter2\n")
    os.symlink(tmp_path / "secret", inbox / "x.csv")
    os.lchown(inbox / "x.csv", 65534, 65534)
    assert "hunter2" not in s.once(code=1)
    assert b"hunter2" not in (tmp_path / "state" / "duewatch.db").read_bytes()
    s.orders(order("1"), name="real.csv")  # root's own link to where the export really lies
    os.symlink(tmp_path / "real.csv", inbox / "y.csv")
    assert "read feed=shop orders=1" in s.once(code=0)


def test_a_file_from_the_future(tmp_path):
    """A modification time to come must not hide the exports that follow."""
    s = Shop(tmp_path, path="in")
    (tmp_path / "in").mkdir()
    s.orders(order("1"), name="in/old.csv")
    os.utime(tmp_path / "in" / "old.csv", (time.time() + 4e6,) * 2)
    assert "orders=1 " in s.once()
    time.sleep(0.05)
    s.orders(order("1"), order("2"), name="in/new.csv")
    assert "orders=2 " in s.once()


ANSWERS = {"DOT": "250 ok \x1b[2J\x1b]0;pwn\x07 \u009b31m \u202e", "RCPT": '550 5.1.1 no" kind=overdue person="\x1b[2J', "EHLO": "flood:250",
           "BANNER": "huge:1000000:220", "AUTH": "535 5.7.8 not {password}, {b64}"}


@pytest.mark.parametrize("stage", ANSWERS)
def test_relay_words(tmp_path, stage):
    """A relay's words reach log, list and database clean, bounded and without our password."""
    users = {"u": "S3cr3t Pass"} if stage == "AUTH" else None
    with SmtpServer(script={stage: ANSWERS[stage]}, users=users) as relay:
        s = Shop(tmp_path, transport=f"smtp://localhost:{relay.port}",
                 mail='starttls = "off";' + ('username = "u"; password_file = "pw";' if users else ""))
        (tmp_path / "pw").write_text("S3cr3t Pass\n")
        (tmp_path / "pw").chmod(0o600)
        s.orders(order("1"))
        log = s.once()
    told = log + s.run("outbox").stdout.decode() + s.run("outbox", "--json").stdout.decode() + s.run("status").stdout.decode()
    assert not set(DECEIVING) & set(told) and len(told) < 20_000
    kept = told.encode() + b"".join(p.read_bytes() for p in (tmp_path / "state").iterdir())
    assert b"S3cr3t" not in kept and b"UzNjcjN0" not in kept and b"AHUAUzNj" not in kept
    for line in log.splitlines():
        if "answer=" in line:
            assert line.count('"') == 2 and line.endswith('"')


def test_state_folder_of_everybody(shop):
    """Whoever can put a database there decides what is sent, and to whom."""
    shop.orders(order("1"))
    (shop.dir / "state").mkdir()
    (shop.dir / "state").chmod(0o777)
    assert "chmod 0700" in shop.once(code=1)
    (shop.dir / "state").chmod(0o700)
    shop.once(code=0)
    assert stat.S_IMODE((shop.dir / "state" / "duewatch.db").stat().st_mode) == 0o600


def test_damaged_databases(shop):
    """Bits flipped anywhere: refused or read, never a crash."""
    shop.orders(*[order(str(i)) for i in range(5)])
    shop.once(code=0)
    db = shop.dir / "state" / "duewatch.db"
    whole, dice = db.read_bytes(), random.Random(5)
    for _ in range(8):
        data = bytearray(whole)
        for _ in range(dice.choice([1, 5, 50])):
            data[dice.randrange(100, len(data))] ^= 1 << dice.randrange(8)
        db.write_bytes(data)
        for wal in (shop.dir / "state").glob("*-wal"):
            wal.unlink()
        for args in (["--once"], ["status", "--json"], ["explain", "1"]):
            shop.run(*args, program="duewatchd" if args == ["--once"] else "duewatch")
    db.write_bytes(whole[:len(whole) // 2])
    assert "damaged" in shop.once(code=1)


def test_password_file_is_checked_before_it_is_needed(tmp_path):
    s = Shop(tmp_path, transport="smtp://127.0.0.1:1", mail='starttls = "off"; username = "u"; password_file = "pw";')
    s.orders(order("1"))
    for text, mode, code in (("hunter2\n", 0o600, 0), ("hunter2\n", 0o644, 2), ("", 0o600, 2), ("\n", 0o600, 2),
                             ("hunter2\nhunter3\n", 0o600, 2), ("hunter2\0\n", 0o600, 2)):
        (tmp_path / "pw").write_text(text)
        (tmp_path / "pw").chmod(mode)
        assert b"hunter" not in s.run("-t", program="duewatchd", code=code).stderr


def test_a_clock_that_was_ahead(shop):
    """What a clock years ahead wrote down (next looks, last daily mails) must not keep the daemon silent for years."""
    shop.orders(order("1"))
    shop.once(code=0)
    db, ahead = sqlite3.connect(shop.dir / "state" / "duewatch.db"), int(time.time()) + 10 * 365 * 86400
    # twenty hours: what a start believes at once, without its ten minutes of doubt
    db.executescript(f"UPDATE orders SET next_at={ahead}; UPDATE people SET daily_at={ahead};"
                     f"UPDATE meta SET value='{int(time.time()) + 20 * 3600}' WHERE key='decided_at';")
    db.close()
    assert "decided anew" in shop.once(code=0)
    db = sqlite3.connect(shop.dir / "state" / "duewatch.db")
    assert db.execute("SELECT count(*) FROM orders WHERE next_at < ?", (ahead - 86400,)).fetchone() == (1,)
    assert db.execute("SELECT max(daily_at) FROM people").fetchone()[0] <= time.time()
    db.close()


def test_killed_again_and_again(tmp_path):
    """kill -9 at any instant: each order is told, and what is told twice has the same Message-ID."""
    dice, rows = random.Random(3), []
    with SmtpServer(script={"DOT": "wait:0.01|ok"}) as relay:
        s = Shop(tmp_path, transport=f"smtp://127.0.0.1:{relay.port}", mail='starttls = "off";', feed='every = "1s";')

        def more():
            rows.extend(order(f"2341{len(rows) + i:06}", promised_at=day(4), owner=["alice", "bo"][i % 2]) for i in range(2))
            s.orders(*rows)
        more()
        s.once()
        for _ in range(15):
            more()
            p = subprocess.Popen([*wrapped(BUILD / "duewatchd"), "-c", s.conf], stderr=subprocess.PIPE)
            time.sleep(dice.uniform(0.1, 0.6))
            p.send_signal(signal.SIGKILL)
            assert b"Sanitizer" not in p.communicate(timeout=10)[1] and p.returncode == -signal.SIGKILL
        s.once()
        s.once()
        told, ids = {}, Counter()
        for mail in relay.mails:
            m = email.message_from_bytes(mail.data, policy=email.policy.default)
            ids[str(m["Message-ID"])] += 1
            for number, step in zip(m.get_all("X-Duewatch-Order"), m.get_all("X-Duewatch-Step")):
                told.setdefault((number, step, str(mail.to)), set()).add(str(m["Message-ID"]))
    assert {number for number, _, _ in told} == {row[0] for row in rows}
    assert all(len(which) == 1 for which in told.values())


LONG = "a" + "订单已付款等待发货" * 40      # wherever it is cut by bytes: inside a character, most of the time


@pytest.mark.parametrize("first", [True, False], ids=["first-read", "later"])
@pytest.mark.parametrize("column", ["status", "transport", "currency", "extension_state", "lead_days"])
def test_a_cell_that_is_cut_inside_a_character(work, column, first):
    """It is told, and nothing else is the worse for it."""
    if not first:
        work.csv([fine("Z1")])
        work.once()
    head = ["order_id", "promised_at", "owner"] + [column]
    work.csv([["A%d" % i, day(-1), "alice", "x" * i + LONG[:60]] for i in range(3)], head=head)
    work.once()
    assert work.one("SELECT rejected FROM feeds") >= 3 and work.one("SELECT error FROM feeds") is None
    assert {m["to"].split()[0] for m in work.mails()} == {"alice", "ops"}


def test_a_file_whose_name_is_no_utf8(work):
    d = work.started()
    bad = os.fsencode(work.inbox) + "/订单.csv".encode("gbk")
    pathlib.Path(os.fsdecode(bad)).write_bytes(b'order_id,status\n"open\n')
    error = until(lambda: work.one("SELECT error FROM feeds"), "the error in the store")
    assert error.startswith("?.csv: line 3: ")
    until(lambda: [m["to"].split()[0] for m in work.mails()] == ["ops"], "the operators' mail")
    d.send(signal.SIGUSR1)
    assert json.loads(work.tool("status", "--json"))["feeds"][0]["error"] == error
    assert d.log().count("read failed") == 1     # said once


def test_notes_that_are_cut_inside_a_character(work):
    work.csv([late("A1"), late("A2"), late("A3")])
    work.once()
    for k in range(3):
        note = "x" * k + LONG
        work.tool("ack", "A1", "--as", "bo", "--note", note)
        work.tool("set", "A2", "note=" + note, "buyer=" + note)
        work.tool("close", "A3", "--note", note)
        work.tool("reopen", "A3")
    work.once()
    assert note[:80] in work.tool("explain", "A1") + work.tool("explain", "A3")
    # the feed's value changes: the setter is told what he said and what it says, both cut
    work.csv([late("A%d" % i, buyer="y" * k + LONG) for i in range(1, 4)])
    work.once()
    assert any("your value no longer counts" in m["subject"] for m in work.mails())


@pytest.mark.parametrize("k", range(3))
def test_a_refusal_that_is_cut_inside_a_character(work, relay, k):
    """The address is dead, whatever the relay's language."""
    relay.script["RCPT:alice@a.example.com"] = "550 5.1.1 " + "x" * k + "用户不存在" * 60
    work.config(relay=relay)
    work.csv([late("A1")])
    work.once(code=1)
    assert work.one("SELECT dead_why FROM people WHERE name='alice'")
    assert [m[1] for m in work.outbox("bo")] == [2]
