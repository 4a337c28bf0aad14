/*
 * The console: the first serial port, a 16550. Polled: it is for tests, boots and panics.
 */
#include "arch/x86_64/serial.h"

#include "arch/x86_64/x86.h"
#include "kernel/arch.h"

#define PORT 0x3f8
#define PORT_DATA (PORT + 0)
#define PORT_INTERRUPTS (PORT + 1)
#define PORT_FIFO (PORT + 2)
#define PORT_LINE (PORT + 3)
#define PORT_LINE_STATUS (PORT + 5)

#define LINE_DIVISOR 0x80
#define LINE_8N1 0x03
#define FIFO_ON_CLEAR 0x07
#define STATUS_CAN_SEND 0x20
#define DIVISOR_115200 1

/* A port that isn't there reads as all ones; one that hangs isn't waited for. */
#define POLLS_MAX 100000u

void x86_serial_start(void)
{
    x86_out8(PORT_INTERRUPTS, 0);
    x86_out8(PORT_LINE, LINE_DIVISOR);
    x86_out8(PORT_DATA, DIVISOR_115200);
    x86_out8(PORT_INTERRUPTS, 0);
    x86_out8(PORT_LINE, LINE_8N1);
    x86_out8(PORT_FIFO, FIFO_ON_CLEAR);
}

static void serial_put(uint8_t byte)
{
    for (uint32_t i = 0; i < POLLS_MAX; i++) {
        if ((x86_in8(PORT_LINE_STATUS) & STATUS_CAN_SEND) != 0) {
            x86_out8(PORT_DATA, byte);
            return;
        }
    }
}

void arch_log(const char *text, size_t len_bytes)
{
    for (size_t i = 0; i < len_bytes; i++) {
        if (text[i] == '\n') {
            serial_put('\r');
        }
        serial_put((uint8_t)text[i]);
    }
}
