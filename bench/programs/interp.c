/*
 * A bytecode interpreter: a stack machine whose loop is one large switch, running a program that
 * counts primes, computes Fibonacci numbers by calls, and sums. What it costs is the dispatch: a
 * jump table, an indirect jump that is hard to predict, and the interpreter's state kept in
 * registers around it.
 */
#include <stdlib.h>
#include <string.h>

#include "bench.h"

enum opcode {
    OP_HALT,
    OP_PUSH,
    OP_LOCAL,
    OP_SET,
    OP_ADD,
    OP_SUB,
    OP_MUL,
    OP_DIV,
    OP_REM,
    OP_AND,
    OP_OR,
    OP_XOR,
    OP_SHL,
    OP_SHR,
    OP_LESS,
    OP_EQUAL,
    OP_NOT,
    OP_JUMP,
    OP_JUMP_ZERO,
    OP_CALL,
    OP_RETURN,
    OP_DUP,
    OP_SWAP,
    OP_DROP,
    OP_LOAD,
    OP_STORE,
    OP_NEG,
    OP_MIX,
};

#define STACK_MAX 4096
#define MEMORY_WORDS 4096
#define LOCALS 4

struct machine {
    int32_t stack[STACK_MAX];
    int32_t memory[MEMORY_WORDS];
    uint64_t mixed;
    uint32_t executed;
};

static struct machine machine;

/*
 * Runs from the start of `code` until OP_HALT, with the argument on the stack. A frame has the
 * return address, the place of the caller's frame, then LOCALS locals, which `frame` points at.
 */
static int32_t machine_run(struct machine *m, const int32_t *code, int32_t argument)
{
    int32_t *sp = m->stack + LOCALS;
    int32_t *frame = m->stack;
    uint32_t executed = 0, pc = 0;
    *sp++ = argument;
    for (;;) {
        executed++;
        switch ((enum opcode)code[pc++]) {
        case OP_HALT: m->executed += executed; return sp[-1];
        case OP_PUSH: *sp++ = code[pc++]; break;
        case OP_LOCAL: *sp++ = frame[code[pc++]]; break;
        case OP_SET: frame[code[pc++]] = *--sp; break;
        case OP_ADD: sp--, sp[-1] += sp[0]; break;
        case OP_SUB: sp--, sp[-1] -= sp[0]; break;
        case OP_MUL: sp--, sp[-1] = (int32_t)((uint32_t)sp[-1] * (uint32_t)sp[0]); break;
        case OP_DIV: sp--, sp[-1] /= sp[0]; break;
        case OP_REM: sp--, sp[-1] %= sp[0]; break;
        case OP_AND: sp--, sp[-1] &= sp[0]; break;
        case OP_OR: sp--, sp[-1] |= sp[0]; break;
        case OP_XOR: sp--, sp[-1] ^= sp[0]; break;
        case OP_SHL: sp--, sp[-1] = (int32_t)((uint32_t)sp[-1] << (sp[0] & 31)); break;
        case OP_SHR: sp--, sp[-1] >>= sp[0] & 31; break;
        case OP_LESS: sp--, sp[-1] = sp[-1] < sp[0]; break;
        case OP_EQUAL: sp--, sp[-1] = sp[-1] == sp[0]; break;
        case OP_NOT: sp[-1] = !sp[-1]; break;
        case OP_NEG: sp[-1] = -sp[-1]; break;
        case OP_JUMP: pc = (uint32_t)code[pc]; break;
        case OP_JUMP_ZERO: pc = *--sp ? pc + 1 : (uint32_t)code[pc]; break;
        case OP_CALL: { /* one argument, which becomes local 0 */
            int32_t passed = sp[-1];
            if (sp + LOCALS + 2 > m->stack + STACK_MAX)
                abort();
            sp[-1] = (int32_t)(pc + 1);
            *sp++ = (int32_t)(frame - m->stack);
            frame = sp;
            frame[0] = passed;
            sp += LOCALS;
            pc = (uint32_t)code[pc];
            break;
        }
        case OP_RETURN: {
            int32_t result = sp[-1];
            sp = frame - 2;
            pc = (uint32_t)sp[0];
            frame = m->stack + sp[1];
            *sp++ = result;
            break;
        }
        case OP_DUP: sp[0] = sp[-1], sp++; break;
        case OP_SWAP: {
            int32_t held = sp[-1];
            sp[-1] = sp[-2];
            sp[-2] = held;
            break;
        }
        case OP_DROP: sp--; break;
        case OP_LOAD: sp[-1] = m->memory[(uint32_t)sp[-1] % MEMORY_WORDS]; break;
        case OP_STORE: sp -= 2, m->memory[(uint32_t)sp[0] % MEMORY_WORDS] = sp[1]; break;
        case OP_MIX: m->mixed = bench_mix(m->mixed, (uint64_t)*--sp); break;
        }
    }
}

/* Bytecode with the address of each line's first word. */
/* clang-format off */

/*
 * Marks composites in memory, counts what is left: locals 0 limit, 1 candidate, 2 multiple, 3
 * count.
 */
static const int32_t code_primes[] = {
    /*  0 */ OP_SET, 0, OP_PUSH, 0, OP_SET, 3, OP_PUSH, 2, OP_SET, 1,
    /* 10 */ OP_LOCAL, 1, OP_LOCAL, 0, OP_LESS, OP_JUMP_ZERO, 70,
    /* 17 */ OP_LOCAL, 1, OP_LOAD, OP_NOT, OP_JUMP_ZERO, 60,
    /* 23 */ OP_LOCAL, 3, OP_PUSH, 1, OP_ADD, OP_SET, 3,
    /* 30 */ OP_LOCAL, 1, OP_LOCAL, 1, OP_ADD, OP_SET, 2,
    /* 37 */ OP_LOCAL, 2, OP_LOCAL, 0, OP_LESS, OP_JUMP_ZERO, 60,
    /* 44 */ OP_LOCAL, 2, OP_PUSH, 1, OP_STORE,
    /* 49 */ OP_LOCAL, 2, OP_LOCAL, 1, OP_ADD, OP_SET, 2, OP_JUMP, 37, OP_HALT, OP_HALT,
    /* 60 */ OP_LOCAL, 1, OP_PUSH, 1, OP_ADD, OP_SET, 1, OP_JUMP, 10, OP_HALT,
    /* 70 */ OP_LOCAL, 3, OP_DUP, OP_MIX, OP_HALT,
};

static const int32_t code_fibonacci[] = {
    /*  0 */ OP_CALL, 3, OP_HALT,
    /*  3 */ OP_LOCAL, 0, OP_PUSH, 2, OP_LESS, OP_JUMP_ZERO, 13,
    /* 10 */ OP_LOCAL, 0, OP_RETURN,
    /* 13 */ OP_LOCAL, 0, OP_PUSH, 1, OP_SUB, OP_CALL, 3,
    /* 20 */ OP_LOCAL, 0, OP_PUSH, 2, OP_SUB, OP_CALL, 3, OP_ADD, OP_RETURN,
};

/* A loop of bit tricks: locals 0 counter, 1 value. */
static const int32_t code_bits[] = {
    /*  0 */ OP_SET, 0, OP_PUSH, 12345, OP_SET, 1,
    /*  6 */ OP_LOCAL, 1, OP_DUP, OP_PUSH, 13, OP_SHL, OP_XOR, OP_DUP, OP_PUSH, 17, OP_SHR,
    /* 17 */ OP_PUSH, 32767, OP_AND, OP_XOR, OP_DUP, OP_PUSH, 5, OP_SHL, OP_XOR, OP_SET, 1,
    /* 28 */ OP_LOCAL, 1, OP_LOCAL, 0, OP_PUSH, 7, OP_OR, OP_REM, OP_NEG, OP_MIX,
    /* 38 */ OP_LOCAL, 0, OP_PUSH, 1, OP_SUB, OP_DUP, OP_SET, 0, OP_JUMP_ZERO, 50, OP_JUMP, 6,
    /* 50 */ OP_LOCAL, 1, OP_HALT,
};

/* clang-format on */

static uint64_t interp_run(uint32_t size)
{
    memset(&machine, 0, sizeof machine);
    int32_t n = (int32_t)size;
    for (int i = 0; i < 10; i++) {
        memset(machine.memory, 0, sizeof machine.memory);
        machine.mixed = bench_mix(machine.mixed, (uint64_t)machine_run(&machine, code_primes, n));
    }
    machine.mixed = bench_mix(machine.mixed, (uint64_t)machine_run(&machine, code_fibonacci, 24));
    machine.mixed = bench_mix(machine.mixed, (uint64_t)machine_run(&machine, code_bits, 50 * n));
    return bench_mix(machine.mixed, machine.executed);
}

int main(void)
{
    return bench_run(interp_run, 4000);
}
