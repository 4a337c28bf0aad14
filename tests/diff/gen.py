"""Cases from a generator of our own: what binaryen's fuzzer doesn't make.

Blocks with parameters and several results, br_table, code that can't be reached, values that stay
on the stack across statements, tables of both kinds, references, imported memories, tables and
globals, calls from one instance into another and back through a common table, counted loops,
atomics on unshared memories, and idioms that optimisers look for.

Bodies are made top down by type: expression(T) writes code that leaves a T. Loops end: they count
in a local that nothing else writes, or every way back costs fuel, as every call does.
"""

import os
import random

import ops
import plan
import wasm
from wasm import EXTERNREF, F32, F64, FUNCREF, I32, I64, V128, i32_const, i64_const, uleb

NUMBERS = (I32, I64, F32, F64)
REFERENCES = (FUNCREF, EXTERNREF)
PAGE = 65536
LOGS = {I32: "log-i32", I64: "log-i64", F32: "log-f32", F64: "log-f64", V128: "log-v128"}
FUELS = (5, 20, 60, 200)
DEPTH_MAX = 12


def op_bytes(op):
    return wasm.simd(op & 0xFF) if op >= 0xFD00 else bytes([op])


# ---- a module ----------------------------------------------------------------------------------

class Environment:
    """The module "env": a memory, a table and globals that others may import."""

    def __init__(self, rng, valtypes):
        self.memory = (rng.choice((1, 1, 2)), rng.choice((None, 2, 2, 3)))
        self.table = (rng.randrange(4, 24), rng.choice((None, 24, 40)))
        self.has_vectors = V128 in valtypes
        self.globals = []  # (type, is mutable, bits)
        for _ in range(rng.choice((0, 0, 1, 4))):
            valtype = rng.choice(valtypes)
            self.globals.append((valtype, rng.random() < 0.7, plan.bits_random(rng, valtype)))

    def write(self):
        exports = [wasm.export_entry("memory", wasm.KIND_MEMORY, 0),
                   wasm.export_entry("table", wasm.KIND_TABLE, 0)]
        exports += [wasm.export_entry(f"g{i}", wasm.KIND_GLOBAL, i) for i in range(len(self.globals))]
        return wasm.module([
            (wasm.TABLE, wasm.vec([bytes([FUNCREF]) + wasm.limits(*self.table)])),
            (wasm.MEMORY, wasm.vec([wasm.limits(*self.memory)])),
            (wasm.GLOBAL, wasm.vec([bytes([t, m]) + wasm.const(t, bits) + wasm.END
                                    for t, m, bits in self.globals])),
            (wasm.EXPORT, wasm.vec(exports))])


class Module:
    """What a module has, decided before there is any code."""

    def __init__(self, rng, environment=None, provider=None):
        """environment: what may be imported, of the module before; provider: its functions, too."""
        self.rng = rng
        self.has_vectors = rng.random() < 0.7 or (environment is not None and environment.has_vectors)
        self.has_references = rng.random() < 0.6
        self.has_atomics = rng.random() < 0.15
        self.types = []
        self.numbers = NUMBERS + ((V128,) if self.has_vectors else ())
        self.valtypes = self.numbers + (REFERENCES if self.has_references else ())
        self.imported_funcs = [("fuzzing-support", field, ((t,), ())) for t, field in LOGS.items()]
        if provider:
            self.imported_funcs += [("first", f"f{i}", provider.func_types[i]) for i in
                                    range(provider.n_imported_funcs, len(provider.func_types))]
        self.n_imported_funcs = len(self.imported_funcs)
        self.func_types = [functype for _, _, functype in self.imported_funcs]
        for _ in range(rng.randrange(3, 16)):
            self.func_types.append((self.types_random(rng.choice((0, 2, 4, 9, 20))),
                                    self.types_random(rng.choice((1, 1, 2, 3, 6, 14)))))
        self.environment = environment or Environment(rng, self.numbers)
        self.imports_memory = rng.random() < 0.3
        self.memory = (self.environment.memory if self.imports_memory else
                       (rng.choice((1, 1, 2)), rng.choice((None, 2, 2, 3))))
        self.globals_make()
        self.tables_make()
        self.segments_make()

    def types_random(self, n_max):
        return tuple(self.rng.choice(self.valtypes) for _ in range(self.rng.randrange(n_max + 1)))

    def globals_make(self):
        """[(type, is mutable, is imported)]; the last is the fuel."""
        rng = self.rng
        imported = [(valtype, is_mutable, True) for valtype, is_mutable, _ in self.environment.globals]
        own = [(rng.choice(self.valtypes), rng.random() < 0.85, False)
               for _ in range(rng.randrange(1, 9))]
        self.globals = imported + own + [(I32, True, False)]
        self.fuel = len(self.globals) - 1

    def tables_make(self):
        """[(type, size, maximum, is imported)]; the first is of functions."""
        rng = self.rng
        own = (rng.randrange(4, 24), rng.choice((None, 24, 40)))
        is_imported = rng.random() < 0.4
        self.tables = [(FUNCREF, *(self.environment.table if is_imported else own), is_imported)]
        if self.has_references:
            self.tables += [(rng.choice(REFERENCES), rng.randrange(1, 10), rng.choice((None, 12)), False)
                            for _ in range(rng.randrange(3))]

    def segments_make(self):
        rng = self.rng
        n_funcs = len(self.func_types)
        self.elems = [("active", [rng.randrange(self.n_imported_funcs, n_funcs)
                                  for _ in range(self.tables[0][1] - rng.randrange(3))])]
        for _ in range(rng.randrange(3) if self.has_references else 0):
            self.elems.append(("passive", [rng.randrange(n_funcs) for _ in range(rng.randrange(6))]))
        self.datas = [("active", rng.randrange(1000), rng.randbytes(rng.randrange(200)))]
        self.datas += [("passive", 0, rng.randbytes(rng.randrange(64))) for _ in range(rng.randrange(3))]

    def type_index(self, params, results):
        functype = wasm.functype(params, results)
        if functype not in self.types:
            self.types.append(functype)
        return self.types.index(functype)

    # -- writing --

    def imports(self):
        entries = [wasm.import_entry(module, field, wasm.KIND_FUNC,
                                     uleb(self.type_index(*functype)))
                   for module, field, functype in self.imported_funcs]
        for i, (valtype, is_mutable, is_imported) in enumerate(self.globals):
            if is_imported:
                entries.append(wasm.import_entry("env", f"g{i}", wasm.KIND_GLOBAL,
                                                 bytes([valtype, is_mutable])))
        if self.tables[0][3]:
            entries.append(wasm.import_entry("env", "table", wasm.KIND_TABLE,
                                             bytes([FUNCREF]) + wasm.limits(*self.tables[0][1:3])))
        if self.imports_memory:
            entries.append(wasm.import_entry("env", "memory", wasm.KIND_MEMORY,
                                             wasm.limits(*self.memory)))
        return wasm.vec(entries)

    def initializer(self, valtype):
        if valtype == FUNCREF and self.rng.random() < 0.6:
            return b"\xd2" + uleb(self.rng.randrange(len(self.func_types))) + wasm.END
        if valtype in REFERENCES:
            return b"\xd0" + bytes([valtype]) + wasm.END
        return wasm.const(valtype, plan.bits_random(self.rng, valtype)) + wasm.END

    def elem(self, mode, funcs):
        items = wasm.vec([uleb(i) for i in funcs])
        if mode == "active":
            return b"\x00" + i32_const(0) + wasm.END + items
        return b"\x01\x00" + items

    def data(self, mode, offset, contents):
        start = b"\x00" + i32_const(offset) + wasm.END if mode == "active" else b"\x01"
        return start + uleb(len(contents)) + contents

    def write(self):
        bodies, typeidxs = [], []
        for params, results in self.func_types[self.n_imported_funcs:]:
            typeidxs.append(uleb(self.type_index(params, results)))
            bodies.append(Body(self, params, results).write())
        typeidxs.append(uleb(self.type_index((I32,), ())))
        bodies.append(wasm.body([], b"\x20\x00\x24" + uleb(self.fuel)))
        tables = [bytes([t]) + wasm.limits(low, high) for t, low, high, is_imported in self.tables
                  if not is_imported]
        exports = [wasm.export_entry("memory", wasm.KIND_MEMORY, 0),
                   wasm.export_entry("refuel", wasm.KIND_FUNC, len(self.func_types))]
        every_func = [uleb(i) for i in range(len(self.func_types))]
        elems = [self.elem(*e) for e in self.elems] + [b"\x03\x00" + wasm.vec(every_func)]
        imports = self.imports()
        return wasm.module([
            (wasm.TYPE, wasm.vec(self.types)), (wasm.IMPORT, imports),
            (wasm.FUNCTION, wasm.vec(typeidxs)), (wasm.TABLE, wasm.vec(tables)),
            (wasm.MEMORY, b"" if self.imports_memory else wasm.vec([wasm.limits(*self.memory)])),
            (wasm.GLOBAL, wasm.vec([bytes([t, m]) + self.initializer(t)
                                    for t, m, is_imported in self.globals if not is_imported])),
            (wasm.EXPORT, wasm.vec(exports)), (wasm.ELEMENT, wasm.vec(elems)),
            (wasm.DATA_COUNT, uleb(len(self.datas))), (wasm.CODE, wasm.vec(bodies)),
            (wasm.DATA, wasm.vec([self.data(*d) for d in self.datas]))])


# ---- a function's body -------------------------------------------------------------------------

class Label:
    def __init__(self, types, is_loop):
        self.types, self.is_loop = tuple(types), is_loop


class Body:
    def __init__(self, module, params, results):
        self.module, self.rng = module, module.rng
        self.code = bytearray()
        # instructions, roughly
        self.left = self.rng.choice((10, 40, 100, 250, 600)) if self.rng.random() < 0.99 else 5000
        self.depth = 0
        self.labels = [Label(results, False)]
        self.results = results
        self.locals = list(params)
        n_of_each = self.rng.choice((1, 2, 3, 3, 8))
        for valtype in module.valtypes:
            self.locals += [valtype] * self.rng.randrange(n_of_each + 1)
        self.n_params = len(params)
        self.counters = set()  # locals that count a loop
        self.may_call = False  # or call itself for ever: every call but the first costs fuel

    def write(self):
        self.may_call = self.rng.random() < 0.8
        if self.may_call:
            self.fuel_use()
        for _ in range(self.rng.randrange(1, 8)):
            self.statement()
        for valtype in self.results:
            self.expression(valtype)
        return wasm.body(self.locals[self.n_params:], bytes(self.code))

    def put(self, *parts):
        for part in parts:
            self.code += part
        self.left -= 1

    # -- helpers --

    def local_of(self, valtype, is_written=False):
        """The index of a local of this type; a new one if there is none."""
        found = [i for i, t in enumerate(self.locals)
                 if t == valtype and not (is_written and i in self.counters)]
        return self.rng.choice(found) if found else self.local_new(valtype)

    def local_new(self, valtype):
        self.locals.append(valtype)
        return len(self.locals) - 1

    def blocktype(self, params, results):
        if not params and len(results) <= 1:
            return bytes(results) if results else b"\x40"
        return wasm.sleb(self.module.type_index(params, results))

    def is_small(self):
        return self.left <= 0 or self.depth >= DEPTH_MAX

    def expressions(self, types):
        for valtype in types:
            self.expression(valtype)

    def fuel_use(self):
        """Uses fuel; traps or returns when there is none."""
        fuel = uleb(self.module.fuel)
        self.put(b"\x23", fuel, i32_const(0), b"\x4c\x04\x40")
        for valtype in self.results:
            self.leaf(valtype)
        self.put(b"\x00" if self.rng.random() < 0.2 else b"\x0f", b"\x0b")
        self.put(b"\x23", fuel, i32_const(1), b"\x6b\x24", fuel)

    def nested(self, labels, make):
        """Runs make() inside of one more label."""
        self.labels.append(labels)
        self.depth += 1
        make()
        self.depth -= 1
        self.labels.pop()

    # -- expressions --

    def leaf(self, valtype):
        rng = self.rng
        if valtype in REFERENCES:
            if rng.random() < 0.4:
                self.put(b"\x20", uleb(self.local_of(valtype)))
            elif valtype == FUNCREF and rng.random() < 0.6:
                self.put(b"\xd2", uleb(rng.randrange(len(self.module.func_types))))
            else:
                self.put(b"\xd0", bytes([valtype]))
            return
        choice = rng.random()
        globals_ = [i for i, g in enumerate(self.module.globals) if g[0] == valtype]
        if choice < 0.5:
            self.put(b"\x20", uleb(self.local_of(valtype)))
        elif choice < 0.65 and globals_:
            self.put(b"\x23", uleb(rng.choice(globals_)))
        else:
            self.put(wasm.const(valtype, plan.bits_random(rng, valtype)))

    def expression(self, valtype):
        self.depth += 1
        if self.is_small():
            self.leaf(valtype)
        else:
            choices = [(self.leaf, 3), (self.operation, 10), (self.tee, 1.5), (self.choice, 1.2),
                       (self.block_value, 1.5), (self.if_value, 1.5), (self.call_value, 0.7),
                       (self.load, 2.5), (self.branch_if_value, 0.8), (self.never, 0.12),
                       (self.after_statement, 0.6), (self.loop_value, 0.5), (self.idiom, 1),
                       (self.table_value, 0.5)]
            make = self.rng.choices([c for c, _ in choices], [w for _, w in choices])[0]
            make(valtype)
        self.depth -= 1

    def operation(self, valtype):
        rng = self.rng
        if valtype in REFERENCES:
            return self.leaf(valtype)
        if valtype == V128 and rng.random() < 0.25:
            return self.vector_special()
        if valtype == I32 and self.module.has_references and rng.random() < 0.05:
            self.expression(rng.choice(REFERENCES))
            return self.put(b"\xd1")
        trapping = [op for op in ops.TRAPPING if op[2] == valtype]
        if trapping and rng.random() < 0.05:
            return self.trapping_operation(rng.choice(trapping))
        lanes = [shape for shape in ops.LANES if shape[3] == valtype]
        if self.module.has_vectors and lanes and rng.random() < 0.06:
            extract, _, n_lanes, _ = rng.choice(lanes)
            self.expression(V128)
            return self.put(wasm.simd(rng.choice(extract)), bytes([rng.randrange(n_lanes)]))
        table = ops.WITH_VECTORS if self.module.has_vectors else ops.PURE
        code, params, _ = rng.choice(table[valtype])
        self.expressions(params)
        return self.put(code)

    def trapping_operation(self, op):
        """Usually with operands that don't trap."""
        code, params, _ = op
        self.expressions(params)
        if len(params) == 2 and self.rng.random() < 0.9:
            one = wasm.const(params[1], self.rng.choice((1, 3, 5, 7, 10, 127)))
            self.put(one, b"\x72" if params[1] == I32 else b"\x84")
        if len(params) == 1 and self.rng.random() < 0.8:
            valtype = params[0]
            bound = wasm.const(valtype, 0x47000000 if valtype == F32 else 0x40E0000000000000)
            local = uleb(self.local_new(valtype))
            # max(min(x, 32768), 0), and 0 for NaNs
            self.put(b"\x21", local, b"\x20", local, b"\x20", local,
                     b"\x5b" if valtype == F32 else b"\x61", b"\x04", bytes([valtype]),
                     b"\x20", local, bound, b"\x96" if valtype == F32 else b"\xa4",
                     wasm.const(valtype, 0), b"\x97" if valtype == F32 else b"\xa5", b"\x05",
                     wasm.const(valtype, 0), b"\x0b")
        self.put(code)

    def vector_special(self):
        """Shuffles and replaced lanes."""
        rng = self.rng
        self.expression(V128)
        if rng.random() < 0.5:
            self.expression(V128)
            self.put(wasm.simd(13), self.shuffle_lanes())
        else:
            _, replace, n_lanes, valtype = rng.choice(ops.LANES)
            self.expression(valtype)
            self.put(wasm.simd(replace), bytes([rng.randrange(n_lanes)]))

    def shuffle_lanes(self):
        """Random ones, and those of the forms that have instructions of their own."""
        rng = self.rng
        width = rng.choice((1, 1, 2, 4, 8))
        n = 16 // width
        kind = rng.random()
        if kind < 0.3:
            lanes = [rng.randrange(2 * n) for _ in range(n)]
        elif kind < 0.5:
            lanes = [rng.randrange(n) for _ in range(n)]
        elif kind < 0.65:
            start = rng.randrange(n + 1)
            lanes = [(start + i) % (2 * n) for i in range(n)]
        elif kind < 0.8:
            start = rng.choice((0, n // 2))
            lanes = [start + i // 2 + (n if i % 2 else 0) for i in range(n)]
        elif kind < 0.9:
            lanes = [i + (n if rng.random() < 0.5 else 0) for i in range(n)]
        else:
            lanes = [n - 1 - i for i in range(n)]
        return bytes(lane % (2 * n) * width + k for lane in lanes for k in range(width))

    def tee(self, valtype):
        self.expression(valtype)
        self.put(b"\x22", uleb(self.local_of(valtype, is_written=True)))

    def choice(self, valtype):
        self.expressions((valtype, valtype, I32))
        if valtype in REFERENCES or self.rng.random() < 0.3:
            self.put(b"\x1c\x01", bytes([valtype]))
        else:
            self.put(b"\x1b")

    def after_statement(self, valtype):
        """A value that waits on the stack while something else happens."""
        self.expression(valtype)
        self.statement()

    def types_some(self, n_max=4):
        return self.module.types_random(self.rng.randrange(n_max + 1))

    def results_reduce(self, results, valtype):
        """Many values on the stack, the last of them wanted below: one of this type is left."""
        local = self.local_new(valtype)
        self.put(b"\x21", uleb(local))
        for t in reversed(results[:-1]):
            if self.rng.random() < 0.5:
                self.put(b"\x21", uleb(self.local_of(t, is_written=True)))
            else:
                self.put(b"\x1a")
        self.put(b"\x20", uleb(local))

    def block_values(self, opening, label_types, params, results):
        """block or loop: its parameters from expressions, inside of it taken from the stack."""
        self.expressions(params)
        self.put(opening, self.blocktype(params, results))

        def inside():
            for t in reversed(params):
                self.put(b"\x21", uleb(self.local_of(t, is_written=True)))
            for _ in range(self.rng.randrange(3)):
                self.statement()
            self.expressions(results)
        self.nested(Label(label_types, opening == b"\x03"), inside)
        self.put(b"\x0b")

    def block_value(self, valtype):
        params, results = self.types_some(), self.types_some(3) + (valtype,)
        self.block_values(b"\x02", results, params, results)
        self.results_reduce(results, valtype)

    def loop_value(self, valtype):
        params = self.types_some()
        self.block_values(b"\x03", params, params, (valtype,))

    def if_value(self, valtype):
        params, results = self.types_some(2), self.types_some(2) + (valtype,)
        self.expressions(params)
        self.expression(I32)
        self.put(b"\x04", self.blocktype(params, results))

        def inside():
            for t in reversed(params):
                self.put(b"\x21", uleb(self.local_of(t, is_written=True)))
            self.expressions(results)
        self.nested(Label(results, False), inside)
        self.put(b"\x05")
        self.nested(Label(results, False), inside)
        self.put(b"\x0b")
        self.results_reduce(results, valtype)

    def call_value(self, valtype):
        found = [i for i, (_, results) in enumerate(self.module.func_types)
                 if results and results[-1] == valtype]
        if not found or not self.may_call:
            return self.operation(valtype)
        funcidx = self.rng.choice(found)
        self.call(funcidx)
        return self.results_reduce(self.module.func_types[funcidx][1], valtype)

    def call(self, funcidx):
        """A call, direct or through the table."""
        params, results = self.module.func_types[funcidx]
        self.expressions(params)
        if self.rng.random() < 0.6:
            return self.put(b"\x10", uleb(funcidx))
        slots = [i for i, f in enumerate(self.module.elems[0][1])
                 if self.module.func_types[f] == (params, results)]
        if slots and self.rng.random() < 0.95:
            self.put(i32_const(self.rng.choice(slots)))
        elif self.rng.random() < 0.2:
            self.expression(I32)
        else:
            return self.put(b"\x10", uleb(funcidx))
        return self.put(b"\x11", uleb(self.module.type_index(params, results)), b"\x00")

    def branch_if_value(self, valtype):
        """br_if to a label of this type: it leaves its operand."""
        found = self.targets((valtype,))
        if not found:
            return self.operation(valtype)
        self.expressions((valtype, I32))
        return self.put(b"\x0d", uleb(self.rng.choice(found)))

    def targets(self, types=None):
        """Relative numbers of the labels of blocks, with these types if given."""
        n = len(self.labels)
        return [n - 1 - i for i, label in enumerate(self.labels)
                if not label.is_loop and types in (None, label.types)]

    def never(self, _):
        """Goes elsewhere: what follows can't be reached, and has any type."""
        choice = self.rng.random()
        if choice < 0.1:
            return self.put(b"\x00")
        if choice < 0.4:
            self.expressions(self.results)
            return self.put(b"\x0f")
        target = self.rng.choice(self.targets())
        types = self.labels[len(self.labels) - 1 - target].types
        self.expressions(types)
        if choice < 0.7:
            return self.put(b"\x0c", uleb(target))
        alike = self.targets(types)
        self.expression(I32)
        table = [uleb(self.rng.choice(alike)) for _ in range(self.rng.choice((0, 1, 3, 9)))]
        return self.put(b"\x0e", wasm.vec(table), uleb(target))

    # -- memory and tables --

    def address(self, align=0):
        """Code for an address, and an offset. Rarely out of bounds."""
        rng = self.rng
        self.expression(I32)
        choice = rng.random()
        if choice < 0.97:
            mask = rng.choice((0xFF, 0xFFF, 0x7FFF, 0xFFF8)) & ~((1 << align) - 1)
            self.put(i32_const(mask), b"\x71")
            if choice < 0.3:
                shift = rng.randrange(4)
                self.put(i32_const(shift), b"\x74", i32_const(rng.randrange(64) << align), b"\x6a")
        offset = rng.choice((0, 0, 0, 4, 8, 64, 1000, 0x8000)) if choice < 0.985 else rng.getrandbits(32)
        return offset & ~((1 << align) - 1)

    def load(self, valtype):
        if valtype in REFERENCES:
            return self.leaf(valtype)
        if self.module.has_atomics and valtype in (I32, I64) and self.rng.random() < 0.3:
            return self.atomic_value(valtype)
        if valtype == V128 and self.rng.random() < 0.2:
            width = self.rng.randrange(4)
            offset = self.address()
            self.expression(V128)
            return self.put(wasm.simd(84 + width), b"\x00", uleb(offset),
                            bytes([self.rng.randrange(16 >> width)]))
        op, align = self.rng.choice(ops.LOADS[valtype])
        offset = self.address()
        return self.put(op_bytes(op), uleb(self.rng.randrange(align + 1)), uleb(offset))

    def store(self):
        rng = self.rng
        valtype = rng.choice(self.module.numbers)
        if valtype == V128 and rng.random() < 0.3:
            width = rng.randrange(4)
            offset = self.address()
            self.expression(V128)
            return self.put(wasm.simd(88 + width), b"\x00", uleb(offset),
                            bytes([rng.randrange(16 >> width)]))
        op, align = rng.choice(ops.STORES[valtype])
        offset = self.address()
        self.expression(valtype)
        return self.put(op_bytes(op), uleb(rng.randrange(align + 1)), uleb(offset))

    def atomic_value(self, valtype):
        shapes = [i for i, (t, _) in enumerate(ops.ATOMIC_SHAPES) if t == valtype]
        shape = self.rng.choice(shapes)
        align = ops.ATOMIC_SHAPES[shape][1]
        offset = self.address(align if self.rng.random() < 0.95 else 0)
        group = self.rng.choice((0x10, 0x1E, 0x25, 0x2C, 0x33, 0x3A, 0x41, 0x48))
        self.expressions((valtype,) * {0x10: 0, 0x48: 2}.get(group, 1))
        self.put(b"\xfe", uleb(group + shape), uleb(align), uleb(offset))

    def atomic_store(self):
        shape = self.rng.randrange(len(ops.ATOMIC_SHAPES))
        valtype, align = ops.ATOMIC_SHAPES[shape]
        offset = self.address(align)
        self.expression(valtype)
        self.put(b"\xfe", uleb(0x17 + shape), uleb(align), uleb(offset))

    def small(self, n_max):
        """An i32 that usually is at most n_max."""
        rng = self.rng
        if rng.random() < 0.4:
            return self.put(i32_const(rng.randrange(n_max + 1)))
        self.expression(I32)
        if rng.random() < 0.95:
            self.put(i32_const((1 << n_max.bit_length()) - 1 >> 1), b"\x71")
        return None

    def bulk(self):
        rng = self.rng
        choice = rng.randrange(4)
        if choice == 3:
            data = rng.randrange(len(self.module.datas))
            if rng.random() < 0.05:
                return self.put(b"\xfc\x09", uleb(data))
            self.small(PAGE // 2)
            self.small(8)
            self.small(max(1, len(self.module.datas[data][2]) // 2))
            return self.put(b"\xfc\x08", uleb(data), b"\x00")
        self.small(PAGE // 2)
        if choice == 0:
            self.expression(I32)
        else:
            self.small(PAGE // 2)
        self.small(rng.choice((3, 8, 16, 33, 70, 300)))
        return self.put(b"\xfc\x0b\x00" if choice == 0 else b"\xfc\x0a\x00\x00")

    def growth(self, mask, size, enough):
        """By how much something grows: a little as long as it has less than enough, else by more
        than any has. What would be in between succeeds or fails as an engine likes, or as there is
        memory (wasm 2.0 §4.4.6, §4.4.7: "may either succeed ... or fail")."""
        self.expression(I32)
        self.put(i32_const(mask), b"\x71")
        self.expression(I32)
        self.put(i32_const(0x80000000), b"\x72")
        self.put(size, i32_const(enough), b"\x49\x1b")

    def table_value(self, valtype):
        """table.get, table.size, table.grow, memory.size, memory.grow."""
        rng = self.rng
        if valtype in REFERENCES:
            found = [i for i, t in enumerate(self.module.tables) if t[0] == valtype]
            if not found:
                return self.leaf(valtype)
            table = rng.choice(found)
            self.small(self.module.tables[table][1] - 1)
            return self.put(b"\x25", uleb(table))
        if valtype != I32:
            return self.operation(valtype)
        if rng.random() < 0.4:
            return self.put(b"\x3f\x00")
        if rng.random() < 0.3:
            self.growth(1, b"\x3f\x00", 8)
            return self.put(b"\x40\x00")
        if not self.module.has_references:
            return self.operation(valtype)
        table = rng.randrange(len(self.module.tables))
        if rng.random() < 0.6:
            return self.put(b"\xfc\x10", uleb(table))
        self.expression(self.module.tables[table][0])
        self.growth(3, b"\xfc\x10" + uleb(table), 40)
        return self.put(b"\xfc\x0f", uleb(table))

    def table_statement(self):
        rng = self.rng
        table = rng.randrange(len(self.module.tables))
        valtype, size = self.module.tables[table][:2]
        choice = rng.randrange(5)
        if choice == 0 or not self.module.has_references:
            return self.bulk()
        self.small(size - 1)
        if choice == 1:
            self.expression(valtype)
            return self.put(b"\x26", uleb(table))
        if choice == 2:
            self.expression(valtype)
            self.small(3)
            return self.put(b"\xfc\x11", uleb(table))
        passive = [i for i, (mode, _) in enumerate(self.module.elems) if mode == "passive"]
        self.small(2)
        self.small(3)
        if choice == 3 and passive and valtype == FUNCREF:
            return self.put(b"\xfc\x0c", uleb(rng.choice(passive)), uleb(table))
        other = [i for i, t in enumerate(self.module.tables) if t[0] == valtype]
        return self.put(b"\xfc\x0e", uleb(table), uleb(rng.choice(other)))

    # -- statements --

    def statement(self):
        self.depth += 1
        choices = [(self.set_local, 4), (self.set_global, 1.5), (self.store, 4), (self.log, 1),
                   (self.if_statement, 2), (self.block_statement, 1), (self.counted_loop, 1.2),
                   (self.fuel_loop, 0.7), (self.call_statement, 1), (self.drop, 0.5),
                   (self.branch_statement, 0.8), (self.bulk, 0.4), (self.table_statement, 0.5),
                   (self.switch, 0.4)]
        if self.module.has_atomics:
            choices.append((self.atomic_store, 1))
        if self.is_small():
            choices = [(self.set_local, 1), (self.log, 0.2)]
        self.rng.choices([c for c, _ in choices], [w for _, w in choices])[0]()
        self.depth -= 1

    def set_local(self):
        valtype = self.rng.choice(self.module.valtypes)
        self.expression(valtype)
        self.put(b"\x21", uleb(self.local_of(valtype, is_written=True)))

    def set_global(self):
        found = [i for i, (_, is_mutable, _) in enumerate(self.module.globals)
                 if is_mutable and i != self.module.fuel]
        if found:
            index = self.rng.choice(found)
            self.expression(self.module.globals[index][0])
            self.put(b"\x24", uleb(index))

    def log(self):
        valtype = self.rng.choice(self.module.numbers)
        self.expression(valtype)
        self.put(b"\x10", uleb(list(LOGS).index(valtype)))

    def drop(self):
        self.expression(self.rng.choice(self.module.valtypes))
        self.put(b"\x1a")

    def call_statement(self):
        if not self.may_call:
            return self.log()
        funcidx = self.rng.randrange(self.module.n_imported_funcs, len(self.module.func_types))
        self.call(funcidx)
        for valtype in reversed(self.module.func_types[funcidx][1]):
            if self.rng.random() < 0.6:
                self.put(b"\x21", uleb(self.local_of(valtype, is_written=True)))
            else:
                self.put(b"\x1a")
        return None

    def statements(self):
        for _ in range(self.rng.randrange(1, 5)):
            self.statement()

    def block_statement(self):
        self.put(b"\x02\x40")
        self.nested(Label((), False), self.statements)
        self.put(b"\x0b")

    def if_statement(self):
        self.expression(I32)
        self.put(b"\x04\x40")
        self.nested(Label((), False), self.statements)
        if self.rng.random() < 0.5:
            self.put(b"\x05")
            self.nested(Label((), False), self.statements)
        self.put(b"\x0b")

    def branch_statement(self):
        """Leaves a block under a condition; its values are there in both cases."""
        target = self.rng.choice(self.targets())
        types = self.labels[len(self.labels) - 1 - target].types
        self.expressions(types)
        self.expression(I32)
        self.put(b"\x0d", uleb(target))
        for valtype in reversed(types):
            self.put(b"\x21", uleb(self.local_of(valtype, is_written=True)))

    def counted_loop(self):
        """for (i = start; i != end; i += step), with i an ordinary local for everything inside."""
        if len(self.counters) >= 3:
            return self.set_local()
        rng = self.rng
        valtype = rng.choice((I32, I32, I64))
        local = self.local_new(valtype)
        make, add, differs = ((i32_const, b"\x6a", b"\x47") if valtype == I32 else
                              (i64_const, b"\x7c", b"\x52"))
        step = rng.choice((1, 1, -1, 4, 8, -8, 3))
        start = rng.choice((0, 0, 16, 1000, -1, 0x7FFFFFFE))
        end = start + step * rng.randrange(1, 6)
        self.put(make(start), b"\x21", uleb(local), b"\x03\x40")
        self.counters.add(local)
        # the label counts as a loop's: only the branch below goes back
        self.nested(Label((), True), self.statements)
        self.counters.remove(local)
        return self.put(b"\x20", uleb(local), make(step), add, b"\x22", uleb(local), make(end), differs,
                        b"\x0d\x00\x0b")

    def fuel_loop(self):
        """A loop that may be entered again from anywhere inside, for fuel."""
        self.put(b"\x03\x40")

        def inside():
            self.statements()
            self.way_back()
            self.statements()
        self.nested(Label((), True), inside)
        self.put(b"\x0b")

    def way_back(self):
        """if (--fuel > 0 && condition) continue;  maybe from a block deeper down"""
        fuel = uleb(self.module.fuel)
        self.put(b"\x23", fuel, i32_const(1), b"\x6b\x24", fuel)
        self.expression(I32)
        self.put(b"\x23", fuel, i32_const(0), b"\x4a\x71")
        if self.rng.random() < 0.5:
            return self.put(b"\x0d\x00")
        self.put(b"\x04\x40")
        self.nested(Label((), False), self.statements)
        return self.put(b"\x0c\x01\x0b")

    def switch(self):
        """Nested blocks and a br_table into all of them."""
        n = self.rng.choice((1, 2, 4, 7))
        self.put(b"\x02\x40" * n)
        self.labels += [Label((), False)] * n
        self.expression(I32)
        if self.rng.random() < 0.7:
            self.put(i32_const(self.rng.choice((1, 3, 7, 15))), b"\x71")
        table = [uleb(self.rng.randrange(n)) for _ in range(self.rng.choice((n, n + 1, 20)))]
        self.put(b"\x0e", wasm.vec(table), uleb(self.rng.randrange(n)))
        for _ in range(n):
            self.put(b"\x0b")
            self.labels.pop()
            self.statement()

    # -- what optimisers look for --

    def idiom(self, valtype):
        if valtype not in (I32, I64):
            return self.operation(valtype)
        make = self.rng.choice((self.rotate, self.carry, self.bit_tricks, self.min_max, self.divide,
                                self.wide_multiply, self.compare_chain, self.byte_order))
        return make(valtype)

    def held(self, valtype):
        """An expression in a new local: its number."""
        self.expression(valtype)
        local = uleb(self.local_new(valtype))
        self.put(b"\x21", local)
        return b"\x20" + local

    @staticmethod
    def shapes(valtype, *names):
        """Opcodes by name for i32 or i64."""
        table = {"eqz": (0x45, 0x50), "eq": (0x46, 0x51), "lt_s": (0x48, 0x53), "lt_u": (0x49, 0x54),
                 "add": (0x6A, 0x7C), "sub": (0x6B, 0x7D), "mul": (0x6C, 0x7E), "div_s": (0x6D, 0x7F),
                 "div_u": (0x6E, 0x80), "rem_s": (0x6F, 0x81), "rem_u": (0x70, 0x82),
                 "and": (0x71, 0x83), "or": (0x72, 0x84), "xor": (0x73, 0x85), "shl": (0x74, 0x86),
                 "shr_s": (0x75, 0x87), "shr_u": (0x76, 0x88)}
        return [bytes([table[n][valtype == I64]]) for n in names]

    def rotate(self, valtype):
        """x << n | x >> (bits - n), with constant or any n."""
        left, right, or_, sub, and_ = self.shapes(valtype, "shl", "shr_u", "or", "sub", "and")
        bits = 32 if valtype == I32 else 64
        x = self.held(valtype)
        n = self.rng.randrange(1, bits)
        if self.rng.random() < 0.5:
            count, back = wasm.const(valtype, n), wasm.const(valtype, bits - n)
        else:
            count = self.held(valtype) + wasm.const(valtype, bits - 1) + and_
            back = wasm.const(valtype, 0) + count + sub + wasm.const(valtype, bits - 1) + and_
        self.put(x, count, left, x, back, right, or_)

    def carry(self, valtype):
        """Addition or subtraction of two words and more."""
        add, sub, less = self.shapes(valtype, "add", "sub", "lt_u")
        extend = b"\xad" if valtype == I64 else b""
        a, b = self.held(valtype), self.held(valtype)
        op = self.rng.choice((add, sub))
        low = uleb(self.local_new(valtype))
        carry = uleb(self.local_new(I32))
        self.put(a, b, op, b"\x21", low)
        self.put(b"\x20" + low + a if op == add else a + b, less, b"\x21", carry)
        for _ in range(self.rng.randrange(1, 4)):
            c, d = self.held(valtype), self.held(valtype)
            self.put(c, d, op, b"\x20", carry, extend, op, b"\x22", low)
            self.put(c, less, b"\x21", carry)
        self.put(b"\x20", low, b"\x20", carry, extend, add)

    def bit_tricks(self, valtype):
        and_, sub, xor, add, or_ = self.shapes(valtype, "and", "sub", "xor", "add", "or")
        shl, shr = self.shapes(valtype, "shl", "shr_u")
        x = self.held(valtype)
        zero, one, ones = (wasm.const(valtype, v & (0xFFFFFFFF if valtype == I32 else (1 << 64) - 1))
                           for v in (0, 1, -1))
        y = self.held(valtype)
        code = self.rng.choice((
            x + x + one + sub + and_, x + zero + x + sub + and_, x + x + one + sub + xor,
            x + ones + xor + y + and_, x + one + y + shl + and_, x + one + y + shl + or_,
            x + one + y + shl + xor, x + one + y + shl + ones + xor + and_,
            x + y + shr + one + and_, x + one + y + shl + one + sub + and_,
            x + wasm.const(valtype, self.rng.randrange(1, 31)) + shr +
            wasm.const(valtype, (1 << self.rng.randrange(1, 20)) - 1) + and_,
            x + x + add + y + add + wasm.const(valtype, self.rng.getrandbits(12)) + add))
        self.put(code)

    def min_max(self, valtype):
        """A comparison and a choice between its operands, or a constant."""
        first = 0x46 if valtype == I32 else 0x51
        x, y = self.held(valtype), self.held(valtype)
        if self.rng.random() < 0.3:
            y = wasm.const(valtype, plan.bits_random(self.rng, valtype))
        arms = self.rng.choice(((x, y), (y, x), (x, wasm.const(valtype, 0)), (y, wasm.const(valtype, 1))))
        self.put(*arms, x, y, bytes([first + self.rng.randrange(10)]), b"\x1b")

    def divide(self, valtype):
        """By a constant: powers of two and others, quotient and remainder."""
        op = self.rng.choice(self.shapes(valtype, "div_s", "div_u", "rem_s", "rem_u"))
        bits = 32 if valtype == I32 else 64
        divisor = self.rng.choice((1, 2, 3, 4, 5, 7, 8, 10, 16, 25, 100, 125, 641, 1000, 65536, 1 << 30,
                                   1 << bits - 1, (1 << bits) - 1, (1 << bits) - 2, (1 << bits) - 7,
                                   self.rng.getrandbits(bits) | 1))
        self.expression(valtype)
        if divisor == (1 << bits) - 1:
            self.put(wasm.const(valtype, 3), self.shapes(valtype, "shr_u")[0])
        self.put(wasm.const(valtype, divisor), op)

    def wide_multiply(self, valtype):
        """The upper half of a product of 32-bit numbers."""
        extend = self.rng.choice((b"\xac", b"\xad"))
        shift = self.rng.choice((b"\x87", b"\x88"))
        self.expression(I32)
        self.put(extend)
        self.expression(I32)
        self.put(extend, b"\x7e", i64_const(self.rng.choice((32, 32, 31, 35))), shift)
        if valtype == I32:
            self.put(b"\xa7")

    def compare_chain(self, valtype):
        """Conditions joined by and, or, eqz, xor 1."""
        first = 0x46 if valtype == I32 else 0x51
        x, y = self.held(valtype), self.held(valtype)
        self.put(x, y, bytes([first + self.rng.randrange(10)]))
        for _ in range(self.rng.randrange(1, 4)):
            self.put(x, wasm.const(valtype, plan.bits_random(self.rng, valtype)),
                     bytes([first + self.rng.randrange(10)]), self.rng.choice((b"\x71", b"\x72", b"\x73")))
            if self.rng.random() < 0.3:
                self.put(b"\x45")
        if valtype == I64:
            self.put(b"\xad")

    def byte_order(self, valtype):
        """Bytes loaded one by one and put together, in either order."""
        shl, or_ = self.shapes(valtype, "shl", "or")
        n = self.rng.choice((2, 4)) if valtype == I32 else self.rng.choice((2, 4, 8))
        self.expression(I32)
        base = uleb(self.local_new(I32))
        self.put(i32_const(0xFFF), b"\x71\x21", base)
        is_big = self.rng.random() < 0.5
        load = b"\x2d\x00" if valtype == I32 else b"\x31\x00"
        for i in range(n):
            shift = 8 * (n - 1 - i if is_big else i)
            self.put(b"\x20", base, load, uleb(i), wasm.const(valtype, shift), shl)
            if i:
                self.put(or_)


# ---- a case ------------------------------------------------------------------------------------

def calls(rng, module, name, others):
    """Every function of a module a few times, hashes in between. others: names of all modules."""
    n_calls = 0
    for index in range(module.n_imported_funcs, len(module.func_types)):
        params = module.func_types[index][0]
        for _ in range(3 if params else 1):
            fuel = {"type": "i32", "value": str(rng.choice(FUELS))}
            yield from [plan.invoke(other, "refuel", [fuel]) for other in others]
            yield plan.invoke(name, f"f{index}", [plan.argument(rng, t) for t in params])
            n_calls += 1
            if n_calls % 8 == 0:
                yield plan.invoke("$hash", "hash")
                yield plan.get("$support", "hash")


def make(seed, folder, shared):
    """Writes the plan of a case into folder: one module, or one that imports another's functions."""
    rng = random.Random(f"gen {seed}")
    modules = [("$subject", Module(rng))]
    environment = modules[0][1].environment
    if rng.random() < 0.35:
        provider = modules[0][1]
        modules = [("$first", provider), ("$subject", Module(rng, environment, provider))]
    with open(os.path.join(folder, "env.wasm"), "wb") as file:
        file.write(environment.write())
    commands = [plan.module("$support", f"{shared}/support.wasm"),
                plan.register("$support", "fuzzing-support"),
                plan.module("$env", "env.wasm"), plan.register("$env", "env")]
    for name, module in modules:
        data = wasm.all_exported(module.write())
        commands += [plan.subject_write(folder, data, name), plan.register(name, name[1:])]
    commands.append(plan.module("$hash", f"{shared}/hash.wasm"))
    for name, module in modules:
        commands += calls(rng, module, name, [other for other, _ in modules])
    for name, module in modules:
        commands += [plan.get(name, f"g{i}") for i in range(len(module.globals))]
    commands += [plan.invoke("$hash", "hash"), plan.get("$support", "hash"),
                 plan.get("$support", "count")]
    plan.plan_write(folder, commands, has_atomics=any(m.has_atomics for _, m in modules))
