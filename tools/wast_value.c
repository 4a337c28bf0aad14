/*
 * Values of test scripts (../shared/corpus/README.md, "Values"): always bits, never numbers of C,
 * so that each NaN stays what it is.
 */
#include "tools/wast_value.h"

#include <stdio.h>
#include <string.h>

static const struct {
    const char *name;
    uint8_t valtype;
} type_names[] = {
    {"i32", VALTYPE_I32},
    {"i64", VALTYPE_I64},
    {"f32", VALTYPE_F32},
    {"f64", VALTYPE_F64},
    {"v128", VALTYPE_V128},
    {"funcref", VALTYPE_FUNCREF},
    {"externref", VALTYPE_EXTERNREF},
};

static bool is_of_type(const struct json *value, uint8_t valtype)
{
    const struct json *type = json_get(value, "type");
    for (size_t i = 0; i < sizeof type_names / sizeof type_names[0]; i++) {
        if (type_names[i].valtype == valtype && json_is(type, type_names[i].name)) {
            return true;
        }
    }
    return false;
}

static bool is_reference(uint8_t valtype)
{
    return valtype == VALTYPE_FUNCREF || valtype == VALTYPE_EXTERNREF;
}

static bool is_null(const struct json *value)
{
    return json_is(json_get(value, "type"), "refnull") || json_is(json_get(value, "value"), "null");
}

/* ---- v128 ---- */

struct lanes {
    uint32_t bytes;
    bool is_float;
};

static bool lanes_read(const struct json *value, struct lanes *out)
{
    static const struct {
        const char *name;
        struct lanes lanes;
    } kinds[] = {
        {"i8", {1, false}},  {"i16", {2, false}}, {"i32", {4, false}},
        {"i64", {8, false}}, {"f32", {4, true}},  {"f64", {8, true}},
    };
    const struct json *lane_type = json_get(value, "lane_type");
    for (size_t i = 0; i < sizeof kinds / sizeof kinds[0]; i++) {
        if (json_is(lane_type, kinds[i].name)) {
            *out = kinds[i].lanes;
            return true;
        }
    }
    return false;
}

static bool vector_read(const struct json *value, union engine_value *out)
{
    struct lanes lanes;
    const struct json *list = json_get(value, "value");
    if (!lanes_read(value, &lanes) || list == NULL) {
        return false;
    }
    const struct json *lane = list->first;
    for (uint32_t at = 0; at < 16; at += lanes.bytes) {
        uint64_t bits;
        if (!json_u64(lane, &bits)) {
            return false;
        }
        memcpy(out->v128 + at, &bits, lanes.bytes);
        lane = lane->next;
    }
    return lane == NULL;
}

/* ---- arguments ---- */

bool wast_value_read(const struct json *argument, uint8_t valtype, union engine_value *out)
{
    *out = (union engine_value){};
    if (is_reference(valtype)) {
        if (is_null(argument)) {
            return true;
        }
        /* null is 0: the references that scripts count from 0 begin at 1 */
        bool is_number =
            valtype == VALTYPE_EXTERNREF && json_u64(json_get(argument, "value"), &out->ref);
        out->ref++;
        return is_number;
    }
    if (!is_of_type(argument, valtype)) {
        return false;
    }
    if (valtype == VALTYPE_V128) {
        return vector_read(argument, out);
    }
    return json_u64(json_get(argument, "value"), &out->i64);
}

/* ---- results ---- */

static bool scalar_matches(const struct json *pattern, uint32_t size_bytes, uint64_t bits)
{
    uint64_t quiet = size_bytes == 4 ? 0x7fc00000u : UINT64_C(0x7ff8000000000000);
    uint64_t sign = size_bytes == 4 ? 0x80000000u : UINT64_C(1) << 63;
    if (json_is(pattern, "nan:canonical")) {
        return (bits & ~sign) == quiet;
    }
    if (json_is(pattern, "nan:arithmetic")) {
        return (bits & quiet) == quiet;
    }
    uint64_t wanted;
    return json_u64(pattern, &wanted) && wanted == bits;
}

static bool vector_matches(const struct json *expected, const union engine_value *got)
{
    struct lanes lanes;
    const struct json *list = json_get(expected, "value");
    if (!lanes_read(expected, &lanes) || list == NULL) {
        return false;
    }
    const struct json *lane = list->first;
    for (uint32_t at = 0; at < 16; at += lanes.bytes) {
        uint64_t bits = 0;
        memcpy(&bits, got->v128 + at, lanes.bytes);
        if (lane == NULL || !scalar_matches(lane, lanes.bytes, bits)) {
            return false;
        }
        lane = lane->next;
    }
    return true;
}

static bool reference_matches(const struct json *expected, uint8_t valtype, uint64_t ref)
{
    if (is_null(expected)) {
        return ref == 0;
    }
    uint64_t number;
    if (!is_of_type(expected, valtype) || ref == 0) {
        return false;
    }
    const struct json *value = json_get(expected, "value");
    return value == NULL || (json_u64(value, &number) && ref == number + 1);
}

static bool one_matches(const struct json *expected, uint8_t valtype, const union engine_value *got)
{
    if (is_reference(valtype)) {
        return reference_matches(expected, valtype, got->ref);
    }
    if (!is_of_type(expected, valtype)) {
        return false;
    }
    switch (valtype) {
    case VALTYPE_V128: return vector_matches(expected, got);
    case VALTYPE_I32:
    case VALTYPE_F32: return scalar_matches(json_get(expected, "value"), 4, got->i32);
    default: return scalar_matches(json_get(expected, "value"), 8, got->i64);
    }
}

bool wast_value_matches(const struct json *expected, uint8_t valtype, const union engine_value *got)
{
    if (!json_is(json_get(expected, "type"), "either")) {
        return one_matches(expected, valtype, got);
    }
    const struct json *values = json_get(expected, "values");
    for (const struct json *v = values == NULL ? NULL : values->first; v != NULL; v = v->next) {
        if (one_matches(v, valtype, got)) {
            return true;
        }
    }
    return false;
}

void wast_value_text(const union engine_value *value, uint8_t valtype, char *text, size_t cap)
{
    if (valtype == VALTYPE_V128) {
        uint64_t halves[2];
        memcpy(halves, value->v128, sizeof halves);
        (void)snprintf(text, cap, "v128:0x%016llx%016llx", (unsigned long long)halves[1],
                       (unsigned long long)halves[0]);
        return;
    }
    const char *name = "?";
    for (size_t i = 0; i < sizeof type_names / sizeof type_names[0]; i++) {
        if (type_names[i].valtype == valtype) {
            name = type_names[i].name;
        }
    }
    bool is_narrow = valtype == VALTYPE_I32 || valtype == VALTYPE_F32;
    (void)snprintf(text, cap, "%s:%llu", name,
                   (unsigned long long)(is_narrow ? value->i32 : value->i64));
}
