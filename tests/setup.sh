#!/bin/sh
# setup.sh [demo|analysis|--list]: installs what building and testing duewatch needs on Debian 12 ("demo": building and
# the demo only; "analysis": what tests/analyse.sh needs, too), and says what. Run as root; safe to run again. --list:
# prints what building and testing need, and installs nothing.
# Nothing is started: Postfix, Dovecot and OpenDKIM are here for their programs only, each test runs its own copy in its own
# folder.
set -eu

BUILD="gcc clang cmake ninja-build pkg-config dpkg-dev
	libuv1-dev libcurl4-openssl-dev libsqlite3-dev libconfig-dev libical-dev libgmime-3.0-dev libjansson-dev
	libcsv-dev libzip-dev libexpat1-dev libxml2-dev libsystemd-dev"
TESTS="libcmocka-dev libclang-rt-14-dev gcovr cppcheck python3 python3-pytest python3-pytest-xdist python3-openpyxl python3-seccomp
	python3-authres postfix dovecot-imapd dovecot-lmtpd dovecot-submissiond opendkim python3-icalendar openssl tzdata procps file strace ca-certificates"
CONTAINER="systemd systemd-container debootstrap"
ANALYSIS=
case ${1:-} in
demo)
	TESTS="python3 python3-openpyxl tzdata"
	CONTAINER= ;;
analysis)
	ANALYSIS="clang-tidy clang-tools valgrind libc6-dbg iproute2" ;;
--list)
	echo $BUILD $TESTS
	exit ;;
esac

export DEBIAN_FRONTEND=noninteractive
APT="apt-get -q -o DPkg::Lock::Timeout=600 -o Acquire::Retries=3"
POLICY=/usr/sbin/policy-rc.d
policy_is_ours=no

say() { printf 'setup: %s\n' "$*"; }

here() { dpkg-query -W -f '${db:Status-Abbrev}' "$1" 2>/dev/null | grep -q '^.i '; }

missing() {
	for p in $BUILD $TESTS $CONTAINER $ANALYSIS; do
		here "$p" || printf ' %s' "$p"
	done
}

# A mirror that is just being updated answers with a broken index for a minute.
update() {
	for pause in 5 15 30 60 0; do
		$APT update && return 0
		say "apt-get update failed; trying again in $pause s"
		sleep "$pause"
	done
	return 1
}

forbid_starting() {
	[ ! -e "$POLICY" ] || return 0
	printf '#!/bin/sh\nexit 101\n' >"$POLICY"
	chmod 0755 "$POLICY"
	policy_is_ours=yes
}

cleanup() { [ "$policy_is_ours" = no ] || rm -f "$POLICY"; }

want=$(missing)
if [ -z "$want" ]; then
	say "all packages are here"
	exit 0
fi
if [ "$(id -u)" -ne 0 ]; then
	say "missing:$want"
	say "run this as root to install them"
	exit 1
fi
say "installing:$want"
trap cleanup EXIT
trap 'exit 1' INT TERM HUP
update
forbid_starting
# The question's answer must stand before the package asks it.
command -v debconf-set-selections >/dev/null &&
	echo 'postfix postfix/main_mailer_type select Local only' | debconf-set-selections
# shellcheck disable=SC2086 # a list of words
$APT install -y --no-install-recommends $want </dev/null
left=$(missing)
[ -z "$left" ] || { say "still missing:$left"; exit 1; }
say "done"
