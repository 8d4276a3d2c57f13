"""Least power: what the files' modes are, what listens, and what another user of this machine can do to the daemon and to
root's duewatch. The filter of system calls: test_confined.py; the password in memory: test_secrets.py."""

import os
import pathlib
import re
import shutil
import socket
import stat
import subprocess
import sys
import tempfile
import threading

import pytest
from harness import DAEMON, TOOL, Daemon, Shop, fine, have, late, until, wrapped
from smtpd import SmtpServer
from test_operations import Web, ops, password
from test_secrets import OLD, at_exit, holds_at_exit, is_leaving, let_go, login, login_relay

as_root = pytest.mark.skipif(os.geteuid() != 0, reason="needs root")
SERVICE, SOMEBODY = 65533, 65534


def mode(path):
    return stat.S_IMODE(os.stat(path, follow_symlinks=False).st_mode)


def modes(folder):
    return {p.name: mode(p) for p in pathlib.Path(folder).iterdir()}


# ---- modes ----

@pytest.fixture(params=[0o000, 0o777], ids=["umask-000", "umask-777"])
def umask(request):
    old = os.umask(request.param)
    yield request.param
    os.umask(old)


@pytest.fixture
def odd_umask(work, umask):
    """Only around the programs: the tests' own files must be readable."""
    def run(*command, code=0):
        done = subprocess.run([*wrapped(command[0]), "-c", work.conf, *command[1:]], capture_output=True, text=True, timeout=60,
                              stdin=subprocess.DEVNULL, env=work.env(), umask=umask)
        assert done.returncode == code, done.stderr
    os.umask(0o022)
    return run


def test_modes_whatever_the_umask(work, odd_umask):
    work.csv([late("A1")])
    odd_umask(DAEMON, "--once")
    odd_umask(TOOL, "set", "A1", "note=x")
    odd_umask(TOOL, "backup", work.folder / "copy.db")
    assert mode(work.state) == 0o700
    assert {"duewatch.db", "lock", "wake"} <= set(modes(work.state)) and set(modes(work.state).values()) == {0o600}
    assert mode(work.folder / "copy.db") == 0o600
    assert {mode(work.maildir / d) for d in (".", "new", "cur", "tmp")} == {0o700}
    assert set(modes(work.maildir / "new").values()) == {0o600} and work.mails()


def started_with_umask(work, umask):
    """It makes the state folder itself."""
    old = os.umask(umask)
    try:
        d = Daemon(work)
    finally:
        os.umask(old)
    work.daemons.append(d)
    return d


def test_modes_of_a_running_daemon(work):
    """With its WAL and shared memory there."""
    work.csv([late("A1")])
    started_with_umask(work, 0).ready()
    work.decided()
    assert mode(work.state) == 0o700
    there = modes(work.state)
    assert {"duewatch.db", "duewatch.db-wal", "duewatch.db-shm", "lock"} <= set(there) and set(there.values()) == {0o600}, there


def test_a_database_that_was_copied_back_is_closed(work):
    work.csv([fine("A1")])
    work.once()
    (work.state / "duewatch.db").chmod(0o644)
    d = work.daemon().ready()
    assert {modes(work.state)[n] for n in ("duewatch.db", "duewatch.db-wal")} == {0o600}
    assert d.stop() == 0


# ---- what listens ----

def sockets(pid):
    """{inode: (family, listens, whether it has a local address of its own choice)} of a process."""
    table = {}
    for family in ("tcp", "tcp6", "udp", "udp6", "udplite", "udplite6", "raw", "raw6"):
        try:
            lines = open("/proc/%d/net/%s" % (pid, family)).read().splitlines()[1:]
        except FileNotFoundError:
            continue
        for line in lines:
            words = line.split()
            table[words[9]] = (family, not family.startswith("tcp") or words[3] == "0A")
    for line in open("/proc/%d/net/unix" % pid).read().splitlines()[1:]:
        words = line.split()
        table[words[6]] = ("unix", int(words[3], 16) & 0x10000 != 0 or len(words) > 7)
    for line in open("/proc/%d/net/packet" % pid).read().splitlines()[1:]:
        table[line.split()[-1]] = ("packet", True)
    mine = {}
    for fd in os.listdir("/proc/%d/fd" % pid):
        try:
            m = re.fullmatch(r"socket:\[(\d+)\]", os.readlink("/proc/%d/fd/%s" % (pid, fd)))
        except FileNotFoundError:
            continue
        if m:
            mine[m[1]] = table.get(m[1], ("unknown", True))
    return mine


def nothing_listens(pid):
    return [s for s in sockets(pid).values() if s[1]] == []


def test_the_look_at_sockets_sees_them(tmp_path):
    with socket.create_server(("127.0.0.1", 0)), socket.socket(socket.AF_INET6, socket.SOCK_DGRAM), \
            socket.socket(socket.AF_UNIX) as u, socket.socket(socket.AF_INET, socket.SOCK_DGRAM) as d:
        u.bind(str(tmp_path / "u"))
        u.listen()
        d.bind(("127.0.0.1", 0))
        assert {s[0] for s in sockets(os.getpid()).values() if s[1]} >= {"tcp", "udp", "unix"}


def test_no_socket_listens(work):
    """Idle, while a mail is on its way, with the connection kept, after a reload, while the heartbeat is called."""
    web = Web()
    hang = web.hang = threading.Event()
    with SmtpServer(str(work.folder / "relay"), script={"DOT": "wait:1|ok"}) as relay:
        try:
            ops(work, web, relay=relay)
            d = work.started()
            until(lambda: web.hits, "the heartbeat")
            assert nothing_listens(d.pid) and any(s[0] == "tcp" for s in sockets(d.pid).values())
            work.csv([late("A1")])
            until(lambda: any(text.startswith("DATA") for _, who, text in relay.lines if who == "C"), "a mail on its way")
            assert nothing_listens(d.pid)
            relay.wait_mails(1, 30)
            work.wait_outbox(2)
            assert nothing_listens(d.pid) and any(s[0] == "tcp" for s in sockets(d.pid).values())
            d.reload()
            assert nothing_listens(d.pid)
            hang.set()
            assert d.stop() == 0
        finally:
            web.close()


@pytest.mark.parametrize("args", [["--once"], pytest.param(["-t"], marks=holds_at_exit)], ids=["once", "t"])
def test_no_socket_listens_in_one_go(work, args):
    """Looked at while it hangs in the relay, or in the end."""
    with SmtpServer(str(work.folder / "relay"), script={"MAIL": "hang"}) as relay:
        work.config(relay)
        work.own_state()
        work.csv([late("A1")])
        with open(work.folder / "run.log", "wb") as log:
            p = subprocess.Popen([*at_exit(), *wrapped(DAEMON), "-c", work.conf, *args] if args == ["-t"] else
                                 [*wrapped(DAEMON), "-c", work.conf, *args], stderr=log, stdin=subprocess.DEVNULL, env=work.env())
        try:
            if args == ["-t"]:
                until(lambda: is_leaving(p.pid), "the end")
            else:
                until(lambda: any(text.startswith("MAIL") for _, who, text in relay.lines if who == "C"), "the relay's call")
            assert nothing_listens(p.pid)
        finally:
            let_go(p)


# ---- another user of this machine ----

@pytest.fixture
def open_shop(monkeypatch):
    """A shop in a folder everybody can look into, as /etc and /var/lib are; its state belongs to the service. Outside of
    $DUEWATCH_WRAP: root's duewatchd becomes the service here, which is just what the unit's filter forbids."""
    monkeypatch.setattr("harness.WRAP", [])
    folder = pathlib.Path(tempfile.mkdtemp(prefix="duewatch-test-"))
    folder.chmod(0o755)
    shop = Shop(folder)
    shop.state.mkdir(0o700)
    os.chown(shop.state, SERVICE, SERVICE)
    yield shop
    shop.close()
    shutil.rmtree(folder)


def somebody(code, *args, uid=SOMEBODY, **more):
    """What a Python text prints as another user."""
    done = subprocess.run([sys.executable, "-c", code, *map(str, args)], capture_output=True, text=True, timeout=60, user=uid, group=uid,
                          extra_groups=[], cwd="/", **more)
    assert done.returncode == 0, done.stderr
    return done.stdout


ATTACKS = r"""
import ctypes, fcntl, os, pathlib, resource, signal, socket, sys
state, conf, pid = pathlib.Path(sys.argv[1]), sys.argv[2], int(sys.argv[3])
libc = ctypes.CDLL(None, use_errno=True)

def call(r):
    if r < 0:
        raise OSError(ctypes.get_errno(), "")

def lock():
    fcntl.flock(os.open(state / "lock", os.O_RDONLY), fcntl.LOCK_EX | fcntl.LOCK_NB)

attacks = {
    "list the state": lambda: os.listdir(state),
    "read the database": lambda: open(state / "duewatch.db", "rb").read(),
    "read the WAL": lambda: open(state / "duewatch.db-wal", "rb").read(),
    "write to wake": lambda: open(state / "wake", "w").write("w"),
    "make wake a FIFO": lambda: os.mkfifo(state / "wake"),
    "take the lock": lock,
    "plant a file": lambda: open(state / "duewatch.db-journal", "w"),
    "move the state": lambda: os.rename(state, "/tmp/duewatch-stolen-%d" % pid),
    "put another in its place": lambda: os.symlink("/tmp", state.parent / "other"),
    "a hard link to the database": lambda: os.link(state / "duewatch.db", "/tmp/duewatch-link-%d" % pid),
    "read the password": lambda: open(pathlib.Path(conf).parent / "smtp-password").read(),
    "change the config": lambda: open(conf, "a"),
    "read its memory": lambda: open("/proc/%d/mem" % pid, "rb").read(1),
    "read its maps": lambda: open("/proc/%d/maps" % pid).read() or 1 / 0,
    "read its environment": lambda: open("/proc/%d/environ" % pid, "rb").read() or 1 / 0,
    "its open files": lambda: os.listdir("/proc/%d/fd" % pid),
    "trace it": lambda: call(libc.ptrace(16, pid, 0, 0)),
    "change its limits": lambda: resource.prlimit(pid, resource.RLIMIT_NOFILE, (3, 3)),
    "its priority": lambda: os.setpriority(os.PRIO_PROCESS, pid, 19),
    **{"signal %s" % s.name: lambda s=s: os.kill(pid, s) for s in (signal.SIGTERM, signal.SIGHUP, signal.SIGUSR1, signal.SIGSTOP, signal.SIGKILL)},
}
for name, attack in attacks.items():
    try:
        attack()
        print("DONE:", name)
    except PermissionError:
        pass
print(len(attacks), "tried")
"""


@as_root
@pytest.mark.skipif(not have("setpriv"), reason="setpriv is missing")
def test_another_user_reaches_nothing(open_shop, monkeypatch):
    """The service as a user of its own, a third one against it; then it still works, and so does root's duewatch."""
    work = open_shop
    password(work, OLD)
    monkeypatch.setattr("harness.WRAP", ["setpriv", "--reuid=%d" % SERVICE, "--regid=%d" % SERVICE, "--clear-groups", "--"])
    work.config(transport="maildir://%s/mail" % work.state)
    work.csv([late("A1"), fine("A2")])
    d = started_with_umask(work, 0).ready()     # the notify socket, too, is everybody's
    work.decided()
    assert os.stat("/proc/%d" % d.pid).st_uid == SERVICE
    said = somebody(ATTACKS, work.state, work.conf, d.pid)
    assert re.fullmatch(r"\d+ tried\n", said), said
    work.tool("set", "A2", "note=x")        # root's, that becomes the service
    assert {p.stat().st_uid for p in work.state.iterdir()} == {SERVICE}
    for args in (["status"], ["set", "A1", "note=x"], ["ack", "A1"], ["explain", "A1"], ["outbox"], ["backup", "/tmp/duewatch-copy"]):
        done = subprocess.run([TOOL, "-c", work.conf, *args], capture_output=True, text=True, timeout=60, user=SOMEBODY, group=SOMEBODY,
                              extra_groups=[])
        assert done.returncode == 1 and "A1" not in done.stdout and "sudo" in done.stderr, done
    offered = subprocess.run([TOOL, "--complete", "-c", work.conf, "explain", ""], capture_output=True, text=True, timeout=60, user=SOMEBODY,
                             group=SOMEBODY, extra_groups=[])
    assert (offered.stdout, offered.stderr) == ("", "")
    assert d.stop() == 0


@as_root
def test_a_state_that_anybody_could_have_put_there(open_shop):
    """Below a folder like /tmp: another user's folder or link isn't taken, and none is used where it could be exchanged."""
    work = open_shop
    wild = work.folder / "wild"
    wild.mkdir()
    work.write(work.conf, work.conf.read_text().replace('state = "state"', 'state = "wild/state"'))
    plant = "import os, sys; os.%s; print('done')"
    for sticky in (0o1777, 0o777):
        wild.chmod(sticky)
        for act in ("mkdir(sys.argv[1], 0o700)", "mkdir(sys.argv[1], 0o777)", "symlink('/etc', sys.argv[1])", "symlink(sys.argv[2], sys.argv[1])"):
            somebody(plant % act, wild / "state", work.state)
            for program, args in ((DAEMON, ["--once"]), (TOOL, ["status"]), (TOOL, ["test-mail", "alice"]), (TOOL, ["doctor"])):
                done = subprocess.run([program, "-c", work.conf, *args], capture_output=True, text=True, timeout=60, stdin=subprocess.DEVNULL)
                assert done.returncode in (1, 2), (oct(sticky), act, args, done)
                assert "everybody may" in done.stderr + done.stdout, (oct(sticky), act, args, done)
            assert not (wild / "state" / "duewatch.db").exists() and not os.path.exists("/etc/duewatch.db")
            somebody("import os, sys; p = sys.argv[1]; os.unlink(p) if os.path.islink(p) else os.rmdir(p)", wild / "state")
    wild.chmod(0o1777)
    work.csv([fine("Z1")])
    work.run("--once")                      # nobody was there before: ours, and nobody can move it
    assert mode(wild / "state") == 0o700 and os.stat(wild / "state").st_uid == os.geteuid()


@as_root
@pytest.mark.skipif(not have("setpriv"), reason="setpriv is missing")
@pytest.mark.parametrize("owner, rights, words", [(SOMEBODY, 0o755, "belongs to another user"), (SERVICE, 0o770, "its group may write"),
                                                  (SERVICE, 0o777, "everybody may write")])
def test_a_state_folder_of_others(open_shop, owner, rights, words, monkeypatch):
    work = open_shop
    monkeypatch.setattr("harness.WRAP", ["setpriv", "--reuid=%d" % SERVICE, "--regid=%d" % SERVICE, "--clear-groups", "--"])
    os.chown(work.state, owner, owner)
    work.state.chmod(rights)
    assert words in work.run("--once", code=1).stderr
    assert os.listdir(work.state) == []


@as_root
def test_wake_as_a_fifo_holds_nobody(work):
    """Only the service itself could make it one; root's duewatch doesn't wait for a reader."""
    work.csv([fine("A1")])
    work.once()
    (work.state / "wake").unlink(missing_ok=True)
    os.mkfifo(work.state / "wake")
    work.tool("set", "A1", "note=x")


@as_root
def test_lock_and_database_as_links(open_shop):
    """What stands in the service's folder in the place of its files is never written through with root's rights."""
    work = open_shop
    victim = work.folder / "victim"
    victim.write_text("precious\n")
    for name in ("lock", "duewatch.db", "wake"):
        os.symlink(victim, work.state / name)
        os.lchown(work.state / name, SERVICE, SERVICE)
        for program, args in ((DAEMON, ["--once"]), (TOOL, ["set", "A1", "note=x"])):
            done = subprocess.run([program, "-c", work.conf, *args], capture_output=True, text=True, timeout=60, stdin=subprocess.DEVNULL)
            assert name == "wake" or done.returncode == 1, done
        assert victim.read_text() == "precious\n"
        (work.state / name).unlink()
        for p in work.state.iterdir():
            p.unlink()


# ---- root's duewatch in somebody's shell ----

def hostile_environment(folder, proxy, certificate):
    planted = folder / "planted"
    planted.mkdir()
    (planted / ".netrc").write_text("machine 127.0.0.1 login eve password evil\ndefault login eve password evil\n")
    (planted / ".curlrc").write_text("proxy = %s\n" % proxy)
    (planted / "openssl.cnf").write_text("openssl_conf = x\n[x]\nengines = y\n[y]\nz = z\n[z]\ndynamic_path = %s/evil.so\ninit = 1\n" % planted)
    return planted, {
        **{k: proxy for k in ("http_proxy", "https_proxy", "all_proxy", "ALL_PROXY", "HTTPS_PROXY", "smtp_proxy", "SMTP_PROXY")},
        "HOME": str(planted), "NETRC": str(planted / ".netrc"), "CURL_HOME": str(planted), "XDG_CONFIG_HOME": str(planted),
        "TMPDIR": str(planted), "SQLITE_TMPDIR": str(planted), "SSLKEYLOGFILE": str(planted / "keys"),
        "SSL_CERT_FILE": certificate, "SSL_CERT_DIR": str(planted), "CURL_CA_BUNDLE": certificate, "OPENSSL_CONF": str(planted / "openssl.cnf"),
        "GCONV_PATH": str(planted), "LOCALDOMAIN": "evil.example", "RES_OPTIONS": "ndots:9", "HOSTALIASES": str(planted / ".netrc"),
        "GMIME_DEBUG": "1", "G_MESSAGES_DEBUG": "all", "MALLOC_TRACE": str(planted / "malloc"), "KRB5_CONFIG": str(planted / ".curlrc"),
    }


@as_root
def test_the_environment_moves_nothing(work, certificate):
    """Of a root whose shell somebody else has filled: no proxy, no other login, no other authority, no keys, no files."""
    calls = []
    with login_relay(work, certificate) as relay, socket.create_server(("127.0.0.1", 0)) as proxy:
        def answer():
            try:
                while True:
                    calls.append(proxy.accept()[1])
            except OSError:
                pass
        threading.Thread(target=answer, daemon=True).start()
        login(work, relay, certificate, OLD)
        work.csv([fine("A1")])
        work.once()
        planted, env = hostile_environment(work.folder, "http://127.0.0.1:%d" % proxy.getsockname()[1], certificate[0])
        before = sorted(p.name for p in planted.iterdir())

        def tool(*args):
            return subprocess.run([TOOL, "-c", work.conf, *args], capture_output=True, text=True, timeout=60, stdin=subprocess.DEVNULL,
                                  env=work.env(env), cwd=planted)
        done = tool("test-mail", "alice")
        assert done.returncode == 0, done
        assert relay.mails[0].user == "shop"
        for args in (["doctor"], ["status"], ["set", "A1", "note=x"], ["backup", str(work.folder / "copy.db")]):
            assert tool(*args).returncode in (0, 1, 2)
        # without the pin the relay is unknown, whatever the environment calls an authority
        work.config(transport="smtps://127.0.0.1:%d" % relay.port, mail=' username = "shop"; password_file = "smtp-password";')
        done = tool("test-mail", "alice")
        assert done.returncode == 1 and "can't be trusted" in done.stdout, done
        assert calls == [] and sorted(p.name for p in planted.iterdir()) == before
        proxy.shutdown(socket.SHUT_RDWR)


def test_a_config_in_the_working_folder_is_not_ours(work):
    work.csv([fine("A1")])
    for program in (TOOL, DAEMON):
        args = ["status"] if program == TOOL else ["--once"]
        if os.path.exists("/etc/duewatch/duewatch.conf"):
            pytest.skip("duewatch is installed here")
        done = subprocess.run([program, *args], capture_output=True, text=True, timeout=60, stdin=subprocess.DEVNULL, cwd=work.folder,
                              env=work.env({"HOME": str(work.folder), "XDG_CONFIG_HOME": str(work.folder)}))
        assert done.returncode == 2 and "/etc/duewatch/duewatch.conf" in done.stderr, done
    assert not work.state.exists()


@as_root
def test_backup_onto_what_somebody_put_there(open_shop):
    """Into a folder like /tmp: no file, link, FIFO or folder that is there already; nothing is written through any."""
    work = open_shop
    work.csv([fine("A1")])
    work.run("--once")
    wild = work.folder / "wild"
    wild.mkdir()
    wild.chmod(0o1777)
    victim = work.state / "victim"
    victim.write_text("precious\n")
    os.chown(victim, SERVICE, SERVICE)
    somebody("""if True:
        import os, sys
        os.chdir(sys.argv[1])
        open("file", "w").close()
        os.chmod("file", 0o666)
        os.symlink(sys.argv[2], "link")
        os.symlink(sys.argv[2] + "-not-there", "dangling")
        os.mkfifo("fifo", 0o666)
        os.chmod("fifo", 0o666)
        os.mkdir("folder", 0o777)
        """, wild, victim)
    for name in ("file", "link", "dangling", "fifo", "folder"):
        assert "new file" in work.run("backup", str(wild / name), program=TOOL, code=1).stderr, name
    assert victim.read_text() == "precious\n" and os.listdir(work.state).count("victim-not-there") == 0
    assert (wild / "file").read_bytes() == b"" and os.listdir(wild / "folder") == []
    work.run("backup", str(wild / "new.db"), program=TOOL)
    assert mode(wild / "new.db") == 0o600 and os.stat(wild / "new.db").st_uid == SERVICE
    os.symlink(wild, work.folder / "way")       # a folder by a link of root's is still a folder
    work.run("backup", str(work.folder / "way" / "second.db"), program=TOOL)
    assert (wild / "second.db").stat().st_size > 0


def test_notify_is_by_the_main_process_alone(work):
    """The unit has NotifyAccess=main; all that is said comes from that one."""
    path = str(work.folder / "n")
    with socket.socket(socket.AF_UNIX, socket.SOCK_DGRAM) as s:
        s.setsockopt(socket.SOL_SOCKET, socket.SO_PASSCRED, 1)
        s.bind(path)
        s.settimeout(30)
        work.own_state()
        work.csv([fine("A1")])
        with open(work.folder / "run.log", "wb") as log:
            p = subprocess.Popen([*wrapped(DAEMON), "-c", work.conf], stderr=log, stdin=subprocess.DEVNULL, env=work.env({"NOTIFY_SOCKET": path}))
        try:
            pids, said = set(), b""
            while b"READY=1" not in said:
                said, control, _, _ = s.recvmsg(4096, 256)
                pids |= {int.from_bytes(data[:4], sys.byteorder) for _, kind, data in control if kind == 2}
            assert pids == {p.pid}
        finally:
            p.kill()
            p.wait()
