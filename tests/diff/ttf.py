"""Cases from binaryen's fuzzer: `wasm-opt -ttf` turns random bytes into a valid module.

Its modules import functions that log a value, and bound every loop and recursion by a global that
`hangLimitInitializer` sets; that bound is raised here, so that loops run for a while. Every
function and global is exported.
"""

import os
import random
import subprocess

import plan
from plan import wasm

ALWAYS = ("mutable-globals", "sign-ext", "nontrapping-float-to-int", "multivalue")
LEVELS = ("-O1", "-O2", "-O3", "-O4", "-Os", "--flatten", "--simplify-locals", "--coalesce-locals",
          "--merge-blocks", "--local-cse", "--inlining-optimizing")
HANG_LIMITS = (10, 30, 100, 400)
CALLS_BETWEEN_HASHES = 12


def _generated(rng, folder):
    features = list(ALWAYS)
    features += [f for f, share in (("simd", 0.75), ("bulk-memory", 0.9), ("threads", 0.12))
                 if rng.random() < share]
    source, target = os.path.join(folder, "random"), os.path.join(folder, "ttf.wasm")
    with open(source, "wb") as file:
        file.write(rng.randbytes(int(min(60000, rng.lognormvariate(8.7, 1)))))
    command = ["wasm-opt", "-ttf", source, "-o", target] + [f"--enable-{f}" for f in features]
    if rng.random() < 0.4:
        command.append("--no-fuzz-oob")
    if rng.random() < 0.3:
        command += rng.sample(LEVELS, rng.randrange(1, 4))
    subprocess.run(command, stdin=subprocess.DEVNULL, capture_output=True, check=True)
    with open(target, "rb") as file:
        return file.read()


def _memory_unshared(mod):
    """The changes that make a shared memory an ordinary one with the same limits."""
    contents = mod.section(wasm.MEMORY)
    return {wasm.MEMORY: b"\x01\x01" + contents[2:]} if contents[1:2] == b"\x03" else {}


def _hang_limit_raised(rng, mod):
    bodies = mod.bodies()
    index = next(i for field, _, i in mod.exports if field == "hangLimitInitializer")
    groups, code = bodies[index - len(mod.import_funcs)]
    _, end = wasm.op_skip(code, 0)
    bodies[index - len(mod.import_funcs)] = (groups, wasm.i32_const(rng.choice(HANG_LIMITS)) +
                                             code[end:])
    return {wasm.CODE: wasm.bodies_write(bodies)}


def _calls(rng, mod):
    named = {}
    for field, kind, index in mod.exports:
        if kind == wasm.KIND_FUNC:
            named.setdefault(index, field)
    n_calls = 0
    for index, field in named.items():
        params = mod.functype(index)[0]
        for _ in range(3 if params else 1):
            yield plan.invoke("$subject", "hangLimitInitializer")
            yield plan.invoke("$subject", field, [plan.argument(rng, t) for t in params])
            n_calls += 1
            if n_calls % CALLS_BETWEEN_HASHES == 0:
                yield plan.invoke("$hash", "hash")
                yield plan.get("$support", "hash")


def make(seed, folder, shared):
    """Writes the plan of a case into folder. shared: the path of support.wasm's folder from there."""
    rng = random.Random(f"ttf {seed}")
    mod = wasm.Module(_generated(rng, folder))
    unshared = _memory_unshared(mod)
    data = wasm.all_exported(mod.rebuilt({**unshared, **_hang_limit_raised(rng, mod)}))
    mod = wasm.Module(data)
    commands = [plan.module("$support", f"{shared}/support.wasm"),
                plan.register("$support", "fuzzing-support"), plan.subject_write(folder, data),
                plan.register("$subject", "subject"), plan.module("$hash", f"{shared}/hash.wasm")]
    commands += _calls(rng, mod)
    commands += [plan.get("$subject", f"g{i}") for i in range(len(mod.globals))]
    commands += [plan.invoke("$hash", "hash"), plan.get("$support", "hash"),
                 plan.get("$support", "count")]
    plan.plan_write(folder, commands, has_atomics=bool(unshared))
