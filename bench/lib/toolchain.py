"""Compiles and links C programs with clang-19, natively and to wasm; keeps what it has made.

A product is kept with a record of the command and of the files that it was made from (size and time
of each, headers included, as clang lists them); it is made again when one of these has changed.
"""

import hashlib
import json
import os
import shutil
import subprocess
from dataclasses import dataclass, field
from pathlib import Path

from .paths import OUT, PROGRAMS

CC = "clang-19"

WARNINGS = (
    """-Wall -Wextra -Wshadow -Wundef -Wvla -Wstrict-prototypes -Wmissing-prototypes -Wcast-qual
-Wdouble-promotion -Wimplicit-fallthrough -Wswitch-enum -Werror""".split()
)

COMMON = ["-O2", "-std=gnu23", f"-I{PROGRAMS}"]


class BuildError(Exception):
    """A command failed; the text is what it said."""


@dataclass(frozen=True)
class Target:
    """A way to compile: flags for the compiler, and for the linker."""

    name: str
    compile_flags: tuple
    link_flags: tuple = ()
    simd_flags: tuple = ()
    libraries: tuple = ("-lm",)


@dataclass
class Program:
    """A benchmark program: sources and what they are compiled with."""

    name: str
    sources: list
    flags: list = field(default_factory=list)
    first_flags: list = field(default_factory=list)  # for the first source only
    include: list = field(default_factory=list)
    group: str = "own"
    simd: bool = False
    stdin: Path | None = None
    variant: str = ""  # of the folders that its products are in
    ignore: str | None = None  # lines of the output that match are no part of the result


def sysroot() -> Path:
    """A sysroot with just wasi-libc: with the default one, what it lacks comes from glibc."""
    root = OUT / "sysroot"
    for part in ("include", "lib"):
        link = root / part / "wasm32-wasi"
        link.parent.mkdir(parents=True, exist_ok=True)
        if not link.is_symlink():
            link.symlink_to(Path("/usr") / part / "wasm32-wasi")
    return root


def wasm_target(name="wasm", max_memory: int | None = None) -> Target:
    triple = ["--target=wasm32-wasi", f"--sysroot={sysroot()}"]
    link = triple + ["-Wl,-z,stack-size=1048576", "-Wl,--stack-first", "-Wl,--strip-debug"]
    if max_memory:
        link.append(f"-Wl,--max-memory={max_memory}")
    return Target(
        name,
        tuple(triple + ["-mbulk-memory", "-mnontrapping-fptoint", "-msign-ext"]),
        tuple(link),
        ("-msimd128",),
        tuple(f"-lwasi-emulated-{part}" for part in ("process-clocks", "signal", "getpid", "mman")),
    )


NATIVE = Target("native", ())
NATIVE_SCALAR = Target("native-novec", ("-fno-vectorize", "-fno-slp-vectorize"))


def run(argv, **options) -> str:
    """Runs a command; its stdout, or BuildError with what it printed."""
    argv = [str(a) for a in argv]
    done = subprocess.run(argv, capture_output=True, text=True, **options)
    if done.returncode != 0:
        said = "\n".join((done.stderr or done.stdout).strip().splitlines()[:12])
        raise BuildError(f"{' '.join(argv)[:400]}\nexit status {done.returncode}\n{said}")
    return done.stdout


def stamp(path) -> list:
    info = os.stat(path)
    return [info.st_mtime_ns, info.st_size]


def record_of(product: Path) -> Path:
    return OUT / "made" / f"{product.relative_to(OUT)}.json"


def is_fresh(product: Path, argv) -> bool:
    record = record_of(product)
    if not product.exists() or not record.exists():
        return False
    made = json.loads(record.read_text())
    try:
        return made["argv"] == [str(a) for a in argv] and all(
            stamp(path) == when for path, when in made["inputs"].items()
        )
    except OSError:
        return False


def made(product: Path, argv, inputs) -> None:
    record = {"argv": [str(a) for a in argv], "inputs": {str(p): stamp(p) for p in inputs}}
    path = record_of(product)
    path.parent.mkdir(parents=True, exist_ok=True)
    path.write_text(json.dumps(record))


def make(product: Path, argv, inputs, **options) -> Path:
    """`product`, by running `argv` unless it was made by just that from just these inputs."""
    if not is_fresh(product, argv):
        product.parent.mkdir(parents=True, exist_ok=True)
        run(argv, **options)
        made(product, argv, inputs)
    return product


def depfile_inputs(depfile: Path) -> list:
    """The files in a make rule written by clang -MMD; a blank in a name is escaped there."""
    text = depfile.read_text().replace("\\\n", " ").split(":", 1)[1]
    words = text.replace("\\ ", "\0").split()
    return [word.replace("\0", " ") for word in words]


def object_make(program: Program, source: Path, target: Target) -> Path:
    flags = COMMON + list(target.compile_flags) + list(program.flags)
    if program.simd:
        flags += target.simd_flags
    if program.group == "own":
        flags += WARNINGS
    else:
        flags += ["-w"]
    if source == program.sources[0]:
        flags += program.first_flags
    flags += [f"-I{folder}" for folder in program.include]
    key = hashlib.sha256("\0".join([str(source), *flags]).encode()).hexdigest()[:16]
    product = OUT / "obj" / target.name / f"{source.stem}-{key}.o"
    depfile = product.with_suffix(".d")
    argv = [CC, *flags, "-MMD", "-MF", depfile, "-c", source, "-o", product]
    if not is_fresh(product, argv):
        product.parent.mkdir(parents=True, exist_ok=True)
        run(argv)
        made(product, argv, depfile_inputs(depfile))
    return product


def program_make(program: Program, target: Target, product: Path) -> Path:
    objects = [object_make(program, Path(s), target) for s in program.sources]
    argv = [CC, *target.link_flags, *objects, *target.libraries, "-o", product]
    return make(product, argv, objects)


def native(program: Program) -> Path:
    return program_make(program, NATIVE, OUT / f"native{program.variant}" / program.name)


def native_scalar(program: Program) -> Path:
    return program_make(
        program, NATIVE_SCALAR, OUT / f"native-novec{program.variant}" / program.name
    )


def wasm(program: Program) -> Path:
    return program_make(
        program, wasm_target(), OUT / f"wasm{program.variant}" / f"{program.name}.wasm"
    )


def wasm_bounded(program: Program, max_memory: int) -> Path:
    """The same with a declared maximum of memory, which a dense slot needs."""
    target = wasm_target("wasm", max_memory)
    return program_make(
        program, target, OUT / f"wasm-bounded{program.variant}" / f"{program.name}.wasm"
    )


def missing() -> str | None:
    """What is needed to build programs and isn't there."""
    for tool in (CC, "wasm-ld-19"):
        if not shutil.which(tool):
            return f"{tool} is missing: apt-get install clang-19 lld-19"
    if not Path("/usr/lib/wasm32-wasi/libc.a").exists():
        return "wasi-libc is missing: apt-get install wasi-libc libclang-rt-19-dev-wasm32"
    return None
