"""Memory that runs out (oom.c): each place in which the program, or a library for it, asks for some gets none, one after
another. What is asked by the program itself it must survive, or end with exit 1 and say why, so that systemd tries
again. Some libraries end it (GLib, libconfig): that is a crash like any other. Whatever happened, an undisturbed run
afterwards owes nobody anything, and nobody got a mail twice but in guarantee 3's window.

DW_LONG=1: every place; else a spread of them."""

import contextlib
import json
import os
import pathlib
import re
import shutil
import signal
import struct
import subprocess

import pytest
from faults import ADDRESS, LONG, QUEUED, UNSURE, accepted, settled
from harness import BUILD, DAEMON, SANITIZED, TOOL, WRAP, day, fine, late, parse, until
from imapd import ImapServer
from oauthd import TokenServer
from replies import BOX, PASSWORD, Mailed, body
from smtpd import SmtpServer

pytestmark = pytest.mark.skipif(SANITIZED or bool(WRAP) or "wrapped" in BUILD.parts,
                                reason="allocation is the sanitizer's, or the wrapper's, own")

PLACES, HEADER, SLOT = 1 << 15, struct.Struct("4Q"), struct.Struct("8Q")
ONCE, FROM_THEN_ON = 0, 1
ABORTS = (-signal.SIGABRT, -signal.SIGTRAP, -signal.SIGSEGV)     # SQLite's asserts, GLib's way, libconfig's and libc's
OWED = {"A1": "alice", "B1": "bo"}
ROWS = [fine("Z1"), late("A1"), late("B1", "bo")]


class Place:
    def __init__(self, own, frames, program):
        self.own, self.frames, self.program = bool(own), [f for f in frames if f], program

    def __str__(self):
        """The functions it lies in, for who reads a failure."""
        done = subprocess.run(["addr2line", "-fsp", "-e", self.program, *map(hex, self.frames)], capture_output=True, text=True)
        return ("own" if self.own else "library") + " call in " + " < ".join(done.stdout.split("\n"))


class Memory:
    """The memory of all programs of a shop that are started from now on."""

    def __init__(self, work):
        source, self.library = pathlib.Path(__file__).with_name("oom.c"), work.folder / "oom.so"
        subprocess.run(["cc", "-shared", "-fPIC", "-O1", "-o", self.library, source], check=True)
        self.path = work.folder / "oom"
        self.path.write_bytes(bytes(HEADER.size + PLACES * SLOT.size))
        self.work = work

    @contextlib.contextmanager
    def limited(self):
        self.work.surroundings = {"OOM_CONTROL": str(self.path), "LD_PRELOAD": str(self.library)}
        try:
            yield
        finally:
            self.arm(0)
            self.work.surroundings = {}

    def _write(self, *header):
        fd = os.open(self.path, os.O_WRONLY)    # in place: programs have it mapped
        try:
            os.pwrite(fd, HEADER.pack(*header), 0)
        finally:
            os.close(fd)

    def arm(self, place, mode=ONCE):
        """Nothing fails while the mode changes."""
        self._write(0, mode, 0, 0)
        self._write(place, mode, 0, 0)

    def watch(self):
        """From here on. Before the programs start that it shall be of."""
        self.path.write_bytes(bytes(HEADER.size + PLACES * SLOT.size))
        self._write(0, 0, 0, 1)

    def struck(self):
        return HEADER.unpack(self.path.read_bytes()[:HEADER.size])[2]

    def places(self, program):
        """{number: Place} of everything met while it watched."""
        data = self.path.read_bytes()
        slots = [SLOT.unpack_from(data, HEADER.size + i * SLOT.size) for i in range(PLACES)]
        return {s[0]: Place(s[1], s[2:], program) for s in slots if s[0]}


@pytest.fixture
def memory(work):
    """A shop with a first look behind it and two mails owed."""
    return Memory(work)


def spread(places, own, library):
    """All of them in the long run; else so many of each kind, evenly out of their order by number, which is as good as
    drawn by lot."""
    if LONG:
        return sorted(places.items())
    kinds = [sorted((n, p) for n, p in places.items() if p.own == kind) for kind in (True, False)]
    return [some for kind, n in zip(kinds, (own, library)) for some in kind[:: max(1, len(kind) // n)][:n]]


def attempt(work, program, *args):
    return subprocess.run([program, "-c", work.conf, *args], capture_output=True, text=True, timeout=60,
                          stdin=subprocess.DEVNULL, env=work.env())


def steady(words):
    """Without what the time of the call alone changes: all times but a day's end."""
    return re.sub(r'"[0-9-]+T(?!23:59:59Z)[0-9:]+Z"|\b[0-9]+s old|[0-9]{2}:(?!59:59)[0-9]{2}:[0-9]{2} UTC', "", words)


class Findings:
    """What was wrong at which place, told at the end, all of it: the sweep goes on."""

    def __init__(self):
        self.said, self.ends = [], {}

    @contextlib.contextmanager
    def at(self, place, done):
        self.ends[done.returncode] = self.ends.get(done.returncode, 0) + 1
        try:
            yield
        except AssertionError as e:
            self.said.append("%s\nexit %d\n%s%s%s\n" % (place, done.returncode, done.stdout, done.stderr, e))

    def none(self, places, least):
        print("%d places, %d of the program's own; ends: %s" % (len(places), sum(p.own for p in places.values()), self.ends))
        assert not self.said, "%d findings\n%s\nall: %s" % (len(self.said), "\n".join(self.said[:3]), "\n".join(
            " | ".join(f.split("\n")[:3]) for f in self.said))
        assert sum(self.ends.values()) >= least


def fair_end(done, place, whole):
    """It did its work as if nothing had been, or it failed and said so. A library may crash."""
    if done.returncode == 0:
        assert whole is None or steady(done.stdout) == steady(whole), "other words, and exit 0"
    elif done.returncode < 0:
        assert not place.own and done.returncode in ABORTS
    else:
        assert done.returncode == 1
        assert done.stderr.strip(), "no word why"
        # errno: libcurl asks by way of our own functions, and says why in its own way
        assert not place.own or re.search("memory|errno: 12", done.stderr + done.stdout), "not the reason"


def looked(work, relay):
    """The first look is over, and its state kept for each try to start from."""
    work.config(relay)
    work.csv([fine("Z1")])
    work.once()
    work.csv(ROWS)
    shutil.copytree(work.state, work.folder / "state-before")


def as_before(work):
    shutil.rmtree(work.state)
    shutil.copytree(work.folder / "state-before", work.state)


# ---- one cycle ----

def met_by(work, memory, program, *args):
    memory.watch()
    done = attempt(work, program, *args)
    assert done.returncode in (0, 1), done.stderr
    places = memory.places(program)
    assert len(places) > 50 and 20 < sum(p.own for p in places.values())
    return done, places


def undisturbed(work):
    """One cycle with memory enough; what waits for a second try gets it at once."""
    for _ in range(3):
        for m in work.outbox():
            if m[1] in (QUEUED, UNSURE) and m[3] > 0:
                work.retry(m[0])
        done = attempt(work, DAEMON, "--once")
        if done.returncode == 0:
            return
    raise AssertionError(done.stderr)


@pytest.mark.parametrize("mode", [ONCE, FROM_THEN_ON])
def test_a_cycle(work, relay, memory, mode):
    """--once, with two mails to send."""
    looked(work, relay)
    with memory.limited():
        _, places = met_by(work, memory, DAEMON, "--once")
    findings = Findings()
    for number, place in spread(places, 50, 25):
        as_before(work)
        relay.mails.clear()
        with memory.limited():
            memory.arm(number, mode)
            done = attempt(work, DAEMON, "--once")
            struck = memory.struck()
        if not struck:      # threads met otherwise this time
            continue
        with findings.at(place, done):
            if mode == ONCE:
                fair_end(done, place, None)
            else:
                assert done.returncode in (0, 1, *ABORTS)
            first = set(accepted(relay))
            undisturbed(work)
            got = accepted(relay)
            assert set(got) == {(order, ADDRESS[person]) for order, person in OWED.items()}
            for key, ids in got.items():    # accepted, and not written down: one repeat, the same
                assert len(set(ids)) == 1 and (len(ids) == 1 or key in first and len(ids) == 2), (key, ids)
            assert work.one("PRAGMA integrity_check") == "ok"
    findings.none(places, 40)


@pytest.mark.parametrize("mode", [ONCE])
def test_a_cycle_by_token(work, memory, mode):
    """The same with a login by OAuth 2, whose token is asked for each time, and a fallback that takes what doesn't get through:
    whatever was short, nobody is ill of it for good, and the tokens' file is whole or not there."""
    user, (server, first, second) = "duewatch@example.com", (TokenServer(), SmtpServer(None, users={}, require_auth=True,
                                                             mechanisms=("XOAUTH2",)), SmtpServer(None))
    with server, first, second:
        server.on_access = lambda token: first.users.__setitem__(user, token)
        (work.folder / "refresh").write_text(server.grant("the-first-refresh-token") + "\n")
        (work.folder / "refresh").chmod(0o600)
        work.config(first, mail='username = "%s"; oauth = { client_id = "c"; token_url = "%s"; refresh_token_file = "refresh"; };'
                    ' fallback = ( { transport = "smtp://127.0.0.1:%d"; starttls = "off"; } );' % (user, server.url, second.port))
        work.csv([fine("Z1")])
        work.once()
        work.csv(ROWS)
        shutil.rmtree(work.state / "tokens", ignore_errors=True)
        shutil.copytree(work.state, work.folder / "state-before")
        with memory.limited():
            _, places = met_by(work, memory, DAEMON, "--once")
        ours = {n: p for n, p in places.items() if re.search("oauth|relay|secret", str(p))}
        assert len(ours) > 10, "places of what this is about"
        findings = Findings()
        for number, place in spread({**dict(spread(places, 10, 5)), **ours}, 40, 10):
            as_before(work)
            first.mails.clear()
            second.mails.clear()
            with memory.limited():
                memory.arm(number, mode)
                done = attempt(work, DAEMON, "--once")
                struck = memory.struck()
            if not struck:
                continue
            with findings.at(place, done):
                fair_end(done, place, None)
                kept = work.state / "tokens" / "mail.json"
                assert not kept.exists() or json.loads(kept.read_text())["refresh_token"] == "the-first-refresh-token"
                undisturbed(work)
                got = {(key, who): ids for who in (first, second) for key, ids in accepted(who).items()}
                assert {key for key, _ in got} == {(order, ADDRESS[person]) for order, person in OWED.items()}
                assert work.one("PRAGMA integrity_check") == "ok"
        findings.none(places, 15)


ALICE = ADDRESS["alice"]


def answers(relay, message_id):
    """Message-IDs of the answers to a reply that the relay has."""
    heads = [parse(m.data) for m in list(relay.mails) if m.to == [ALICE]]
    return [h["Message-ID"] for h in heads if h["In-Reply-To"] == message_id]


@pytest.mark.parametrize("mode", [ONCE, FROM_THEN_ON])
def test_a_reply(work, relay, memory, certificate, mode):
    """--once, with one reply in the mailbox; at places that are met only by having one. It is taken whole, or not yet."""
    date = day(9)
    with ImapServer({BOX: PASSWORD}, *certificate) as server:
        box = Mailed(work, relay, server)
        for rows in ([fine("Z1")], ROWS):
            work.csv(rows)
            work.once()
        work.once()     # with nothing to do
        with memory.limited():
            _, before = met_by(work, memory, DAEMON, "--once")
        reply = box.write("agreed " + date, next(m for m in relay.mails if m.to == [ALICE]))
        shutil.copytree(work.state, work.folder / "state-before")
        with memory.limited():
            _, places = met_by(work, memory, DAEMON, "--once")
        places = {n: p for n, p in places.items() if n not in before}
        findings, not_yet = Findings(), 0
        for number, place in spread(places, 40, 15):
            as_before(work)
            relay.mails.clear()
            with memory.limited():
                memory.arm(number, mode)
                done = attempt(work, DAEMON, "--once")
                struck = memory.struck()
            if not struck:
                continue
            with findings.at(place, done):
                if mode == ONCE:
                    fair_end(done, place, None)
                else:
                    assert done.returncode in (0, 1, *ABORTS)
                taken = work.one("SELECT count(*) FROM inbound WHERE id=?", reply.strip("<>"))
                not_yet += not taken
                assert work.one("SELECT count(*) FROM history WHERE text=?", "alice set agreed_at = " + date) == taken
                first = len(answers(relay, reply))
                undisturbed(work)
                assert work.one("SELECT count(*) FROM inbound WHERE id=?", reply.strip("<>")) == 1
                assert work.one("SELECT count(*) FROM history WHERE text=?", "alice set agreed_at = " + date) == 1
                ids = answers(relay, reply)     # accepted, and not written down: one repeat, the same
                assert len(set(ids)) == 1 and (len(ids) == 1 or first and len(ids) == 2), ids
                assert all("agreed" in body(m) for m in relay.mails if m.to == [ALICE]), "the answer is another one"
                assert work.one("PRAGMA integrity_check") == "ok"
        print("%d times it was not taken yet" % not_yet)
        findings.none(places, 20)


# ---- a daemon that goes on ----

def told_all(relay, owed):
    return len(accepted(relay)) == len(owed)


def test_a_running_daemon(work, relay, memory):
    """A read, two mails, a reload and the metrics at each place; nothing of the program's own ends it."""
    work.write(work.conf, work.config(relay) + 'metrics_file = "%s";\n' % (work.folder / "duewatch.prom"))
    rows, n = [fine("Z1")], 0
    findings = Findings()
    with memory.limited():
        memory.watch()
        d = work.started(rows)

        def something_happens():
            nonlocal n
            n += 1
            owed = {"A%d" % n: "alice", "B%d" % n: "bo"}
            rows.extend(late(order, person) for order, person in owed.items())
            relay.mails.clear()
            work.csv(rows)
            d.send(signal.SIGHUP)
            return owed

        settled(work, relay, something_happens())
        d.wait_log("reloaded")
        places = memory.places(DAEMON)
        for mode in (ONCE, FROM_THEN_ON):
            for number, place in spread(places, 12, 5):
                memory.arm(number, mode)
                owed = something_happens()
                before = d.log()
                until(lambda: memory.struck() > (0 if mode == ONCE else 2) or d.process.poll() is not None
                      or told_all(relay, owed) and d.log()[len(before):].count("reload"), "place %s" % place)
                struck = memory.struck()
                memory.arm(0)
                if d.process.poll() is None:
                    d.send(signal.SIGUSR1)      # what failed comes again by itself, though not at once
                if not struck:
                    settled(work, relay, owed)
                    continue
                done = subprocess.CompletedProcess([], 0, "", "")
                with findings.at(place, done):
                    with contextlib.suppress(AssertionError):       # settled() makes a second try of mails come sooner
                        until(lambda: d.process.poll() is not None or told_all(relay, owed), timeout=3)
                    done.returncode = d.process.poll() or 0
                    done.stderr = d.log()[len(before):]
                    if done.returncode:
                        d = work.daemon().ready()
                        assert done.returncode in ABORTS and (mode != ONCE or not place.own), "it ended"
                    settled(work, relay, owed, window=owed)
        assert d.stop() == 0
    findings.none(places, 10)     # threads meet otherwise: some are not struck


# ---- words, and changes by hand ----

READING = [("status",), ("status", "--json"), ("explain", "A1"), ("outbox",)]      # what composes mails: test_memory_mails.py


def reads(work, relay, memory, command, own=12, library=6):
    looked(work, relay)
    findings = Findings()
    with memory.limited():
        whole, places = met_by(work, memory, *command)
        for mode in (ONCE, FROM_THEN_ON):
            for number, place in spread(places, own, library):
                memory.arm(number, mode)
                done = attempt(work, *command)
                if memory.struck():
                    with findings.at(place, done):
                        fair_end(done, place, whole.stdout if mode == ONCE else None)
    findings.none(places, own + library)


@pytest.mark.parametrize("words", READING, ids=" ".join)
def test_what_only_reads(work, relay, memory, words):
    reads(work, relay, memory, (TOOL, *words))


def test_a_change_by_hand(work, relay, memory):
    """All of it, or nothing."""
    looked(work, relay)
    work.once()
    changes = [("ack", "A1", "--as", "alice"), ("set", "A1", "agreed_at=2027-01-01", "note=by phone")]
    shutil.rmtree(work.folder / "state-before")
    shutil.copytree(work.state, work.folder / "state-before")
    for change in changes:
        as_before(work)
        before = work.tool("explain", "A1", "--json")
        with memory.limited():
            whole, places = met_by(work, memory, TOOL, *change)
        assert whole.returncode == 0
        after = work.tool("explain", "A1", "--json")
        assert after != before
        findings = Findings()
        for number, place in spread(places, 25, 10):
            as_before(work)
            with memory.limited():
                memory.arm(number)
                done = attempt(work, TOOL, *change)
                struck = memory.struck()
            if not struck:
                continue
            with findings.at(place, done):
                fair_end(done, place, whole.stdout)
                now = work.tool("explain", "A1", "--json")
                assert steady(now) in ([steady(after)] if done.returncode == 0 else [steady(before), steady(after)])
        findings.none(places, 20)
