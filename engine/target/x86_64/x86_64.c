/*
 * x86-64 as the rest of the compiler sees it: registers, names, and the functions of its parts.
 */
#include "engine/target/x86_64/x86.h"

#define EM_X86_64 62 /* ELF's number of this machine */

const struct x86_info x86_infos[X86_OP_COUNT] = {
#define X86(name, text, form, prefix, map, opcode, ext, flags)                                     \
    [X86_##name] = {text, form, prefix, map, opcode, ext, flags},
#include "engine/target/x86_64/insts.def"
#undef X86
};

static const char *const names[64] = {
    "rax",   "rcx",   "rdx",   "rbx",   "rsp",   "rbp",  "rsi",  "rdi",           "r8",
    "r9",    "r10",   "r11",   "r12",   "r13",   "r14",  "r15",  [XMM0] = "xmm0", "xmm1",
    "xmm2",  "xmm3",  "xmm4",  "xmm5",  "xmm6",  "xmm7", "xmm8", "xmm9",          "xmm10",
    "xmm11", "xmm12", "xmm13", "xmm14", "xmm15",
};

/* Scratch registers first, and of these the ones of the shortest encodings. */
static const uint8_t gpr_order[] = {RAX, RCX, RDX, RSI, RDI, R8,  R9,      R10,
                                    R11, RBX, RBP, R14, R12, R13, REG_NONE};
static const uint8_t vec_order[] = {XMM0, XMM1, XMM2,  XMM3,  XMM4,  XMM5,  XMM6,  XMM7,
                                    XMM8, XMM9, XMM10, XMM11, XMM12, XMM13, XMM14, REG_NONE};

#define BIT(reg) (UINT64_C(1) << (reg))

void x86_machine(const struct compile *cx, struct ra_machine *out)
{
    regset_t pinned = BIT(RSP) | BIT(R15);
    if (compile_memory_is_imported(cx)) {
        pinned |= BIT(R14);
    }
    *out = (struct ra_machine){
        .allocatable = {0xffff & ~pinned, UINT64_C(0x7fff) << XMM0},
        .callee_saved = (BIT(RBX) | BIT(RBP) | BIT(R12) | BIT(R13) | BIT(R14)) & ~pinned,
        .order = {gpr_order, vec_order},
        .names = names,
        .has_gpr_swap = true,
        .scratch_vec = XMM15,
        .scratch_gpr = REG_NONE,
    };
}

static const char *op_name(uint16_t op)
{
    return op < X86_OP_COUNT ? x86_infos[op].text : "?";
}

const struct target target_x86_64 = {
    .name = "x86_64",
    .elf_machine = EM_X86_64,
    .code_align = 32,
    .machine = x86_machine,
    .select = x86_select,
    .encode = x86_encode,
    .entry_thunk = x86_entry_thunk,
    .host_thunk = x86_host_thunk,
    .cross_thunk = x86_cross_thunk,
    .import_thunk = x86_import_thunk,
    .op_name = op_name,
};
