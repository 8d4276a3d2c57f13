"""duewatch simulate: what it lists is what would be sent, and it sends and changes nothing. (That the list is the same
as what the engine sends minute by minute: tests/scenario/ahead.c.)"""
import email
import email.header
import json
import re
import signal
import sqlite3
import subprocess
import time
from datetime import datetime, timedelta, timezone

import pytest
from harness import SLOW, until, wrapped
from test_cli import BIG, BUILD, LATE, QUIET, Shop, day, shop, unread  # noqa: F401  (fixtures)


def subject(mail):
    parts = email.header.decode_header(email.message_from_bytes(mail.read_bytes())["Subject"])
    return "".join(p.decode(c or "ascii") if isinstance(p, bytes) else p for p, c in parts)


def instant(text):
    return datetime.strptime(text, "%Y-%m-%dT%H:%M:%SZ").replace(tzinfo=timezone.utc)


def content(shop):
    """All that is in the store."""
    with sqlite3.connect(f"file:{shop.dir}/state/duewatch.db?mode=ro", uri=True) as db:
        return list(db.iterdump())


def test_nothing_read_yet(unread):
    assert "Nothing has been read yet" in unread.out("simulate")
    assert unread.json("simulate")["mails"] == []
    assert not (unread.dir / "state").exists()


def test_lists_what_comes_and_changes_nothing(shop):
    before, mails = content(shop), shop.mails()
    said = shop.json("simulate", "--to", "60d")
    assert said["whole"] and said["until"] == said["to"]
    assert instant(said["to"]) - instant(said["from"]) == timedelta(days=60)
    assert [m["at"] for m in said["mails"]] == sorted(m["at"] for m in said["mails"])
    steps = [(s["order_id"], s["kind"], s["step"], m["person"]) for m in said["mails"] for s in m["steps"]]
    assert (BIG, "extend_ship_date", "1d", "bo") in steps and (BIG, "extend_ship_date", "due", "chen") in steps
    assert (LATE, "overdue", "every 7d", "bo") in steps
    assert not [s for s in steps if s[2] == "found" and s[0] == BIG]     # told at the first look
    assert len(steps) == len(set((*s, m) for m, s in enumerate(steps)))
    for p in said["people"]:
        mine = [m for m in said["mails"] if m["person"] == p["person"]]
        assert p["mails"] == len(mine) and p["mean"] == pytest.approx(len(mine) / 60, rel=0.01)
        days = [(instant(m["at"]) + timedelta(hours=8)).strftime("%Y-%m-%d") for m in mine]
        assert p["max"] == max(map(days.count, days), default=0)
        assert p["max_day"] in days if days else p["max_day"] is None
    text = shop.out("simulate", "--to", "60d")
    assert "no feed is read" in text and "Nothing is sent" in text and "MOST ON ONE DAY" in text
    assert content(shop) == before and shop.mails() == mails
    assert "\x1b" not in text


def test_a_daemon_at_work_isnt_disturbed(shop):
    done = subprocess.Popen([*wrapped(BUILD / "duewatchd"), "-c", shop.conf], stderr=subprocess.PIPE, text=True)
    try:
        assert any("watches" in line for line in done.stderr)
        assert shop.json("simulate", "--to", "30d")["mails"]
    finally:
        done.terminate()
        done.communicate(timeout=30)
    assert done.returncode == 0


def test_a_file_is_what_the_first_look_sends(unread):
    unread.write("second.csv", ["order_id,status,promised_at"])
    unread.write("plan.csv", ["order_id,expected_ship_at"])
    foretold = unread.json("simulate", "--feed", f"shop={unread.dir}/shop.csv", "--to", "1h")["mails"]
    assert not (unread.dir / "state").exists() and unread.mails() == []
    unread.once()
    sent = [(email.message_from_bytes(m.read_bytes())["To"], subject(m)) for m in unread.mails()]
    assert sorted((f"{m['person']} <{m['person']}@example.com>", m["subject"]) for m in foretold) == sorted(sent)
    assert {m["type"] for m in foretold} == {"first_look"}


def test_a_file_from_the_past(unread):
    start = f"{day(-40)} 08:00"
    said = unread.json("simulate", "--feed", f"shop={unread.dir}/shop.csv", "--from", start, "--to", day(-1))
    steps = [(s["order_id"], s["kind"], s["step"]) for m in said["mails"] for s in m["steps"]]
    assert (LATE, "confirm_ship_date", "1d") in steps and (LATE, "overdue", "due") in steps
    assert instant(said["mails"][0]["at"]) == instant(said["from"])


def test_the_file_of_the_only_feed(unread):
    assert "2 feeds with orders" in unread.err("simulate", "--feed", str(unread.dir / "shop.csv"), code=1)
    text = unread.conf.read_text()
    unread.conf.write_text(re.sub(r'\n  \{ name = "second".*', "", text))
    assert unread.json("simulate", "--feed", str(unread.dir / "shop.csv"))["mails"]
    assert "only adds" in unread.err("simulate", "--feed", "factory=plan.csv", code=1)


@pytest.mark.parametrize("args, words, code", [
    (["--to", "2126-01-01"], "2000 to 2099", 2),
    (["--to", "2098-01-01"], "400 days", 2),
    (["--to", "401d"], "401d", 2),
    (["--from", "2020-01-01"], "in the past", 2),
    (["--from", "nonsense"], "nonsense", 2),
    (["--from", "20d", "--to", "10d"], "before --from", 2),
    (["--feed", "shop=/nowhere/at/all.csv"], "/nowhere/at/all.csv", 1),
    (["--feed", "shop="], "which file", 2),
])
def test_refused(shop, args, words, code):
    assert re.search(words, shop.err("simulate", *args, code=code))


def test_a_bad_file_is_said(shop):
    (shop.dir / "bad.csv").write_bytes(b"order_id,status\n\"1,2\n" + b"x" * 100000)
    assert "bad.csv" in shop.err("simulate", "--feed", f"shop={shop.dir}/bad.csv", code=1)
    (shop.dir / "none.csv").write_bytes(b"")
    assert "empty" in shop.err("simulate", "--feed", f"shop={shop.dir}/none.csv", code=1)


def test_hostile_text_is_not_obeyed(unread):
    unread.write("evil.csv", ["order_id,status,promised_at,buyer", f"\x1b]0;x\x07\x1b[31m1,awaiting_shipment,{day(1)},\x1b[2J"])
    text = unread.out("simulate", "--feed", f"shop={unread.dir}/evil.csv")
    assert "\x1b" not in text and "\x07" not in text
    json.dumps(unread.json("simulate", "--feed", f"shop={unread.dir}/evil.csv"))


def test_a_year_of_a_thousand_orders_is_quick(unread):
    lines = ["order_id,status,promised_at,paid_at,expected_ship_at,buyer,amount,currency"]
    for i in range(1000):
        late = day(i % 330 + 5) if i % 3 == 0 else ""
        lines.append(f"{900000000 + i},awaiting_shipment,{day(i % 330)},{day(-10)},{late},Buyer {i % 40},{i}.50,USD")
    unread.write("many.csv", lines)
    began = time.monotonic()
    said = unread.json("simulate", "--feed", f"shop={unread.dir}/many.csv", "--to", f"{365 // SLOW}d")
    took = time.monotonic() - began
    assert len(said["mails"]) > 500 // SLOW and said["whole"]
    print(f"{len(said['mails'])} mails in {took:.1f} s")    # 5 s where nothing else runs; no limit on a busy machine


# ---- check --against-live ----

def against(shop, *args):
    return json.loads(shop.out("check", "--against-live", "--json", *args))


def edit(shop, old, new):
    text = shop.conf.read_text()
    assert old in text
    shop.conf.write_text(text.replace(old, new))


def test_an_edit_in_place_is_compared_with_what_the_daemon_loaded(shop):
    before = content(shop)
    same = against(shop)
    assert same["added"] == same["dropped"] == same["feeds_read_differently"] == [] and same["whole"]
    assert instant(same["until"]) - instant(same["now"]) == timedelta(days=30)
    edit(shop, "feeds = (", """ladders = ( { kind = "overdue"; steps = [ "due!: owner", "every 14d: owner" ]; } );
feeds = (""")
    said = against(shop, "--days", "40")
    told = {(t["person"], t["step"]["order_id"], t["step"]["kind"], t["step"]["step"]) for t in said["dropped"]}
    assert ("chen", LATE, "overdue", "every 7d") in told and ("bo", LATE, "overdue", "every 7d") in told
    assert {t["step"]["step"] for t in said["added"] if t["step"]["order_id"] == LATE} == {"due", "every 14d"}
    assert not [t for t in said["dropped"] + said["added"] if t["step"]["kind"] not in ("overdue",)]
    text = shop.out("check", "--against-live", "--days", "40")
    assert f"drops (-) {len(said['dropped'])}" in text and re.search(r"^ -  .*every 7d", text, re.M)
    assert content(shop) == before
    shop.once()     # it is loaded now
    assert against(shop)["dropped"] == []


def test_a_reload_keeps_the_new_config(shop):
    live = shop.dir / "state" / "config.live"
    with open(shop.dir / "log", "w") as log:
        daemon = subprocess.Popen([*wrapped(BUILD / "duewatchd"), "-c", shop.conf], stderr=log, stdout=log)
    try:
        until(lambda: (shop.dir / "state" / "lock").read_text().strip() == str(daemon.pid), "it runs")
        until(lambda: "watches" in (shop.dir / "log").read_text(), "it watches")
        edit(shop, 'daily_at = "off"', 'daily_at = "07:30"')
        assert against(shop)["dropped"]
        daemon.send_signal(signal.SIGHUP)
        until(lambda: "07:30" in live.read_text(), "the reload")
        until(lambda: "reloaded" in (shop.dir / "log").read_text(), "the reload's end")
        assert against(shop)["dropped"] == against(shop)["added"] == []
        edit(shop, 'daily_at = "07:30"', "daily_at = 7:30")     # one that can't be loaded leaves the old in force
        daemon.send_signal(signal.SIGHUP)
        until(lambda: "daily_at" in (shop.dir / "log").read_text(), "what is wrong with it")
        assert "07:30" in live.read_text()
        shop.err("check", "--against-live", code=2)
    finally:
        daemon.send_signal(signal.SIGTERM)
        assert daemon.wait(10) == 0
    assert (live.stat().st_mode & 0o777) == 0o600


def test_another_file_a_changed_feed_and_nothing_kept(shop, tmp_path):
    edit(shop, 'path = "second.csv"', 'path = "third.csv"')
    shop.write("third.csv", ["order_id,status"])
    assert against(shop)["feeds_read_differently"] == ["second"]
    assert "Feed second is read differently" in shop.out("check", "--against-live")
    for days in ("0", "401", "x", "3d", ""):
        assert "1 to 400" in shop.err("check", "--against-live", "--days", days, code=2)
    (shop.dir / "state" / "config.live").write_text("{}")
    assert "damaged" in shop.err("check", "--against-live", code=1)
    (shop.dir / "state" / "config.live").unlink()
    assert "keeps its config" in shop.err("check", "--against-live", code=1)


def test_no_url_is_kept_whole(unread):
    edit(unread, "daily_at", 'heartbeat_url = "http://127.0.0.1:9/token-token"; daily_at')
    unread.once()
    kept = (unread.dir / "state" / "config.live").read_text()
    assert "127.0.0.1:9/" in kept and "token" not in kept
    assert against(unread)["dropped"] == []
