#!/bin/bash
# run.sh [--quick|--long]: installs what is missing, builds with gcc and runs every test, those of the whole daemon once
# more under the systemd unit's limits; builds with clang under the address and undefined-behaviour sanitizers and runs
# them again; replays the fuzz corpora (both times); boots a container with the package; looks at that package's
# hardening, makes it once more for the same bytes, and runs cppcheck and gcc -fanalyzer. --quick: gcc, unit tests
# only. --long: also 1,000 kills, a death at each call, every fault of the whole-daemon tests' sweeps, and all of
# tests/analyse.sh: hours. A failing step doesn't stop the next. The last line counts.
# Logs: build-gcc/*.log, build-clang/*.log.
set -u
cd "$(dirname "$0")/.." || exit 1
export LC_ALL=C.UTF-8
export UBSAN_OPTIONS=print_stacktrace=1 ASAN_OPTIONS=detect_leaks=1:detect_stack_use_after_return=1

passed=0 failed=0 skipped=0
broken=()

# count STEP PASSED FAILED: a step that ran, its tests counted by itself
count() {
	passed=$((passed + $2))
	failed=$((failed + $3))
	[ "$3" -eq 0 ] || broken+=("$1: $3 failed")
}

# step NAME SECONDS COMMAND…: runs it under a limit into $log, says how long it took; returns its exit status.
step() {
	local name=$1 limit=$2 start=$SECONDS rc
	shift 2
	printf '== %s\n' "$name"
	timeout -k 20 "$limit" "$@" </dev/null >"$log" 2>&1
	rc=$?
	[ $rc -ne 124 ] || echo "over $limit s: stopped" >>"$log"
	printf '   %s s, exit %s\n' $((SECONDS - start)) $rc
	return $rc
}

# one NAME SECONDS COMMAND…: a step that is one test
one() {
	if step "$@"; then count "$1" 1 0; else tail -n 60 "$log"; count "$1" 0 1; return 1; fi
}

configure_and_build() {
	local dir=$1
	shift
	mkdir -p "$dir"
	log=$dir/build.log
	one "$dir: build" 900 sh -c 'dir=$1; shift; cmake -S . -B "$dir" -G Ninja -DDW_WERROR=ON "$@" && cmake --build "$dir"' \
		build "$dir" "$@"
}

# ctest: "95% tests passed, 2 tests failed out of 40", and each one's name
run_ctest() {
	local dir=$1 total bad rc
	shift
	log=$dir/ctest.log
	step "$dir: ctest" 900 ctest --test-dir "$dir" --output-on-failure --no-tests=error --timeout 300 -j2 "$@"
	rc=$?
	total=$(sed -n 's/.* tests failed out of \([0-9]*\).*/\1/p' "$log" | tail -n 1)
	bad=$(sed -n 's/.*passed, \([0-9]*\) tests failed.*/\1/p' "$log" | tail -n 1)
	[ $rc -eq 0 ] || cat "$log"
	[ $rc -eq 0 ] || [ "${bad:-0}" -gt 0 ] || bad=1
	printf '   %s tests, %s failed\n' "${total:-0}" "${bad:-0}"
	count "$dir: ctest" $((${total:-0} > ${bad:-0} ? ${total:-0} - ${bad:-0} : 0)) "${bad:-0}"
}

# pytest's last line: "1 failed, 12 passed, 2 skipped, 1 error in 3.21s"
pytest_number() { tail -n 1 "$log" | grep -oE "[0-9]+ $1" | cut -d' ' -f1 | tail -n 1; }

# The whole daemon, of build folder $1 (the tests read $DUEWATCH_BUILD), perhaps in a way of its own, named $2.
run_pytest() {
	local dir=$1 name="$1: whole-daemon tests${2:+, $2}" rc ok bad errors skips
	log=$dir/pytest${2:+-$2}.log
	# they wait more than they work: several files at a time
	DUEWATCH_BUILD=$PWD/$dir step "$name" $((${DW_LONG:-0} ? 10800 : 1800)) \
		/usr/bin/python3 -m pytest -p no:cacheprovider -q -rs --color=no -n 4 --dist loadfile tests/integration
	rc=$?
	if [ $rc -eq 5 ]; then
		echo "   no tests there"
		return
	fi
	ok=$(pytest_number passed) bad=$(pytest_number failed) errors=$(pytest_number error) skips=$(pytest_number skipped)
	bad=$((${bad:-0} + ${errors:-0}))
	[ $rc -eq 0 ] || cat "$log"
	[ $rc -eq 0 ] || [ $bad -gt 0 ] || bad=1
	grep '^SKIPPED' "$log"
	skipped=$((skipped + ${skips:-0}))
	printf '   %s passed, %s failed\n' "${ok:-0}" "$bad"
	count "$name" "${ok:-0}" "$bad"
}

# The same once more under the unit's own limits; a system call that its filter forbids kills the daemon there.
run_confined() {
	local dir=$1
	log=$dir/confined.log
	one "$dir: the unit's limits" 60 /usr/bin/python3 tests/integration/confined.py --write "$dir/confined" || return
	DUEWATCH_WRAP="/usr/bin/python3 '$PWD/tests/integration/confined.py' '$PWD/$dir/confined'" run_pytest "$dir" confined
}

# What takes too long for every change. crash.py prints its figures as its last lines.
run_sweeps() {
	log=build-gcc/kills.log
	one "1,000 kills" 7200 /usr/bin/python3 tests/integration/crash.py --kills 1000 --build build-gcc
	tail -n 12 "$log"
	log=build-gcc/replies.log
	one "300 kills while answers arrive" 7200 /usr/bin/python3 tests/integration/crash.py --replies --kills 300 --build build-gcc
	tail -n 3 "$log"
	log=build-gcc/every.log
	one "a death at each call" 7200 /usr/bin/python3 tests/integration/crash.py --every --build build-gcc
	tail -n 12 "$log"
	DW_LONG=1 run_pytest build-gcc long
}

run_container() {
	local rc good bad
	log=build-gcc/package.log
	one "package" 300 sh -c 'cd build-gcc && rm -f *.deb && cpack -G DEB' || return
	log=build-gcc/container.log
	step "package in a booted container" 900 tests/container.sh build-gcc/*.deb
	rc=$?
	cat "$log"
	if [ $rc -eq 77 ]; then
		skipped=$((skipped + 1))
		return
	fi
	good=$(grep -cE '^(plain|booted): ok' "$log") bad=$(grep -cE '^(plain|booted): FAIL' "$log")
	[ $rc -eq 0 ] || [ "$bad" -gt 0 ] || bad=1
	count "container" "$good" "$bad"
}

# tests/analyse.sh, of the steps named, or of all; it looks at the package that was just booted.
run_analysis() {
	local limit=$1 deb rc
	shift
	log=build-gcc/analyse.log
	deb=$(ls build-gcc/*.deb 2>/dev/null)
	DW_DEB=${deb:+$PWD/$deb} step "analysis" "$limit" tests/analyse.sh "$@"
	rc=$?
	sed -n '/^setup: /d; /^[a-z0-9-]* *[0-9]* s  /,$p' "$log" | sed 's/^/   /'
	count "analysis" "$(tail -n 1 "$log" | grep -oE '^[0-9]+' || echo 0)" \
		"$(tail -n 1 "$log" | grep -oE '[0-9]+ failed' | cut -d' ' -f1 | grep . || echo 0)"
	[ $rc -eq 0 ] || grep -q ' failed$' "$log" || { cat "$log"; count "analysis" 0 1; }
}

finish() {
	echo
	for line in ${broken[@]+"${broken[@]}"}; do
		printf 'FAILED %s\n' "$line"
	done
	[ $skipped -eq 0 ] || echo "$skipped skipped (named above)"
	printf 'took %s s\n' "$SECONDS"
	printf '%s passed, %s failed\n' $passed $failed
	[ $failed -eq 0 ]
	exit
}

quick=no long=no
case ${1:-} in
--quick) quick=yes ;;
--long) long=yes ;;
'') ;;
*) echo "usage: tests/run.sh [--quick|--long]" >&2; exit 2 ;;
esac

echo "== setup"
tests/setup.sh </dev/null || { count setup 0 1; finish; }
echo "   $SECONDS s"

if [ $quick = yes ]; then
	configure_and_build build-gcc && run_ctest build-gcc -R '^(unit-|core-pure)'
	finish
fi
if configure_and_build build-gcc; then
	run_ctest build-gcc
	run_pytest build-gcc
	run_confined build-gcc
fi
if configure_and_build build-clang -DCMAKE_C_COMPILER=clang -DDW_ASAN=ON; then
	run_ctest build-clang
	run_pytest build-clang
fi
[ -e build-gcc/duewatchd ] && run_container
if [ $long = yes ]; then
	[ -e build-gcc/duewatchd ] && run_sweeps
	run_analysis 21600
else
	run_analysis 900 hardening reproducible cppcheck fanalyzer
fi
finish
