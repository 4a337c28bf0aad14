"""The instructions of WebAssembly 2.0 that only take and give values, by their result."""

import plan  # noqa: F401  (makes wasm importable)
from wasm import F32, F64, I32, I64, V128, simd


def _range(first, last, params, result):
    return [(bytes([op]), params, result) for op in range(first, last + 1)]


def _vector(numbers, params, result):
    return [(simd(op), params, result) for op in numbers]


def _one(op, param, result):
    return (op if isinstance(op, bytes) else bytes([op]), (param,), result)


_INTEGER = (
    [_one(0x45, I32, I32), _one(0x50, I64, I32)] +
    _range(0x46, 0x4F, (I32, I32), I32) + _range(0x51, 0x5A, (I64, I64), I32) +
    _range(0x5B, 0x60, (F32, F32), I32) + _range(0x61, 0x66, (F64, F64), I32) +
    _range(0x67, 0x69, (I32,), I32) + _range(0x6A, 0x6C, (I32, I32), I32) +
    _range(0x71, 0x78, (I32, I32), I32) +
    _range(0x79, 0x7B, (I64,), I64) + _range(0x7C, 0x7E, (I64, I64), I64) +
    _range(0x83, 0x8A, (I64, I64), I64) +
    [_one(0xA7, I64, I32), _one(0xAC, I32, I64), _one(0xAD, I32, I64), _one(0xBC, F32, I32),
     _one(0xBD, F64, I64)] +
    _range(0xC0, 0xC1, (I32,), I32) + _range(0xC2, 0xC4, (I64,), I64) +
    [_one(b"\xfc" + bytes([i]), F32 if i & 2 == 0 else F64, I32 if i < 4 else I64)
     for i in range(8)])

_FLOAT = (
    _range(0x8B, 0x91, (F32,), F32) + _range(0x92, 0x98, (F32, F32), F32) +
    _range(0x99, 0x9F, (F64,), F64) + _range(0xA0, 0xA6, (F64, F64), F64) +
    _range(0xB2, 0xB3, (I32,), F32) + _range(0xB4, 0xB5, (I64,), F32) + [_one(0xB6, F64, F32)] +
    _range(0xB7, 0xB8, (I32,), F64) + _range(0xB9, 0xBA, (I64,), F64) +
    [_one(0xBB, F32, F64), _one(0xBE, I32, F32), _one(0xBF, I64, F64)])

# They may trap.
TRAPPING = (
    _range(0x6D, 0x70, (I32, I32), I32) + _range(0x7F, 0x82, (I64, I64), I64) +
    [_one(0xA8 + i, F32 if i < 2 else F64, I32) for i in range(4)] +
    [_one(0xAE + i, F32 if i < 2 else F64, I64) for i in range(4)])

_VECTOR_BINARY = (
    [14, *range(35, 77), *range(214, 220), 78, 79, 80, 81, 101, 102, *range(110, 116), 118, 119,
     120, 121, 123, 130, 133, 134, *range(142, 148), 149, 150, 151, 152, 153, 155, 156, 157, 158,
     159, 174, 177, *range(181, 187), *range(188, 192), 206, 209, 213, *range(220, 224),
     *range(228, 236), *range(240, 248)])
_VECTOR_UNARY = (
    [77, 94, 95, 96, 97, 98, *range(103, 107), 116, 117, 122, *range(124, 130), *range(135, 139),
     148, 160, 161, *range(167, 171), 192, 193, *range(199, 203), 224, 225, 227, 236, 237, 239,
     *range(248, 256)])
_VECTOR_SHIFTS = [107, 108, 109, 139, 140, 141, 171, 172, 173, 203, 204, 205]
_VECTOR_TESTS = [83, 99, 100, 131, 132, 163, 164, 195, 196]

VECTOR = (
    _vector(_VECTOR_BINARY, (V128, V128), V128) + _vector(_VECTOR_UNARY, (V128,), V128) +
    _vector(_VECTOR_SHIFTS, (V128, I32), V128) + _vector(_VECTOR_TESTS, (V128,), I32) +
    _vector([82], (V128, V128, V128), V128) + _vector([15, 16, 17], (I32,), V128) +
    _vector([18], (I64,), V128) + _vector([19], (F32,), V128) + _vector([20], (F64,), V128))

# (extract, replace, lanes, type of a lane)
LANES = [((21, 22), 23, 16, I32), ((24, 25), 26, 8, I32), ((27,), 28, 4, I32), ((29,), 30, 2, I64),
         ((31,), 32, 4, F32), ((33,), 34, 2, F64)]

PURE = {result: [op for op in _INTEGER + _FLOAT if op[2] == result] for result in (I32, I64, F32, F64)}
WITH_VECTORS = {result: [op for op in _INTEGER + _FLOAT + 4 * VECTOR if op[2] == result]
                for result in (I32, I64, F32, F64, V128)}

# Loads and stores: (opcode, largest alignment as a power of two).
LOADS = {
    I32: [(0x28, 2), (0x2C, 0), (0x2D, 0), (0x2E, 1), (0x2F, 1)],
    I64: [(0x29, 3), (0x30, 0), (0x31, 0), (0x32, 1), (0x33, 1), (0x34, 2), (0x35, 2)],
    F32: [(0x2A, 2)], F64: [(0x2B, 3)],
    V128: [(0xFD00, 4), *[(0xFD00 + i, 3) for i in range(1, 7)],
           *[(0xFD07 + i, i) for i in range(4)], (0xFD5C, 2), (0xFD5D, 3)],
}
STORES = {
    I32: [(0x36, 2), (0x3A, 0), (0x3B, 1)], I64: [(0x37, 3), (0x3C, 0), (0x3D, 1), (0x3E, 2)],
    F32: [(0x38, 2)], F64: [(0x39, 3)], V128: [(0xFD0B, 4)],
}
# Atomics, in the order of their opcodes in each group: (type, alignment).
ATOMIC_SHAPES = [(I32, 2), (I64, 3), (I32, 0), (I32, 1), (I64, 0), (I64, 1), (I64, 2)]
