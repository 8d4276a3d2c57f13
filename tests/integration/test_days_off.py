"""Calendars of days off in the real daemon: written by another program (python3-icalendar), from files and from a real
HTTPS server, with what servers and people do to them."""

import contextlib
import datetime
import gzip
import http.server
import json
import os
import stat
import threading

import pytest
from harness import HEAD, TOOL, day, fine, until
from icalendar import Calendar, Event
from smtpd import server_context

SECRET = "/private-geheim/basic.ics"


def calendar(*ranges, **more):
    """All-day events from day(first) to day(last), as bytes."""
    c = Calendar()
    c.add("prodid", "-//example.com//test//EN")
    c.add("version", "2.0")
    for i, (first, last) in enumerate(ranges):
        e = Event()
        e.add("uid", "%d@example.com" % i)
        e.add("summary", "Betriebsferien 春节")
        e.add("dtstamp", datetime.datetime(2026, 1, 1))
        e.add("dtstart", datetime.date.fromisoformat(day(first)))
        e.add("dtend", datetime.date.fromisoformat(day(last + 1)))
        for name, value in more.items():
            e.add(name, value)
        c.add_component(e)
    return c.to_ical()


class Web:
    """An HTTPS server of one calendar: body, code and headers may change; asked: the headers of each request."""

    def __init__(self, tls, body=b"", code=200, headers=()):
        web = self
        web.body, web.code, web.headers, web.asked = body, code, list(headers), []

        class Handler(http.server.BaseHTTPRequestHandler):
            def do_GET(self):
                web.asked.append((self.path, dict(self.headers)))
                code = web.code
                if code == 200 and self.headers.get("If-None-Match") == '"one"' and ("ETag", '"one"') in web.headers:
                    code = 304
                self.send_response(code)
                for name, value in web.headers:
                    self.send_header(name, value)
                self.end_headers()
                with contextlib.suppress(OSError):
                    if code == 200:
                        self.wfile.write(web.body)

            def log_message(self, *args):
                pass

        self.server = http.server.ThreadingHTTPServer(("127.0.0.1", 0), Handler)
        self.server.daemon_threads = True
        if tls:
            self.server.socket = server_context(*tls).wrap_socket(self.server.socket, server_side=True, do_handshake_on_connect=False)
        self.url = "%s://127.0.0.1:%d%s" % ("https" if tls else "http", self.server.server_port, SECRET)
        threading.Thread(target=self.server.serve_forever, daemon=True).start()

    def close(self):
        self.server.shutdown()
        self.server.server_close()


@pytest.fixture
def web(certificate):
    w = Web(certificate, calendar((3, 5)), headers=[("ETag", '"one"')])
    yield w
    w.close()


def config(work, calendar, ca=None):
    """alice works nine to six on all days but those of the calendar."""
    text = work.config(ladders=', { kind = "ship_by"; steps = [ "1d!: owner" ]; }')
    text = text.replace('{ name = "alice";', '{ name = "alice"; hours = "09:00-18:00"; '
                        'working_days = [ "mon", "tue", "wed", "thu", "fri", "sat", "sun" ]; calendar = "%s";' % calendar)
    if ca:
        text = 'calendar_ca_file = "%s";\n' % ca + text
    work.write(work.conf, text)


def order():
    """1d! is due on day 4, at the end of the day."""
    return ["A1", "awaiting_shipment", day(5), "alice", "ACME", day(4)]


def started(work):
    work.csv([order()], head=HEAD + ["expected_ship_at"])
    d = work.daemon().ready()
    work.decided()
    return d


def coming(work):
    return json.loads(work.tool("explain", "A1", "--json"))["coming"]


def copy_of(work):
    return next(iter(work.state.glob("calendar-*.ics")), None)


def forget_when(work):
    """The copy was checked long ago."""
    path = copy_of(work)
    lines = path.read_bytes().split(b"\n")
    lines[1] = b"checked: 1000000000"
    path.write_bytes(b"\n".join(lines))


def moved(work):
    return coming(work)[0]["at"] == day(2) + "T18:00:00Z"


def test_an_address(work, web, certificate):
    config(work, web.url, certificate[0])
    d = started(work)
    until(lambda: moved(work), "the step to move")
    step = coming(work)[0]
    assert step["due"] == day(4) + "T23:59:59Z" and step["moved"] == "outside alice's hours" and step["persons"] == ["alice"]
    assert "outside alice's hours" in work.tool("explain", "A1")
    assert stat.S_IMODE(copy_of(work).stat().st_mode) == 0o600
    checked = work.tool("check")
    assert "calendar https://127.0.0.1:%d/… (alice): 3 days off up to a year ahead, from 1 event" % web.server.server_port in checked
    n = len(web.asked)
    d.stop()
    # asked lately: the copy serves
    d = work.daemon().ready()
    work.decided()
    assert moved(work) and len(web.asked) == n
    d.stop()
    # asked long ago: once more, with what is known; it hasn't changed
    forget_when(work)
    d = work.daemon().ready()
    until(lambda: len(web.asked) > n, "a request")
    assert web.asked[-1][1]["If-None-Match"] == '"one"'
    until(lambda: b"checked: 1000000000" not in copy_of(work).read_bytes(), "the copy to be good again")
    assert moved(work)
    d.stop()
    # another day: it says something new, and everything is decided anew
    web.body, web.headers = calendar((20, 21)), [("ETag", '"two"')]
    forget_when(work)
    d = work.daemon().ready()
    d.wait_log("says something new")
    until(lambda: not moved(work), "the step to move back")
    assert coming(work)[0]["at"] == day(4) + "T18:00:00Z"
    d.stop()
    said = "".join(p.read_text() for p in work.folder.glob("*.log"))
    assert "geheim" not in said and "geheim" not in work.tool("status")


@pytest.mark.parametrize("trouble", ["500", "html", "large", "bomb", "http", "cut"])
def test_trouble_leaves_the_last_copy(work, web, certificate, trouble):
    plain = Web(None, calendar((20, 21)))
    config(work, web.url, certificate[0])
    try:
        d = started(work)
        until(lambda: moved(work), "the step to move")
        d.stop()
        forget_when(work)
        assert "its last good answer is from" in work.tool("status")
        web.headers = []
        if trouble == "500":
            web.code = 500
        elif trouble == "html":
            web.body = b"<html>Sign in</html>"
        elif trouble == "large":
            web.body = calendar((20, 21)) + b"X" * (2 << 20)
        elif trouble == "bomb":     # 64 KiB that become 64 MiB
            web.body, web.headers = gzip.compress(calendar((20, 21)) + b"X" * (64 << 20)), [("Content-Encoding", "gzip")]
        elif trouble == "http":
            web.code, web.headers = 302, [("Location", plain.url)]
        else:
            web.body = web.body[:-20]
        d = work.daemon().ready()
        d.wait_log("what it said last stays in force")
        work.decided()
        assert moved(work) and plain.asked == []
        assert b"checked: 1000000000" in copy_of(work).read_bytes()
        d.stop()
        assert "geheim" not in "".join(p.read_text() for p in work.folder.glob("*.log"))
    finally:
        plain.close()


def test_a_certificate_nobody_trusts(work, web):
    config(work, web.url)
    started(work).wait_log("what it said last stays in force")
    assert web.asked == [] and copy_of(work) is None
    assert not moved(work)
    assert "it has not been fetched yet" in work.tool("status")


def test_once_asks_too(work, web, certificate):
    config(work, web.url, certificate[0])
    work.csv([order()], head=HEAD + ["expected_ship_at"])
    work.once()
    assert moved(work)
    n = len(web.asked)
    work.once()
    assert len(web.asked) == n


def test_a_file(work):
    file = work.folder / "closures.ics"
    file.write_bytes(calendar((3, 5)))
    config(work, "closures.ics")
    d = started(work)
    assert moved(work)
    # a reload takes what it says now
    file.write_bytes(calendar((20, 21)))
    d.reload()
    until(lambda: not moved(work), "the step to move back")
    # half written, then gone: the rest goes on, and check says it
    file.write_bytes(calendar((3, 5))[:60])
    d.reload()
    d.wait_log("closures.ics: it ends in the middle")
    done = work.run("check", program=TOOL, code=2)
    assert "closures.ics can't be used" in done.stderr
    file.write_bytes(calendar((3, 5)))
    d.reload()
    until(lambda: moved(work), "the step to move again")
    d.stop()


def test_a_file_is_looked_at_every_minute(work):
    file = work.folder / "closures.ics"
    file.write_bytes(calendar((20, 21)))
    config(work, "closures.ics")
    d = started(work)
    assert not moved(work)
    part = work.folder / "part"
    part.write_bytes(calendar((3, 5)))
    os.rename(part, file)
    until(lambda: "says something new" in d.log(), "the change to be seen", timeout=90)
    until(lambda: moved(work), "the step to move")
    d.stop()


def test_check_sees_near_mistakes(work):
    c = Calendar()
    e = Event()
    e.add("uid", "a")
    e.add("dtstart", datetime.datetime(2027, 2, 6, 9, tzinfo=datetime.timezone.utc))
    e.add("dtend", datetime.datetime(2027, 2, 6, 10, tzinfo=datetime.timezone.utc))
    c.add_component(e)
    (work.folder / "closures.ics").write_bytes(c.to_ical())
    config(work, "closures.ics")
    work.csv([fine("Z1")])
    said = work.tool("check")
    assert "0 days off up to a year ahead, from 1 event" in said and "No event of it is a whole day, all are hours" in said
