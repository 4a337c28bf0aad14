#ifndef ARCH_X86_64_SERIAL_H
#define ARCH_X86_64_SERIAL_H

/* Before the first arch_log. */
void x86_serial_start(void);

#endif
