/*
 * UTF-8 validation: see utf8.h.
 */
#include "base/utf8.h"

#include <string.h>

#define ASCII_MASK UINT64_C(0x8080808080808080)

static bool is_in(uint8_t byte, uint8_t first, uint8_t last)
{
    return byte >= first && byte <= last;
}

/*
 * The length of the well-formed sequence at text, 0 when there is none. Table 3-7: the first byte
 * decides the length and the range of the second; all further ones are 80..BF.
 */
static size_t sequence_len(const uint8_t *text, size_t left_bytes)
{
    uint8_t lead = text[0];
    uint8_t second_first = lead == 0xe0 ? 0xa0 : lead == 0xf0 ? 0x90 : 0x80;
    uint8_t second_last = lead == 0xed ? 0x9f : lead == 0xf4 ? 0x8f : 0xbf;
    size_t len;
    if (lead < 0x80) {
        return 1;
    } else if (is_in(lead, 0xc2, 0xdf)) {
        len = 2;
    } else if (is_in(lead, 0xe0, 0xef)) {
        len = 3;
    } else if (is_in(lead, 0xf0, 0xf4)) {
        len = 4;
    } else {
        return 0;
    }
    if (len > left_bytes || !is_in(text[1], second_first, second_last)) {
        return 0;
    }
    for (size_t i = 2; i < len; i++) {
        if (!is_in(text[i], 0x80, 0xbf)) {
            return 0;
        }
    }
    return len;
}

size_t utf8_valid_bytes(const uint8_t *text, size_t len_bytes)
{
    size_t pos = 0;
    while (pos < len_bytes) {
        uint64_t word;
        if (len_bytes - pos >= sizeof word) {
            memcpy(&word, text + pos, sizeof word);
            if ((word & ASCII_MASK) == 0) {
                pos += sizeof word;
                continue;
            }
        }
        size_t len = sequence_len(text + pos, len_bytes - pos);
        if (len == 0) {
            break;
        }
        pos += len;
    }
    return pos;
}
