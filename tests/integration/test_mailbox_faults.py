"""What the faults of the mailbox's server lead to in the running daemon. daemon/mail/MAILBOX-FAULTS.md has the tables, which
are read and played here, row by row: a fault, and then a server that is well again."""

import contextlib
import pathlib
import signal
import time
import types

import pytest
from harness import day, fine, late, parse, until
from imapd import Deaf, ImapServer
from replies import BOX, PASSWORD, Mailed
from smtpd import make_cert

DOC = pathlib.Path(__file__).parents[2] / "daemon" / "mail" / "MAILBOX-FAULTS.md"
ALICE = "alice@a.example.com"
STAGES = ["connect", "banner", "TLS", "CAPABILITY", "STARTTLS", "LOGIN", "EXAMINE", "SEARCH", "FETCH", "LOGOUT"]
A_LOOK = 12     # rows with one daemon: a person gets 20 answers an hour


def tables():
    """({"later": ("can't be read", "error"), …}, rows)"""
    outcomes, rows = {}, []
    for number, line in enumerate(DOC.read_text().splitlines(), 1):
        cells = [c.strip(" `") for c in line.strip().strip("|").split("|")]
        if not line.startswith("|") or cells[0].startswith("-") or cells[0] in ("Stage", "Leads to"):
            continue
        if len(cells) == 4:
            outcomes[cells[0]] = cells[1], cells[2]
        else:
            assert len(cells) == 5, "line %d has %d cells" % (number, len(cells))
            kind, _, play = cells[2].partition(":")
            scheme, _, wrong = kind.partition(", ")
            rows.append(types.SimpleNamespace(line=number, stage=cells[0], fault=cells[1], scheme=scheme, wrong=wrong,
                                              play=play.strip(), leads=cells[3], seen=cells[4]))
    return outcomes, rows


OUTCOMES, ROWS = tables()


def groups():
    """Rows that share a daemon, by their URL: it is the same mailbox only while that stays."""
    for scheme in ("imaps", "starttls"):
        for stage in STAGES:
            rows = [r for r in ROWS if (r.scheme, r.stage) == (scheme, stage)]
            for i in range(0, len(rows), A_LOOK):
                yield pytest.param(rows[i:i + A_LOOK], id="%s-%s%s" % (scheme, stage, "-%d" % i if i else ""))


@pytest.fixture(scope="module")
def certificates(tmp_path_factory):
    """Those by name, and a file of all that are trusted."""
    folder = tmp_path_factory.mktemp("tls")
    made = {"": make_cert(str(folder), "127.0.0.1", stem="good"),
            "expired certificate": make_cert(str(folder), "127.0.0.1", expired=True, stem="expired"),
            "wrong name": make_cert(str(folder), "mx.example.org", stem="other"),
            "unknown certificate": make_cert(str(folder), "127.0.0.1", stem="unknown")}
    trusted = folder / "trusted.pem"
    trusted.write_text("".join(pathlib.Path(cert).read_text() for name, (cert, _) in made.items() if name != "unknown certificate"))
    return made, trusted


class Play:
    """A shop with a scripted mailbox; alice was told of order 77."""

    def __init__(self, work, relay, certificates, scheme):
        self.certificates, self.trusted = certificates
        self.tls = "implicit" if scheme == "imaps" else "starttls"
        self.server = ImapServer({BOX: PASSWORD}, *self.certificates[""], tls=self.tls).start()
        self.work, self.relay = work, relay
        self.box = Mailed(work, relay, self.server, every="1d")
        self.box.config(url="%s://127.0.0.1:%d/INBOX" % ("imaps" if scheme == "imaps" else "imap", self.server.port), ca=self.trusted)
        self.rows, self.replies, self.complaints = [fine("Z1"), late("77")], [], []
        self.daemon = work.started([fine("Z1")])
        self.box.settled()
        self.look()     # behind the first one, which only finds the box's end
        work.csv(self.rows)
        self.mail = self.box.wait_mail(ALICE)

    def look(self):
        """One, to its end: no other is asked for meanwhile, which would meet what comes next."""
        n = self.server.connections
        self.daemon.send(signal.SIGUSR1)
        until(lambda: any(c > n and text.startswith("gone") for c, who, text in list(self.server.lines) if who == "!"), "a look into the box")

    def reply(self):
        """Its trace in the history is its own."""
        date = day(20 + len(self.replies))
        self.server.next += 150
        self.replies.append((self.box.write("agreed " + date, self.mail), date))
        return self.replies[-1][0].strip("<>")

    def taken(self, message_id):
        return self.work.one("SELECT 1 FROM inbound WHERE id=?", message_id)

    @contextlib.contextmanager
    def wrong(self, row):
        """The server is what the row says."""
        s, deaf = self.server, None
        for order in filter(None, row.play.split("; ")):
            once, stage = order.startswith("once "), order.removeprefix("once ").partition(" ")
            s.script[stage[0]] = [stage[2].replace(" then ", "|")] if once else stage[2].replace(" then ", "|")
        if row.wrong in self.certificates:
            s.certificate(*self.certificates[row.wrong])
        elif row.wrong == "plain port":
            s.tls = None
        else:
            assert row.wrong in ("nobody", "deaf"), "line %d: no such server" % row.line
            s.stop()
            deaf = Deaf(s.port) if row.wrong == "deaf" else None
        try:
            yield
        finally:
            s.script.clear()
            s.tls = self.tls
            s.certificate(*self.certificates[""])
            if row.wrong in ("nobody", "deaf"):
                if deaf:
                    deaf.close()
                s.again()

    def others_go_on(self):
        number = "9%03d" % len(self.rows)
        self.rows.append(late(number, "chen"))
        self.work.csv(self.rows)
        until(lambda: any(number in parse(m.data).get_all("X-Duewatch-Order", []) for m in list(self.relay.mails)), "chen's mail")

    def under_the_fault(self, row, message_id):
        log = len(self.daemon.log())
        lines = len(self.server.lines)
        word, state = OUTCOMES[row.leads]
        self.daemon.send(signal.SIGUSR1)

        def new():
            return self.daemon.log()[log:]

        def said(who, text):
            return any(by == who and text in line for _, by, line in self.server.lines[lines:])
        if row.leads == "hang":
            if row.wrong != "deaf":
                until(lambda: said("!", "hang"), "the look to hang")
            self.others_go_on()
            assert self.daemon.stop() == 0
        elif row.leads == "unseen":
            until(lambda: said("C", "LOGOUT"), "the look's end")
        else:
            until(lambda: word in new() and row.seen in new(), "%r and %r in the log:\n%s" % (word, row.seen, new()))
        if row.leads == "read":
            until(lambda: self.taken(message_id), "the reply is taken")
        else:
            assert not self.taken(message_id), "it is taken"
            assert (self.box.place()[1] == max(self.server.box)) == (row.leads == "passed"), "where it has read to"
        if state:
            def shown():
                status = self.box.status()["replies"]
                return status["state"] == state and (row.leads == "passed" or row.seen in (status["error"] or ""))
            until(shown, "status says %s, %s" % (state, row.seen))
        if row.leads != "read":     # and "done by a copy" isn't how the reply is done later
            assert not self.work.one("SELECT 1 FROM history WHERE text=?", "alice set agreed_at = " + self.replies[-1][1])

    def one(self, row):
        message_id = self.reply()
        try:
            with self.wrong(row):
                self.under_the_fault(row, message_id)
        except AssertionError as e:
            self.complaints.append("%s:%d: %s, %s: %s" % (DOC.name, row.line, row.stage, row.fault, e))
        if row.leads == "passed":
            self.replies.pop()
            return
        if self.daemon.process.poll() is not None:
            self.daemon = self.work.daemon().ready()    # looks by itself
        elif not self.taken(message_id):
            self.look()
        until(lambda: self.taken(message_id), "%s, %s: the reply is taken once the server is well" % (row.stage, row.fault))

    def compare(self):
        """Each is done once and answered once; nobody else has heard of it."""
        until(lambda: self.work.one("SELECT count(*) FROM mails WHERE state IN (0, 1, 3)") == 0, "all answers to be sent")
        heads = [parse(m.data) for m in self.box.mails(ALICE)]
        for message_id, date in self.replies:
            done = self.work.one("SELECT count(*) FROM history WHERE text=?", "alice set agreed_at = " + date)
            answers = [h for h in heads if h["In-Reply-To"] == message_id]
            if done != 1 or len(answers) != 1:
                self.complaints.append("agreed %s is done %s times and answered %d times" % (date, done, len(answers)))
        assert PASSWORD not in self.daemon.log() and PASSWORD not in self.work.tool("status")

    def close(self):
        self.server.stop()


@pytest.mark.parametrize("rows", groups())
def test_rows(work, relay, certificates, rows):
    p = Play(work, relay, certificates, rows[0].scheme)
    try:
        for row in rows:
            p.one(row)
        p.compare()
        assert not p.complaints, "\n".join(p.complaints)
        assert p.daemon.stop() == 0
    finally:
        p.close()


def test_no_row_is_missing():
    assert {r.leads for r in ROWS} == set(OUTCOMES) and {r.stage for r in ROWS} == set(STAGES)
    have = {(r.stage, r.fault) for r in ROWS}
    for stage in STAGES[1:2] + STAGES[3:4] + STAGES[5:9]:
        for fault in ("hangs", "cuts", "BYE", "garbage"):
            assert (stage, fault) in have, "%s, %s" % (stage, fault)
    for stage in STAGES[5:9]:
        for fault in ("NO", "BAD", "slow" if stage != "CAPABILITY" else "NO"):
            assert (stage, fault) in have, "%s, %s" % (stage, fault)
    assert sum(len(g.values[0]) for g in groups()) == len(ROWS) > 80


@pytest.mark.parametrize("stage", ["BANNER", "EXAMINE", "SEARCH", "FETCH"])
def test_a_fault_that_stays(work, relay, certificates, stage):
    """One trouble, however often it is met: operators hear of it by its age. The box opens well before the last two."""
    p = Play(work, relay, certificates, "imaps")
    try:
        p.server.script[stage] = "{tag} NO not now|cut"
        p.reply()
        p.look()
        since = until(lambda: work.one("SELECT error_since FROM mailboxes"), "the trouble is written down")
        until(lambda: time.time() > since + 1, "a later second")
        for _ in range(3):
            p.look()
        assert work.one("SELECT error_since FROM mailboxes") == since
        assert p.daemon.log().count("can't be read") == 1 and "can be read again" not in p.daemon.log()
        p.server.script.clear()
        p.look()
        until(lambda: p.taken(p.replies[0][0].strip("<>")), "the reply")
        p.daemon.wait_log("can be read again")
        p.compare()
        assert not p.complaints and work.one("SELECT error_since FROM mailboxes") is None
        assert p.daemon.stop() == 0
    finally:
        p.close()


def test_waits_longer_each_time(work, relay, certificates):
    p = Play(work, relay, certificates, "imaps")
    try:
        times = []
        p.server.on_event = lambda text: times.append(time.monotonic()) if text.endswith("@ BANNER") else None
        p.server.script["BANNER"] = "cut"
        p.box.every = "1s"
        p.box.config(url="imaps://127.0.0.1:%d/INBOX" % p.server.port, ca=p.trusted)
        p.daemon.reload()
        until(lambda: len(times) >= 3, "three looks")
        assert times[2] - times[1] > 1.9, times
        assert p.daemon.stop() == 0
    finally:
        p.close()


def test_a_list_of_mails_that_are_gone(work, relay, certificates):
    """More than a look takes: the next look comes in its time, and --once has an end."""
    p = Play(work, relay, certificates, "imaps")
    try:
        p.server.next = 100000
        p.server.script["SEARCH"] = "* SEARCH %s\\n{tag} OK" % " ".join(map(str, range(50000, 52000)))
        n = p.server.connections
        p.look()
        until(lambda: sum("LOGOUT" in c for c in p.server.commands(n + 1)), "the look's end")
        p.others_go_on()
        assert p.server.connections == n + 1, "and at once again"
        assert p.daemon.stop() == 0
        n = p.server.connections
        work.once()
        assert p.server.connections == n + 1
    finally:
        p.close()
