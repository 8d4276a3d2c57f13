"""The calendar entries in the mails of the real daemon, read by a parser that isn't their writer's: python3-icalendar.

A deadline that moves keeps its entry and raises its SEQUENCE; settled, the entry is cancelled."""

import datetime
import time

import pytest
from harness import HEAD, day, parse, until

icalendar = pytest.importorskip("icalendar", reason="python3-icalendar isn't installed (tests/setup.sh does)")
UTC = datetime.timezone.utc
LADDERS = ', { kind = "ship_by"; steps = [ "300d!: owner" ]; }, { kind = "dispute"; steps = [ "found!: owner" ]; }'
FULL = HEAD + ["expected_ship_at", "url"]


def order(number, status="awaiting_shipment", promised=day(9), expected=day(5), buyer="ACME", owner="alice"):
    return [number, status, promised, owner, buyer, expected, "https://trade.example.com/%s" % number]


def calendars(mail):
    """[(method of the part, the parsed calendar)]"""
    found = []
    for part in mail.walk():
        if part.get_content_type() != "text/calendar":
            continue
        data = part.get_payload(decode=True)
        assert part.get_content_disposition() == "attachment" and part.get_filename().endswith(".ics")
        assert data.count(b"\n") == data.count(b"\r\n") == data.count(b"\r")
        assert all(len(line) <= 75 for line in data.split(b"\r\n"))
        calendar = icalendar.Calendar.from_ical(data)
        assert calendar["METHOD"] == part.get_param("method") and calendar["VERSION"] == "2.0"
        assert not calendar.errors
        found.append((str(calendar["METHOD"]), calendar))
    return found


def events(mail):
    """{UID: (method, event)} of a mail's calendars."""
    found = {}
    for method, calendar in calendars(mail):
        for event in calendar.walk("VEVENT"):
            assert not event.errors and str(event["UID"]) not in found
            found[str(event["UID"])] = (method, event)
    return found


def only(mail):
    ((uid, (method, event)),) = events(mail).items()
    return uid, method, event


def mail_of(work, person, number, step=None, n=1):
    """The n-th mail to a person about an order, oldest first."""
    def there():
        mails = [m for m in work.mails() if number in (m.get_all("X-Duewatch-Order") or []) and m["To"].addresses[0].username == person
                 and (step is None or step in m.get_all("X-Duewatch-Step"))]
        mails.sort(key=lambda m: m["Date"].datetime)
        return mails[n - 1] if len(mails) >= n else None
    return until(there, "mail %d to %s about %s" % (n, person, number))


def next_second():
    """Mails of one second have one SEQUENCE: waits until this one is over."""
    until(lambda begun=int(time.time()): int(time.time()) > begun, "the next second")


def csv(work, rows):
    work.csv(rows, head=FULL)


@pytest.fixture
def shop(work):
    work.config(ladders=LADDERS)
    csv(work, [order("Z1", promised=day(390), expected="")])
    work.daemon().ready()
    work.decided()
    return work


def test_moved_then_settled(shop):
    csv(shop, [order("A1")])
    first = mail_of(shop, "alice", "A1")
    uid, method, event = only(first)
    assert method == "PUBLISH" and event["STATUS"] == "CONFIRMED"
    end = event["DTEND"].dt
    assert end.tzinfo is not None and end.astimezone(UTC).strftime("%Y-%m-%d %H:%M:%S") == day(9) + " 23:59:59"
    assert datetime.timedelta(0) < end - event["DTSTART"].dt <= datetime.timedelta(hours=1)
    assert event["DTSTAMP"].dt == first["Date"].datetime.astimezone(UTC)
    assert event["SUMMARY"] == "Ship the order · A1 · ACME"
    assert event["URL"] == "https://trade.example.com/A1"
    assert "duewatch@example.com" in event["ORGANIZER"] and "ATTENDEE" not in event
    early, at = event.walk("VALARM")
    assert early["ACTION"] == at["ACTION"] == "DISPLAY"
    assert event["DTSTART"].dt + early["TRIGGER"].dt == end - datetime.timedelta(hours=1)
    assert at["TRIGGER"].dt == end
    next_second()
    csv(shop, [order("A1", promised=day(20))])
    uid2, method2, event2 = only(mail_of(shop, "alice", "A1", n=2))
    assert (uid2, method2) == (uid, "PUBLISH")
    assert event2["SEQUENCE"] > event["SEQUENCE"] and event2["DTSTAMP"].dt > event["DTSTAMP"].dt
    assert event2["DTEND"].dt.strftime("%Y-%m-%d") == day(20)
    # the kind changes, the side and its episode don't: late, and to more people
    next_second()
    csv(shop, [order("A1", promised=day(-1), expected="")])
    uid3, _, event3 = only(mail_of(shop, "alice", "A1", n=3))
    assert uid3 == uid and event3["SEQUENCE"] > event2["SEQUENCE"]
    assert event3["SUMMARY"] == "Ship date has passed · A1 · ACME"
    next_second()
    csv(shop, [order("A1", status="completed", promised=day(-1), expected="")])
    over = mail_of(shop, "alice", "A1", step="resolved")
    uid4, method4, event4 = only(over)
    assert (uid4, method4) == (uid, "CANCEL")
    assert event4["STATUS"] == "CANCELLED" and event4["SEQUENCE"] > event3["SEQUENCE"]
    assert not list(event4.walk("VALARM"))
    assert over.get_body(("html",)) is not None and over.get_content_type() == "multipart/mixed"


def test_two_readers_two_entries_and_one_without(work):
    work.config(ladders=LADDERS.replace("found!: owner", "found!: owner deputy manager"), chen='calendar_part = "off";')
    csv(work, [order("Z1", promised=day(390), expected="")])
    work.daemon().ready()
    work.decided()
    csv(work, [order("D1", status="disputed", promised=day(-1), expected="")])
    alice, bo = only(mail_of(work, "alice", "D1")), only(mail_of(work, "bo", "D1"))
    assert alice[0] != bo[0] and alice[2]["DTEND"].dt == bo[2]["DTEND"].dt
    assert calendars(mail_of(work, "chen", "D1")) == []


def test_a_fold_has_all_in_one_file(shop):
    csv(shop, [order("F%02d" % i, promised=day(10 + i), buyer='"Kunde %d, GmbH; \\ co"' % i) for i in range(30)])
    mail = mail_of(shop, "alice", "F00")
    ((method, calendar),) = calendars(mail)
    found = list(calendar.walk("VEVENT"))
    assert method == "PUBLISH" and len(found) == 20, "those in full"
    assert len({str(e["UID"]) for e in found}) == 20
    assert found[0]["SUMMARY"] == "Ship the order · F00 · Kunde 0, GmbH; \\ co"


def test_hostile_buyer(shop):
    buyer = "买家 \"x\" \u202eevil\u2066\x07 END:VEVENT " + "长" * 2000
    csv(shop, [["H1", "awaiting_shipment", day(9), "alice", '"' + buyer.replace('"', '""') + '\nATTENDEE:mailto:x@example.org"',
                day(5), "javascript:alert(1)"]])
    _, _, event = only(mail_of(shop, "alice", "H1"))
    assert "ATTENDEE" not in event and "URL" not in event
    assert str(event["SUMMARY"]).startswith("Ship the order · H1 · 买家 \"x\" evil")
    assert not set(str(event["SUMMARY"])) & set("\u202e\u2066\x07\n\r")


def test_text_only_retry_has_none(work, relay):
    relay.script["DOT"] = ["554 5.6.0 content"] * 3
    work.config(relay, ladders=LADDERS)
    csv(work, [order("Z1", promised=day(390), expected="")])
    work.daemon().ready()
    work.decided()
    csv(work, [order("T1")])
    (row,) = until(lambda: work.outbox("alice"), "a mail to alice")
    until(lambda: work.outbox("alice")[0][3] >= 1, "a try")
    for tries in (2, 3, 4):
        work.try_now(row[0])
        until(lambda n=tries: work.outbox("alice")[0][3] >= n, "try %d" % tries)
    work.wait_outbox(2, person="alice")
    mail = parse(relay.mails[-1].data)
    assert mail.get_content_type() == "text/plain"
    assert calendars(mail) == []
