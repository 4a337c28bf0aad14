"""The engines of the table: how each prepares a program, and the command that runs it.

Preparing (compiling, where the engine can do it beforehand) is not timed; each program takes its
own time from inside. An engine that isn't installed says how to get it.
"""

import hashlib
import os
import re
import shutil
from pathlib import Path

from . import paths, toolchain
from .paths import LIB, NODE_MODULES, OUT, PEER_CODE, VENV_PYTHON
from .toolchain import BuildError, Program, make, run

WABT_RUNTIME = Path("/usr/share/wabt/wasm2c")


class Engine:
    """What the table calls `name`. `is_info`: shown, but not one that Tokamak is compared with."""

    name = ""
    title = ""
    is_info = False

    def missing(self) -> str | None:
        """Why it can't run here, with the way to get it; None when it can."""
        return None

    def version(self) -> str:
        return ""

    def prepare(self, program: Program) -> Path:
        raise NotImplementedError

    def command(self, artifact: Path) -> list:
        return [artifact]


class Native(Engine):
    name = "native"
    title = "clang-19 -O2"

    def missing(self):
        return toolchain.missing()

    def version(self):
        return run([toolchain.CC, "--version"]).splitlines()[0]

    def prepare(self, program):
        return toolchain.native(program)


class NativeScalar(Native):
    name = "novec"
    title = "clang-19 -O2 -fno-vectorize -fno-slp-vectorize"
    is_info = True

    def prepare(self, program):
        return toolchain.native_scalar(program)


class Tokamak(Engine):
    """`options` go to `tokamak compile`, and to `run`, which refuses an image of others."""

    def __init__(self, name="tokamak", options=(), max_memory=None):
        self.name = name
        self.title = " ".join(["tokamak", *options])
        self.options = list(options)
        self.max_memory = max_memory

    def missing(self):
        return None if paths.TOKAMAK.exists() else "build/tokamak is missing: run `make`"

    def version(self):
        return f"build/tokamak of {paths.TOKAMAK.stat().st_size} bytes"

    def folder(self) -> Path:
        """Another command than build/tokamak has one of its own: the two may be measured at once."""
        if paths.TOKAMAK == paths.BUILD / "tokamak":
            return OUT / self.name
        key = hashlib.sha256(str(paths.TOKAMAK).encode()).hexdigest()[:8]
        return OUT / f"{self.name}-{key}"

    def prepare(self, program):
        if self.max_memory:
            wasm = toolchain.wasm_bounded(program, self.max_memory)
        else:
            wasm = toolchain.wasm(program)
        product = self.folder() / program.variant / f"{program.name}.cwasm"
        argv = [paths.TOKAMAK, "compile", *self.options, wasm, "-o", product]
        return make(product, argv, [paths.TOKAMAK, wasm])

    def command(self, artifact):
        return [paths.TOKAMAK, "run", *self.options, "--allow-precompiled", artifact]


class V8(Engine):
    """node from npm: TurboFan for all functions before the program starts."""

    FLAGS = [
        "--no-liftoff",
        "--no-wasm-tier-up",
        "--no-wasm-dynamic-tiering",
        "--no-wasm-lazy-compilation",
    ]

    def __init__(self, name, package):
        self.name = name
        self.node = NODE_MODULES / package / "bin" / "node"
        self.title = f"V8 TurboFan ({package})"

    def missing(self):
        return None if self.node.exists() else f"{self.title} is missing: run `make bench-deps`"

    def version(self):
        return run(
            [self.node, "-p", "`V8 ${process.versions.v8}, node ${process.version}`"]
        ).strip()

    def prepare(self, program):
        return toolchain.wasm(program)

    def command(self, artifact):
        return [self.node, *self.FLAGS, LIB / "wasi_run.mjs", artifact]


class Wasmtime(Engine):
    name = "wasmtime"
    title = "wasmtime (Cranelift)"

    def missing(self):
        if VENV_PYTHON.exists() and list(
            VENV_PYTHON.parent.parent.glob("lib/*/site-packages/wasmtime")
        ):
            return None
        return "wasmtime is missing: run `make bench-deps`"

    def version(self):
        code = "from importlib.metadata import version; print('wasmtime', version('wasmtime'))"
        return run([VENV_PYTHON, "-c", code]).strip()

    def prepare(self, program):
        wasm = toolchain.wasm(program)
        product = OUT / f"{self.name}{program.variant}" / f"{program.name}.cwasm"
        script = LIB / "wasmtime_run.py"
        return make(product, [VENV_PYTHON, script, "compile", wasm, product], [script, wasm])

    def command(self, artifact):
        return [VENV_PYTHON, LIB / "wasmtime_run.py", "run", artifact]


class Wasm2c(Engine):
    """wasm to C by wabt, then clang-19 -O2; memory is checked by guard pages (wabt's default)."""

    name = "wasm2c"
    title = "wasm2c + clang-19 -O2"

    IMPORT = re.compile(r"^(\w+) (Z_wasi_snapshot_preview1Z_(\w+)\(.*\));$", re.MULTILINE)

    def missing(self):
        if shutil.which("wasm2c") and (WABT_RUNTIME / "wasm-rt-impl.c").exists():
            return None
        return "wasm2c is missing: run `make bench-deps` (Debian: wabt)"

    def version(self):
        return "wabt " + run(["wasm2c", "--version"]).strip()

    def stubs_write(self, folder: Path) -> Path:
        """WASI names that the host doesn't have answer ENOSYS, by weak functions."""
        header = (folder / "program.h").read_text()
        lines = ['#include "program.h"']
        for result, signature, _ in self.IMPORT.findall(header):
            body = "{ return 52; }" if result != "void" else "{ __builtin_trap(); }"
            lines.append(f"__attribute__((weak)) {result} {signature} {body}")
        stubs = folder / "stubs.c"
        stubs.write_text("\n".join(lines) + "\n")
        return stubs

    def prepare(self, program):
        if program.simd:
            raise NotImplementedError("this wasm2c has no SIMD")
        wasm = toolchain.wasm(program)
        folder = OUT / f"{self.name}{program.variant}" / program.name
        folder.mkdir(parents=True, exist_ok=True)
        source = folder / "program.c"
        make(source, ["wasm2c", "--module-name=program", wasm, "-o", source], [wasm])
        stubs = self.stubs_write(folder)
        host = PEER_CODE / "wasm2c_main.c"
        product = folder / "program"
        # Functions that a generated stub also defines are the host's: it is linked first, stubs are
        # weak.
        argv = [
            toolchain.CC,
            "-O2",
            "-w",
            f"-I{folder}",
            f"-I{WABT_RUNTIME}",
            host,
            stubs,
            source,
            WABT_RUNTIME / "wasm-rt-impl.c",
            "-lm",
            "-o",
            product,
        ]
        return make(product, argv, [host, source])


def all_engines() -> list:
    return [
        Tokamak(),
        V8("v8-20", "node20"),
        V8("v8-newest", "node-newest"),
        Wasmtime(),
        Wasm2c(),
        Native(),
        NativeScalar(),
    ]


def cpu_name() -> str:
    for line in Path("/proc/cpuinfo").read_text().splitlines():
        if line.startswith("model name"):
            return f"{line.split(':', 1)[1].strip()}, {os.cpu_count()} CPUs"
    return "an unknown CPU"


__all__ = ["Engine", "Tokamak", "V8", "Wasmtime", "all_engines", "cpu_name", "BuildError"]
