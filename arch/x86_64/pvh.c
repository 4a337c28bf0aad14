/*
 * PVH: xen/include/public/arch-x86/hvm/start_info.h.
 */
#include "arch/x86_64/pvh.h"

#include "arch/x86_64/paging.h"
#include "arch/x86_64/panic.h"

struct pvh_start_info {
    uint32_t magic, version, flags, n_modules;
    uint64_t modules, command_line, rsdp;
    uint64_t memory_map; /* since version 1 */
    uint32_t n_memory_map, reserved;
};
#define PVH_MAGIC 0x336ec578u

struct pvh_module {
    uint64_t start, len_bytes, command_line, reserved;
};

struct pvh_memory {
    uint64_t start, len_bytes;
    uint32_t type, reserved;
};
#define MEMORY_RAM 1u

#define LOADER_MAX (UINT64_C(1) << 30) /* what the boot page tables show */

static struct pvh_boot boot; /* fixed after x86_pvh_read */

const struct pvh_boot *x86_pvh_boot(void)
{
    return &boot;
}

static const void *loader_ptr(uint64_t pa)
{
    if (pa >= LOADER_MAX) {
        x86_panic("the loader's data lies above 1 GiB, at 0x%llx", (unsigned long long)pa);
    }
    return direct_ptr((pa_t){pa});
}

const struct pvh_boot *x86_pvh_read(pa_t start_info)
{
    const struct pvh_start_info *info = loader_ptr(start_info.raw);
    if (info->magic != PVH_MAGIC || info->version < 1) {
        x86_panic("not started by PVH with a memory map");
    }
    const struct pvh_memory *map = loader_ptr(info->memory_map);
    for (uint32_t i = 0; i < info->n_memory_map; i++) {
        if (map[i].type == MEMORY_RAM) {
            x86_page_add(map[i].start, map[i].start + map[i].len_bytes);
            x86_direct_map(map[i].start, map[i].start + map[i].len_bytes);
        }
    }
    if (info->n_modules != 0) {
        const struct pvh_module *module = loader_ptr(info->modules);
        boot.program.raw = module->start;
        boot.program_bytes = module->len_bytes;
        x86_direct_map(module->start, module->start + module->len_bytes);
    }
    boot.rsdp.raw = info->rsdp;
    if (info->command_line != 0) {
        const char *text = loader_ptr(info->command_line);
        for (uint32_t i = 0; i + 1 < COMMAND_LINE_MAX && text[i] != '\0'; i++) {
            boot.command_line[i] = text[i];
        }
    }
    return &boot;
}
