#!/bin/sh
# core-pure.sh LIBDUEWATCH_CORE.A: fails if the core reads a clock, touches a file, prints, or knows an outside
# library (design.md §1): by what its objects call, and by what its sources include.
set -eu
export LC_ALL=C
lib=$1
top=$(cd "$(dirname "$0")/../.." && pwd)
tmp=$(mktemp)
trap 'rm -f "$tmp"' EXIT
bad=0

fail() { printf 'core-pure: %s\n' "$*"; bad=1; }

# Contracts of other rooms whose code stands in files of other names. A header is also another room's if its
# NAME.c is there and not in daemon/core. What is left is the core's: its own modules, and types.
OTHER_ROOMS="compose config engine feed ingest store transport zone-load"

CLOCK='time|gettimeofday|clock|clock_.*|times|localtime.*|mktime|strftime.*|strptime.*|tzset|nanosleep|u?sleep'
FILES='(open|openat|creat|fopen|fdopen|freopen|stat|lstat|fstat|fstatat)(64)?|__open.*|(p?read|p?write)(v|64)?|__p?read(64)?_chk|close|fclose|fread|fwrite|f?flush|remove|unlink(at)?|rename(at)?|mkdir|opendir|mmap(64)?|socket|connect|poll|select|ioctl|syscall|iconv.*|__?fread_chk'
PRINT='v?f?w?printf|v?dprintf|__v?(f|d)?printf_chk|f?put(s|c|char)|putc|_IO_putc|perror|stdin|stdout|stderr|fgets|getline|getdelim|syslog|__vsyslog_chk'
PROCESS='getenv|secure_getenv|setenv|environ|setlocale|exit|_exit|abort|fork|exec.*|system|signal|sigaction|pthread_.*|getpid|getuid'
CHANCE='s?rand(_r|om|om_r)?|[dejlmn]+rand48|getrandom|getentropy|arc4random.*'
OUTSIDE='uv_.*|curl_.*|sqlite3_.*|ical.*|g_.*|gmime_.*|config_.*|XML_.*|zip_.*|json_.*|csv_.*|sd_.*'

# Calls. A sanitizer's, gcov's and the compiler's own symbols are none of these.
calls=$(nm -A -u "$lib" | sed -n 's/^[^:]*:\([^:]*\):  *[Uw] \([^@]*\).*/\1 \2/p' |
	grep -E " ($CLOCK|$FILES|$PRINT|$PROCESS|$CHANCE|$OUTSIDE)\$" || true)
[ -z "$calls" ] || fail "the core calls:
$calls"
nm "$lib" | sed -n 's/.* [TDRB] \(dw_.*\)/\1/p' | sort -u >"$tmp"
elsewhere=$(nm -u "$lib" | sed -n 's/^ *U \(dw_.*\)/\1/p' | sort -u | comm -23 - "$tmp")
[ -z "$elsewhere" ] || fail "the core uses what it doesn't hold:
$elsewhere"
nm "$lib" | grep -q ' T dw_' || fail "$lib has no dw_ function in it: nothing was checked"

is_core() {
	case " $OTHER_ROOMS " in *" $1 "*) return 1 ;; esac
	[ -e "$top/include/duewatch/$1.h" ] || return 1
	[ ! -e "$top/daemon/core/$1.c" ] || return 0
	for room in feed store mail app cli; do
		[ ! -e "$top/daemon/$room/$1.c" ] || return 1
	done
}

# Includes: core contracts, headers beside the source, and libc's harmless ones.
includes() {
	sed -n 's/^[[:space:]]*#[[:space:]]*include[[:space:]]*\([<"][^>"]*\).*/\1/p' "$1"
}

seen=
# a contract, once, and what it includes in turn
check_header() {
	case " $seen " in *" $1 "*) return ;; esac
	seen="$seen $1"
	check_file "$top/include/duewatch/$1.h"
}

check_file() {
	for inc in $(includes "$1"); do
		case $inc in
		\"duewatch/*.h | \<duewatch/*.h)
			inc=${inc##*/}
			if is_core "${inc%.h}"; then
				check_header "${inc%.h}"
			else
				fail "${1#"$top"/} includes $inc: its module isn't in daemon/core"
			fi ;;
		\"*/*) fail "${1#"$top"/} includes ${inc#\"}" ;;
		\"*)
			[ -e "$(dirname "$1")/${inc#\"}" ] || fail "${1#"$top"/} includes ${inc#\"}, which isn't beside it" ;;
		\<assert.h | \<ctype.h | \<endian.h | \<errno.h | \<float.h | \<inttypes.h | \<limits.h | \<math.h) ;;
		\<stdarg.h | \<stdbool.h | \<stddef.h | \<stdint.h | \<stdio.h | \<stdlib.h | \<string.h | \<strings.h) ;;
		\<sys/types.h | \<time.h | \<wchar.h) ;;
		*) fail "${1#"$top"/} includes ${inc#<}" ;;
		esac
	done
}

for f in "$top"/daemon/core/*.[ch]; do
	check_file "$f"
done

[ "$bad" -ne 0 ] || echo "core-pure: $(nm "$lib" | grep -c ' T dw_') functions, nothing impure"
exit "$bad"
