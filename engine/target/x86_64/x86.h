/*
 * The x86-64 machine instructions of MIR: what selection writes and the encoder reads.
 *
 * An opcode is a row of insts.def; nearly all are encoded from that row alone. The operands of an
 * instruction stand in the order that its form says: what is written first, then what is read in
 * registers, then "rm", the one that may be in memory, then fixed and temporary registers that
 * aren't encoded at all. rm is
 *
 *   - one operand: a register, the vreg's spill slot (USE_ANY and LOC_STACK) or, for a VREG_CONST,
 *     its constant in memory (USE_ANY and LOC_CONST): sub[1] = MODE_REG;
 *   - or a memory address: sub[1] = one of the other modes, which says how many operands (0-2)
 *     stand in place of the one.
 *
 * Fields of a struct mir_inst:
 *
 *   sub[0]       operand size in bytes (1, 2, 4, 8) of opcodes with X_SZ
 *   sub[1]       enum x86_mode
 *   sub[2]       log2 of the index's scale
 *   sub[3]       enum x86_cc of opcodes with X_CC; the trap's kind of TRAP
 *   disp         of the address
 *   imm          immediate
 *   block_or_id  MODE_CONST: index in mf->vconsts; CALL: funcidx; TRAPCC: the trap's kind
 *
 * Vector instructions are VEX encoded, and then need not be tied, where the CPU has AVX; else
 * legacy SSE, with operand 0 tied to operand 1. The emit_ helpers in select.h do the difference.
 */
#ifndef ENGINE_TARGET_X86_64_X86_H
#define ENGINE_TARGET_X86_64_X86_H

#include "engine/target/target.h"

enum x86_reg : uint8_t {
    RAX,
    RCX,
    RDX,
    RBX,
    RSP,
    RBP,
    RSI,
    RDI,
    R8,
    R9,
    R10,
    R11,
    R12,
    R13,
    R14,
    R15,
    XMM0 = REG_VEC0,
    XMM1,
    XMM2,
    XMM3,
    XMM4,
    XMM5,
    XMM6,
    XMM7,
    XMM8,
    XMM9,
    XMM10,
    XMM11,
    XMM12,
    XMM13,
    XMM14,
    XMM15,
};

/* The condition codes as encoded, and two of the encoder's own: what ucomis* needs for == and !=.
 * Complementing bit 0 negates every one. */
enum x86_cc : uint8_t {
    CC_O,
    CC_NO,
    CC_B,
    CC_AE,
    CC_E,
    CC_NE,
    CC_BE,
    CC_A,
    CC_S,
    CC_NS,
    CC_P,
    CC_NP,
    CC_L,
    CC_GE,
    CC_LE,
    CC_G,
    CC_E_AND_NP,
    CC_NE_OR_P,
};

enum x86_form : uint8_t {
    FORM_PSEUDO, /* encode.c has a function for it */
    FORM_NONE,   /* nothing but the opcode */
    FORM_RM,     /* reg = op 0 (def or use), rm = op 1 */
    FORM_RVM,    /* reg = op 0, VEX.vvvv = op 1 (legacy: op 0 is tied to op 1), rm = op 2 */
    FORM_VM,     /* /ext; VEX.vvvv = op 0, rm = op 1; legacy: rm = op 0, tied to op 1 */
    FORM_MR,     /* register: rm = op 0 (def), reg = op 1; memory: reg = op 0 (use), rm = op 1... */
    FORM_RVRM,   /* reg = op 0, vvvv = op 1, rm = op 3; op 2: VEX: in an immediate; legacy: xmm0 */
    FORM_M,      /* /ext; rm = op 0 (def, tied or not, or use) */
    FORM_XR,     /* reg = op 1, rm = op 2; op 0 is not encoded (lock cmpxchg) */
    FORM_RR,     /* registers only: rm = op 0, reg = op 1 (bt) */
};

enum x86_flags : uint32_t {
    X_SZ = 1 << 0,       /* sub[0] is the operand size: 8 REX.W, 2 prefix 66, 1 opcode - 1 */
    X_W = 1 << 1,        /* REX.W or VEX.W is set */
    X_VEX = 1 << 2,      /* a vector instruction: VEX if the CPU has AVX */
    X_VEX_ONLY = 1 << 3, /* has no legacy form (BMI, AVX2) */
    X_MERGE = 1 << 4,    /* FORM_RM scalar whose VEX form takes upper bits from vvvv: a register
                            of no new dependency is chosen: rm's own, or reg's */
    X_IMM8 = 1 << 5,     /* the low 8 bits of imm follow */
    X_IMM = 1 << 6,      /* imm follows: 8 bits sign-extended (opcode + 2) if it fits, else 32
                            (16, 8 by size) */
    X_IMM32 = 1 << 7,    /* imm follows: 32 bits (16, 8 by size) */
    X_CC = 1 << 8,       /* the opcode is OR'ed with the condition in sub[3] */
    X_BYTE_REG = 1 << 9, /* reg is a byte register: may need an empty REX */
    X_BYTE_RM = 1 << 10, /* rm is */
    X_WF = 1 << 11,      /* writes flags (or leaves them undefined) */
    X_RF = 1 << 12,      /* reads flags */
    X_COMM = 1 << 13,    /* FORM_RVM: operands 1 and 2 commute */
    X_ALIGNED = 1 << 14, /* legacy form: a memory rm must be 16-byte aligned: only slots and
                            constants may be folded, unless AVX */
    X_ZF = 1 << 17,      /* ZF and SF are those of the result, which is in operand 0 */
    X_LOCK = 1 << 16,    /* prefix F0 */
    X_GPR_REG = 1 << 15, /* reg is a GPR in a vector instruction (only documentation) */
};

struct x86_info {
    const char *text;
    uint8_t form;   /* enum x86_form */
    uint8_t prefix; /* 0, 0x66, 0xf3, 0xf2: mandatory prefix */
    uint8_t map;    /* 0 one byte, 1 0F, 2 0F38, 3 0F3A */
    uint8_t opcode;
    int8_t ext;     /* FORM_M, FORM_VM: the reg field */
    uint32_t flags; /* enum x86_flags */
};

enum x86_op : uint16_t {
#define X86(name, text, form, prefix, map, opcode, ext, flags) X86_##name,
#include "engine/target/x86_64/insts.def"
#undef X86
    X86_OP_COUNT
};

extern const struct x86_info x86_infos[X86_OP_COUNT];

enum x86_mode : uint8_t {
    MODE_REG,        /* rm is an operand */
    MODE_P,          /* [r15 + disp] */
    MODE_P_INDEX,    /* [r15 + index << scale + disp] */
    MODE_M,          /* [r14 + disp] */
    MODE_M_INDEX,    /* [r14 + index << scale + disp] */
    MODE_BASE,       /* [base + disp] */
    MODE_BASE_INDEX, /* [base + index << scale + disp]; operands base, index */
    MODE_INDEX,      /* [index << scale + disp] */
    MODE_CONST,      /* [rip...]: constant block_or_id of mf->vconsts, + disp */
    MODE_OUT,        /* [rsp + disp]: outgoing stack arguments and results */
    MODE_IN,         /* incoming ones: [rsp + frame + 8 + disp] */
};

/* SDIV's imm: which results are wanted, for a divisor of -1. */
enum x86_div : uint8_t { DIV_IS_QUOTIENT = 1, DIV_IS_REM = 2 };

/* An address, before it is part of an instruction. */
struct x86_mem {
    uint8_t mode;  /* enum x86_mode */
    uint8_t scale; /* log2 */
    int32_t disp;
    uint32_t base, index; /* vregs; 0 none */
    uint32_t id;          /* MODE_CONST */
    uint32_t pos;         /* wasm offset if the access may fault; 0 if it can't */
};

static inline bool x86_has(const struct compile *cx, uint64_t feature)
{
    return compile_has_cpu(cx, feature);
}

/* Parts of struct target. */
void x86_machine(const struct compile *cx, struct ra_machine *out);
status_t x86_select(struct compile *cx, const uint32_t *order, uint32_t n_order,
                    const uint32_t *n_uses, struct mir_func *mf);
status_t x86_encode(struct compile *cx, const struct mir_func *mf, struct arena *arena,
                    struct code_buf *out);
status_t x86_entry_thunk(const struct engine_functype *type, struct arena *arena,
                         struct code_buf *out);
status_t x86_host_thunk(const struct engine_functype *type, struct arena *arena,
                        struct code_buf *out);
status_t x86_import_thunk(int32_t slot, struct code_buf *out);
status_t x86_cross_thunk(const struct engine_functype *type, struct arena *arena,
                         struct code_buf *out);

#endif
