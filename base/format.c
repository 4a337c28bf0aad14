/*
 * Text formatting: see format.h.
 *
 * A conversion is first read into a `struct spec`, then turned into up to three pieces: a prefix
 * (sign, 0x), digits or text, and padding. Everything goes out through out_char, which counts what
 * doesn't fit.
 */
#include "base/format.h"

#include <stdint.h>
#include <string.h>

struct out {
    char *buf;
    size_t cap_bytes;
    size_t len; /* of the whole text, also beyond the buffer */
};

enum arg_size { ARG_INT, ARG_LONG, ARG_LONG_LONG, ARG_SIZE };

struct spec {
    bool is_left;
    bool has_zeros;
    bool has_precision;
    size_t width;
    size_t precision;
    enum arg_size size;
};

static void out_char(struct out *out, char c)
{
    if (out->len + 1 < out->cap_bytes) {
        out->buf[out->len] = c;
    }
    out->len++;
}

static void out_fill(struct out *out, char c, size_t n)
{
    for (size_t i = 0; i < n; i++) {
        out_char(out, c);
    }
}

static void out_bytes(struct out *out, const char *text, size_t len_bytes)
{
    for (size_t i = 0; i < len_bytes; i++) {
        out_char(out, text[i]);
    }
}

/* prefix and body, padded to the width: blanks before or after, or zeros between the two. */
static void out_padded(struct out *out, const struct spec *spec, const char *prefix,
                       const char *body, size_t body_len)
{
    size_t prefix_len = strlen(prefix);
    size_t len = prefix_len + body_len;
    size_t pad = spec->width > len ? spec->width - len : 0;
    bool has_zeros = spec->has_zeros && !spec->is_left;
    out_fill(out, ' ', spec->is_left || has_zeros ? 0 : pad);
    out_bytes(out, prefix, prefix_len);
    out_fill(out, '0', has_zeros ? pad : 0);
    out_bytes(out, body, body_len);
    out_fill(out, ' ', spec->is_left ? pad : 0);
}

static void out_number(struct out *out, const struct spec *spec, const char *prefix, uint64_t value,
                       unsigned base, const char *digits)
{
    char text[20]; /* 2^64 has 20 decimal digits */
    size_t start = sizeof text;
    do {
        text[--start] = digits[value % base];
        value /= base;
    } while (value != 0);
    out_padded(out, spec, prefix, text + start, sizeof text - start);
}

/* %.Ns reads at most N bytes: the text needn't be terminated. */
static void out_string(struct out *out, const struct spec *spec, const char *text)
{
    struct spec blanks = *spec;
    size_t len = 0;
    if (text == NULL) {
        text = "(null)";
    }
    while ((!spec->has_precision || len < spec->precision) && text[len] != '\0') {
        len++;
    }
    blanks.has_zeros = false;
    out_padded(out, &blanks, "", text, len);
}

/* A width or precision: a run of digits, or * for an argument; a negative one is 0. */
static const char *count_read(const char *fmt, va_list *args, size_t *count)
{
    *count = 0;
    if (*fmt == '*') {
        int value = va_arg(*args, int);
        *count = value > 0 ? (size_t)value : 0;
        return fmt + 1;
    }
    for (; *fmt >= '0' && *fmt <= '9'; fmt++) {
        *count = *count * 10 + (size_t)(*fmt - '0');
    }
    return fmt;
}

/* What stands between the % and the conversion's letter, where the result points. */
static const char *spec_read(const char *fmt, va_list *args, struct spec *spec)
{
    *spec = (struct spec){0};
    for (; *fmt == '0' || *fmt == '-'; fmt++) {
        spec->is_left |= *fmt == '-';
        spec->has_zeros |= *fmt == '0';
    }
    fmt = count_read(fmt, args, &spec->width);
    if (*fmt == '.') {
        spec->has_precision = true;
        fmt = count_read(fmt + 1, args, &spec->precision);
    }
    if (*fmt == 'z') {
        spec->size = ARG_SIZE;
        fmt++;
    }
    for (; *fmt == 'l'; fmt++) {
        spec->size = spec->size == ARG_LONG ? ARG_LONG_LONG : ARG_LONG;
    }
    return fmt;
}

static uint64_t arg_unsigned(enum arg_size size, va_list *args)
{
    switch (size) {
    case ARG_LONG: return va_arg(*args, unsigned long);
    case ARG_LONG_LONG: return va_arg(*args, unsigned long long);
    case ARG_SIZE: return va_arg(*args, size_t);
    case ARG_INT: break;
    }
    return va_arg(*args, unsigned);
}

static int64_t arg_signed(enum arg_size size, va_list *args)
{
    switch (size) {
    case ARG_LONG: return va_arg(*args, long);
    case ARG_LONG_LONG: return va_arg(*args, long long);
    case ARG_SIZE: return va_arg(*args, ptrdiff_t);
    case ARG_INT: break;
    }
    return va_arg(*args, int);
}

static void out_signed(struct out *out, const struct spec *spec, int64_t value)
{
    uint64_t size = value < 0 ? -(uint64_t)value : (uint64_t)value;
    out_number(out, spec, value < 0 ? "-" : "", size, 10, "0123456789");
}

/* One conversion; its letter is at fmt. False when there is no such conversion. */
static bool out_conversion(struct out *out, const struct spec *spec, char letter, va_list *args)
{
    static const char lower[] = "0123456789abcdef";
    char c;
    switch (letter) {
    case 's': out_string(out, spec, va_arg(*args, const char *)); return true;
    case 'c':
        c = (char)va_arg(*args, int);
        out_padded(out, spec, "", &c, 1);
        return true;
    case 'd':
    case 'i': out_signed(out, spec, arg_signed(spec->size, args)); return true;
    case 'u': out_number(out, spec, "", arg_unsigned(spec->size, args), 10, lower); return true;
    case 'x': out_number(out, spec, "", arg_unsigned(spec->size, args), 16, lower); return true;
    case 'X':
        out_number(out, spec, "", arg_unsigned(spec->size, args), 16, "0123456789ABCDEF");
        return true;
    case 'p': out_number(out, spec, "0x", (uintptr_t)va_arg(*args, void *), 16, lower); return true;
    case '%': out_char(out, '%'); return true;
    default: return false;
    }
}

size_t format_args(char *buf, size_t cap_bytes, const char *fmt, va_list args)
{
    struct out out = {.buf = buf, .cap_bytes = cap_bytes};
    va_list left; /* a copy: a va_list parameter is an array on some machines, not on others */
    va_copy(left, args);
    while (*fmt != '\0') {
        const char *start = fmt;
        if (*fmt++ != '%') {
            out_char(&out, *start);
            continue;
        }
        struct spec spec;
        fmt = spec_read(fmt, &left, &spec);
        if (!out_conversion(&out, &spec, *fmt, &left)) {
            out_bytes(&out, start, (size_t)(fmt - start));
            continue;
        }
        fmt++;
    }
    va_end(left);
    if (cap_bytes != 0) {
        buf[out.len < cap_bytes ? out.len : cap_bytes - 1] = '\0';
    }
    return out.len;
}

size_t format(char *buf, size_t cap_bytes, const char *fmt, ...)
{
    va_list args;
    va_start(args, fmt);
    size_t len = format_args(buf, cap_bytes, fmt, args);
    va_end(args);
    return len;
}
