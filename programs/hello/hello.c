/*
 * The least that can be heard: one line, by a kernel call.
 */
#include <stddef.h>
#include <stdint.h>

__attribute__((import_module("tokamak_1"), import_name("log"))) int32_t
tokamak_log(const char *text, size_t len_bytes);

static const char hello[] = "Hello from WebAssembly.\n";

__attribute__((export_name("_start"))) void start(void)
{
    (void)tokamak_log(hello, sizeof hello - 1);
}
