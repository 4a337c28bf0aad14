/* zstd: compresses a megabyte at levels 1, 3 and 7. */
#include <stdlib.h>

#include "text.h"
#include "zstd.h"

#define INPUT_BYTES (1 << 20)

static uint8_t input[INPUT_BYTES], packed[INPUT_BYTES + INPUT_BYTES / 64];

static uint64_t zstd_run(uint32_t len_bytes)
{
    static const int levels[] = {1, 3, 7};
    uint64_t sum = 0;
    for (int i = 0; i < 3; i++) {
        size_t got = ZSTD_compress(packed, sizeof packed, input, len_bytes, levels[i]);
        if (ZSTD_isError(got))
            abort();
        /*
         * 32- and 64-bit builds may choose other matches: the checksum is of what must be the same.
         */
        uint8_t *back = malloc(len_bytes);
        if (!back || ZSTD_decompress(back, len_bytes, packed, got) != len_bytes)
            abort();
        sum = bench_mix(sum, bytes_sum(back, len_bytes));
        free(back);
    }
    return sum;
}

int main(void)
{
    text_generate(input, INPUT_BYTES);
    return bench_run(zstd_run, INPUT_BYTES);
}
