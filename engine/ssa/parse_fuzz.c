/*
 * Any text: it is refused or read; what is read can be verified and printed without harm; and what
 * was printed is read again and printed the same.
 */
#include <stdlib.h>
#include <string.h>

#include "engine/ssa/ssa.h"

#define ARENA_BYTES (16u << 20)
#define TEXT_BYTES (1u << 20)

struct text {
    char bytes[TEXT_BYTES];
    size_t len_bytes;
};

static void put(void *ctx, const char *bytes, size_t len_bytes)
{
    struct text *text = ctx;
    if (len_bytes >= TEXT_BYTES - text->len_bytes) {
        abort();
    }
    memcpy(text->bytes + text->len_bytes, bytes, len_bytes);
    text->len_bytes += len_bytes;
    text->bytes[text->len_bytes] = '\0';
}

static status_t parse_and_print(const char *bytes, struct arena *arena, struct text *out)
{
    struct ssa_func fn = {.arena = arena};
    const char *error;
    uint32_t line, culprit;
    arena_release(arena, 0);
    out->len_bytes = 0;
    status_t status = ssa_parse(bytes, &fn, &error, &line);
    if ((status == STATUS_OK) != (error == NULL)) {
        abort();
    }
    if (status == STATUS_OK) {
        (void)!ssa_verify(&fn, &culprit);
        ssa_print(&fn, &(struct ssa_text){put, out});
    }
    return status;
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t len_bytes);

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t len_bytes)
{
    static _Alignas(16) uint8_t memory[ARENA_BYTES];
    static struct text first, second;
    struct arena arena;
    if (len_bytes > TEXT_BYTES / 32) { /* printed, a text may be longer */
        return 0;
    }
    arena_init(&arena, memory, sizeof memory);
    memcpy(second.bytes, data, len_bytes);
    second.bytes[len_bytes] = '\0';
    if (parse_and_print(second.bytes, &arena, &first) == STATUS_OK &&
        (parse_and_print(first.bytes, &arena, &second) != STATUS_OK ||
         strcmp(first.bytes, second.bytes) != 0)) {
        abort();
    }
    return 0;
}
