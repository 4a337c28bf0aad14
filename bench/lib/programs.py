"""The list of programs: our own (a file each), real ones from Debian sources, and those in any
folder.

Real programs are built from sources that bench/deps.sh has put in build/peers/src; those that
aren't there are left out, with a line that says so.
"""

import re
from fnmatch import fnmatch
from pathlib import Path

from .paths import LIB, PROGRAMS, REAL, SOURCES
from .toolchain import Program

# A definition starts in column 0, whatever its type is called.
MAIN = re.compile(r"^(?:[A-Za-z_][\w *()]*[ *])?main\s*\(", re.MULTILINE)


# Parts of POSIX that wasi-libc emulates when asked to; without a meaning in a native build.
EMULATED = [f"-D_WASI_EMULATED_{part}" for part in ("PROCESS_CLOCKS", "SIGNAL", "GETPID", "MMAN")]


def own() -> list:
    return [
        Program(path.stem, [path], simd=path.stem.startswith("simd_"))
        for path in sorted(PROGRAMS.glob("*.c"))
    ]


def real_source(package: str) -> Path:
    """The unpacked source of a package: build/peers/src/<package>."""
    return SOURCES / package


def lua() -> list:
    src = real_source("lua5.4") / "src"
    left_out = {
        "lua.c",
        "luac.c",
        "linit.c",
        "liolib.c",
        "loslib.c",
        "loadlib.c",
        "ldblib.c",
        "lcorolib.c",
    }
    library = sorted(p for p in src.glob("*.c") if p.name not in left_out)
    flags = [
        "-Dl_signalT=int",
        "-Dluai_jmpbuf=int",
        "-Dluai_makeseed(L)=42",
        "-Dl_randomizePivot()=0u",
        "-DLUAI_THROW(L,c)=__builtin_trap()",
        "-DLUAI_TRY(L,c,a)={a}",
    ]
    return [
        Program(
            f"lua_{script.stem}",
            [REAL / "lua.c", *library],
            flags,
            [f'-DBENCH_SCRIPT="{script}"'],
            [REAL / "shim", src],
        )
        for script in sorted((REAL / "lua").glob("*.lua"))
    ]


def zstd() -> list:
    lib = real_source("libzstd") / "lib"
    library = sorted(
        p for part in ("common", "compress", "decompress") for p in (lib / part).glob("*.c")
    )
    flags = ["-DZSTD_DISABLE_ASM", "-DDYNAMIC_BMI2=0", "-DZSTD_NOTRACE", "-DZSTD_NO_INTRINSICS"]
    return [
        Program(f"zstd_{what}", [REAL / f"zstd_{what}.c", *library], flags, include=[lib])
        for what in ("compress", "decompress")
    ]


def bzip2() -> list:
    src = real_source("bzip2")
    names = ("blocksort", "huffman", "crctable", "randtable", "compress", "decompress", "bzlib")
    library = [src / f"{name}.c" for name in names]
    flags = ["-DBZ_NO_STDIO"]
    return [
        Program(f"bzip2_{what}", [REAL / f"bzip2_{what}.c", *library], flags, include=[src])
        for what in ("compress", "decompress")
    ]


def sqlite() -> list:
    src = real_source("sqlite3")
    flags = [
        "-DSQLITE_OS_OTHER=1",
        "-DSQLITE_THREADSAFE=0",
        "-DSQLITE_TEMP_STORE=3",
        "-DSQLITE_OMIT_LOAD_EXTENSION",
        "-DSQLITE_OMIT_WAL",
        "-DSQLITE_SPEEDTEST1_WASM",
    ]
    sources = [REAL / "sqlite.c", src / "sqlite3.c"]
    return [Program("sqlite", sources, flags, include=[src, src / "test"])]


def real() -> tuple:
    """The real programs whose sources are here, and lines about those that aren't."""
    makers = {
        "lua5.4/src/lvm.c": lua,
        "libzstd/lib/zstd.h": zstd,
        "bzip2/bzlib.c": bzip2,
        "sqlite3/sqlite3.c": sqlite,
    }
    found, lacking = [], []
    for witness, make in makers.items():
        if (SOURCES / witness).exists():
            found += make()
        else:
            lacking.append(f"{witness.split('/')[0]}: no source; run `make bench-deps`")
    for program in found:
        program.group = "real"
        program.flags = ["-std=gnu17", *program.flags]
    return found, lacking


def has_main(path: Path) -> bool:
    return bool(MAIN.search(path.read_text(errors="replace")))


def external_sources(folder: Path, extra: list):
    """(name, sources) of each program below a folder.

    A file with a main is one, with the files beside it that have none. Where the main is among the
    sources given for all, each folder with C files is one. What lies beside those isn't looked at.
    """
    shared = {f.parent for f in extra}
    files = [f for f in sorted(folder.rglob("*.c")) if f.parent not in shared]
    if any(has_main(f) for f in extra):
        for part in sorted({f.parent for f in files}):
            yield part.relative_to(folder), [f for f in files if f.parent == part]
        return
    mains = [f for f in files if has_main(f)]
    for main in mains:
        beside = [f for f in files if f.parent == main.parent and f not in mains]
        yield main.relative_to(folder).with_suffix(""), [main, *beside]


def external(options) -> list:
    """The programs of a folder from elsewhere. A constructor and a destructor take their time."""
    folder = options.external.resolve()
    extra = [path.resolve() for path in options.external_with]
    headers = sorted({h.parent for h in folder.rglob("*.h")})
    return [
        Program(
            "-".join(dict.fromkeys(name.parts)),  # PolyBench's folders are called as their files
            [*sources, *extra, LIB / "external_timer.c"],
            ["-std=gnu17", *EMULATED, *options.external_flags],
            include=[sources[0].parent, *options.external_include, *headers],
            group="external",
            variant="-external",
            ignore=options.external_ignore,
        )
        for name, sources in external_sources(folder, extra)
    ]


def select(programs: list, patterns: list) -> list:
    """Those whose name or group is among the patterns, which may have wildcards; all for none."""
    if not patterns:
        return programs
    return [p for p in programs if any(fnmatch(p.name, x) or p.group == x for x in patterns)]
