"""What the kinds of cases share: plans (see v8.mjs) and argument values."""

import json
import os
import sys

sys.path.insert(0, os.path.join(os.path.dirname(os.path.abspath(__file__)), "..", "lib"))

import wasm  # noqa: E402  (found by the line above)

I32_VALUES = (0, 1, 2, 7, 31, 32, 0x7F, 0x80, 0xFF, 0x100, 0xFFFF, 0x10000, 0x7FFFFFFF, 0x80000000,
              0xFFFFFFF8, 0xFFFFFFFF)
F32_VALUES = (0, 0x80000000, 1, 0x007FFFFF, 0x00800000, 0x3F800000, 0xBF800000, 0x3F000000,
              0x40490FDB, 0x4EFFFFFF, 0x4F000000, 0xCF000000, 0x4F800000, 0x5F000000, 0x7F7FFFFF,
              0x7F800000, 0xFF800000, 0x7FC00000, 0xFFC00001, 0x7FA00000)
F64_VALUES = (0, 1 << 63, 1, 0x000FFFFFFFFFFFFF, 0x0010000000000000, 0x3FF0000000000000,
              0xBFF0000000000000, 0x3FE0000000000000, 0x400921FB54442D18, 0x41DFFFFFFFC00000,
              0x41E0000000000000, 0xC1E0000000000000, 0xC1E0000000200000, 0x41F0000000000000,
              0x43E0000000000000, 0xC3E0000000000000, 0x7FEFFFFFFFFFFFFF, 0x7FF0000000000000,
              0xFFF0000000000000, 0x7FF8000000000000, 0xFFF8000000000001, 0x7FF4000000000000)


def bits_random(rng, valtype):
    """The bits of a number or vector, often an interesting one."""
    if valtype == wasm.V128:
        if rng.random() < 0.3:
            lane = bits_random(rng, wasm.F32)
            return lane * 0x1000000010000000100000001
        return bits_random(rng, wasm.F64) | bits_random(rng, rng.choice((wasm.I64, wasm.F64))) << 64
    if valtype == wasm.I64:
        high = rng.choice((0, 0, 0xFFFFFFFF, bits_random(rng, wasm.I32)))
        return high << 32 | bits_random(rng, wasm.I32)
    width = 64 if valtype == wasm.F64 else 32
    kind = rng.random()
    if kind < 0.25:
        return rng.getrandbits(width)
    if kind < 0.4 and valtype == wasm.I32:
        return rng.getrandbits(rng.randrange(1, 17))
    return rng.choice({wasm.I32: I32_VALUES, wasm.F32: F32_VALUES, wasm.F64: F64_VALUES}[valtype])


def argument(rng, valtype):
    """An argument in the form of a script."""
    type_name = wasm.TYPE_NAMES[valtype]
    if valtype in (wasm.FUNCREF, wasm.EXTERNREF):
        is_null = valtype == wasm.FUNCREF or rng.random() < 0.3
        return {"type": type_name, "value": "null" if is_null else str(rng.randrange(4))}
    bits = bits_random(rng, valtype)
    if valtype == wasm.V128:
        lanes = [str(bits >> shift & 0xFFFFFFFF) for shift in (0, 32, 64, 96)]
        return {"type": type_name, "lane_type": "i32", "value": lanes}
    return {"type": type_name, "value": str(bits)}


def invoke(module, field, args=()):
    return {"type": "action",
            "action": {"type": "invoke", "module": module, "field": field, "args": list(args)}}


def get(module, field):
    return {"type": "action", "action": {"type": "get", "module": module, "field": field}}


def module(name, filename, **more):
    return {"type": "module", "name": name, "filename": filename, **more}


def register(name, as_name):
    return {"type": "register", "name": name, "as": as_name}


def subject_write(folder, data, name="$subject"):
    """Writes a module in its three forms (see v8.mjs) and returns the command that loads it."""
    forms = {"plain": data, "canonical": wasm.nans_canonical(data),
             "flagged": wasm.nans_canonical(data, "nan seen")}
    files = {form: f"{name[1:]}.{form}.wasm" for form in forms}
    for form, contents in forms.items():
        with open(os.path.join(folder, files[form]), "wb") as file:
            file.write(contents)
    return module(name, files["canonical"], flagged=files["flagged"], filename_plain=files["plain"])


def plan_write(folder, commands, **more):
    with open(os.path.join(folder, "plan.json"), "w", encoding="utf-8") as file:
        json.dump({"write": os.path.join(folder, "case.json"), "commands": commands, **more}, file)
