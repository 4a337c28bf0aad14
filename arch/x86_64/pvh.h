/*
 * What a PVH loader hands over.
 */
#ifndef ARCH_X86_64_PVH_H
#define ARCH_X86_64_PVH_H

#include "arch/x86_64/page.h"

#define COMMAND_LINE_MAX 1024u

struct pvh_boot {
    pa_t program; /* the first module: qemu's -initrd */
    uint64_t program_bytes;
    pa_t rsdp;
    char command_line[COMMAND_LINE_MAX];
};

/* Reads all of it, on the boot page tables: memory goes to x86_page_add and x86_direct_map; the
 * rest is kept, since the loader's own memory is handed out afterwards. */
const struct pvh_boot *x86_pvh_read(pa_t start_info);
const struct pvh_boot *x86_pvh_boot(void);

#endif
