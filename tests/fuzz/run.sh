#!/bin/bash
# run.sh [--afl] [--merge] SECONDS [TARGET…]: fuzzes each target (default: all) for so long, as many at a time as there
# are processors, from the committed corpora, and prints a line a target: executions, edges and features reached, inputs
# kept, cases found. What it found lies in build-fuzz/found/TARGET (replay: build-fuzz/tests/fuzz/fuzz-TARGET FILE), what
# it kept in build-fuzz/new/TARGET; --merge adds of that to corpus/TARGET what reaches more, of at most 4 KiB each.
# --afl: with AFL++ (build-afl) instead of libFuzzer. Exit: 0, 1 something was found, 2 usage.
set -u
cd "$(dirname "$0")/../.." || exit 1
export LC_ALL=C.UTF-8
export ASAN_OPTIONS=detect_leaks=1:allocator_may_return_null=1:symbolize=0:abort_on_error=1 UBSAN_OPTIONS=print_stacktrace=1

usage() { echo "usage: tests/fuzz/run.sh [--afl] [--merge] SECONDS [TARGET…]" >&2; exit 2; }

afl=no merge=no
while :; do
	case ${1:-} in
	--afl) afl=yes ;;
	--merge) merge=yes ;;
	*) break ;;
	esac
	shift
done
[[ ${1:-} =~ ^[1-9][0-9]*$ ]] || usage
seconds=$1
shift
dir=build-fuzz compiler=clang
[ $afl = no ] || dir=build-afl compiler=afl-clang-fast
targets=("$@")
if [ $# -eq 0 ]; then
	for f in tests/fuzz/*.c; do
		name=$(basename "$f" .c)
		[ "$name" = replay-main ] || targets+=("$name")
	done
fi
for t in "${targets[@]}"; do
	[ -d "tests/fuzz/corpus/$t" ] || { echo "run.sh: there is no target $t" >&2; exit 2; }
done

mkdir -p $dir/found $dir/new
{ AFL_QUIET=1 cmake -S . -B $dir -G Ninja -DDW_FUZZ=ON -DCMAKE_C_COMPILER=$compiler &&
	AFL_QUIET=1 cmake --build $dir --target "${targets[@]/#/fuzz-}"; } >$dir/build.log 2>&1 ||
	{ tail -n 40 $dir/build.log; exit 1; }

# One program until the time is up: after a case it goes on with a new one.
libfuzzer() {
	local t=$1 log=$dir/$1.log end=$((SECONDS + seconds)) left
	mkdir -p "$dir/new/$t" "$dir/found/$t"
	: >"$log"
	while left=$((end - SECONDS)) && [ $left -gt 0 ] && [ "$(ls "$dir/found/$t" | wc -l)" -lt 20 ]; do
		"$dir/tests/fuzz/fuzz-$t" -max_total_time=$left -print_final_stats=1 -timeout=30 -rss_limit_mb=3000 \
			-max_len=16384 -artifact_prefix="$dir/found/$t/" "$dir/new/$t" "tests/fuzz/corpus/$t" >>"$log" 2>&1
	done
	printf '%-10s %12s executions  %6s edges %6s features  %5s kept  %s found\n' "$t" \
		"$(awk '/number_of_executed_units/ { n += $2 } END { print n + 0 }' "$log")" \
		"$(sed -n 's/^#.* cov: \([0-9]*\) .*/\1/p' "$log" | sort -n | tail -n 1)" \
		"$(sed -n 's/^#.* ft: \([0-9]*\) .*/\1/p' "$log" | sort -n | tail -n 1)" \
		"$(ls "$dir/new/$t" | wc -l)" "$(ls "$dir/found/$t" | wc -l)"
}

# AFL++ works on its own folder and keeps to one processor by itself; a corpus file of no bytes it refuses.
aflpp() {
	local t=$1 out=$dir/new/$1 in=$dir/in/$1 stats=$dir/new/$1/default/fuzzer_stats
	rm -rf "$out" "$in"
	mkdir -p "$in"
	find "tests/fuzz/corpus/$t" -type f -size +0 -exec cp {} "$in" \;
	AFL_NO_UI=1 AFL_SKIP_CPUFREQ=1 AFL_I_DONT_CARE_ABOUT_MISSING_CRASHES=1 AFL_NO_AFFINITY=1 \
		afl-fuzz -m none -t 5000+ -V "$seconds" -i "$in" -o "$out" -- "$dir/tests/fuzz/fuzz-$t" >"$dir/$t.log" 2>&1
	mkdir -p "$dir/found/$t"
	find "$out" -path '*/crashes/id*' -o -path '*/hangs/id*' | while read -r f; do cp "$f" "$dir/found/$t/"; done
	printf '%-10s %12s executions  %6s edges  %5s kept  %s found\n' "$t" \
		"$(sed -n 's/^execs_done *: //p' "$stats")" "$(sed -n 's/^edges_found *: //p' "$stats")" \
		"$(sed -n 's/^corpus_found *: //p' "$stats")" "$(ls "$dir/found/$t" | wc -l)"
}

# Inputs stay small and few: each reaches an edge that no other does.
merge_new() {
	local t=$1 all=$dir/merged/$1 new=$dir/new/$1
	[ $afl = no ] || new=$dir/new/$1/default/queue
	rm -rf "$all"
	mkdir -p "$all"
	cp "tests/fuzz/corpus/$t"/* "$all"
	build-fuzz/tests/fuzz/fuzz-"$t" -set_cover_merge=1 -use_counters=0 -max_len=4096 \
		"$all" "$new" >"$dir/$t.merge.log" 2>&1
	cp "$all"/* "tests/fuzz/corpus/$t"
}

one() {
	if [ $afl = yes ]; then aflpp "$1"; else libfuzzer "$1"; fi
	[ $merge = no ] || merge_new "$1"
}

for t in "${targets[@]}"; do
	while [ "$(jobs -rp | wc -l)" -ge "$(nproc)" ]; do wait -n; done
	one "$t" &
done
wait
[ -z "$(find $dir/found -type f)" ]
