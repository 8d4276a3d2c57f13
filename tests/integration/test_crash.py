"""The crash harness, short; and a disk that is full. The long runs: tests/integration/crash.py --kills 1000
and --every."""

import os
import random
import resource
import subprocess
import time

import crash_closures
import crash_replies
import dovecot
import pytest
from crash import SENT, Disk, Figures, File, Season, every, have, run
from harness import SANITIZED, until

needs_strace = pytest.mark.skipif(not have("strace"), reason="strace is missing")


def check(figures, violations):
    print(figures.text())       # pytest -rP shows it
    assert not violations, "\n".join(violations)
    assert figures["lost"] == 0 and figures["owed"] > 0 and figures["accepted"] > 0


@needs_strace
def test_fifty_kills(tmp_path):
    kills = 16 if SANITIZED else 50
    figures, violations = run(kills, 11, tmp_path, season=kills // 2)
    check(figures, violations)
    assert figures["kills"] >= kills


@needs_strace
def test_power_cuts(tmp_path):
    figures, violations = run(4 if SANITIZED else 12, 12, tmp_path, only="power")
    check(figures, violations)
    assert figures["power_cuts"] == figures["kills"]


@needs_strace
def test_kills_with_a_maildir(tmp_path):
    check(*run(4 if SANITIZED else 12, 13, tmp_path, maildir=True, only="syscall"))


@needs_strace
def test_a_death_at_each_of_the_first_calls(tmp_path):
    """All of them, by hundreds: crash.py --every."""
    figures, violations = every(tmp_path, 16, most=1 if SANITIZED else 2)
    check(figures, violations)
    assert figures["kills"] >= 20


@needs_strace
@pytest.mark.skipif(dovecot.why_not() is not None, reason=str(dovecot.why_not()))
def test_replies_while_killed(tmp_path):
    """Each is done once and answered once: crash.py --replies."""
    figures, violations = crash_replies.run(4 if SANITIZED else 14, 21, tmp_path)
    assert not violations, "\n".join(violations)
    assert figures["replies"] > 4 or SANITIZED


@needs_strace
def test_closures_while_killed(tmp_path):
    """The lists before a closure; all deaths: crash.py --every."""
    figures, violations = crash_closures.run(tmp_path, 12, 5 if SANITIZED else 2)
    print(Figures(figures).text())
    assert not violations, "\n".join(violations)
    assert figures["kills"] >= (8 if SANITIZED else 15)


# ---- a full disk ----

class Full:
    """Room for the state that can be taken away and given back: a small tmpfs, or without root RLIMIT_FSIZE."""

    def __init__(self, folder, kind):
        self.state, self.kind = folder / "state", kind
        self.prefix = [] if kind == "tmpfs" else ["env", "--ignore-signal=XFSZ"]
        if kind == "tmpfs":
            self.state.mkdir(mode=0o700)
            done = subprocess.run(["mount", "-t", "tmpfs", "-o", "size=3m,mode=700", "none", self.state],
                                  capture_output=True, text=True)
            if done.returncode:
                pytest.skip("no tmpfs can be mounted: " + done.stderr.strip())

    def fill(self, p):
        if self.kind == "tmpfs":
            with open(self.state / "ballast", "wb", buffering=0) as f:
                try:
                    while True:
                        f.write(bytes(4096))
                except OSError:
                    pass
        else:
            self.limit(p, (self.state / "duewatch.db-wal").stat().st_size)

    def free(self, p):
        if self.kind == "tmpfs":
            (self.state / "ballast").unlink()
        else:
            self.limit(p, resource.RLIM_INFINITY)

    @staticmethod
    def limit(p, n):
        resource.prlimit(p.pid, resource.RLIMIT_FSIZE, (n, resource.RLIM_INFINITY))

    def close(self):
        if self.kind == "tmpfs":
            subprocess.run(["umount", self.state], check=True)


@pytest.fixture(params=["tmpfs", "fsize"])
def full(request, tmp_path):
    if request.param == "tmpfs" and os.geteuid() != 0:
        pytest.skip("mounting needs root")
    room = Full(tmp_path, request.param)
    season = Season(tmp_path, random.Random(14), Figures())
    season.room = room
    yield season
    season.close()
    room.close()


def slips(season, n):
    """n new orders that owe a mail each."""
    season.model.sorts = ["slip"]
    for _ in range(n):
        season.model.add()
    season.write_feed()


def complaints(season):
    return season.log.read_text(errors="replace").count("duewatch.db")


def test_full_disk_loses_and_repeats_nothing(full):
    p = full.start(strace=full.room.prefix)
    slips(full, 2)
    until(lambda: full.sink.accepted)
    before = complaints(full)      # said once a minute: the first word may be about these mails' answers
    full.room.fill(p)
    slips(full, 3)
    until(lambda: complaints(full) > before, "a word about the full disk")
    slips(full, 3)
    time.sleep(2)       # tried again each second
    assert p.poll() is None, full.last_words()
    full.room.free(p)
    until(lambda: full.shop.one("SELECT count(*) FROM orders") == 9, "the orders of the full days")
    full.finish(p, p.pid)
    full.after("full")
    assert not full.compare()
    assert full.figures["repeats"] <= full.figures["in_the_window"]


def test_disk_fills_while_a_mail_is_on_its_way(full):
    full.sink.script["DOT"] = ["wait:1|ok"]
    p = full.start(strace=full.room.prefix)
    slips(full, 1)
    full.sink.wait_said("(message,", 20)
    full.room.fill(p)
    until(lambda: full.sink.accepted)
    time.sleep(3)       # its answer can't be written down, and it isn't sent again for that
    assert len(full.sink.accepted) == 1 and p.poll() is None, full.last_words()
    assert full.shop.one("SELECT state FROM mails") != SENT
    full.room.free(p)
    until(lambda: full.shop.one("SELECT state FROM mails") == SENT, "the answer to be written down")
    full.finish(p, p.pid)
    full.after("full")
    assert not full.compare()
    assert full.figures["repeats"] == 0


@pytest.mark.parametrize("full", ["tmpfs"], indirect=True)     # a limit is its process's own
def test_killed_and_started_on_a_full_disk(full):
    p = full.start()
    slips(full, 1)
    until(lambda: full.sink.accepted)
    full.room.fill(p)
    slips(full, 4)
    time.sleep(1)
    full.finish(p, p.pid)
    full.after("full")
    for _ in range(3):      # it may refuse to start, or run and complain; systemd starts it again
        p = full.start()
        time.sleep(0.7)
        p.kill()
        assert p.wait() in (1, -9), full.last_words()
        full.after("full")
    full.room.free(p)
    assert not full.compare()
    assert full.figures["repeats"] <= full.figures["in_the_window"]


# ---- does the harness see? ----

def test_a_lost_and_a_repeated_mail_are_seen(tmp_path):
    season = Season(tmp_path, random.Random(15), Figures())
    try:
        slips(season, 3)
        assert not season.compare()
        again = season.sink.accepted[0]
        season.sink.accepted.append(again)
        assert any("and again in life" in v for v in season.compare())
        season.violations.clear()
        season.sink.accepted.clear()
        season.checked = 0
        assert any("owed are 1 to 1" in v for v in season.compare())
    finally:
        season.close()


def test_disk_drops_what_was_not_synced(tmp_path):
    (tmp_path / "duewatch.db").write_bytes(b"a" * 2048)
    disk = Disk(tmp_path)
    path = str(tmp_path / "duewatch.db")
    disk.call("pwrite64", '3<%s>, "%s", 512, 0' % (path, "\\x62" * 512))
    disk.call("fdatasync", "3<%s>" % path)
    disk.call("pwrite64", '3<%s>, "%s", 1024, 512' % (path, "\\x63" * 1024))
    disk.call("openat", 'AT_FDCWD, "%s-wal", O_RDWR|O_CREAT, 0600' % path)
    disk.call("pwrite64", '4<%s-wal>, "%s", 4, 0' % (path, "\\x64" * 4))

    class Never(random.Random):
        def choice(self, _):
            return 0

        def random(self):
            return 0.99

    assert disk.cut(Never()) == 2
    assert (tmp_path / "duewatch.db").read_bytes() == b"b" * 512 + b"a" * 1536
    assert not (tmp_path / "duewatch.db-wal").exists()
    seen = set()
    for seed in range(40):
        g = File(b"0" * 1024, True)
        g.later = [("write", 0, b"1" * 1024)]
        g.lose(random.Random(seed), 0.5)
        assert len(set(g.data[:512])) == len(set(g.data[512:])) == 1
        seen.add(bytes(g.data[::512]))
    assert seen == {b"00", b"01", b"10", b"11"}     # each sector by itself, whole
