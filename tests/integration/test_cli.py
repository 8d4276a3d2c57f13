"""duewatch, the person's tool, over real stores that duewatchd --once made from small CSV files.

Programs are taken from $DUEWATCH_BUILD (default ./build). Nothing leaves the folder of a test: mails go to a maildir.
"""
import base64
import json
import os
import pathlib
import pty
import re
import signal
import subprocess
import time
from datetime import datetime, timedelta, timezone

import pytest
from harness import wrapped
from smtpd import SmtpServer

BUILD = pathlib.Path(os.environ.get("DUEWATCH_BUILD", "build")).resolve()
MAN = pathlib.Path(__file__).resolve().parents[2] / "daemon" / "man"
BIG = "234100000000000001"  # will ship after its date
QUIET = "234100000000000002"  # nothing for weeks
LATE = "234100000000000003"  # past its date
SHARED = "77"  # in both feeds

CONF = """
timezone = "Asia/Shanghai";
state = "state";
default_owner = "alice"; default_deputy = "bo"; default_manager = "chen";
daily_at = "off";
mail = {{ transport = "{transport}"; from = "Duewatch <duewatch@example.com>"; }};
people = (
  {{ name = "alice"; email = "alice@example.com"; aliases = [ "Alice Wang" ]; }},
  {{ name = "bo"; email = "bo@example.com"; }},
  {{ name = "chen"; email = "chen@example.com"; }}
);
feeds = (
  {{ name = "shop"; type = "csv"; path = "shop.csv"; platform = "alibaba"; timezone = "America/Los_Angeles"; }},
  {{ name = "second"; type = "csv"; path = "second.csv"; platform = "1688"; absent = "close"; every = "1s"; }},
  {{ name = "factory"; type = "csv"; path = "plan.csv"; overlay = true; of = [ "shop" ]; }}
);
"""


def day(n):
    return (datetime.now() + timedelta(days=n)).strftime("%Y-%m-%d")


class Shop:
    """A folder with a config, feeds, a state and a maildir."""

    def __init__(self, folder):
        self.dir = folder
        self.conf = folder / "duewatch.conf"
        self.config(f"maildir://{folder}/mail")
        self.write("shop.csv", ["order_id,status,promised_at,paid_at,agreed_at,buyer,amount,currency,owner",
                                f"{BIG},awaiting_shipment,{day(30)},{day(-20)},{day(40)},Acme 贸易有限公司,12400.00,USD,Alice Wang",
                                f"{QUIET},awaiting_shipment,{day(60)},{day(-10)},,\x1b[31mRed\x1b]0;title\x07,99.5,USD,nobody",
                                f"{LATE},awaiting_shipment,{day(-3)},{day(-30)},,Carl,5,EUR,bo",
                                f"{SHARED},completed,{day(-50)},{day(-200)},,Carl,5,EUR,bo"])
        self.write("second.csv", ["order_id,status,promised_at", f"{SHARED},awaiting_shipment,{day(40)}",
                                  f"78,awaiting_shipment,{day(41)}"])
        self.write("plan.csv", ["order_id,expected_ship_at", f"{BIG},{day(45)}"])

    def config(self, transport):
        self.conf.write_text(CONF.format(transport=transport))

    def write(self, name, lines):
        (self.dir / name).write_text("\n".join(lines) + "\n")

    def run(self, *args, program="duewatch", code=0, env=None):
        done = subprocess.run([*wrapped(BUILD / program), "-c", self.conf, *args], capture_output=True, text=True, timeout=60,
                              env={**os.environ, **(env or {})}, stdin=subprocess.DEVNULL)
        assert done.returncode == code, (args, done.returncode, done.stdout, done.stderr)
        assert "Sanitizer" not in done.stderr
        return done

    def out(self, *args, **more):
        return self.run(*args, **more).stdout

    def err(self, *args, **more):
        return self.run(*args, **more).stderr

    def json(self, *args):
        return json.loads(self.out(*args, "--json"))

    def once(self, code=0):
        (self.dir / "state").mkdir(0o700, exist_ok=True)    # ours, also on a machine with a user duewatch
        return self.run("--once", program="duewatchd", code=code)

    def mails(self):
        new = self.dir / "mail" / "new"
        return sorted(new.iterdir()) if new.exists() else []

    def alert(self, number, feed="shop"):
        found = [a for a in self.json("status")["alerts"] if (a["order_id"], a["feed"]) == (number, feed)]
        return found[0] if found else None


@pytest.fixture
def unread(tmp_path):
    return Shop(tmp_path)


@pytest.fixture
def shop(unread):
    unread.once()
    return unread


# ---- before anything was read ----

def test_not_read_yet(unread):
    assert "read yet" in unread.out("status")
    assert unread.json("status")["alerts"] == []
    assert "not" in unread.out("status", "--check", code=1)
    assert unread.json("outbox") == {"mails": []}
    assert "not read yet" in unread.out("feed", "shop")
    assert "3 new" not in unread.out("feed", "factory", "--dry-run") and not (unread.dir / "state").exists()
    for command in (["explain", BIG], ["set", BIG, "note=x"], ["preview", BIG]):
        assert "nothing has been read yet" in unread.err(*command, code=1)


def test_check_reads_out_one_order_per_feed(unread):
    done = unread.run("check")
    assert "feed shop" in done.stdout and "feed second" in done.stdout and "feed factory" in done.stdout
    assert "the platform's page must show" in done.stdout and "America/Los_Angeles" in done.stdout
    promised = datetime.strptime(day(30), "%Y-%m-%d")
    assert f"{promised.day} {promised:%b %Y} 23:59:59 P" in done.stdout
    assert not (unread.dir / "state").exists()


def test_check_names_every_problem_with_its_line(unread):
    unread.conf.write_text(unread.conf.read_text().replace('default_deputy', 'default_deputi')
                           .replace('every = "1s"', 'every = "30d"'))
    done = unread.run("check", code=2)
    assert re.search(r"duewatch\.conf:4: default_deputi: .*default_deputy", done.stderr)
    assert re.search(r"duewatch\.conf:\d+: feeds\.every: .*7d", done.stderr)
    assert "default_deputi" in unread.err("status", code=2)
    unread.run("status", "--check", code=2)


def test_check_fills_every_template_of_the_languages_in_use(unread):
    """Overrides are where mistakes are made: a name that isn't there renders as nothing, and nobody would see it."""
    own = unread.dir / "templates"
    unread.conf.write_text(unread.conf.read_text().replace('name = "chen";', 'name = "chen"; language = "zh-CN";'))
    for language in ("en", "zh-CN"):
        (own / language).mkdir(parents=True)
    (own / "en" / "footer.mustache").write_text("Yours,\n{{raeder}}\n")
    (own / "en" / "act.mustache").write_text("{{#k.overdue}}\nShip it!\n")
    (own / "en" / "subjekt.mustache").write_text("x")
    (own / "zh-CN" / "told.mustache").write_text("{{>told}}")
    for told in (unread.err("check", code=2), subprocess.run([BUILD / "duewatchd", "-c", unread.conf, "-t"], capture_output=True,
                                                            text=True, timeout=60).stderr):
        assert f'{own}/en/act.mustache:1: section "k.overdue" is not closed' in told
        assert f"{own}/en/footer.mustache:2: {{{{raeder}}}}: there is no such name here, perhaps reader" in told
        assert f"{own}/en/subjekt.mustache:1: there is no template of this name, so nobody reads it, perhaps subject.mustache" in told
        assert f"{own}/zh-CN/told.mustache:1: {{{{>told}}}} includes itself" in told
    (own / "en" / "act.mustache").unlink()
    (own / "en" / "subjekt.mustache").unlink()
    (own / "zh-CN" / "told.mustache").unlink()
    (own / "en" / "footer.mustache").write_text("Yours, {{reader}}\n")
    assert "fine" in unread.out("check")


def test_check_says_that_a_feed_is_unreadable(unread):
    unread.write("second.csv", ["a,b,c", "1,2,3"])
    assert "feed second" in unread.err("check", code=2)


# ---- status ----

def utc(text):
    assert re.fullmatch(r"\d{4}-\d\d-\d\dT\d\d:\d\d:\d\dZ", text), text
    return datetime.strptime(text, "%Y-%m-%dT%H:%M:%SZ").replace(tzinfo=timezone.utc)


def test_status_json_is_the_documented_structure(shop):
    status = shop.json("status")
    assert set(status) == {"now", "feeds", "alerts", "relays", "outbox", "replies", "dead_addresses"}
    assert status["replies"] == {"state": "off", "last_success": None, "error": None} and status["dead_addresses"] == []
    assert abs((utc(status["now"]) - datetime.now(timezone.utc)).total_seconds()) < 60
    assert [f["name"] for f in status["feeds"]] == ["shop", "second", "factory"]
    for feed in status["feeds"]:
        assert set(feed) == {"name", "state", "data_time", "last_success", "orders", "missing", "rejected", "error"}
        assert feed["state"] == "ok" and feed["error"] is None
        utc(feed["data_time"]), utc(feed["last_success"])
    assert status["feeds"][0]["orders"] == 4
    keys = {"order_id", "feed", "side", "kind", "state", "since", "act_by", "promised_at", "auto_confirm_at", "told",
            "next_step_at", "owner", "amount", "currency"}
    for alert in status["alerts"]:
        assert set(alert) == keys
    assert set(status["outbox"]) == {"queued", "sent", "unsure", "failed"}
    assert status["outbox"]["sent"] == len(shop.mails()) > 0


def test_status_json_says_what_is_open_and_what_is_watched(shop):
    big, late, quiet = shop.alert(BIG), shop.alert(LATE), shop.alert(QUIET)
    assert (big["kind"], big["state"], big["owner"], big["amount"]) == ("extend_ship_date", "open", "alice", "12400.00")
    assert [t["person"] for t in big["told"]] == ["alice"]
    assert utc(big["act_by"]) < utc(big["promised_at"])
    assert utc(big["next_step_at"]) == utc(big["act_by"]) - timedelta(days=7)
    assert (late["kind"], late["state"]) == ("overdue", "open")
    assert {t["person"] for t in late["told"]} == {"bo", "chen"}
    assert (quiet["kind"], quiet["state"], quiet["since"], quiet["told"]) == ("confirm_ship_date", "watching", None, [])
    assert quiet["owner"] == "alice"  # "nobody" is nobody of the config
    assert shop.alert(SHARED, "second")["state"] == "watching" and shop.alert(SHARED) is None


def test_status_lists_the_most_urgent_first(shop):
    order = [a["order_id"] for a in shop.json("status")["alerts"]]
    assert order.index(LATE) < order.index(BIG) < order.index(QUIET)
    text = shop.out("status")
    assert text.index(LATE) < text.index(BIG) and QUIET not in text
    assert QUIET in shop.out("status", "--all")
    assert "USD 12400.00" in text and "PST" in text or "PDT" in text


def test_status_check_is_one_line_with_an_exit_code(shop):
    line = shop.out("status", "--check", code=1)  # one order is past its date, and nobody is on it
    assert line.count("\n") == 1 and "needs a look" in line
    shop.out("ack", LATE, "--as", "bo")
    assert "fine" in shop.out("status", "--check")
    shop.write("second.csv", ["a,b", "1,2"])
    shop.once(code=1)
    assert "feed second" in shop.out("status", "--check", code=2)
    assert shop.json("status")["feeds"][1]["state"] == "error"


def test_stale_feed_needs_a_look(shop):
    shop.out("ack", LATE, "--as", "bo")
    old = time.time() - 40 * 3600
    os.utime(shop.dir / "shop.csv", (old, old))
    shop.once()
    assert shop.json("status")["feeds"][0]["state"] == "stale"
    assert "old data" in shop.out("status", "--check", code=1)


# ---- explain ----

def test_explain_says_sources_dates_rules_and_steps(shop):
    text = shop.out("explain", BIG)
    assert re.search(r"expected_ship_at .* overlay factory", text)
    assert "working days (Mon-Fri America/Los_Angeles, less holidays" in text
    assert re.search(r"ship +extend_ship_date +holds", text)
    assert re.search(r"ship +overdue +no +not: now", text)
    assert "not tried: an earlier row holds" in text
    assert re.search(r"extend_ship_date +found +alice +told", text)
    assert re.search(r"1d! +alice, bo\b", text)


def test_explain_json(shop):
    x = shop.json("explain", BIG)
    facts = {f["field"]: f for f in x["facts"]}
    assert facts["expected_ship_at"]["won"] == "overlay"
    assert facts["agreed_at"]["won"] == "feed"
    dates = {d["name"]: d for d in x["dates"]}
    assert set(dates) == {"X", "P", "F", "E", "A", "ETA", "R", "C"}
    assert utc(dates["F"]["at"]) < utc(dates["P"]["at"]) < utc(dates["E"]["at"]) and dates["A"]["at"] is None
    holds = [r["kind"] for r in x["rules"] if r["holds"]]
    assert holds == ["extend_ship_date"]
    for rule in x["rules"]:
        if rule["tried"]:  # what was decided and what the conditions say agree
            assert rule["holds"] == all(c["holds"] for c in rule["conditions"]), rule
    assert x["alerts"][0]["state"] == "open" and x["steps"][0]["state"] == "told"
    assert x["coming"][0]["persons"] == ["alice"] and x["history"]


def test_explain_conditions_agree_with_every_decision(shop):
    shop.write("shop.csv", ["order_id,status,promised_at,paid_at,agreed_at,extension_state,extension_until,shipped_at,transport,"
                            "expected_arrival_at,completed_at",
                            f"1,awaiting_payment,{day(5)},,{day(9)},,,,,,",
                            f"2,awaiting_shipment,,{day(-9)},,,,,,,",
                            f"3,awaiting_shipment,{day(9)},{day(-9)},,declined,{day(15)},,,,",
                            f"4,awaiting_shipment,{day(9)},{day(-9)},{day(12)},requested,{day(15)},,,,",
                            f"5,awaiting_shipment,{day(9)},{day(-9)},{day(20)},requested,{day(15)},,,,",
                            f"6,awaiting_shipment,{day(9)},{day(-9)},{day(20)},accepted,{day(25)},,,,",
                            f"7,shipped,{day(-20)},{day(-40)},,,,{day(-25)},sea,{day(30)},",
                            f"8,shipped,{day(-20)},{day(-40)},,,,{day(-15)},sea,,",
                            f"9,completed,{day(-20)},{day(-40)},,,,{day(-25)},express,{day(9)},{day(-3)}",
                            f"10,disputed,{day(-20)},{day(-40)},,,,{day(-25)},sea,,",
                            f"11,cancelled,{day(-20)},{day(-40)},,,,,,,",
                            f"12,awaiting_shipment,{day(3)},{day(-1)},,,,,,,"])
    shop.once()
    kinds = {}
    for number in range(1, 13):
        x = shop.json("explain", str(number))
        kinds[number] = [r["kind"] for r in x["rules"] if r["holds"]]
        for rule in x["rules"]:
            if rule["tried"]:
                assert rule["holds"] == all(c["holds"] for c in rule["conditions"]), (number, rule)
    assert kinds == {1: ["edit_before_payment"], 2: ["incomplete"], 3: ["extension_declined"], 4: ["extension_unanswered"],
                     5: ["extend_ship_date"], 6: ["ship_by"], 7: ["extend_receipt"], 8: ["shipped_late"],
                     9: ["auto_confirmed_undelivered"], 10: ["dispute"], 11: [], 12: ["ship_by"]}


# ---- what a person changes ----

def test_set_and_unset(shop):
    shop.out("set", QUIET, f"expected_ship_at={day(70)}", "note=the steel is late", "--as", "Alice Wang")
    x = shop.json("explain", QUIET)
    facts = {f["field"]: f for f in x["facts"]}
    assert facts["expected_ship_at"]["won"] == "set" and facts["expected_ship_at"]["sources"][0]["name"] == "alice"
    assert facts["note"]["value"] == "the steel is late"
    assert shop.alert(QUIET)["kind"] == "extend_ship_date"
    assert "expected_ship_at" in shop.out("unset", QUIET, "expected_ship_at")
    assert shop.alert(QUIET)["kind"] == "confirm_ship_date"
    assert "not set" in shop.err("unset", QUIET, "expected_ship_at", code=1)


def test_set_reads_world_dates_in_the_config_zone_and_record_dates_in_the_feeds(shop):
    shop.out("set", QUIET, "expected_ship_at=2031-03-01", "promised_at=2031-03-01")
    facts = {f["field"]: f["value"] for f in shop.json("explain", QUIET)["facts"]}
    assert facts["expected_ship_at"] == "2031-03-01T15:59:59Z"  # Shanghai
    assert facts["promised_at"] == "2031-03-02T07:59:59Z"  # Los Angeles


def test_set_stores_all_or_nothing(shop):
    before = shop.json("explain", QUIET)["facts"]
    assert "expected_ship_at" in shop.err("set", QUIET, "note=x", "expected_ship_at=soon", code=1)
    assert "amount" in shop.err("set", QUIET, "note=x", "amount=many", code=1)
    assert "bo" in shop.err("set", QUIET, "note=x", "owner=boo", code=1)
    assert "expected_ship_at" in shop.err("set", QUIET, "note=x", "expected_shp_at=2030-01-01", code=1)
    assert shop.json("explain", QUIET)["facts"] == before
    for field in ("order_id=1", "platform=1688"):
        shop.err("set", QUIET, field, code=1)


def test_ack_unack(shop):
    assert "--as" in shop.err("ack", BIG, code=1, env={"SUDO_USER": "somebody-else"})
    assert "alice" in shop.err("ack", BIG, "--as", "alcie", code=1)
    assert "7d" in shop.err("ack", BIG, "--as", "alice", "--for", "8d", code=2)
    shop.out("ack", BIG, "--as", "alice@example.com", "--note", "asked the buyer")
    acked = shop.alert(BIG)
    assert acked["state"] == "acked"
    assert utc(acked["next_step_at"]) == utc(acked["act_by"]) - timedelta(days=3)  # the 7d step is covered
    assert "acked by alice" in shop.out("status")
    assert any("asked the buyer" in h["text"] for h in shop.json("explain", BIG)["history"])
    shop.out("unack", BIG)
    assert shop.alert(BIG)["state"] == "open"
    shop.err("unack", BIG, code=1)
    assert "nothing" in shop.err("ack", QUIET, "--as", "bo", code=1)


@pytest.mark.skipif(os.geteuid() != 0, reason="sudo is root's")
def test_sudo_user_is_who_speaks(shop):
    shop.out("ack", BIG, env={"SUDO_USER": "bo"})
    assert shop.json("explain", BIG)["alerts"][0]["ack"]["by"] == "bo"
    shop.out("set", QUIET, "note=x", env={"SUDO_USER": "carol"})
    notes = [f for f in shop.json("explain", QUIET)["facts"] if f["field"] == "note"]
    assert notes[0]["sources"][0]["name"] == "carol"


def test_close_reopen(shop):
    assert "--note" in shop.err("close", LATE, code=2)
    shop.out("close", LATE, "--note", "settled by phone", "--as", "bo")
    assert shop.alert(LATE) is None
    assert "settled by phone" in shop.out("explain", LATE)
    assert shop.json("explain", LATE)["closed"]["by"] == "bo"
    shop.err("close", LATE, "--note", "again", code=1)
    shop.out("reopen", LATE)
    assert shop.alert(LATE)["kind"] == "overdue"
    shop.err("reopen", LATE, code=1)


def wait_for(what, seconds=20):
    end = time.monotonic() + seconds
    while not what():
        assert time.monotonic() < end, "it didn't happen"
        time.sleep(0.05)


def test_a_change_reaches_a_running_daemon(shop):
    with open(shop.dir / "log", "w") as log:
        daemon = subprocess.Popen([*wrapped(BUILD / "duewatchd"), "-c", shop.conf], stderr=log, stdout=log)
    try:
        wait_for(lambda: (shop.dir / "state" / "lock").read_text().strip() == str(daemon.pid))
        shop.once(code=1)  # a daemon is running on this state
        before = len(shop.mails())
        shop.out("set", QUIET, f"expected_ship_at={day(70)}")
        wait_for(lambda: len(shop.mails()) > before, seconds=10)  # without the wake it would sleep on, up to 60 s
        assert shop.alert(QUIET)["state"] == "open"
    finally:
        daemon.send_signal(signal.SIGTERM)
        assert daemon.wait(10) == 0


# ---- orders, feeds, people by name ----

def test_two_feeds_that_share_a_number(shop):
    said = shop.err("explain", SHARED, code=1)
    assert f"shop/{SHARED}" in said and f"second/{SHARED}" in said and said.count("\n") == 1
    assert "completed" in shop.out("explain", f"shop/{SHARED}")
    assert "awaiting_shipment" in shop.out("explain", f"second/{SHARED}")
    assert f"second/78" in shop.err("explain", "shop/78", code=1)


def test_near_matches_in_one_line_with_exit_1(shop):
    for args, near in ((["explain", "23410000000000001"], BIG), (["explain", "000001"], BIG), (["feed", "shpo"], "shop"),
                       (["test-mail", "alicee"], "alice"), (["set", BIG, "expected_shipat=2030-01-01"], "expected_ship_at"),
                       (["unset", BIG, "agred_at"], "agreed_at")):
        said = shop.err(*args, code=1)
        assert near in said and said.count("\n") == 1, (args, said)
    assert shop.err("explain", "no-such-order", code=1).count("\n") == 1


def test_wrong_usage_is_exit_2(shop):
    for args in ([], ["nonsense"], ["status", "extra"], ["status", "--jsno"], ["explain"], ["set", BIG], ["set", BIG, "note"],
                 ["ack", BIG, "--for"], ["ack", BIG, "--for", "2 days"], ["close", BIG], ["outbox", "push"], ["outbox", "drop"],
                 ["outbox", "retry", "one"], ["feed", "--accept"], ["feed", "shop", "--accept", "--dry-run"],
                 ["status", "--json=1"], ["test-mail"], ["-x"]):
        assert "usage: duewatch" in shop.err(*args, code=2), args


# ---- feeds ----

def test_feed_dry_run_changes_nothing(shop):
    shop.write("second.csv", ["order_id,status,promised_at", f"{SHARED},awaiting_shipment,{day(50)}", f"79,awaiting_shipment,{day(9)}",
                              "2.3E+17,shipped,"])
    before = shop.json("status")
    text = shop.out("feed", "second", "--dry-run")
    assert "1 new (79), 1 changed" in text and "no longer listed (78)" in text
    assert f"{SHARED}: promised_at" in text and "line 4" in text and "rejected: 1" in text
    after = shop.json("status")
    before.pop("now"), after.pop("now")
    assert before == after
    shop.write("second.csv", ["nothing,of,ours", "1,2,3"])
    assert "second" in shop.err("feed", "second", "--dry-run", code=1)


def test_feed_accept_closes_what_vanished(shop):
    shop.write("second.csv", ["order_id,status,promised_at"])
    assert "nothing to accept" in shop.err("feed", "shop", "--accept", code=1)
    shop.once()
    feed = shop.json("status")["feeds"][1]
    assert feed["state"] == "error" and "--accept" in feed["error"]
    assert shop.alert("78", "second") is not None
    assert "accepted" in shop.out("feed", "second", "--accept")
    assert shop.alert("78", "second") is None
    assert shop.json("status")["feeds"][1]["state"] == "ok"


# ---- mails ----

def test_outbox_json(shop):
    mails = shop.json("outbox")["mails"]
    assert len(mails) == len(shop.mails())
    keys = {"id", "state", "person", "to", "message_id", "subject", "tries", "next_try", "answer", "orders"}
    for mail in mails:
        assert set(mail) == keys and mail["state"] == "sent" and mail["next_try"] is None
        assert mail["message_id"].startswith("<") and mail["message_id"].endswith("@example.com>")
    assert BIG in [o for m in mails if m["person"] == "alice" for o in m["orders"]]
    assert "sent already" in shop.err("outbox", "retry", str(mails[0]["id"]), code=1)
    assert "no mail 4711" in shop.err("outbox", "drop", "4711", code=1)


def test_outbox_retry_and_drop(unread):
    blocked = unread.dir / "file"
    blocked.write_text("")
    unread.config(f"maildir://{blocked}/mail")  # not a folder: nothing can be stored there
    unread.once(code=1)
    waiting = [m for m in unread.json("outbox")["mails"] if m["state"] == "queued"]
    assert len(waiting) >= 2 and all(m["next_try"] for m in waiting)
    unread.config(f"maildir://{unread.dir}/mail")
    first, second = waiting[0], waiting[1]
    assert "queued" in unread.out("outbox")
    unread.out("outbox", "drop", str(first["id"]))
    for mail in waiting[1:]:
        unread.out("outbox", "retry", str(mail["id"]))
    unread.once()
    states = {m["id"]: m["state"] for m in unread.json("outbox")["mails"]}
    assert states[first["id"]] == "withdrawn" and states[second["id"]] == "sent"
    assert str(first["id"]) in unread.out("outbox", "--all")


def test_preview(shop):
    text = shop.out("preview", BIG)
    assert text.startswith("Subject: [by ") and "Extend the ship date" in text and "What to do" in text
    assert "<html" in shop.out("preview", BIG, "--html")
    assert "nothing is open" in shop.err("preview", f"shop/{SHARED}", code=1)
    sent = len(shop.mails())
    shop.out("preview", LATE)
    assert len(shop.mails()) == sent


def test_preview_in_another_language(shop):
    chinese = shop.out("preview", BIG, "--language", "zh-CN")
    assert "截止时间：北京时间" in chinese and "怎么做" in chinese and "What to do" not in chinese
    assert 'lang="zh-CN"' in shop.out("preview", BIG, "--html", "--language", "zh-CN")
    assert "What to do" in shop.out("preview", BIG, "--language", "en")
    assert "allowed: en, zh-CN" in shop.err("preview", BIG, "--language", "de", code=2)
    assert complete(shop, "preview", BIG, "--language", "") == ["en", "zh-CN"]


def test_test_mail(shop):
    before = len(shop.mails())
    assert "the relay took it" in shop.out("test-mail", "Alice Wang")
    assert len(shop.mails()) == before + 1
    shop.config("smtp://127.0.0.1:1")  # nobody listens there
    assert "not sent" in shop.out("test-mail", "alice", code=1)


def test_test_mail_prints_the_servers_answers_and_no_secret(unread):
    (unread.dir / "smtp-password").write_text("s3cret-word\n")
    (unread.dir / "smtp-password").chmod(0o600)
    with SmtpServer(unread.dir / "smtp") as server:
        unread.config(f'smtp://127.0.0.1:{server.port}"; starttls = "off"; username = "me@example.com"; '
                      'password_file = "smtp-password')
        text = unread.out("test-mail", "alice")
        assert re.search(r"^< 220 ", text, re.M) and "> RCPT TO:<alice@example.com>" in text and "< 250" in text
        assert "the relay took it" in text and len(server.mails) == 1
        server.script["RCPT:bo@example.com"] = "550 5.1.1 no such user here"
        refused = unread.out("test-mail", "bo", code=1)
        assert "refused as dead" in refused and "no such user here" in refused
        for said in (text, refused):
            assert "s3cret-word" not in said and base64.b64encode(b"s3cret-word").decode() not in said
    assert b"Auto-Submitted" in server.mails[0].data
    (unread.dir / "smtp-password").chmod(0o644)
    said = unread.err("test-mail", "alice", code=1)
    assert "0644" in said and "smtp-password" in said


# ---- the terminal ----

def on_terminal(shop, *args, env=None):
    """What a command prints to a terminal."""
    pid, fd = pty.fork()
    if pid == 0:
        os.environ.update({"TERM": "xterm", **(env or {})})
        if not (env or {}).get("NO_COLOR"):
            os.environ.pop("NO_COLOR", None)
        os.execv(BUILD / "duewatch", ["duewatch", "-c", str(shop.conf), *args])
    data = b""
    while True:
        try:
            chunk = os.read(fd, 65536)
        except OSError:
            break
        if not chunk:
            break
        data += chunk
    os.close(fd)
    os.waitpid(pid, 0)
    return data.decode()


def test_colour_only_on_a_terminal(shop):
    assert "\x1b[" in on_terminal(shop, "status")
    assert "\x1b" not in on_terminal(shop, "status", env={"NO_COLOR": "1"})
    assert "\x1b" not in shop.out("status")


def test_hostile_text_is_not_obeyed(shop):
    shop.write("shop.csv", ["order_id,status,promised_at,buyer,note,title",
                            f"{BIG},awaiting_shipment,{day(-3)},\x1b[2J\x1b]0;owned\x07Eve\u202e\u009b31m,a\u2066b,x"])
    shop.once()
    for args in (["status", "--all"], ["explain", BIG], ["feed", "shop", "--dry-run"], ["preview", BIG], ["check"]):
        text = on_terminal(shop, *args, env={"NO_COLOR": "1"})
        assert not set(text) & set("\x1b\x07\x9b\u202e\u2066"), args
    for text in (shop.out("status", "--json"), shop.err("explain", "\x1b[31m42", code=1)):
        assert "\x1b" not in text


def test_tables_align_with_wide_characters(shop):
    shop.write("shop.csv", ["order_id,status,promised_at,buyer,owner", f"1,awaiting_shipment,{day(-3)},贸易有限公司,bo",
                            f"2,awaiting_shipment,{day(-3)},abcdefghijkl,bo"])
    shop.once()
    rows = [line for line in shop.out("status").splitlines() if " shop/1 " in line or " shop/2 " in line]
    wide, narrow = sorted(rows, key=lambda r: "abc" in r)
    columns = wide[:wide.index(" bo ")]
    assert sum(2 if "\u4e00" <= c <= "\u9fff" else 1 for c in columns) == narrow.index(" bo ")


# ---- help, completion, man pages ----

def complete(shop, *words):
    done = subprocess.run([BUILD / "duewatch", "--complete", "-c", shop.conf, *words], capture_output=True, text=True, timeout=60)
    assert done.returncode == 0 and done.stderr == ""
    return done.stdout.split()


def test_completion(shop):
    commands = complete(shop, "")
    assert {"status", "explain", "set", "ack", "test-mail"} <= set(commands)
    assert {"--json", "--check", "--help"} <= set(complete(shop, "status", "-"))
    assert BIG in complete(shop, "explain", "") and BIG in complete(shop, "explain", "23410000")
    assert "expected_ship_at=" in complete(shop, "set", BIG, "exp")
    assert "status=shipped" in complete(shop, "set", BIG, "status=") and "owner=bo" in complete(shop, "set", BIG, "owner=")
    assert complete(shop, "ack", BIG, "--as", "") == ["alice", "bo", "chen"]
    assert complete(shop, "feed", "") == ["shop", "second", "factory"]
    assert complete(shop, "outbox", "") == ["retry", "drop"]
    assert complete(shop, "status", "") == []


def test_completion_without_config_or_store_is_silent(unread, tmp_path):
    assert complete(unread, "explain", "") == []
    unread.conf.write_text("timezone = ;")
    assert complete(unread, "explain", "") == [] and "status" in complete(unread, "")


def test_every_command_has_help_and_is_in_the_man_page(unread):
    page = (MAN / "duewatch.1").read_text().replace("\\-", "-").replace("\\fP", "").replace("\\fR", "").replace("\\fI", "")
    for command in complete(unread, ""):
        text = unread.out(command, "--help")
        assert text.startswith(f"duewatch {command}")
        assert re.search(rf"^\.SS {command}\b", page, re.M), command
        section = page[re.search(rf"^\.SS {command}\b", page, re.M).start():]
        for option in complete(unread, command, "-"):
            assert option in text
            assert option in section, (command, option)
    assert "duewatchd" in unread.out("--help")
    assert re.fullmatch(r"duewatch \d+\.\d+\.\d+\n", unread.out("--version"))


def test_the_daemons_options_are_in_its_man_page():
    page = (MAN / "duewatchd.8").read_text().replace("\\-", "-")
    usage = subprocess.run([*wrapped(BUILD / "duewatchd"), "--help"], capture_output=True, text=True, timeout=60).stdout
    options = set(re.findall(r"(?<![\w-])(--?[a-zA-Z][a-z-]*)", usage))
    assert {"-t", "--once", "-c"} <= options
    for option in options:
        assert option in page, option


# ---- rights ----

@pytest.mark.skipif(os.geteuid() != 0, reason="needs root")
def test_root_works_as_the_owner_of_the_state(shop):
    for path in [shop.dir / "state", *(shop.dir / "state").iterdir()]:
        os.chown(path, 65534, 65534)
    (shop.dir / "state" / "wake").unlink(missing_ok=True)
    for path in [shop.dir, *shop.dir.parents]:  # a test's folder is root's alone
        if path.stat().st_uid == 0 and not path.stat().st_mode & 0o005:
            path.chmod(path.stat().st_mode | 0o005)
    shop.out("set", QUIET, "note=x")
    assert (shop.dir / "state" / "wake").stat().st_uid == 65534
    for path in (shop.dir / "state").iterdir():
        assert path.stat().st_uid == 65534, path


@pytest.mark.skipif(os.geteuid() != 0, reason="needs root")
def test_somebody_else_is_told_to_use_sudo(shop):
    for path in [shop.dir, *shop.dir.parents]:
        if path.stat().st_uid == 0 and not path.stat().st_mode & 0o005:
            path.chmod(path.stat().st_mode | 0o005)
    done = subprocess.run([BUILD / "duewatch", "-c", shop.conf, "status"], capture_output=True, text=True, timeout=60,
                          user=65534, group=65534, extra_groups=[])
    assert done.returncode == 1 and "sudo" in done.stderr and done.stderr.count("\n") == 1
