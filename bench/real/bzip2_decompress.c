/* bzip2: decompresses a text; Huffman decoding and a walk through a permutation. */
#include <stdlib.h>

#include "bzlib.h"
#include "text.h"

#define INPUT_BYTES (1 << 19)

static uint8_t input[INPUT_BYTES], packed[INPUT_BYTES * 2], unpacked[INPUT_BYTES];
static unsigned packed_bytes = sizeof packed;

/* bzlib without stdio calls this. */
void bz_internal_error(int code)
{
    exit(code);
}

static uint64_t bzip2_run(uint32_t len_bytes)
{
    unsigned got = sizeof unpacked;
    if (BZ2_bzBuffToBuffDecompress((char *)unpacked, &got, (char *)packed, packed_bytes, 0, 0) ||
        got != len_bytes)
        abort();
    return bytes_sum(unpacked, got);
}

int main(void)
{
    text_generate(input, INPUT_BYTES);
    if (BZ2_bzBuffToBuffCompress((char *)packed, &packed_bytes, (char *)input, INPUT_BYTES, 9, 0,
                                 0))
        return 1;
    return bench_run(bzip2_run, INPUT_BYTES);
}
