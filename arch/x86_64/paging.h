/*
 * Page tables. They are the only record of what is committed: an absent entry with ENTRY_COMMITTED
 * stands for memory that reads as zero and gets its page when it is touched, at any level, so that
 * committing 4 GiB is writing four entries.
 *
 * CPUs that work at once (arch_parallel) share the tables without locks: entries change by
 * compare and exchange, and only filling and discarding happen then. Tables are taken away
 * (x86_paging_decommit) only while one CPU works. A CPU forgets all translations before it takes
 * work, so nobody has to tell the others.
 */
#ifndef ARCH_X86_64_PAGING_H
#define ARCH_X86_64_PAGING_H

#include "arch/x86_64/page.h"

/* Builds the page tables: image, direct map of all that x86_direct_map was called for, CPU 0's
 * stacks; and changes to them. */
void x86_paging_start(void);
/* Another CPU changes to them. */
void x86_paging_enter(void);
/* Memory that x86_paging_start shall map, before it; bounds needn't be whole pages. */
void x86_direct_map(uint64_t start, uint64_t end);

/* What kernel/arch.h says, over whole pages. */
MUST_CHECK status_t x86_paging_commit(uint64_t start, uint64_t len_bytes);
void x86_paging_decommit(uint64_t start, uint64_t len_bytes);
void x86_paging_discard(uint64_t start, uint64_t len_bytes);
MUST_CHECK status_t x86_paging_seal(uint64_t start, uint64_t len_bytes, bool is_code);

/* Commits, and fills at once. */
MUST_CHECK status_t x86_paging_fill_all(uint64_t start, uint64_t len_bytes);

/* A page at va was touched and wasn't there, or not for that. The last pages are for the kernel. */
enum paging_touch { TOUCH_FILLED, TOUCH_FORBIDDEN, TOUCH_NO_MEMORY };
enum paging_access { ACCESS_READ, ACCESS_WRITE, ACCESS_FETCH };
enum paging_touch x86_paging_touch(uint64_t va, enum paging_access access, bool is_kernel);

/* Physical memory that isn't RAM (registers: uncached), or is a firmware's. ERR_NO_MEMORY. */
MUST_CHECK status_t x86_paging_map_device(pa_t pa, uint64_t len_bytes, volatile void **out);
MUST_CHECK status_t x86_paging_map_firmware(pa_t pa, uint64_t len_bytes, const void **out);

#endif
