/* bzip2: compresses a text; block sorting is most of it. */
#include <stdlib.h>

#include "bzlib.h"
#include "text.h"

#define INPUT_BYTES (1 << 18)

static uint8_t input[INPUT_BYTES], packed[INPUT_BYTES * 2];

/* bzlib without stdio calls this. */
void bz_internal_error(int code)
{
    exit(code);
}

static uint64_t bzip2_run(uint32_t len_bytes)
{
    unsigned packed_bytes = sizeof packed;
    if (BZ2_bzBuffToBuffCompress((char *)packed, &packed_bytes, (char *)input, len_bytes, 9, 0, 0))
        abort();
    return bytes_sum(packed, packed_bytes);
}

int main(void)
{
    text_generate(input, INPUT_BYTES);
    return bench_run(bzip2_run, INPUT_BYTES);
}
