#!/bin/sh
# demo.sh [FOLDER]: installs what building needs (as root), builds, lets duewatchd look once at a small invented shop
# and its factory's plan, and shows the mails it wrote. SQLite and a Maildir in FOLDER (default: a new one below
# /tmp); nothing leaves the machine.
set -eu
cd "$(dirname "$0")/.."
export LC_ALL=C.UTF-8

title() { printf '\n---- %s\n' "$*"; }

# headers and text of each mail of a Maildir, oldest first
show_mails() {
	/usr/bin/python3 - "$1" <<'END'
import email, email.policy, pathlib, sys

for path in sorted(pathlib.Path(sys.argv[1], "new").iterdir()):
    mail = email.message_from_bytes(path.read_bytes(), policy=email.policy.default)
    print("=" * 78)
    for name in "From", "To", "Date", "Subject":
        print(f"{name}: {mail[name]}")
    print()
    print(mail.get_body(("plain",)).get_content().rstrip())
    print()
END
}

tests/setup.sh demo </dev/null
title "building (log: build-demo/build.log)"
mkdir -p build-demo
{ cmake -S . -B build-demo -G Ninja -DDW_TESTS=OFF && cmake --build build-demo; } >build-demo/build.log 2>&1 ||
	{ tail -n 40 build-demo/build.log; exit 1; }

dir=${1:-$(mktemp -d /tmp/duewatch-demo.XXXXXX)}
mkdir -p "$dir"
dir=$(cd "$dir" && pwd)
sed "s|maildir://[^\"]*|maildir://$dir/mail|" conf/demo/duewatch.conf >"$dir/duewatch.conf"
/usr/bin/python3 tests/demo-data.py --out "$dir"

title "the orders: $dir/orders.xlsx, the factory's plan: $dir/plan.csv"
sed 's/^/   /' "$dir/plan.csv"

title "duewatchd --once: reads, decides, mails"
build-demo/duewatchd -c "$dir/duewatch.conf" --once

title "the mails in $dir/mail"
show_mails "$dir/mail"

title "duewatch status"
build-demo/duewatch -c "$dir/duewatch.conf" status

first=$(sed -n '2s/,.*//p' "$dir/plan.csv")
title "why? duewatch explain $first"
build-demo/duewatch -c "$dir/duewatch.conf" explain "$first"

title "go on with: build-demo/duewatch -c $dir/duewatch.conf status --all"
