#!/bin/sh
# container.sh [FILE.deb]: what a person with a fresh Debian does, in a container that boots its own systemd:
# install the package, drop an export, get the mail through a Postfix beside it, reload, restart, upgrade, run the shop
# by replies alone (integration/story.py), remove, purge. Without FILE the package is built first. Needs root and, the
# first time, the Debian mirror of this machine.
# The bare system is kept in $DW_CACHE (default: build-container beside the sources). Nothing outside that folder
# is touched. Exit: 0 all well, 1 something failed, 77 this machine can't run containers.
set -eu

top=$(cd "$(dirname "$0")/.." && pwd)
cache=${DW_CACHE:-$top/build-container}
name=duewatch-$$
BOOT_MAX=300

say() { printf 'container: %s\n' "$*"; }
die() { say "$*"; exit 1; }

# Waits out its own children; the tree goes even when a step fails.
cleanup() {
	rm -rf "${cache:?}/$name"
	rmdir "/run/systemd/nspawn/propagate/$name" 2>/dev/null || true
}

check_machine() {
	[ "$(id -u)" -eq 0 ] || { say "skipped: needs root"; exit 77; }
	for tool in systemd-nspawn debootstrap dpkg-deb cmake; do
		command -v $tool >/dev/null || die "$tool is missing: run tests/setup.sh"
	done
	unshare --mount --pid --net --ipc --uts --fork true 2>/dev/null ||
		{ say "skipped: this machine allows no namespaces"; exit 77; }
}

build_deb() {
	say "building the package"
	cmake -S "$top" -B "$cache/build" -G Ninja -DDW_TESTS=OFF >"$cache/build.log" 2>&1 &&
		cmake --build "$cache/build" >>"$cache/build.log" 2>&1 &&
		rm -f "$cache"/build/*.deb &&
		(cd "$cache/build" && cpack -G DEB) >>"$cache/build.log" 2>&1 ||
		{ tail -n 40 "$cache/build.log"; die "no package"; }
	deb=$(ls "$cache"/build/*.deb)
}

# The same package as its next version, with another default config.
make_upgrade() {
	dpkg-deb -R "$deb" "$work/next"
	sed -i 's/^Version: .*/&+next/' "$work/next/DEBIAN/control"
	echo '// a newer default' >>"$work/next/etc/duewatch/duewatch.conf"
	(cd "$work/next" && md5sum $(sed 's/^[^ ]*  //' DEBIAN/md5sums) >md5 && mv md5 DEBIAN/md5sums)
	dpkg-deb --root-owner-group -b "$work/next" "$work/next.deb" >/dev/null
}

# A mirror and release of this machine's own sources: the package's libraries are of this release.
mirror() {
	apt-get indextargets --format '$(CODENAME) $(COMPONENT) $(REPO_URI)' 'Identifier: Packages' |
		awk -v c="$1" '$1 == c && $2 == "main" { print $3; exit }'
}

make_base() {
	codename=$(. /etc/os-release && echo "$VERSION_CODENAME")
	libs=$(dpkg-deb -f "$deb" Depends | tr ',' '\n' | sed 's/^ *//; s/[ |:(].*//' | sort -u | tr '\n' ',')
	include="${libs}systemd-sysv,dbus,postfix,dovecot-imapd,dovecot-lmtpd,opendkim,openssl,python3,procps"
	base=$cache/base-$(echo "$codename $include" | cksum | cut -d' ' -f1)
	[ ! -e "$base/etc/os-release" ] || return 0
	site=$(mirror "$codename")
	[ -n "$site" ] || die "no mirror of $codename in apt's sources: run apt-get update"
	say "making a bare $codename with $include"
	rm -rf "$cache"/base-*
	debootstrap --variant=minbase --include="$include" "$codename" "$base.new" "$site" >"$cache/base.log" 2>&1 ||
		{ tail -n 20 "$cache/base.log"; die "debootstrap failed"; }
	mv "$base.new" "$base"
}

make_tree() {
	cp -a "$base" "$work/tree"
	cp "$deb" "$work/tree/root/first.deb"
	cp "$work/next.deb" "$work/tree/root/next.deb"
	cp "$top/tests/container-inside.sh" "$work/tree/root/inside"
	chmod 0755 "$work/tree/root/inside"
	mkdir "$work/tree/root/story"
	for part in story post postfix dovecot opendkim harness smtpd; do
		cp "$top/tests/integration/$part.py" "$work/tree/root/story/"
	done
	printf '[Unit]\nAfter=multi-user.target\n[Service]\nType=oneshot\nTimeoutStartSec=%s\nExecStart=/root/inside booted\n' $BOOT_MAX \
		>"$work/tree/etc/systemd/system/inside.service"
	# the story starts its own
	rm -f "$work/tree"/etc/systemd/system/multi-user.target.wants/dovecot.service \
		"$work/tree"/etc/systemd/system/multi-user.target.wants/opendkim.service
	# success or not, the machine goes down afterwards
	printf 'ExecStopPost=/bin/systemctl poweroff --no-block\n' >>"$work/tree/etc/systemd/system/inside.service"
	mkdir -p "$work/tree/etc/systemd/system/multi-user.target.wants"
	ln -s ../inside.service "$work/tree/etc/systemd/system/multi-user.target.wants/inside.service"
}

nspawn() {
	timeout -k 10 $((BOOT_MAX + 60)) systemd-nspawn -q -D "$work/tree" -M "$name" --private-network --register=no --keep-unit \
		--console=pipe "$@" </dev/null
}

# Prints what was seen; fails if something failed, or the end was never reached.
report() {
	[ -e "$work/tree/root/report-$1" ] && sed "s/^/$1: /" "$work/tree/root/report-$1"
	! grep -q '^FAIL' "$work/tree/root/report-$1" && grep -q '^END' "$work/tree/root/report-$1"
}

mkdir -p "$cache"
check_machine
trap cleanup EXIT
trap 'exit 1' INT TERM HUP
work=$cache/$name
mkdir "$work"
if [ $# -gt 0 ]; then deb=$1; else build_deb; fi
say "$(basename "$deb"): $(systemd-analyze security --offline=yes "$top/systemd/duewatchd.service" --no-pager 2>/dev/null | tail -n 1)"
make_upgrade
make_base
make_tree

rc=0
nspawn --as-pid2 /root/inside plain >"$work/plain.log" 2>&1 || true
# Not even a first line of a report: no fault of the package.
[ -e "$work/tree/root/report-plain" ] ||
	{ cat "$work/plain.log"; say "skipped: this machine starts no container"; exit 77; }
report plain || { tail -n 30 "$work/plain.log"; rc=1; }
nspawn --boot >"$work/boot.log" 2>&1 || true
report booted || { tail -n 60 "$work/boot.log"; tail -n 80 "$work/tree/root/journal" 2>/dev/null; rc=1; }
[ $rc -eq 0 ] && say "all well" || say "FAILED"
exit $rc
