#!/bin/bash
# analyse.sh [NAME…]: looks for faults by other means than running the tests. No name: all, an hour or more on two
# cores. Names, cheap ones first:
#   hardening     the package's programs: full RELRO, PIE, no executable stack, stack protector, fortified calls …
#   reproducible  the package again, from another folder, at another time, in another locale: the same bytes
#   cppcheck      cppcheck's errors, warnings, portability and performance
#   fanalyzer     gcc -fanalyzer
#   tidy          clang-tidy, by .clang-tidy
#   scan-build    clang's static analyzer
#   m32           an i386 Debian: builds and passes every test there
#   tsan          every test under thread sanitizer
#   valgrind      every test under memcheck
# Installs what is missing (tests/setup.sh analysis). Logs: build-analysis/NAME.log. Nothing outside build*/ is changed
# but for the i386 system, which is kept in $DW_CACHE (default: build-container). $DW_DEB: the package to look at, and
# to compare with, instead of one that is built for it. Exit: 0 all well, 1 something failed.
set -u
cd "$(dirname "$0")/.." || exit 1
top=$PWD
out=$top/build-analysis
cache=${DW_CACHE:-$top/build-container}
all="hardening reproducible cppcheck fanalyzer tidy scan-build m32 tsan valgrind"
jobs=$(nproc)
export LC_ALL=C.UTF-8

configure() {
	local dir=$1
	shift
	cmake -S "$top" -B "$dir" -G Ninja -DDW_WERROR=ON "$@"
}

sources() { find daemon -name '*.c' | LC_ALL=C sort; }

# ---- the package ----

package() {
	configure "$out/package" -DDW_TESTS=OFF && cmake --build "$out/package" && rm -f "$out"/package/*.deb &&
		(cd "$out/package" && cpack -G DEB) && deb=$(ls "$out"/package/*.deb)
}

# what_to_look_at: sets deb
the_package() {
	if [ -n "${DW_DEB:-}" ]; then deb=$DW_DEB; else package; fi
}

# check NAME COMMAND…
check() {
	local name=$1
	shift
	if "$@"; then echo "  ok $name"; else echo "  FAIL $name: $program"; bad=1; fi
}

calls() { readelf -W --dyn-syms "$program" | grep -q " UND $1@"; }
says() { readelf -W "$1" "$program" | grep -qE "$2"; }
# How often a pattern stands in the program's code
code() { objdump -d --no-show-raw-insn "$program" | grep -cE "$1"; }

step_hardening() {
	local bad=0 program
	the_package || return
	rm -rf "$out/hardening" && dpkg-deb -x "$deb" "$out/hardening" || return
	for program in "$out/hardening/usr/sbin/duewatchd" "$out/hardening/usr/bin/duewatch"; do
		echo "$program"
		check "position independent" says -h 'Type: +DYN \(Position-Independent'
		check "relocations read-only" says -l ' GNU_RELRO '
		check "bound at start" says -d 'FLAGS_1.* NOW'
		check "stack not executable" says -l ' GNU_STACK .* RW +0x'
		check "nothing writable and executable" sh -c '! readelf -Wl "$1" | grep -E "^ +LOAD .* RWE "' sh "$program"
		check "no library path of its own" sh -c '! readelf -Wd "$1" | grep -E "RPATH|RUNPATH"' sh "$program"
		check "stack protector" calls __stack_chk_fail
		check "fortified vsnprintf" calls __vsnprintf_chk
		# level 3 only: the destination's size is known when it runs, not when it is compiled
		check "fortified copies to the heap" [ "$(code 'call.*<__memcpy_chk')" -ge 10 ]
		check "stack probed page by page" [ "$(code 'or[qlbw]? +\$0x0,\(%[re]sp\)|or[qlbw]? +\$0x0,.*\(%[re]sp')" -ge 10 ]
		if [ "$(dpkg --print-architecture)" = amd64 ]; then
			# each function that may be called through a pointer (Debian's own start code isn't marked, so no note says so)
			check "indirect calls land on endbr64" [ "$(code 'endbr64')" -ge 300 ]
		fi
		check "stripped" sh -c '! readelf -WS "$1" | grep -q " .symtab "' sh "$program"
	done
	return $bad
}

# Everything that could leave a trace is different the second time.
step_reproducible() {
	local dir="$out/another folder, of another length" deb second
	the_package || return
	rm -rf "$dir" && mkdir -p "$dir/src" || return
	(
		umask 077
		export LC_ALL=C TZ=Asia/Shanghai HOME=/nonexistent USER=somebody
		tar -c --exclude='./build*' --exclude=./.git . | tar -x --no-same-permissions -m -C "$dir/src" &&
			cmake -S "$dir/src" -B "$dir/out" -G Ninja -DDW_TESTS=OFF &&
			cmake --build "$dir/out" -j "$((jobs + 1))" && cd "$dir/out" && cpack -G DEB
	) || return
	second=$(ls "$dir"/out/*.deb)
	sha256sum "$deb" "$second"
	dpkg-deb --fsys-tarfile "$second" | tar -t | LC_ALL=C sort -c || { echo "FAIL: files in no order"; return 1; }
	cmp "$deb" "$second" && rm -rf "$dir" && return 0
	mkdir -p "$dir/x1" "$dir/x2" && dpkg-deb -R "$deb" "$dir/x1" && dpkg-deb -R "$second" "$dir/x2" &&
		diff -r "$dir/x1" "$dir/x2"
	diff <(dpkg-deb -c "$deb") <(dpkg-deb -c "$second")
	return 1
}

# ---- static analysis ----

# A compile database of clang's, and what is generated
database() {
	configure "$out/clang" -DCMAKE_C_COMPILER=clang -DCMAKE_BUILD_TYPE=Debug -DDW_TESTS=OFF &&
		cmake --build "$out/clang" --target templates-embedded.c
}

step_cppcheck() {
	database || return
	mkdir -p "$out/cppcheck"
	# cppcheck knows its libraries' functions; tests/analysis/cppcheck.cfg adds the macros
	cppcheck --project="$out/clang/compile_commands.json" --file-filter='*daemon/*' --cppcheck-build-dir="$out/cppcheck" \
		--enable=warning,performance,portability --inline-suppr --suppressions-list=tests/analysis/cppcheck.supp \
		--library=posix --library=gnu --library=gtk --library=sqlite3 --library=libcurl \
		--library=tests/analysis/cppcheck.cfg --template=gcc --error-exitcode=1 --quiet -j "$jobs"
}

# Not optimised: gcc 12 mixes up the paths that its optimiser split.
step_fanalyzer() {
	configure "$out/fanalyzer" -DCMAKE_C_COMPILER=gcc -DCMAKE_BUILD_TYPE=Debug -DCMAKE_C_FLAGS=-fanalyzer -DDW_TESTS=OFF &&
		cmake --build "$out/fanalyzer" -j "$jobs" -- -k 0
}

# One program a file: in one run over several, clang-tidy 14 carries its findings about va_list over.
step_tidy() {
	database && sources | xargs -P "$jobs" -n 1 clang-tidy -p "$out/clang" --quiet
}

step_scan-build() {
	rm -rf "$out/scan" "$out/scan-report"
	# .clang-tidy says why
	local less=(-disable-checker unix.Malloc -disable-checker valist.Uninitialized)
	scan-build --use-cc=clang "${less[@]}" cmake -S . -B "$out/scan" -G Ninja -DCMAKE_BUILD_TYPE=Debug -DDW_TESTS=OFF &&
		scan-build --use-cc=clang "${less[@]}" --status-bugs -o "$out/scan-report" cmake --build "$out/scan" -j "$jobs"
}

# ---- the tests, elsewhere ----

# A loopback of its own: a port that the kernel gave out is nobody else's.
alone() {
	if command -v ip >/dev/null && unshare --net true 2>/dev/null; then
		unshare --net sh -c 'ip link set lo up && exec "$@"' sh "$@"
	else
		"$@"
	fi
}

# run_tests BUILD PROGRAMS [CTEST-OPTION…]: ctest, then the whole daemon, whose programs lie in folder PROGRAMS. Some
# contract tests count seconds, so they may try again.
run_tests() {
	local build=$1 programs=$2 rc=0
	shift 2
	alone ctest --test-dir "$build" --output-on-failure --no-tests=error --timeout 1800 -j "$jobs" \
		--repeat until-pass:3 "$@" || rc=1
	DUEWATCH_BUILD=$programs alone /usr/bin/python3 -m pytest -p no:cacheprovider -q -rs --color=no -n 4 \
		--dist loadfile tests/integration || rc=1
	return $rc
}

# A test that passes at its second try may have left a report at its first.
no_reports() {
	local f rc=0
	for f in "$1".*; do
		[ -s "$f" ] || continue
		echo "FAIL: $f"
		head -n 80 "$f"
		rc=1
	done
	return $rc
}

step_tsan() {
	local rc=0
	rm -f "$out"/tsan/report.*
	configure "$out/tsan" -DCMAKE_C_COMPILER=clang -DDW_TSAN=ON && cmake --build "$out/tsan" -j "$jobs" || return
	export TSAN_OPTIONS="suppressions=$top/tests/analysis/tsan.supp:log_path=$out/tsan/report" DW_SLOW=4
	run_tests "$out/tsan" "$out/tsan" || rc=1
	no_reports "$out/tsan/report" && return $rc
}

step_valgrind() {
	local rc=0 program
	# What it finds is told by its reports, not by a program's exit code: some tests want to see that. A test's forked child
	# that dies on purpose, in the middle of something, leaks on purpose.
	local memcheck=(valgrind -q --leak-check=full --show-leak-kinds=definite,indirect --child-silent-after-fork=yes
		--track-origins=yes --num-callers=30 "--suppressions=$top/tests/analysis/valgrind.supp"
		"--log-file=$out/valgrind/report.%p")
	rm -f "$out"/valgrind/report.*
	# ctest puts the emulator before each test's program
	configure "$out/valgrind" -DCMAKE_C_COMPILER=gcc "-DCMAKE_CROSSCOMPILING_EMULATOR=$(IFS=';'; echo "${memcheck[*]}")" &&
		cmake --build "$out/valgrind" -j "$jobs" || return
	# and these stand where the whole-daemon tests look for the programs
	mkdir -p "$out/valgrind/wrapped"
	for program in duewatchd duewatch; do
		printf '#!/bin/sh\nexec %s "%s" "$@"\n' "$(printf "'%s' " "${memcheck[@]}")" "$out/valgrind/$program" \
			>"$out/valgrind/wrapped/$program"
		chmod 0755 "$out/valgrind/wrapped/$program"
	done
	export DW_SLOW=20
	run_tests "$out/valgrind" "$out/valgrind/wrapped" -E '^contract-relay$' || rc=1
	# its table is told in seconds of a machine that isn't twenty times slower: only what memcheck says of it counts
	alone ctest --test-dir "$out/valgrind" --timeout 1800 -R '^contract-relay$'
	no_reports "$out/valgrind/report" && return $rc
}

# ---- 32 bits ----

# The mirror of this machine's own sources
mirror() {
	apt-get indextargets --format '$(CODENAME) $(COMPONENT) $(REPO_URI)' 'Identifier: Packages' |
		awk -v c="$1" '$1 == c && $2 == "main" { print $3; exit }'
}

make_i386() {
	local codename include
	codename=$(. /etc/os-release && echo "$VERSION_CODENAME")
	include=$(tests/setup.sh --list | tr ' ' '\n' | grep -vE '^(clang|libclang|gcovr|cppcheck)' | tr '\n' ',')
	base=$cache/base-i386-$(echo "$codename $include" | cksum | cut -d' ' -f1)
	[ ! -e "$base/etc/os-release" ] || return 0
	mkdir -p "$cache" && rm -rf "$cache"/base-i386-*
	debootstrap --arch=i386 --variant=minbase --include="$include" "$codename" "$base.new" "$(mirror "$codename")" &&
		mv "$base.new" "$base"
}

step_m32() {
	local dir=$out/m32 name=duewatch-m32-$$ base shared
	shared=$(realpath -e ../shared 2>/dev/null) # some contract tests read specifications beside the sources
	make_i386 && mkdir -p "$dir" || return
	trap 'rmdir /run/systemd/nspawn/propagate/$name 2>/dev/null' RETURN
	# the system is kept, so nothing is written there: the sources are read-only, what is made lies in $dir. Without that
	# capability mlock would be refused, to the daemon too.
	systemd-nspawn -q -D "$base" -M "$name" --volatile=overlay --personality=x86 --capability=CAP_IPC_LOCK --as-pid2 \
		--private-network --register=no --keep-unit --console=pipe --bind-ro="$top:/src" --bind="$dir:/out" \
		${shared:+"--bind-ro=$shared:/shared"} --setenv=PYTHONDONTWRITEBYTECODE=1 /src/tests/analyse.sh --there /out </dev/null
}

# Inside: the package says that it is for i386, and everything passes.
there() {
	out=$1
	configure "$out/out" && cmake --build "$out/out" -j "$jobs" && (cd "$out/out" && cpack -G DEB) || return
	ls "$out"/out/duewatch_*_i386.deb && run_tests "$out/out" "$out/out"
}

# ---- the story ----

# What to show of a failed step's log: the findings where there are lines that look like one, else its end.
findings() {
	grep -E '(warning|error|portability|performance|style): |^ +FAIL |^FAIL|\(Failed\)|^FAILED|^ERROR' "$1" |
		sed "s|$top/||" | sort -u | tail -n 100 | grep . || tail -n 60 "$1"
}

run_step() {
	local name=$1 start=$SECONDS
	mkdir -p "$out"
	timeout -k 30 10800 "$0" --step "$name" </dev/null >"$out/$name.log" 2>&1
	case $? in
	0) printf '%-13s %5s s  ok\n' "$name" $((SECONDS - start)); passed=$((passed + 1)) ;;
	*) printf '%-13s %5s s  FAIL (build-analysis/%s.log)\n' "$name" $((SECONDS - start)) "$name"
		findings "$out/$name.log"
		failed=$((failed + 1)) ;;
	esac
}

case ${1:-} in
--step) "step_$2"; exit ;;
--there) there "$2"; exit ;;
esac
for name in "$@"; do
	[[ " $all " = *" $name "* ]] || { sed -n '2,/^set/{/^#/p}' "$0" >&2; exit 2; }
done
passed=0 failed=0 more=
for name in ${@:-$all}; do
	case $name in
	hardening | reproducible | cppcheck | fanalyzer) ;;
	*) more=analysis ;;
	esac
done
tests/setup.sh $more </dev/null || exit 1
for name in ${@:-$all}; do
	run_step "$name"
done
printf '%s passed, %s failed\n' $passed $failed
[ $failed -eq 0 ]
