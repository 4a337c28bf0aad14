#!/bin/sh
# Looks whether everything that the build and the tests need is there, and installs what isn't with
# apt, as root or through sudo. Without apt it names what is missing and exits 1. Says nothing and
# takes no time when all is there: `make run` and `make test` call it first.
set -u

packages=
names=

# want PACKAGE PROBE NAME: PROBE is a program in PATH, or a file.
want() {
    case $2 in
    /*) [ -e "$2" ] && return ;;
    *) command -v "$2" >/dev/null && return ;;
    esac
    packages="$packages $1"
    names="$names
  $3"
}

clang=/usr/lib/llvm-19/lib/clang/19
guest=/usr/include/wasm32-wasi

want git git "git"
want make make "GNU make 4.3"
want clang-19 clang-19 "clang 19 (clang-19)"
want lld-19 ld.lld-19 "lld 19 (ld.lld-19, wasm-ld-19)"
want llvm-19 llvm-objdump-19 "LLVM 19 tools (llvm-objdump-19)"
want libclang-rt-19-dev $clang/lib/linux/libclang_rt.asan-x86_64.a "compiler-rt 19: sanitizers, libFuzzer"
want clang-format-19 clang-format-19 "clang-format 19"
want clang-tidy-19 clang-tidy-19 "clang-tidy 19"
want wabt wasm2wat "wabt 1.0.32 (wat2wasm, wasm2wat)"
want binaryen wasm-opt "binaryen 108 (wasm-opt)"
want wasi-libc $guest/stdio.h "wasi-libc, in $guest"
want libclang-rt-19-dev-wasm32 $clang/lib/wasi/libclang_rt.builtins-wasm32.a "compiler-rt 19 for wasm32"
want libc++-19-dev-wasm32 $guest/c++/v1/vector "libc++ 19 for wasm32"
want libc++abi-19-dev-wasm32 /usr/lib/wasm32-wasi/libc++abi.a "libc++abi 19 for wasm32"
want libcapstone-dev /usr/include/capstone/capstone.h "capstone 4.0.2, with headers"
want libcmocka-dev /usr/include/cmocka.h "cmocka 1.1.5, with headers"
want libcjson-dev /usr/include/cjson/cJSON.h "cJSON 1.7.15, with headers"
want csmith csmith "csmith 2.3.0"
want xz-utils xz "xz"
want python3 python3 "Python 3.11 (python3)"
want qemu-system-x86 qemu-system-x86_64 "QEMU 7.2 (qemu-system-x86_64)"
want nodejs node "node 18 or newer"

[ -z "$packages" ] && exit 0

if ! command -v apt-get >/dev/null; then
    echo "deps: missing here, and there is no apt to install it with:$names" >&2
    exit 1
fi
if [ "$(id -u)" = 0 ]; then
    as_root=
elif command -v sudo >/dev/null; then
    as_root=sudo
else
    echo "deps: missing:$names" >&2
    echo "deps: run as root: apt-get update && apt-get install$packages" >&2
    exit 1
fi
echo "deps: installing$packages"
$as_root apt-get -qq update || exit 1
# shellcheck disable=SC2086 -- a list of words
$as_root env DEBIAN_FRONTEND=noninteractive apt-get -qq install -y --no-install-recommends $packages
