"""The unit's limits, parsed from it and put on real processes (confined.py): what they refuse, what they leave, and
that duewatchd works under them. tests/run.sh runs this whole folder under them as well."""

import os
import re
import signal
import subprocess
import sys

import confined
import pytest
from harness import BUILD, DAEMON, SANITIZED, late, until

seccomp = pytest.importorskip("seccomp")
pytestmark = [pytest.mark.skipif(SANITIZED or "wrapped" in BUILD.parts, reason="sanitizers and valgrind make calls of their own"),
              pytest.mark.skipif(subprocess.run(["sh", "-c", "command -v systemd-analyze strace"], stdout=subprocess.DEVNULL).returncode != 0,
                                 reason="systemd-analyze or strace is missing")]

# What duewatchd called in any test of this folder (confined.py --count, glibc 2.36, 25 November 2026; exit and
# exit_group don't return and aren't counted; clone stands in for clone3, which the unit answers with ENOSYS).
USED = set("""
access arch_prctl brk clock_nanosleep clone close connect dup epoll_create1 epoll_ctl epoll_wait eventfd2 execve exit
exit_group fchmod fcntl fdatasync flock fsync ftruncate futex getdents64 getegid geteuid getgid getpeername getpid
getrandom getsockname getsockopt getuid inotify_add_watch inotify_init1 ioctl lseek madvise mkdir mkdirat mlock mmap
mprotect munmap newfstatat openat pipe2 poll prctl pread64 prlimit64 pwrite64 read readlink recvfrom rename renameat
restart_syscall rseq rt_sigaction rt_sigprocmask rt_sigreturn sched_yield sendmsg sendto set_robust_list set_tid_address
setsockopt shutdown socket socketpair statfs sysinfo umask uname unlink unlinkat write
""".split())
UNUSED_MAX = 113    # of 190 allowed: the same jobs under other names, @default, and what programs as feeds will need

# What must be refused, with arguments that would do nothing much if it weren't.
REFUSED = [
    ("ptrace", 0, 0, 0, 0), ("process_vm_readv", 1, 0, 0, 0, 0, 0), ("process_vm_writev", 1, 0, 0, 0, 0, 0), ("kcmp", 1, 1, 0, 0, 0),
    ("mount", 0, 0, 0, 0, 0), ("umount2", 0, 0), ("pivot_root", 0, 0), ("chroot", 0), ("fsopen", 0, 0), ("open_tree", -1, 0, 0),
    ("move_mount", -1, 0, -1, 0, 0), ("bpf", 0, 0, 0), ("perf_event_open", 0, 0, -1, -1, 0), ("userfaultfd", 0),
    ("keyctl", 0, 0, 0, 0, 0), ("add_key", 0, 0, 0, 0, 0), ("request_key", 0, 0, 0, 0),
    ("io_uring_setup", 1, 0), ("io_setup", 1, 0), ("init_module", 0, 0, 0), ("finit_module", -1, 0, 0), ("delete_module", 0, 0),
    ("kexec_load", 0, 0, 0, 0), ("kexec_file_load", -1, -1, 0, 0, 0), ("reboot", 0, 0, 0, 0), ("swapon", 0, 0),
    ("unshare", 0), ("unshare", 0x10000000), ("setns", -1, 0), ("clone", 0x10000000 | signal.SIGCHLD, 0, 0, 0, 0),
    ("setuid", 0), ("setgid", 0), ("setresuid", 0, 0, 0), ("setgroups", 0, 0), ("capset", 0, 0), ("chown", 0, 0, 0),
    ("fchownat", -1, 0, 0, 0, 0), ("personality", 0x0040000), ("settimeofday", 0, 0), ("clock_settime", 0, 0), ("adjtimex", 0),
    ("iopl", 3), ("ioperm", 0, 0, 0), ("sethostname", 0, 0), ("quotactl", 0, 0, 0, 0), ("syslog", 0, 0, 0), ("acct", 0),
    ("setrlimit", 0, 0), ("sched_setscheduler", 0, 1, 0), ("setpriority", 0, 0, 0), ("mlockall", 1), ("memfd_create", 0, 0),
    ("execveat", -1, 0, 0, 0, 0), ("name_to_handle_at", -1, 0, 0, 0, 0), ("open_by_handle_at", -1, 0, 0), ("fanotify_init", 0, 0),
    ("shmget", 0, 4096, 0o1000), ("msgget", 0, 0), ("semget", 0, 1, 0), ("mq_open", 0, 0, 0, 0), ("mknod", 0, 0, 0),
    ("symlink", 0, 0), ("setxattr", 0, 0, 0, 0, 0), ("seccomp", 99, 0, 0), ("timerfd_create", 1, 0), ("timer_create", 0, 0, 0),
    ("bind", -1, 0, 0), ("listen", -1, 1), ("accept", -1, 0, 0), ("accept4", -1, 0, 0, 0),
    # AF_PACKET, AF_VSOCK, AF_ALG, AF_BLUETOOTH, AF_XDP, AF_CAN
    *(("socket", family, 2, 0) for family in (17, 40, 38, 31, 44, 29)),
    # writable and executable, one after the other, and a mode with set-user-id
    ("mmap", 0, 4096, 7, 0x22, -1, 0), ("mprotect", 0, 4096, 5), ("mprotect", 0, 4096, 7), ("pkey_mprotect", 0, 4096, 4, -1),
    ("chmod", 0, 0o4755), ("fchmod", -1, 0o2755), ("openat", -1, 0, 0o100, 0o4600),
]
LEFT = [("getpid",), ("socket", 1, 2, 0), ("socket", 2, 1, 0), ("socket", 10, 1, 0), ("mmap", 0, 4096, 3, 0x22, -1, 0), ("fchmod", -1, 0o755),
        ("pipe2", 0, 0), ("wait4", -1, 0, 1, 0), ("kill", 0x7FFFFFFF, 0), ("sched_yield",)]

TRY = """
import ctypes, os, signal, sys
syscall = ctypes.CDLL(None, use_errno=True).syscall
for line in sys.stdin:
    n, *args = map(int, line.split())
    kid = os.fork()
    if kid == 0:
        syscall(n, *map(ctypes.c_long, args))
        os._exit(0)
    print(os.waitstatus_to_exitcode(os.waitpid(kid, 0)[1]), flush=True)
"""


@pytest.fixture(scope="module")
def limits(tmp_path_factory):
    path = tmp_path_factory.mktemp("limits") / "unit"
    confined.write(path)
    return str(path)


def wrap(limits):
    return [sys.executable, confined.__file__, limits]


def fates(limits, calls):
    """{call: exit code} of a process each, below one that is confined."""
    number = lambda name: seccomp.resolve_syscall(seccomp.Arch(), name)
    known = [c for c in calls if number(c[0]) >= 0]
    text = "".join("%d %s\n" % (number(name), " ".join("%d" % a for a in args)) for name, *args in known)
    done = subprocess.run([*wrap(limits), sys.executable, "-c", TRY], input=text, capture_output=True, text=True, timeout=60)
    out = list(map(int, done.stdout.split()))
    assert len(out) == len(known), done.stderr
    return dict(zip(known, out))


def test_refused(limits):
    got = fates(limits, REFUSED)
    assert len(got) >= len(REFUSED) - 3     # a call or two are another machine's
    assert {call: code for call, code in got.items() if code != -signal.SIGSYS} == {}


def test_left(limits):
    assert set(fates(limits, LEFT).values()) == {0}


def test_answered(limits):
    """What somebody asks for and can do without is answered as the unit does."""
    assert set(fates(limits, [(call, 0, 0, 0, 0) for call, _, _ in confined.ANSWERED] + [("socket", 16, 3, 0)]).values()) == {0}


def test_other_architectures(limits, tmp_path):
    """x32 is the same kernel by another door: bit 30 of the number."""
    assert fates(limits, [("getpid",)]) == {("getpid",): 0}
    text = "%d\n" % (0x40000000 | seccomp.resolve_syscall(seccomp.Arch(), "getpid"))
    done = subprocess.run([*wrap(limits), sys.executable, "-c", TRY], input=text, capture_output=True, text=True, timeout=60)
    assert done.stdout.split() == [str(-signal.SIGSYS)], done


def test_tight():
    """Nothing the suite used is missing, and of what is allowed not more is idle than was looked at."""
    _, allowed = confined.build(confined.settings())
    unused = sorted(allowed - USED)
    used = {call for call in USED if seccomp.resolve_syscall(seccomp.Arch(), call) >= 0}     # others are another machine's
    print("%d allowed, never used: %d: %s" % (len(allowed), len(unused), " ".join(unused)))
    assert used - allowed == set()
    assert len(unused) <= UNUSED_MAX
    known = confined.groups()
    for group in "@privileged @resources @setuid @keyring @aio @timer @mount @module @raw-io @debug @swap @reboot @clock @obsolete".split():
        assert confined.expand(group, known) & allowed <= {"times"}, group


def test_exposure():
    done = subprocess.run(["systemd-analyze", "security", "--offline=yes", "--no-pager", "--threshold=11", confined.UNIT],
                          capture_output=True, text=True, timeout=60)
    print(done.stdout.splitlines()[-1])
    assert done.returncode == 0 and float(re.search(r"exposure level .*: ([0-9.]+)", done.stdout)[1]) <= 1.1
    assert confined.on(confined.settings(), "NoNewPrivileges")


def status(pid):
    return dict(re.findall(r"^(\w+):\t(.*)$", open("/proc/%d/status" % pid).read(), re.M))


def test_daemon_under_them(work, relay, limits, monkeypatch):
    """A mail, a reload and a stop; and that the process has no right at all."""
    monkeypatch.setattr("harness.WRAP", wrap(limits))
    work.config(relay)
    d = work.started()
    s = status(d.pid)
    assert (s["Seccomp"], s["NoNewPrivs"], s["Umask"]) == ("2", "1", "0077"), s
    assert {int(s[c], 16) for c in ("CapInh", "CapPrm", "CapEff", "CapAmb")} == {0}
    assert re.search(r"^Max core file size +0 +0 ", open("/proc/%d/limits" % d.pid).read(), re.M)
    assert os.readlink("/proc/%d/exe" % d.pid) == str(DAEMON)
    work.csv([late("A1")])
    relay.wait_mails(1, 30)
    d.reload()
    assert d.stop() == 0


def test_record_is_of_this_program(work, relay, tmp_path, monkeypatch):
    """What it calls today, by strace: the filter has it, and most of USED is seen in one short life."""
    folder = tmp_path / "calls"
    folder.mkdir()
    monkeypatch.setattr("harness.WRAP", [sys.executable, confined.__file__, "--count", str(folder)])
    work.config(relay)
    d = work.started()
    work.csv([late("A1")])
    relay.wait_mails(1, 30)
    work.wait_outbox(2)
    assert d.stop() == 0
    until(lambda: confined.counted(folder), "strace's count")
    seen = set(confined.counted(folder))
    _, allowed = confined.build(confined.settings())
    assert seen - allowed <= {call for call, _, _ in confined.ANSWERED}
    assert len(seen & USED) >= 50, sorted(USED - seen)
