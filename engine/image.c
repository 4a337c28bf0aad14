/*
 * Reading images: their structure, and from a code address back to the module.
 */
#include "engine/engine.h"

#include <string.h>

static bool section_ok(const struct engine_image *image, uint64_t offset, uint64_t n, uint64_t size)
{
    return offset <= image->len_bytes && n <= (image->len_bytes - offset) / size;
}

static bool functions_ok(const struct engine_image *image)
{
    const struct engine_image_func *funcs =
        (const struct engine_image_func *)((const uint8_t *)image + image->funcs_offset);
    uint64_t end = 0;
    for (uint32_t i = 0; i < image->n_funcs; i++) {
        if (funcs[i].code_offset < end || funcs[i].positions > image->positions_len_bytes) {
            return false;
        }
        end = (uint64_t)funcs[i].code_offset + funcs[i].code_len_bytes;
    }
    return end <= image->code_len_bytes;
}

static bool thunks_ok(const struct engine_image *image)
{
    const struct engine_image_thunks *thunks =
        (const struct engine_image_thunks *)((const uint8_t *)image + image->thunks_offset);
    for (uint32_t i = 0; i < image->n_types; i++) {
        if (thunks[i].entry >= image->code_len_bytes || thunks[i].host >= image->code_len_bytes ||
            thunks[i].cross >= image->code_len_bytes) {
            return false;
        }
    }
    return true;
}

status_t engine_image_open(const void *bytes, size_t len_bytes, const struct engine_image **out)
{
    const struct engine_image *image = bytes;
    if (len_bytes < ENGINE_IMAGE_ALIGN ||
        memcmp(image->magic, ENGINE_IMAGE_MAGIC, sizeof image->magic) != 0) {
        return ERR_MALFORMED;
    }
    if (image->len_bytes > len_bytes || image->code_offset != ENGINE_IMAGE_ALIGN ||
        image->funcs_offset % 16 != 0 || image->thunks_offset % 16 != 0 ||
        !section_ok(image, image->code_offset, image->code_len_bytes, 1) ||
        !section_ok(image, image->funcs_offset, image->n_funcs, sizeof(struct engine_image_func)) ||
        !section_ok(image, image->thunks_offset, image->n_types,
                    sizeof(struct engine_image_thunks)) ||
        !section_ok(image, image->positions_offset, image->positions_len_bytes, 1) ||
        !section_ok(image, image->skeleton_offset, image->skeleton_len_bytes, 1)) {
        return ERR_MALFORMED;
    }
    if (!functions_ok(image) || !thunks_ok(image)) {
        return ERR_MALFORMED;
    }
    *out = image;
    return STATUS_OK;
}

/* A LEB128 number of at most five bytes before end; 0 at the end. */
static uint32_t get_leb(const uint8_t **at, const uint8_t *end)
{
    uint32_t value = 0;
    for (uint32_t shift = 0; shift < 32 && *at < end; shift += 7) {
        uint8_t byte = *(*at)++;
        value |= (uint32_t)(byte & 0x7f) << shift;
        if (byte < 0x80) {
            break;
        }
    }
    return value;
}

/*
 * The wasm offset of an instruction of a function, 0 if unknown, and whether the frame is not made
 * there yet. A position stands at the end of
 * its instruction: a fault is at the first position behind the address, a return address is one.
 */
static uint32_t find_position(const struct engine_image *image,
                              const struct engine_image_func *func, uint64_t code_offset,
                              bool is_return, bool *is_frameless)
{
    const uint8_t *base = (const uint8_t *)image + image->positions_offset;
    const uint8_t *at = base + func->positions, *end = base + image->positions_len_bytes;
    uint64_t code = func->code_offset;
    uint32_t wasm = 0;
    while (at < end) {
        uint32_t delta = get_leb(&at, end);
        if (delta == 0) {
            break;
        }
        uint32_t zigzag = get_leb(&at, end);
        code += delta >> 1;
        *is_frameless = (delta & 1) != 0;
        wasm += zigzag >> 1 ^ (0 - (zigzag & 1));
        if (is_return ? code >= code_offset : code > code_offset) {
            return wasm;
        }
    }
    *is_frameless = false;
    return 0;
}

bool engine_image_find(const struct engine_image *image, uint64_t code_offset, bool is_return,
                       struct engine_place *out)
{
    const struct engine_image_func *funcs =
        (const struct engine_image_func *)((const uint8_t *)image + image->funcs_offset);
    uint64_t inside = is_return && code_offset > 0 ? code_offset - 1 : code_offset;
    uint32_t low = 0, high = image->n_funcs;
    while (low < high) {
        uint32_t middle = low + (high - low) / 2;
        if (funcs[middle].code_offset <= inside) {
            low = middle + 1;
        } else {
            high = middle;
        }
    }
    if (low == 0 || inside - funcs[low - 1].code_offset >= funcs[low - 1].code_len_bytes) {
        return false;
    }
    const struct engine_image_func *func = &funcs[low - 1];
    bool is_frameless = false;
    uint32_t wasm = find_position(image, func, code_offset, is_return, &is_frameless);
    *out = (struct engine_place){
        .func = low - 1, .wasm_offset = wasm, .frame_bytes = is_frameless ? 0 : func->frame_bytes};
    return true;
}
