"""WebAssembly's binary format (2.0 and atomics), as far as tests read, change and write it.

A Module is its sections, undecoded but for what is asked for. Code is walked instruction by
instruction without understanding it: only the shape of immediates is known here.
"""

I32, I64, F32, F64, V128, FUNCREF, EXTERNREF = 0x7F, 0x7E, 0x7D, 0x7C, 0x7B, 0x70, 0x6F
TYPE_NAMES = {I32: "i32", I64: "i64", F32: "f32", F64: "f64", V128: "v128",
              FUNCREF: "funcref", EXTERNREF: "externref"}

TYPE, IMPORT, FUNCTION, TABLE, MEMORY, GLOBAL, EXPORT, START, ELEMENT, CODE, DATA, DATA_COUNT = \
    range(1, 13)
KIND_FUNC, KIND_TABLE, KIND_MEMORY, KIND_GLOBAL = range(4)
END = b"\x0b"


# ---- writing -----------------------------------------------------------------------------------

def uleb(value):
    out = bytearray()
    while value >= 0x80:
        out.append(value & 0x7F | 0x80)
        value >>= 7
    out.append(value)
    return bytes(out)


def sleb(value):
    out = bytearray()
    while not -64 <= value < 64:
        out.append(value & 0x7F | 0x80)
        value >>= 7
    out.append(value & 0x7F)
    return bytes(out)


def signed(value, bits):
    """The number that the low bits of value are in two's complement."""
    value &= (1 << bits) - 1
    return value - (1 << bits) if value >> (bits - 1) else value


def i32_const(value):
    return b"\x41" + sleb(signed(value, 32))


def i64_const(value):
    return b"\x42" + sleb(signed(value, 64))


def v128_const(value):
    return b"\xfd\x0c" + value.to_bytes(16, "little")


def const(valtype, bits):
    """A constant of a number type or v128, from its bits."""
    if valtype == I32:
        return i32_const(bits)
    if valtype == I64:
        return i64_const(bits)
    if valtype == F32:
        return b"\x43" + bits.to_bytes(4, "little")
    if valtype == F64:
        return b"\x44" + bits.to_bytes(8, "little")
    return v128_const(bits)


def simd(op):
    return b"\xfd" + uleb(op)


def vec(items):
    return uleb(len(items)) + b"".join(items)


def name(text):
    raw = text.encode()
    return uleb(len(raw)) + raw


def functype(params, results):
    return b"\x60" + uleb(len(params)) + bytes(params) + uleb(len(results)) + bytes(results)


def limits(low, high=None):
    return b"\x00" + uleb(low) if high is None else b"\x01" + uleb(low) + uleb(high)


def import_entry(module, field, kind, description):
    return name(module) + name(field) + bytes([kind]) + description


def export_entry(field, kind, index):
    return name(field) + bytes([kind]) + uleb(index)


def body(local_types, code):
    """A function's body, with its size; code without its last end."""
    whole = vec([b"\x01" + bytes([t]) for t in local_types]) + code + END
    return uleb(len(whole)) + whole


def module(sections):
    """[(id, contents)] -> bytes; the empty ones are left out."""
    out = b"\0asm\1\0\0\0"
    for section_id, contents in sections:
        if contents not in (b"", b"\0"):
            out += bytes([section_id]) + uleb(len(contents)) + contents
    return out


# ---- reading -----------------------------------------------------------------------------------

def read_uleb(data, at):
    value = shift = 0
    while True:
        byte = data[at]
        at += 1
        value |= (byte & 0x7F) << shift
        shift += 7
        if byte < 0x80:
            return value, at


def skip_leb(data, at):
    while data[at] >= 0x80:
        at += 1
    return at + 1


def skip_memarg(data, at):
    return skip_leb(data, skip_leb(data, at))


# How many LEB128 numbers follow an opcode of one byte; every other one is skipped by op_skip.
_LEBS = {0x02: 1, 0x03: 1, 0x04: 1, 0x0C: 1, 0x0D: 1, 0x10: 1, 0x11: 2, 0x20: 1, 0x21: 1, 0x22: 1,
         0x23: 1, 0x24: 1, 0x25: 1, 0x26: 1, 0x3F: 1, 0x40: 1, 0x41: 1, 0x42: 1, 0xD0: 1, 0xD2: 1}
_LEBS.update({op: 2 for op in range(0x28, 0x3F)})
_FC_LEBS = {8: 2, 9: 1, 10: 2, 11: 1, 12: 2, 13: 1, 14: 2, 15: 1, 16: 1, 17: 1}


def _simd_skip(data, at, op):
    if op <= 11 or op in (92, 93):
        return skip_memarg(data, at)
    if op in (12, 13):
        return at + 16
    if 21 <= op <= 34:
        return at + 1
    if 84 <= op <= 91:
        return skip_memarg(data, at) + 1
    return at


def op_skip(data, at):
    """(opcode, where the next instruction is); an opcode with a prefix is prefix << 16 | number."""
    op = data[at]
    at += 1
    if op >= 0xFC:
        number, at = read_uleb(data, at)
        if op == 0xFD:
            return op << 16 | number, _simd_skip(data, at, number)
        if op == 0xFE:
            return op << 16 | number, at + 1 if number == 3 else skip_memarg(data, at)
        for _ in range(_FC_LEBS.get(number, 0)):
            at = skip_leb(data, at)
        return op << 16 | number, at
    for _ in range(_LEBS.get(op, 0)):
        at = skip_leb(data, at)
    if op == 0x0E:
        count, at = read_uleb(data, at)
        for _ in range(count + 1):
            at = skip_leb(data, at)
    elif op == 0x1C:
        count, at = read_uleb(data, at)
        at += count
    elif op in (0x43, 0x44):
        at += 4 if op == 0x43 else 8
    return op, at


def _read_name(data, at):
    length, at = read_uleb(data, at)
    return data[at:at + length].decode(), at + length


def _skip_limits(data, at):
    has_max = data[at] & 1
    at = skip_leb(data, at + 1)
    return skip_leb(data, at) if has_max else at


class Module:
    """The sections of a module, and what the tests want to know of them."""

    def __init__(self, data):
        self.sections = []
        at = 8
        while at < len(data):
            section_id = data[at]
            length, at = read_uleb(data, at + 1)
            self.sections.append((section_id, data[at:at + length]))
            at += length
        self.types = [self._functype(data, at) for data, at in self._each(TYPE, self._skip_type)]
        self.imports = [self._import(data, at) for data, at in self._each(IMPORT, self._skip_import)]
        self.import_funcs = [d for kind, d in self.imports if kind == KIND_FUNC]
        self.defined_funcs = [read_uleb(data, at)[0] for data, at in self._each(FUNCTION, skip_leb)]
        self.funcs = self.import_funcs + self.defined_funcs  # indices of types
        self.globals = [d for kind, d in self.imports if kind == KIND_GLOBAL]
        self.globals += [(data[at], data[at + 1]) for data, at in self._each(GLOBAL, self._skip_global)]
        self.exports = [self._export(data, at) for data, at in self._each(EXPORT, self._skip_export)]

    def section(self, section_id):
        for found, contents in self.sections:
            if found == section_id:
                return contents
        return b"\0"

    def _each(self, section_id, skip):
        contents = self.section(section_id)
        count, at = read_uleb(contents, 0)
        for _ in range(count):
            yield contents, at
            at = skip(contents, at)

    @staticmethod
    def _skip_type(data, at):
        count, at = read_uleb(data, at + 1)
        count, at = read_uleb(data, at + count)
        return at + count

    @staticmethod
    def _functype(data, at):
        count, at = read_uleb(data, at + 1)
        params, at = data[at:at + count], at + count
        count, at = read_uleb(data, at)
        return bytes(params), bytes(data[at:at + count])

    @staticmethod
    def _skip_import(data, at):
        for _ in range(2):
            _, at = _read_name(data, at)
        kind, at = data[at], at + 1
        if kind == KIND_FUNC:
            return skip_leb(data, at)
        if kind == KIND_GLOBAL:
            return at + 2
        return _skip_limits(data, at + (kind == KIND_TABLE))

    @staticmethod
    def _import(data, at):
        for _ in range(2):
            _, at = _read_name(data, at)
        kind, at = data[at], at + 1
        if kind == KIND_FUNC:
            return kind, read_uleb(data, at)[0]
        return kind, (data[at], data[at + 1]) if kind == KIND_GLOBAL else None

    @staticmethod
    def _skip_global(data, at):
        at += 2
        op = None
        while op != 0x0B:
            op, at = op_skip(data, at)
        return at

    @staticmethod
    def _skip_export(data, at):
        _, at = _read_name(data, at)
        return skip_leb(data, at + 1)

    @staticmethod
    def _export(data, at):
        field, at = _read_name(data, at)
        return field, data[at], read_uleb(data, at + 1)[0]

    def functype(self, funcidx):
        return self.types[self.funcs[funcidx]]

    def import_names(self, wanted_kind):
        """[(module, name)] of the imports of a kind, in the order of their indices."""
        found = []
        for data, at in self._each(IMPORT, self._skip_import):
            module_name, at = _read_name(data, at)
            field, at = _read_name(data, at)
            if data[at] == wanted_kind:
                found.append((module_name, field))
        return found

    def imported_memory(self):
        """The limits of the imported memory, as they are written."""
        for data, at in self._each(IMPORT, self._skip_import):
            end = self._skip_import(data, at)
            for _ in range(2):
                _, at = _read_name(data, at)
            if data[at] == KIND_MEMORY:
                return data[at + 1:end]
        return None

    def bodies(self):
        """[(local types, code)] of the defined functions; the code has its last end."""
        contents = self.section(CODE)
        count, at = read_uleb(contents, 0)
        found = []
        for _ in range(count):
            length, at = read_uleb(contents, at)
            end = at + length
            n_groups, at = read_uleb(contents, at)
            groups = []
            for _ in range(n_groups):
                n, at = read_uleb(contents, at)
                groups.append((n, contents[at]))
                at += 1
            found.append((groups, contents[at:end]))
            at = end
        return found

    def rebuilt(self, changes):
        """The module with other contents for some sections, {id: contents}; new ones are put in."""
        order = [TYPE, IMPORT, FUNCTION, TABLE, MEMORY, GLOBAL, EXPORT, START, ELEMENT, DATA_COUNT,
                 CODE, DATA]
        contents = {i: self.section(i) for i in order}
        contents.update(changes)
        return module([(i, contents[i]) for i in order])


def bodies_write(bodies):
    """The contents of a code section from what Module.bodies() gave."""
    items = []
    for groups, code in bodies:
        whole = vec([uleb(n) + bytes([t]) for n, t in groups]) + code
        items.append(uleb(len(whole)) + whole)
    return vec(items)


# ---- NaNs --------------------------------------------------------------------------------------

# Instructions that make NaNs with bits of the engine's choice (wasm 2.0 §4.3.3), by their result.
_F32_LANES, _F64_LANES = "f32x4", "f64x2"
NAN_MAKERS = {0xB6: F32, 0xBB: F64, 0xFD005E: _F32_LANES, 0xFD005F: _F64_LANES}
NAN_MAKERS.update({op: F32 for op in range(0x8D, 0x98)})
NAN_MAKERS.update({op: F64 for op in range(0x9B, 0xA6)})
NAN_MAKERS.update({0xFD0000 | op: _F32_LANES for op in
                   (0x67, 0x68, 0x69, 0x6A, 0xE3, 0xE4, 0xE5, 0xE6, 0xE7, 0xE8, 0xE9)})
NAN_MAKERS.update({0xFD0000 | op: _F64_LANES for op in
                   (0x74, 0x75, 0x7A, 0x94, 0xEF, 0xF0, 0xF1, 0xF2, 0xF3, 0xF4, 0xF5)})

_NAN32, _NAN64 = 0x7FC00000, 0x7FF8000000000000
# By result: the type, the canonical NaN, "not equal", and what makes a condition of its result.
_NAN_SHAPES = {
    F32: (F32, const(F32, _NAN32), b"\x5c", b""),
    F64: (F64, const(F64, _NAN64), b"\x62", b""),
    _F32_LANES: (V128, v128_const(_NAN32 * 0x1000000010000000100000001), simd(0x42), simd(0x53)),
    _F64_LANES: (V128, v128_const(_NAN64 * 0x10000000000000001), simd(0x48), simd(0x53)),
}


def _canonical(shape, local, flag):
    """Code that replaces NaNs in the value on the stack by the canonical one."""
    valtype, nan, differs, truth = _NAN_SHAPES[shape]
    get = b"\x20" + uleb(local)
    choose = simd(0x52) if valtype == V128 else b"\x1b"
    mark = b""
    if flag is not None:
        mark = get + get + differs + truth + b"\x04\x40" + i32_const(1) + b"\x24" + uleb(flag) + END
    return b"\x21" + uleb(local) + mark + nan + get + get + get + differs + choose


def _code_canonical(code, first_local, flag):
    local = {F32: first_local, F64: first_local + 1, V128: first_local + 2}
    out = bytearray()
    at = copied = 0
    while at < len(code):
        op, at = op_skip(code, at)
        shape = NAN_MAKERS.get(op)
        if shape is not None:
            out += code[copied:at]
            out += _canonical(shape, local[_NAN_SHAPES[shape][0]], flag)
            copied = at
    return bytes(out + code[copied:])


def nans_canonical(data, flag_export=None):
    """The module with every NaN that arithmetic makes replaced by the canonical one.

    Then no result depends on choices that the specification leaves to engines. With flag_export,
    an exported global of that name becomes 1 when there was such a NaN."""
    mod = Module(data)
    changes = {}
    flag = None
    if flag_export is not None:
        flag = len(mod.globals)
        n_defined, at = read_uleb(mod.section(GLOBAL), 0)
        changes[GLOBAL] = (uleb(n_defined + 1) + mod.section(GLOBAL)[at:] + bytes([I32, 1]) +
                           i32_const(0) + END)
        changes[EXPORT] = _exports_added(mod, [export_entry(flag_export, KIND_GLOBAL, flag)])
    bodies = []
    for typeidx, (groups, code) in zip(mod.defined_funcs, mod.bodies()):
        n_locals = len(mod.types[typeidx][0]) + sum(n for n, _ in groups)
        extra = [(1, F32), (1, F64), (1, V128)]
        bodies.append((groups + extra, _code_canonical(code, n_locals, flag)))
    changes[CODE] = bodies_write(bodies)
    return mod.rebuilt(changes)


def _exports_added(mod, entries):
    contents = mod.section(EXPORT)
    count, at = read_uleb(contents, 0)
    return uleb(count + len(entries)) + contents[at:] + b"".join(entries)


def all_exported(data):
    """The module with every global exported as g0, g1..., every defined function as f0, f1..."""
    mod = Module(data)
    first = len(mod.import_funcs)
    entries = [export_entry(f"g{i}", KIND_GLOBAL, i) for i in range(len(mod.globals))]
    entries += [export_entry(f"f{i}", KIND_FUNC, i) for i in range(first, len(mod.funcs))]
    return mod.rebuilt({EXPORT: _exports_added(mod, entries)})
