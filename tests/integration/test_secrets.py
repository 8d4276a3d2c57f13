"""How long the relay's password, and what is made of it, stays in the memory of the programs, and that nobody else sees it.
Searched for in /proc/PID/mem, before, during and after a login, and where a program leaves."""

import base64
import hashlib
import itertools
import os
import re
import signal
import subprocess

import pytest
from harness import DAEMON, SANITIZED, TOOL, fine, have, late, until
from smtpd import SmtpServer
from test_operations import password

# Long, and looked for in pieces: of a freed block the allocator itself overwrites the first 16 bytes.
OLD, NEW = ("-".join(hashlib.sha256(b"%s %d" % (name, i)).hexdigest()[:23] for i in range(4)) for name in (b"old", b"new"))
PIECE = 12


def pieces(text):
    return {text[i:i + PIECE] for i in range(0, len(text) - PIECE + 1, PIECE)}


def forms(user, word):
    """Pieces of the password, of its base64 at each of the three places it can have in a longer text, and of AUTH PLAIN's."""
    out = pieces(word.encode())
    for pad in range(3):
        text = base64.b64encode(b"\0" * pad + word.encode())
        out |= pieces(text[4 if pad else 0:len(text) - 4])
    return out | pieces(base64.b64encode(b"\0" + user.encode() + b"\0" + word.encode())[8:-4])


PAGE = os.sysconf("SC_PAGE_SIZE")


def present(pid):
    """(begin, end) of all memory that a process can write to and has touched: its stacks alone would be 100 MiB."""
    with open("/proc/%d/maps" % pid) as maps, open("/proc/%d/pagemap" % pid, "rb", 0) as pagemap:
        for line in maps:
            span, rights, *_ = line.split()
            begin, end = (int(x, 16) for x in span.split("-"))
            if not rights.startswith("rw"):
                continue
            pagemap.seek(begin // PAGE * 8)
            entries = memoryview(pagemap.read((end - begin) // PAGE * 8)).cast("Q")
            for there, run in itertools.groupby(range(len(entries)), lambda i: entries[i] >> 62 != 0):     # in memory or swapped
                run = list(run)
                if there:
                    yield begin + run[0] * PAGE, begin + (run[-1] + 1) * PAGE


def found(pid, wanted):
    """Which of them are there, each as often as it is."""
    out = []
    with open("/proc/%d/mem" % pid, "rb", 0) as memory:
        for begin, end in present(pid):
            try:
                memory.seek(begin)
                data = memory.read(end - begin)
            except OSError:     # gone since
                continue
            out += [w for w in wanted for _ in range(data.count(w))]
    return out


def locked(pid):
    """The flags of each mapping that is pinned: (lo) not swapped, (dd) not in a core."""
    text = open("/proc/%d/smaps" % pid).read()
    return [flags.split() for flags in re.findall(r"^VmFlags:(.*)$", text, re.M) if " lo" in flags]


def login(work, relay, certificate, word):
    password(work, word)
    work.config(transport="smtps://127.0.0.1:%d" % relay.port,
                mail=' username = "shop"; password_file = "smtp-password"; ca_file = "%s";' % certificate[0])


def login_relay(work, certificate, **more):
    return SmtpServer(str(work.folder / "relay"), tls="implicit", cert=certificate[0], key=certificate[1],
                      users={"shop": OLD}, require_auth=True, **more)


sees_memory = pytest.mark.skipif(SANITIZED or os.geteuid() != 0, reason="needs root; sanitizers keep what is freed")


def test_the_scan_finds_what_is_there():
    kept = [OLD.encode(), *(base64.b64encode(b"\0" * n + OLD.encode()) for n in range(3)), base64.b64encode(b"\0shop\0" + OLD.encode())]
    assert all(sum(w in k for w in forms("shop", OLD)) >= 6 for k in kept)      # whatever way it is written, it is known
    assert set(found(os.getpid(), forms("shop", OLD))) == forms("shop", OLD)


def only_in_its_page(pid, word):
    return sorted(found(pid, forms("shop", word))) == sorted(pieces(word.encode()))


@sees_memory
@pytest.mark.parametrize("mechanism", ["PLAIN", "LOGIN"])
def test_password_before_and_after_a_reload(work, certificate, mechanism):
    """Before the first mail: in its one page, pinned and left out of cores. After a reload with another password: nowhere,
    though a connection was logged in with the old one and nothing was sent since."""
    with login_relay(work, certificate, mechanisms=(mechanism,)) as relay:
        login(work, relay, certificate, OLD)
        d = work.started()
        assert only_in_its_page(d.pid, OLD), found(d.pid, forms("shop", OLD))
        assert any({"lo", "dd"} <= set(flags) for flags in locked(d.pid))
        work.csv([late("A1")])
        relay.wait_mails(1, 30)
        work.wait_outbox(2)
        assert not only_in_its_page(d.pid, OLD)     # libcurl and the transport have their own while they are connected
        relay.users["shop"] = NEW
        login(work, relay, certificate, NEW)
        d.reload()
        until(lambda: not found(d.pid, forms("shop", OLD)), "the old password to go")
        assert only_in_its_page(d.pid, NEW), found(d.pid, forms("shop", NEW))
        work.csv([late("A1"), late("A2")])
        relay.wait_mails(2, 30)
        assert relay.mails[1].user == "shop"
        assert d.stop() == 0


@sees_memory
def test_password_the_relay_refuses(work, certificate):
    """Nothing is left of a login that failed. (A relay that says the password back leaves it in OpenSSL's freed read buffer,
    which isn't ours to wipe: SECURITY.md.)"""
    with login_relay(work, certificate, script={"AUTH": "535 5.7.8 no"}) as relay:
        login(work, relay, certificate, OLD)
        d = work.started()
        work.csv([late("A1")])
        d.wait_log("relay refuses")
        password(work, NEW)
        d.reload()
        until(lambda: not found(d.pid, forms("shop", OLD)), "the old password to go")
        assert OLD not in d.log()


holds_at_exit = pytest.mark.skipif(SANITIZED or not have("strace") or os.uname().machine != "x86_64",
                                   reason="strace is missing, exit_group isn't 231, or LeakSanitizer minds a tracer")


def at_exit():
    """Words before a command that hold it where it leaves: everything is freed by then."""
    return ["strace", "-D", "-f", "-qq", "-o", "/dev/null", "-e", "trace=exit_group", "-e", "inject=exit_group:delay_enter=60000000"]


def is_leaving(pid):
    with open("/proc/%d/syscall" % pid) as f:
        return f.read().split()[0] == "231"


def let_go(p):
    """Its tracer first: else that waits out the delay."""
    tracer = int(re.search(r"^TracerPid:\t(\d+)$", open("/proc/%d/status" % p.pid).read(), re.M)[1])
    if tracer:
        os.kill(tracer, signal.SIGKILL)
    p.kill()
    p.wait()


@sees_memory
@holds_at_exit
@pytest.mark.parametrize("command", [["test-mail", "alice"], ["doctor"], ["check"], ["--once"]], ids=lambda c: c[0])
def test_password_when_a_program_leaves(work, certificate, command):
    with login_relay(work, certificate) as relay:
        login(work, relay, certificate, OLD)
        work.own_state()
        work.csv([fine("Z1")])
        if command != ["--once"]:
            work.once()
        work.csv([late("A1")])
        program = DAEMON if command == ["--once"] else TOOL
        with open(work.folder / "run.log", "wb") as log:
            p = subprocess.Popen([*at_exit(), program, "-c", work.conf, *command], stderr=log, stdout=log, stdin=subprocess.DEVNULL,
                                 env=work.env())
        try:
            until(lambda: is_leaving(p.pid), "its end")
            assert found(p.pid, forms("shop", OLD)) == []
            if command != ["check"]:
                assert any(who == "C" and text.startswith("AUTH") for _, who, text in relay.lines)
        finally:
            let_go(p)


def test_a_password_in_no_command_line_or_environment(work, certificate):
    with login_relay(work, certificate) as relay:
        login(work, relay, certificate, OLD)
        d = work.started()
        for name in ("cmdline", "environ"):
            assert OLD.encode() not in open("/proc/%d/%s" % (d.pid, name), "rb").read()
