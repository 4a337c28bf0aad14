#!/bin/sh
# scripts/fuzz.sh SECONDS PROGRAM...: runs each libFuzzer program that long on all CPUs. What they
# find is left in build/fuzz/found, and a process that found something ends there.
#
# What a program learns stays in build/fuzz/corpus/NAME and is where the next run starts. Its seeds
# are tests/fuzz/seeds/NAME, or, where that isn't there, the modules of the WebAssembly suite and
# some of the generator of tests/diff (tests/fuzz/modules).
set -eu

seconds=$1
shift
build=${BUILD:-build}
if [ $# = 0 ]; then
    echo "fuzz: no fuzz target (NAME_fuzz.c) here" >&2
    exit 1
fi

modules=$build/fuzz/modules
if [ ! -d "$modules" ]; then
    mkdir -p "$modules.new"
    suite=$(tests/spec/run --unpack)
    [ -n "$suite" ] && find "$suite" -name '*.wasm' -exec cp -t "$modules.new" {} +
    tests/fuzz/modules "$modules.new" 300
    mv "$modules.new" "$modules"
fi

# One process per CPU, all on the same corpus. (-fork, which would do that by itself, spends more
# time on starting processes than on inputs.)
mkdir -p "$build/fuzz/found" "$build/fuzz/log"
n_found=0
for program; do
    name=$(basename "$program" _fuzz)
    corpus=$build/fuzz/corpus/$name
    seeds=tests/fuzz/seeds/$name
    [ -d "$seeds" ] || seeds=$modules
    mkdir -p "$corpus"
    echo "== $name: $seconds s, from $(find "$corpus" "$seeds" -type f | wc -l) inputs"
    jobs=
    for i in $(seq "$(nproc)"); do
        "$program" -max_total_time="$seconds" -timeout=30 -rss_limit_mb=4096 -reload=10 \
            -artifact_prefix="$build/fuzz/found/$name-" "$corpus" "$seeds" \
            > "$build/fuzz/log/$name-$i" 2>&1 &
        jobs="$jobs $!:$i"
    done
    for job in $jobs; do
        log=$build/fuzz/log/$name-${job#*:}
        if wait "${job%:*}"; then
            grep -a '^Done' "$log"
        else
            n_found=$((n_found + 1))
            echo "fuzz: $name: A FINDING, in $build/fuzz/found; the end of $log:"
            tail -n 40 "$log"
        fi
    done
done
[ "$n_found" = 0 ] || { echo "fuzz: $n_found findings" >&2; exit 1; }
