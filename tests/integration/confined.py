#!/usr/bin/python3
"""Starts a program under the limits that systemd/duewatchd.service puts on duewatchd, for $DUEWATCH_WRAP:

    confined.py --write FILE                reads the unit, writes its limits to FILE (the filter as a BPF program)
    confined.py FILE PROGRAM [ARGUMENT…]    becomes PROGRAM, under them
    confined.py --count FOLDER PROGRAM …    runs it free, its system calls counted into a file of FOLDER by strace
    confined.py --unused FOLDER             what the filter allows and none of those files has

What is taken from the unit: SystemCallFilter (its groups as `systemd-analyze syscall-filter` has them),
SystemCallArchitectures, RestrictAddressFamilies, MemoryDenyWriteExecute, RestrictNamespaces, RestrictRealtime,
RestrictSUIDSGID, LockPersonality, NoNewPrivileges, PrivateUsers, UMask, LimitCORE. The namespaces of files aren't
built: tests/container-inside.sh looks at the whole unit, under systemd.

One thing is harsher than the unit: where that answers a forbidden call with an error, which a program may overlook,
here the program is killed (SIGSYS), so that a test that needs the call fails. The calls in ANSWERED are the only ones
that get the unit's error: somebody is known to ask and to take no for an answer.

Root becomes another user of a user namespace, without rights, as PrivateUsers does it: the daemon must not get by on
root's rights. Where the kernel has no user namespaces it stays root, its capabilities dropped."""

import base64
import ctypes
import errno
import json
import os
import pathlib
import re
import resource
import socket
import subprocess
import sys

UNIT = pathlib.Path(__file__).resolve().parents[2] / "systemd" / "duewatchd.service"
SERVICE_UID = 990
PROT_WRITE, PROT_EXEC, SXID = 2, 4, 0o6000
NAMESPACES = 0x7E020000         # CLONE_NEW…: cgroup, ipc, net, mount, pid, user, uts
PR_CAPBSET_DROP, PR_SET_SECCOMP, PR_SET_NO_NEW_PRIVS, SECCOMP_MODE_FILTER, CLONE_NEWUSER = 24, 22, 38, 2, 0x10000000

# (call, errno, why)
ANSWERED = [
    ("clone3", errno.ENOSYS, "RestrictNamespaces can't look into its struct; glibc then takes clone"),
    ("openat2", errno.ENOSYS, "RestrictSUIDSGID, likewise"),
    ("fchown", errno.EPERM, "SQLite as root alone gives its WAL to the database's owner: only where root must stay root"),
]
NETLINK = "getaddrinfo asks the kernel for the machine's addresses, and does without"


# ---- the unit ----

def settings(text=None):
    """{key: [values in their order]} of [Service]."""
    out, section = {}, ""
    for line in (text or UNIT.read_text()).splitlines():
        line = line.strip()
        if line.startswith("["):
            section = line
        elif section == "[Service]" and "=" in line and line[0] not in "#;":
            key, value = line.split("=", 1)
            out.setdefault(key.strip(), []).append(value.strip())
    return out


def groups():
    """{"@name": set of its members, groups among them}, as this machine's systemd has them."""
    done = subprocess.run(["systemd-analyze", "--no-pager", "syscall-filter"], capture_output=True, text=True, check=True,
                          env={**os.environ, "SYSTEMD_COLORS": "0"})
    out, name = {}, None
    for line in done.stdout.splitlines():
        if line.startswith("@"):
            name = line.strip()
            out[name] = set()
        elif not line.startswith(" "):
            name = None         # what the kernel has beyond the groups
        elif name and not line.strip().startswith("#"):
            out[name].add(line.strip())
    return out


def expand(word, known):
    if not word.startswith("@"):
        return {word}
    return set().union(*(expand(w, known) for w in known[word]))


def allowed_names(unit):
    """What SystemCallFilter leaves; systemd adds @default to a list of allowed calls by itself."""
    known = groups()
    names = expand("@default", known)
    lines = unit["SystemCallFilter"]
    assert not lines[0].startswith("~"), "a list of what is allowed was expected"
    for line in lines:
        words = set().union(*(expand(w, known) for w in line.lstrip("~").split()))
        names = names - words if line.startswith("~") else names | words
    return names


def on(unit, key):
    return unit.get(key, ["no"])[-1] in ("yes", "true", "1")


# ---- the filter ----

def conditions(unit, seccomp):
    """{call: [the arguments, each a list of conditions, with which it is allowed]} for calls that aren't always."""
    arg, eq, masked = seccomp.Arg, seccomp.EQ, seccomp.MASKED_EQ
    out = {}
    families = unit["RestrictAddressFamilies"][-1].split()
    out["socket"] = [[arg(0, eq, getattr(socket, f))] for f in families]
    if on(unit, "MemoryDenyWriteExecute"):
        both = PROT_WRITE | PROT_EXEC
        out["mmap"] = [[arg(2, masked, both, v)] for v in (0, PROT_WRITE, PROT_EXEC)]
        out["mprotect"] = out["pkey_mprotect"] = [[arg(2, masked, PROT_EXEC, 0)]]
        out["shmat"] = [[arg(2, masked, 0o100000, 0)]]
    if on(unit, "RestrictNamespaces"):
        out["clone"] = [[arg(0, masked, NAMESPACES, 0)]]
        out["unshare"] = out["setns"] = []
    if on(unit, "RestrictRealtime"):
        out["sched_setscheduler"] = [[arg(1, eq, v)] for v in (0, 3, 5)]      # other, batch, idle
    if on(unit, "RestrictSUIDSGID"):
        for call, mode in (("chmod", 1), ("fchmod", 1), ("fchmodat", 2), ("mkdir", 1), ("mkdirat", 2), ("mknod", 1),
                           ("mknodat", 2), ("creat", 1)):
            out[call] = [[arg(mode, masked, SXID, 0)]]
        for call, flags in (("open", 1), ("openat", 2)):
            out[call] = [[arg(flags, masked, os.O_CREAT, 0)], [arg(flags, masked, os.O_CREAT, os.O_CREAT),
                                                              arg(flags + 1, masked, SXID, 0)]]
    if on(unit, "LockPersonality"):
        out["personality"] = [[arg(0, eq, 0)], [arg(0, eq, 0xFFFFFFFF)]]
    return out


def build(unit):
    """(the BPF program, the names it allows)"""
    import seccomp      # python3-seccomp
    f = seccomp.SyscallFilter(seccomp.KILL_PROCESS)     # another architecture's calls: killed as well
    assert unit["SystemCallArchitectures"] == ["native"]
    answered = {call: code for call, code, _ in ANSWERED}
    special = conditions(unit, seccomp)
    names = set()
    for name in sorted(allowed_names(unit) - set(answered)):
        if seccomp.resolve_syscall(seccomp.Arch(), name) < 0:
            continue    # of other machines
        names.add(name)
        if name not in special:
            f.add_rule(seccomp.ALLOW, name)
        for rule in special.get(name, []):
            f.add_rule_exactly(seccomp.ALLOW, name, *rule)
    for name, code in answered.items():
        f.add_rule(seccomp.ERRNO(code), name)
    f.add_rule_exactly(seccomp.ERRNO(errno.EAFNOSUPPORT), "socket", seccomp.Arg(0, seccomp.EQ, socket.AF_NETLINK))
    with open(os.memfd_create("bpf"), "wb+", buffering=0) as out:
        f.export_bpf(out)
        out.seek(0)
        return out.read(), names


def write(path):
    unit = settings()
    program, names = build(unit)
    pathlib.Path(path).write_text(json.dumps({
        "umask": int(unit["UMask"][-1], 8), "core": int(unit["LimitCORE"][-1]), "private_users": on(unit, "PrivateUsers"),
        "allowed": sorted(names), "bpf": base64.b64encode(program).decode()}))


# ---- becoming the program ----

libc = ctypes.CDLL(None, use_errno=True)


def prctl(option, a, b=0):
    if libc.prctl(option, ctypes.c_ulong(a), b, ctypes.c_ulong(0), ctypes.c_ulong(0)) != 0:
        raise OSError(ctypes.get_errno(), "prctl %d" % option)


def give_up_root():
    """Another user in the eyes of the program, the same one in those of the files; what root could do is gone by exec."""
    uid, gid = os.geteuid(), os.getegid()
    if uid == 0 and libc.unshare(CLONE_NEWUSER) == 0:
        for name, text in (("setgroups", "deny"), ("gid_map", "%d %d 1" % (SERVICE_UID, gid)),
                           ("uid_map", "%d %d 1" % (SERVICE_UID, uid))):
            with open("/proc/self/" + name, "w") as f:
                f.write(text)
    elif uid == 0:
        for capability in range(64):
            try:
                prctl(PR_CAPBSET_DROP, capability)
            except OSError:
                break           # one more than there are


class Program(ctypes.Structure):
    _fields_ = [("n", ctypes.c_ushort), ("at", ctypes.c_void_p)]


def become(path, command):
    limits = json.loads(pathlib.Path(path).read_text())
    if limits["private_users"]:
        give_up_root()
    os.umask(limits["umask"])
    resource.setrlimit(resource.RLIMIT_CORE, (limits["core"], limits["core"]))
    code = ctypes.create_string_buffer(base64.b64decode(limits["bpf"]))
    program = Program((len(code) - 1) // 8, ctypes.addressof(code))
    prctl(PR_SET_NO_NEW_PRIVS, 1)
    prctl(PR_SET_SECCOMP, SECCOMP_MODE_FILTER, ctypes.byref(program))
    os.execvp(command[0], command)


# ---- what is used ----

def traced():
    return not re.search(r"^TracerPid:\t0$", pathlib.Path("/proc/self/status").read_text(), re.M)


def count(folder, command):
    if traced():        # by a test of its own: only one can
        os.execvp(command[0], command)
    os.execvp("strace", ["strace", "-D", "-f", "-qq", "-c", "-S", "name", "-U", "name,calls", "-o",
                         "%s/%d" % (folder, os.getpid()), *command])


def counted(folder):
    """{call: how often} over all files of the folder."""
    out = {}
    for path in pathlib.Path(folder).iterdir():
        for name, n in re.findall(r"^([a-z_0-9]+) +(\d+)$", path.read_text(), re.M):
            if name != "total":
                out[name] = out.get(name, 0) + int(n)
    return out


def main(args):
    if args[:1] == ["--write"] and len(args) == 2:
        write(args[1])
    elif args[:1] == ["--count"] and len(args) > 2:
        count(args[1], args[2:])
    elif args[:1] == ["--unused"] and len(args) == 2:
        used, (_, names) = counted(args[1]), build(settings())
        print("%d allowed, %d of them never called:\n%s" % (len(names), len(names - set(used)), " ".join(sorted(names - set(used)))))
        print("called and not allowed:", " ".join(sorted(set(used) - names)) or "none")
    elif len(args) > 1 and not args[0].startswith("-"):
        become(args[0], args[1:])
    else:
        sys.exit(__doc__)


if __name__ == "__main__":
    main(sys.argv[1:])
