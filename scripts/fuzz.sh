#!/bin/sh
# scripts/fuzz.sh SECONDS PROGRAM...: runs each libFuzzer program that long on all CPUs, and stops at
# the first finding, which it leaves in build/fuzz/found.
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

for program; do
    name=$(basename "$program" _fuzz)
    corpus=$build/fuzz/corpus/$name
    seeds=tests/fuzz/seeds/$name
    [ -d "$seeds" ] || seeds=$modules
    mkdir -p "$corpus" "$build/fuzz/found"
    echo "== $name: $seconds s, from $(find "$corpus" "$seeds" -type f | wc -l) inputs"
    "$program" -fork="$(nproc)" -max_total_time="$seconds" -timeout=30 -rss_limit_mb=4096 \
        -artifact_prefix="$build/fuzz/found/$name-" "$corpus" "$seeds"
done
