"""Cases from csmith: random C programs without undefined behaviour, compiled with clang-19.

A program is run twice in each engine: as a WASI program, whose output is compared, and as a module
of a script, with functions that refuse everything in place of WASI's, whose memory is compared.
(Its checksum is in there, too.) Half of the programs import their memory instead of having one:
those are only run by the script.
"""

import os
import random
import subprocess

import plan
from plan import wasm

HEADERS = "/usr/include/csmith"
GENERATE_SECONDS = 20
COMPILE_SECONDS = 60
ERRNO_BADF = 8
SUCCEED = ("args_sizes_get", "args_get", "environ_sizes_get", "environ_get")  # find nothing there
NEVER_RETURN = ("proc_exit",)
CSMITH_OPTIONS = ("--no-bitfields", "--float", "--no-unions", "--no-volatiles", "--no-longlong",
                  "--inline-function", "--no-divs", "--no-packed-struct")
CLANG_OPTIONS = ("-msimd128", "-mbulk-memory", "-mnontrapping-fptoint", "-fno-inline",
                 "-funroll-loops", "-mmultivalue", "-mno-sign-ext", "-fno-vectorize",
                 "-fno-slp-vectorize", "-fwrapv")


class Unusable(Exception):
    """csmith or clang didn't come to an end: not a case."""


def _run(command, seconds):
    try:
        subprocess.run(command, stdin=subprocess.DEVNULL, capture_output=True, check=True,
                       timeout=seconds)
    except subprocess.TimeoutExpired as error:
        raise Unusable(f"{command[0]} took more than {seconds} s") from error


def _compiled(rng, folder, sysroot, imports_memory):
    source, target = os.path.join(folder, "prog.c"), os.path.join(folder, "prog.wasm")
    sizes = ["--max-funcs", str(rng.randrange(1, 9)), "--max-block-size", str(rng.randrange(2, 6)),
             "--max-expr-complexity", str(rng.randrange(4, 14))]
    _run(["csmith", "--seed", str(rng.getrandbits(32)), "--output", source, *sizes,
          *rng.sample(CSMITH_OPTIONS, rng.randrange(4))], GENERATE_SECONDS)
    clang = ["clang-19", "--target=wasm32-wasi", f"--sysroot={sysroot}"]
    # Two steps: linking with -O would run the wasm-opt in PATH.
    _run(clang + [f"-O{rng.randrange(4)}", "-w", "-I", HEADERS,
                  *rng.sample(CLANG_OPTIONS, rng.randrange(4)), "-c", source, "-o", target + ".o"],
         COMPILE_SECONDS)
    _run(clang + [target + ".o", "-o", target] + ["-Wl,--import-memory"] * imports_memory,
         COMPILE_SECONDS)
    with open(target, "rb") as file:
        return file.read()


def _stub(mod):
    """A module with all functions that mod imports from WASI, which do nothing."""
    types, bodies, exports = [], [], []
    for index, (_, field) in enumerate(mod.import_names(wasm.KIND_FUNC)):
        params, results = mod.functype(index)
        types.append(wasm.functype(params, results))
        code = wasm.i32_const(0 if field in SUCCEED else ERRNO_BADF) if results else b""
        bodies.append(wasm.body([], b"\x00" if field in NEVER_RETURN else code))
        exports.append(wasm.export_entry(field, wasm.KIND_FUNC, index))
    return wasm.module([(wasm.TYPE, wasm.vec(types)),
                        (wasm.FUNCTION, wasm.vec([wasm.uleb(i) for i in range(len(types))])),
                        (wasm.EXPORT, wasm.vec(exports)), (wasm.CODE, wasm.vec(bodies))])


def _memory_module(mod):
    limits = mod.section(wasm.MEMORY)[1:] or mod.imported_memory()
    return wasm.module([(wasm.MEMORY, b"\x01" + limits),
                        (wasm.EXPORT, wasm.vec([wasm.export_entry("memory", wasm.KIND_MEMORY, 0)]))])


def _module_write(folder, filename, data):
    with open(os.path.join(folder, filename), "wb") as file:
        file.write(data)


def make(seed, folder, shared):
    """Writes the plan of a case into folder, and prog.wasm if it is to be run as a program, too."""
    rng = random.Random(f"csmith {seed}")
    imports_memory = rng.random() < 0.5
    data = _compiled(rng, folder, os.path.join(folder, shared, "sysroot"), imports_memory)
    mod = wasm.Module(data)
    _module_write(folder, "stub.wasm", _stub(mod))
    commands = [plan.module("$stub", "stub.wasm"),
                plan.register("$stub", "wasi_snapshot_preview1")]
    if imports_memory:
        _module_write(folder, "memory.wasm", _memory_module(mod))
        commands += [plan.module("$memory", "memory.wasm"), plan.register("$memory", "env"),
                     plan.register("$memory", "subject")]
        os.rename(os.path.join(folder, "prog.wasm"), os.path.join(folder, "subject.wasm"))
        commands += [plan.module("$subject", "subject.wasm")]
    else:
        commands += [plan.module("$subject", "prog.wasm"), plan.register("$subject", "subject")]
    commands += [plan.module("$hash", f"{shared}/hash.wasm"),
                 plan.invoke("$subject", "_start"), plan.invoke("$hash", "hash")]
    plan.plan_write(folder, commands)
