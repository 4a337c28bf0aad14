/* zstd: decompresses a megabyte that was compressed before the clock started. */
#include <stdlib.h>

#include "text.h"
#include "zstd.h"

#define INPUT_BYTES (1 << 20)

static uint8_t input[INPUT_BYTES], packed[INPUT_BYTES + INPUT_BYTES / 64], unpacked[INPUT_BYTES];
static size_t packed_bytes;

static uint64_t zstd_run(uint32_t times)
{
    uint64_t sum = 0;
    for (uint32_t i = 0; i < times; i++) {
        if (ZSTD_decompress(unpacked, sizeof unpacked, packed, packed_bytes) != INPUT_BYTES)
            abort();
        sum = bench_mix(sum, bytes_sum(unpacked, INPUT_BYTES));
    }
    return sum;
}

int main(void)
{
    text_generate(input, INPUT_BYTES);
    packed_bytes = ZSTD_compress(packed, sizeof packed, input, INPUT_BYTES, 3);
    return ZSTD_isError(packed_bytes) ? 1 : bench_run(zstd_run, 20);
}
