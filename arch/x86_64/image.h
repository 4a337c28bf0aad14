/*
 * Where the parts of the kernel's image begin: link.ld.
 */
#ifndef ARCH_X86_64_IMAGE_H
#define ARCH_X86_64_IMAGE_H

#include <stdbool.h>
#include <stdint.h>

extern const uint8_t image_text[], image_constants[], image_data[], image_end[];

static inline bool image_is_code(uint64_t addr)
{
    return addr >= (uint64_t)image_text && addr < (uint64_t)image_constants;
}

#endif
