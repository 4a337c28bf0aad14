/*
 * The least that can be heard: one line, by a kernel call. The capability for it is the first that a
 * program is given.
 */
#include <stddef.h>
#include <stdint.h>

__attribute__((import_module("tokamak_1"), import_name("log"))) int32_t
tokamak_log(int32_t system, const char *text, size_t len_bytes);

#define SYSTEM 1

static const char hello[] = "Hello from WebAssembly.\n";

__attribute__((export_name("_start"))) void start(void)
{
    (void)tokamak_log(SYSTEM, hello, sizeof hello - 1);
}
