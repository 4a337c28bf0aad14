/*
 * Values on the command line: numbers as people write them.
 */
#include "tools/value.h"

#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

static bool integer_read(const char *text, uint32_t bits, uint64_t *out)
{
    char *end;
    errno = 0;
    if (*text == '-') {
        long long value = strtoll(text, &end, 0);
        *out = (uint64_t)value;
        return errno == 0 && *end == '\0' && (bits == 64 || value >= INT32_MIN);
    }
    unsigned long long value = strtoull(text, &end, 0);
    *out = value;
    return errno == 0 && end != text && *end == '\0' && (bits == 64 || value >> bits == 0);
}

bool value_read(const char *text, uint8_t valtype, union engine_value *out)
{
    *out = (union engine_value){};
    char *end;
    uint64_t bits;
    switch (valtype) {
    case VALTYPE_I32:
        if (!integer_read(text, 32, &bits)) {
            return false;
        }
        out->i32 = (uint32_t)bits;
        return true;
    case VALTYPE_I64: return integer_read(text, 64, &out->i64);
    case VALTYPE_F32: {
        float value = strtof(text, &end);
        memcpy(&out->f32, &value, sizeof value);
        return end != text && *end == '\0';
    }
    case VALTYPE_F64: {
        double value = strtod(text, &end);
        memcpy(&out->f64, &value, sizeof value);
        return end != text && *end == '\0';
    }
    default:
        return strcmp(text, "null") == 0 &&
               (valtype == VALTYPE_FUNCREF || valtype == VALTYPE_EXTERNREF);
    }
}

void value_print(const union engine_value *value, uint8_t valtype)
{
    switch (valtype) {
    case VALTYPE_I32: printf("%d\n", (int32_t)value->i32); return;
    case VALTYPE_I64: printf("%lld\n", (long long)value->i64); return;
    case VALTYPE_F32: {
        float number;
        memcpy(&number, &value->f32, sizeof number);
        printf("%.9g\n", (double)number);
        return;
    }
    case VALTYPE_F64: {
        double number;
        memcpy(&number, &value->f64, sizeof number);
        printf("%.17g\n", number);
        return;
    }
    case VALTYPE_V128:
        printf("0x");
        for (int i = 15; i >= 0; i--) {
            printf("%02x", value->v128[i]);
        }
        printf("\n");
        return;
    default:
        printf("%s\n", value->ref == 0              ? "null"
                       : valtype == VALTYPE_FUNCREF ? "funcref"
                                                    : "externref");
    }
}
