/*
 * Kinds of objects and rights to them, from objects.def and rights.def, for kernel and programs.
 */
#ifndef ABI_OBJECT_H
#define ABI_OBJECT_H

#include <stdint.h>

enum object_kind : uint8_t {
    OBJECT_NONE = 0,
#define OBJECT(name, number, text) OBJECT_##name = (number),
#include "abi/objects.def"
#undef OBJECT
};

enum object_rights : uint16_t {
#define RIGHT(kind, name, bit, text) RIGHT_##kind##_##name = 1u << (bit),
#include "abi/rights.def"
#undef RIGHT
    RIGHTS_ALL = 0xfff,
};

/* A capability as a program names it: its place in the program's table and, above HANDLE_INDEX_BITS,
 * how often that place was used before. Never negative; 0 is none. */
typedef int32_t handle_t;
#define HANDLE_NONE 0
#define HANDLE_INDEX_BITS 16

#endif
