#!/bin/bash
# What tests/container.sh runs in the container, as root. "plain": no systemd runs, as when an image is built;
# "booted": a whole system. Writes /root/report-*: a line "ok …" or "FAIL …" for each check, at last "END".
# Waits for what it waits for, at most 60 s; never for a time to pass.
set -u
export LC_ALL=C DEBIAN_FRONTEND=noninteractive

MODE=$1
REPORT=/root/report-$MODE
CONF=/etc/duewatch/duewatch.conf
INBOX=/srv/duewatch/inbox
MBOX=/var/mail/alice
: >"$REPORT"

ok() { echo "ok $*" >>"$REPORT"; }
fail() { echo "FAIL $*" >>"$REPORT"; }
note() { sed 's/^/   /' >>"$REPORT"; }

# check TEXT COMMAND…: the command must succeed; what it printed is shown if it doesn't.
check() {
	local text=$1 out
	shift
	if out=$("$@" 2>&1); then
		ok "$text"
		return 0
	fi
	fail "$text"
	printf '%s\n' "$out" | tail -n 15 | note
	return 1
}
# must: what follows would only wait in vain without it
must() { check "$@" && return; leave_word; exit 1; }
leave_word() { journalctl -q -u duewatchd -o short-iso --no-pager >/root/journal; }
not() { ! "$@"; }
is() { [ "$1" = "$2" ] || { echo "is: $1, not: $2"; return 1; }; }
until_true() {
	for _ in $(seq 300); do
		"$@" >/dev/null 2>&1 && return 0
		sleep 0.2
	done
	"$@"
}

install_deb() { dpkg --force-confdef --force-confold -i "$1" </dev/null; }
prop() { systemctl show -P "$1" duewatchd; }
running() { is "$(prop ActiveState)" active; }
journal_has() { journalctl -q -u duewatchd -o cat | grep -q "$1"; }
mails() { grep -c "^X-Duewatch-Order:.*$1" $MBOX 2>/dev/null; }

installed() {
	check "user duewatch is there" id duewatch
	check "inbox is 2770 root:duewatch" is "$(stat -c '%a %U:%G' $INBOX)" "2770 root:duewatch"
	check "config is 640 root:duewatch" is "$(stat -c '%a %U:%G' $CONF)" "640 root:duewatch"
	check "duewatchd starts far enough to know its options" test "$(duewatchd -c /nonexistent -t >/dev/null 2>&1; echo $?)" -le 2
}

plain() {
	must "install without systemd" install_deb /root/first.deb
	installed
	check "remove" dpkg -r duewatch
	check "config stays" test -e $CONF
	check "install again" install_deb /root/first.deb
	check "upgrade" install_deb /root/next.deb
	check "purge" dpkg -P duewatch
	check "config is gone" not test -e /etc/duewatch
	check "empty drop folder is gone" not test -e /srv/duewatch
}

write_config() {
	cat >$CONF <<-END
		timezone = "Asia/Shanghai";
		daily_at = "off";
		default_owner = "alice"; default_deputy = "alice"; default_manager = "alice";
		mail = { transport = "smtp://127.0.0.1:25"; starttls = "off"; from = "Duewatch <duewatch@test.example>"; };
		people = ( { name = "alice"; email = "alice@test.example"; } );
		feeds = ( { name = "shop"; type = "csv"; path = "$INBOX"; platform = "alibaba"; timezone = "America/Los_Angeles"; every = "5s"; } );
	END
}

mail_system() {
	useradd -m -G duewatch alice
	postconf -e 'mydestination = test.example' 'inet_interfaces = loopback-only' 'myhostname = host.test.example' \
		'mailbox_size_limit = 0' 'mynetworks = 127.0.0.0/8 [::1]/128'
	systemctl restart postfix
	must "Postfix listens" until_true bash -c '</dev/tcp/127.0.0.1/25'
}

# export_orders N: the seller's export with orders 1 to N, each agreed later than promised; dropped by a member of the group.
export_orders() {
	{
		echo order_id,status,promised_at,agreed_at,buyer,amount,currency
		for i in $(seq "$1"); do
			echo "23410000000000000$i,awaiting_shipment,$(date -d '+8 days' +%F),$(date -d '+20 days' +%F),ACME,1293.70,USD"
		done
	} >/home/alice/export.csv
	chown alice /home/alice/export.csv
	runuser -u alice -- cp /home/alice/export.csv "$INBOX/export-$1.csv"
}

has_mail() { [ "$(mails "$1")" -ge 1 ]; }

# Where this machine itself is in a chroot the kernel allows no user namespace: the one setting that can't be tried.
without_user_namespaces() {
	unshare --user true 2>/dev/null && return
	echo "no user namespaces here: tried with PrivateUsers=no" | note
	mkdir -p /etc/systemd/system/duewatchd.service.d
	printf '[Service]\nPrivateUsers=no\n' >/etc/systemd/system/duewatchd.service.d/no-userns.conf
	systemctl daemon-reload
}

first_start() {
	check "not enabled at install" not systemctl -q is-enabled duewatchd
	check "not started at install" not systemctl -q is-active duewatchd
	check "exposure at most 1.1" systemd-analyze security --offline=yes --threshold=11 --no-pager /usr/lib/systemd/system/duewatchd.service
	check "systemd finds nothing odd in the unit" not bash -c 'systemd-analyze --man=no verify /usr/lib/systemd/system/duewatchd.service 2>&1 | grep duewatchd'

	echo 'timezone = ;' >$CONF
	check "a bad config: start fails" not systemctl start duewatchd
	check "… with exit 2" is "$(prop ExecMainStatus)" 2
	check "… and is not tried again" is "$(prop NRestarts) $(prop ActiveState)" "0 failed"

	write_config
	must "duewatchd -t accepts the config" duewatchd -t
	must "start, and READY" systemctl start duewatchd
	check "runs as duewatch" is "$(stat -c %U /proc/"$(prop MainPID)")" duewatch
	check "state is 700 duewatch" is "$(stat -c '%a %U' /var/lib/duewatch)" "700 duewatch"
	check "database is 600" until_true test -n "$(find /var/lib/duewatch -name duewatch.db -perm 600)"
	check "without a password file the default stands" test -s /run/credentials/duewatchd.service/smtp-password
}

status_of() { awk -v key="$2:" '$1 == key { print $2 }' "/proc/$1/status"; }

# listeners PID: its sockets that wait for others, one a line
listeners() {
	local inodes
	inodes=$(find "/proc/$1/fd" -lname 'socket:*' -printf '%l\n' | tr -dc '0-9\n')
	awk -v inodes="$inodes" 'BEGIN { n = split(inodes, a, "\n"); for (i = 1; i <= n; i++) mine[a[i]] = 1 }
		FILENAME ~ /tcp/ && mine[$10] && $4 == "0A" || FILENAME ~ /udp|raw/ && mine[$10] || FILENAME ~ /unix/ && mine[$7] && $4 == "00010000"' \
		/proc/net/tcp /proc/net/tcp6 /proc/net/udp /proc/net/udp6 /proc/net/raw /proc/net/raw6 /proc/net/unix
}

# The running unit. (The container has a filter of its own, so ours is one more than systemd has.)
least_power() {
	local pid c
	pid=$(prop MainPID)
	check "no new privileges" is "$(status_of "$pid" NoNewPrivs)" 1
	check "system calls are filtered" is "$(status_of "$pid" Seccomp)" 2
	check "… by the unit" test "$(status_of "$pid" Seccomp_filters)" -gt "$(status_of 1 Seccomp_filters)"
	for c in CapEff CapPrm CapInh CapBnd CapAmb; do
		check "$c is empty" is "$(status_of "$pid" $c)" 0000000000000000
	done
	check "files are made private" is "$(status_of "$pid" Umask)" 0077
	check "no core" grep -qE '^Max core file size +0 +0 ' "/proc/$pid/limits"
	check "state is 700" is "$(stat -c %a /var/lib/duewatch)" 700
	check "every file of it is 600" is "$(find /var/lib/duewatch -type f ! -perm 600)" ""
	check "… the WAL among them" test -e /var/lib/duewatch/duewatch.db-wal
	check "it listens nowhere" is "$(listeners "$pid")" ""
	check "… Postfix, seen the same way, does" test -n "$(listeners "$(tr -d " " </var/spool/postfix/pid/master.pid)")"
	check "another user reads none of it" not runuser -u alice -- cat /var/lib/duewatch/duewatch.db
	check "… nor its memory" not runuser -u alice -- cat "/proc/$pid/environ"
	check "… nor ends it" not runuser -u alice -- kill "$pid"
	runuser -u alice -- env NOTIFY_SOCKET=/run/systemd/notify systemd-notify --pid="$pid" STOPPING=1 >/dev/null 2>&1
	systemctl daemon-reload
	check "… nor speaks for it to systemd" is "$(prop ActiveState) $(prop MainPID)" "active $pid"
}

deliver() {
	export_orders 1
	must "a dropped export: its mail is in the mailbox" until_true has_mail 234100000000000001
	grep '^Subject:' $MBOX | note
	check "the tool knows the order" bash -c 'duewatch status --json | grep -q 234100000000000001'
}

reload_and_restart() {
	local pid
	pid=$(prop MainPID)
	check "reload" systemctl reload duewatchd
	check "… ends" until_true running
	check "… same process" is "$(prop MainPID)" "$pid"
	echo 'nonsense_key = 1;' >>$CONF
	systemctl reload duewatchd
	check "reload of a bad config: the journal says why" until_true journal_has nonsense_key
	check "… it runs on" until_true running
	check "… same process" is "$(prop MainPID)" "$pid"
	write_config
	check "restart" systemctl restart duewatchd
	check "… another process" not is "$(prop MainPID)" "$pid"
	export_orders 2
	check "the mail for a second order" until_true has_mail 234100000000000002
	check "… and none again for the first" is "$(mails 234100000000000001)" 1

	pid=$(prop MainPID)
	kill -9 "$pid"
	check "killed: systemd starts it again" until_true bash -c "[ \$(systemctl show -P NRestarts duewatchd) -ge 1 ] && systemctl -q is-active duewatchd"
}

password() {
	(umask 077; echo hunter2 >/etc/duewatch/smtp-password)
	check "restart with a password file only root can read" systemctl restart duewatchd
	check "… which the daemon is given" grep -q hunter2 /run/credentials/duewatchd.service/smtp-password
}

upgrade() {
	local pid
	pid=$(prop MainPID)
	cp $CONF /root/mine
	check "upgrade while it runs" install_deb /root/next.deb
	check "… a newer version" grep -q next <(dpkg-query -W -f '${Version}' duewatch)
	check "… my config is kept" cmp /root/mine $CONF
	check "… its owner too" is "$(stat -c '%a %U:%G' $CONF)" "640 root:duewatch"
	check "… restarted" not is "$(prop MainPID)" "$pid"
	check "… running" until_true running
	export_orders 3
	check "the mail for a third order" until_true has_mail 234100000000000003
	check "… none again for the others" is "$(mails 234100000000000001)$(mails 234100000000000002)" 11
	systemctl stop duewatchd
	check "clean stop" is "$(prop Result)" success
	check "upgrade while stopped" install_deb /root/next.deb
	check "… doesn't start it" not systemctl -q is-active duewatchd
}

# Nobody sits at a terminal: people read and write mails, the platform's export comes.
by_mail() {
	cp $CONF /root/mine
	systemctl stop duewatchd
	rm -f /var/lib/duewatch/duewatch.db*
	install -d -m 2770 -g duewatch /srv/duewatch/story
	if check "from the first slip to delivered, by replies only" \
		bash -c "cd /root/story && PYTHONDONTWRITEBYTECODE=1 /usr/bin/python3 story.py $CONF /srv/duewatch/story systemctl start duewatchd 2>&1 | tee /root/story/said; exit \${PIPESTATUS[0]}"; then
		note </root/story/said
	fi
	cp /root/mine $CONF
	rm -f /etc/duewatch/imap-password /etc/duewatch/story-ca.pem
	systemctl restart duewatchd
}

leave() {
	systemctl -q enable --now duewatchd
	check "remove" dpkg -r duewatch
	check "… stopped" not systemctl -q is-active duewatchd
	check "… state, config and exports stay" test -e /var/lib/duewatch/duewatch.db -a -e $CONF -a -e $INBOX/export-1.csv
	check "install again" install_deb /root/first.deb
	check "… with the config of before" cmp /root/mine $CONF
	check "purge" dpkg -P duewatch
	check "… state and config are gone" not test -e /var/lib/duewatch -o -e /etc/duewatch
	check "… links of enable are gone" not test -L /etc/systemd/system/multi-user.target.wants/duewatchd.service
	check "… somebody's exports are not" test -e $INBOX/export-3.csv
	check "… the user stays" id duewatch
}

booted() {
	must "install" install_deb /root/first.deb
	installed
	mail_system
	without_user_namespaces
	first_start
	deliver
	least_power
	reload_and_restart
	password
	upgrade
	by_mail
	leave
	leave_word
}

"$MODE"
echo "END" >>"$REPORT"
