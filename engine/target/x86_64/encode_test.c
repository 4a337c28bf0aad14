/*
 * Every row of insts.def with many registers and addresses, encoded, and read back by libcapstone:
 * the mnemonic, each register, the address and the immediate are what the instruction says.
 */
#define x86_reg capstone_x86_reg /* a name that is ours here */
#include <capstone/capstone.h>
#undef x86_reg
#include <ctype.h>

#include "engine/ssa/test_support.h"
#include "engine/target/x86_64/x86.h"

#define ARENA_BYTES (4u << 20)
#define CODE_BYTES 4096

struct bench {
    struct arena arena;
    struct engine_module module;
    struct engine_options options;
    struct compile cx;
    struct mir_func mf;
    struct mir_block block;
    struct mir_inst inst;
    struct mir_operand ops[8];
    struct vreg vregs[2];
    uint8_t vconsts[2][16];
    uint8_t code[CODE_BYTES];
    struct code_position positions[8];
    uint32_t len_bytes;
    csh capstone;
    uint64_t n_checked;
};

/* What the disassembler should say: registers by number, in its order; -1: the memory operand. */
struct expected {
    int regs[5];
    uint32_t n;
    int base, index; /* -1: none; of the memory operand */
    int scale;
    int64_t disp;
    bool has_imm;
    int64_t imm;
};

static void encode(struct bench *b)
{
    struct code_buf out = {
        .bytes = b->code, .cap_bytes = CODE_BYTES, .positions = b->positions, .cap_positions = 8};
    arena_release(&b->arena, 0);
    b->cx = (struct compile){.module = &b->module,
                             .options = &b->options,
                             .target = &target_x86_64,
                             .arena = &b->arena,
                             .scratch = &b->arena};
    b->block = (struct mir_block){.end = 1};
    b->mf = (struct mir_func){.arena = &b->arena,
                              .insts = &b->inst,
                              .n_insts = 1,
                              .operands = b->ops,
                              .n_operands = 8,
                              .blocks = &b->block,
                              .n_blocks = 1,
                              .vregs = b->vregs,
                              .n_vregs = 2,
                              .vconsts = (const uint8_t(*)[16])b->vconsts};
    assert_int_equal(target_x86_64.encode(&b->cx, &b->mf, &b->arena, &out), STATUS_OK);
    b->len_bytes = out.len_bytes;
}

/* ---- The disassembly ---- */

static int reg_number(csh capstone, unsigned reg)
{
    static const char *const gprs[8] = {"ax", "cx", "dx", "bx", "sp", "bp", "si", "di"};
    static const char *const bytes[8] = {"al", "cl", "dl", "bl", "spl", "bpl", "sil", "dil"};
    const char *name = cs_reg_name(capstone, reg);
    if (name == NULL) {
        return -2;
    }
    if (strncmp(name, "xmm", 3) == 0) {
        return atoi(name + 3);
    }
    if (name[0] == 'r' && isdigit((unsigned char)name[1])) {
        return atoi(name + 1);
    }
    for (int i = 0; i < 8; i++) {
        const char *tail = name[0] == 'r' || name[0] == 'e' ? name + 1 : name;
        if (strcmp(tail, gprs[i]) == 0 || strcmp(name, bytes[i]) == 0) {
            return i;
        }
    }
    return -2;
}

static const char *wanted_mnemonic(const struct bench *b, const struct x86_info *info, char *buf)
{
    bool is_vex = (info->flags & X_VEX) != 0 && (b->options.cpu_features & ENGINE_CPU_AVX) != 0;
    const char *text = info->text;
    snprintf(buf, 32, "%s%s", is_vex && text[0] != 'v' ? "v" : "", text);
    char *tail = strstr(buf, "_store");
    if (tail != NULL) {
        *tail = '\0';
    }
    if (b->inst.sub[1] == MODE_REG && strstr(buf, "movlps") != NULL) {
        snprintf(buf, 32, "%smovhlps", is_vex ? "v" : "");
    } else if (b->inst.sub[1] == MODE_REG && strstr(buf, "movhps") != NULL) {
        snprintf(buf, 32, "%smovlhps", is_vex ? "v" : "");
    }
    return buf;
}

/* cmpps and its kin are shown with their condition in the name. */
static bool same_mnemonic(const char *got, const char *want)
{
    const char *stem = want[0] == 'v' ? want + 1 : want;
    if (strncmp(stem, "cmp", 3) == 0 && strlen(stem) == 5) {
        return strstr(got, "cmp") != NULL && strcmp(got + strlen(got) - 2, stem + 3) == 0;
    }
    if (strcmp(want, "shl") == 0 && strcmp(got, "sal") == 0) {
        return true;
    }
    size_t len = strlen(want); /* vcvtpd2psx: the x is of the memory operand */
    return strncmp(got, want, len) == 0 && (got[len] == '\0' || strcmp(got + len, "x") == 0);
}

static void check_operands(struct bench *b, const cs_insn *insn, const struct expected *e,
                           const char *what)
{
    const cs_x86 *x = &insn->detail->x86;
    uint32_t n_regs = 0;
    bool is_imm_seen = false;
    for (uint8_t i = 0; i < x->op_count; i++) {
        const cs_x86_op *op = &x->operands[i];
        if (op->type == X86_OP_REG) {
            int got = reg_number(b->capstone, op->reg);
            if (n_regs == e->n && got == RCX && x->op_count == n_regs + 1u) {
                continue; /* cl, of a shift */
            }
            if (n_regs >= e->n || got != e->regs[n_regs]) {
                fail_msg("%s: %s %s: register %u", what, insn->mnemonic, insn->op_str, n_regs);
            }
            n_regs++;
        } else if (op->type == X86_OP_MEM) {
            int base = op->mem.base != 0 ? reg_number(b->capstone, op->mem.base) : -1;
            int index = op->mem.index != 0 ? reg_number(b->capstone, op->mem.index) : -1;
            if (n_regs >= e->n || e->regs[n_regs] != -1 || base != e->base || index != e->index ||
                (index != -1 && op->mem.scale != e->scale) || op->mem.disp != e->disp) {
                fail_msg("%s: %s %s: address", what, insn->mnemonic, insn->op_str);
            }
            n_regs++;
        } else if (op->type == X86_OP_IMM) {
            is_imm_seen = true;
            int64_t mask = b->inst.sub[0] == 4   ? UINT32_MAX
                           : b->inst.sub[0] == 2 ? 0xffff
                           : b->inst.sub[0] == 1 ? 0xff
                                                 : -1;
            if (e->has_imm && (op->imm & mask) != (e->imm & mask)) {
                fail_msg("%s: %s %s: immediate", what, insn->mnemonic, insn->op_str);
            }
        }
    }
    bool hides_imm = strstr(insn->mnemonic, "cmp") != NULL || e->imm == 1;
    if (n_regs != e->n || (e->has_imm && !is_imm_seen && !hides_imm)) {
        fail_msg("%s: %s %s: %u operands", what, insn->mnemonic, insn->op_str, n_regs);
    }
}

static void check(struct bench *b, const struct expected *e)
{
    const struct x86_info *info = &x86_infos[b->inst.op];
    char what[96], want[32];
    encode(b);
    int at = snprintf(what, sizeof what, "%s size %u mode %u:", info->text, b->inst.sub[0],
                      b->inst.sub[1]);
    for (uint32_t i = 0; i < b->len_bytes && at < 90; i++) {
        at += snprintf(what + at, sizeof what - (size_t)at, " %02x", b->code[i]);
    }
    cs_insn *insn;
    if (cs_disasm(b->capstone, b->code, b->len_bytes, 0, 1, &insn) != 1) {
        fail_msg("%s: no instruction", what);
    }
    if (insn->size != b->len_bytes && b->inst.sub[1] != MODE_CONST) {
        fail_msg("%s: %s %s: length", what, insn->mnemonic, insn->op_str);
    }
    if (!same_mnemonic(insn->mnemonic, wanted_mnemonic(b, info, want))) {
        fail_msg("%s: %s %s: wanted %s", what, insn->mnemonic, insn->op_str, want);
    }
    check_operands(b, insn, e, what);
    cs_free(insn, 1);
    b->n_checked++;
}

/* ---- The rows ---- */

static bool is_one_of(uint16_t op, const uint16_t *list, size_t n)
{
    for (size_t i = 0; i < n; i++) {
        if (list[i] == op) {
            return true;
        }
    }
    return false;
}
#define IS_ONE_OF(op, ...)                                                                         \
    is_one_of(op, (const uint16_t[]){__VA_ARGS__},                                                 \
              sizeof((const uint16_t[]){__VA_ARGS__}) / sizeof(uint16_t))

static bool is_memory_only(uint16_t op)
{
    return IS_ONE_OF(op, X86_LEA, X86_CALL_MEM, X86_MOVSS_LOAD, X86_MOVSD_LOAD, X86_MOVSS_STORE,
                     X86_MOVSD_STORE, X86_MOVLPS_STORE, X86_MOVHPS_STORE) ||
           (x86_infos[op].flags & X_LOCK) != 0;
}

static bool is_register_only(uint16_t op)
{
    return x86_infos[op].form == FORM_RR || x86_infos[op].form == FORM_VM ||
           IS_ONE_OF(op, X86_MOVMSKPS, X86_MOVMSKPD, X86_PMOVMSKB, X86_PEXTRW_RM);
}

/* rm is shown first: it is written, or both are read. */
static bool is_rm_first(uint16_t op)
{
    return IS_ONE_OF(op, X86_STORE, X86_ADD_MR, X86_OR_MR, X86_AND_MR, X86_SUB_MR, X86_XOR_MR,
                     X86_CMP_MR, X86_TEST, X86_XCHG_MR, X86_LOCK_XADD, X86_LOCK_CMPXCHG,
                     X86_LOCK_ADD_MR, X86_LOCK_OR_MR, X86_LOCK_AND_MR, X86_LOCK_SUB_MR,
                     X86_LOCK_XOR_MR, X86_MOVSS_STORE, X86_MOVSD_STORE, X86_MOVUPS_STORE,
                     X86_MOVLPS_STORE, X86_MOVHPS_STORE) ||
           x86_infos[op].form == FORM_MR || x86_infos[op].form == FORM_RR;
}

struct regs {
    int reg, vvvv, is4, rm; /* rm -1: memory */
};

/* The order in which an assembler has them. */
static void expect_regs(const struct bench *b, const struct regs *r, struct expected *e)
{
    const struct x86_info *info = &x86_infos[b->inst.op];
    uint16_t op = b->inst.op;
    bool is_vex = (info->flags & X_VEX_ONLY) != 0 ||
                  ((info->flags & X_VEX) != 0 && (b->options.cpu_features & ENGINE_CPU_AVX) != 0);
    bool has_reg = info->form != FORM_M && info->form != FORM_VM;
    bool is_count = IS_ONE_OF(op, X86_SHLX, X86_SARX, X86_SHRX, X86_BZHI);
    e->n = 0;
    if (is_rm_first(op)) {
        e->regs[e->n++] = r->rm;
        e->regs[e->n++] = r->reg;
        return;
    }
    if (has_reg) {
        e->regs[e->n++] = r->reg;
    }
    if (is_vex && (info->flags & X_MERGE) != 0) {
        e->regs[e->n++] = r->rm == -1 ? r->reg : r->rm;
    }
    if (is_vex && info->form != FORM_RM && info->form != FORM_MR && !is_count) {
        e->regs[e->n++] = r->vvvv;
    }
    e->regs[e->n++] = r->rm;
    if (is_count) {
        e->regs[e->n++] = r->vvvv;
    }
    if (info->form == FORM_RVRM) {
        e->regs[e->n++] = r->is4;
    }
}

static void set_op(struct bench *b, uint32_t k, int loc)
{
    b->ops[k] = (struct mir_operand){.vreg = 1, .loc = (uint8_t)loc};
}

/* Puts the registers where the form wants them; answers at which operand rm begins. */
static uint32_t set_regs(struct bench *b, const struct regs *r)
{
    const struct x86_info *info = &x86_infos[b->inst.op];
    bool is_reg = b->inst.sub[1] == MODE_REG;
    int vec = (info->flags & X_VEX) != 0 ? REG_VEC0 : 0;
    switch ((enum x86_form)info->form) {
    case FORM_RM: set_op(b, 0, r->reg + vec); return 1;
    case FORM_RVM:
        set_op(b, 0, r->reg + vec);
        set_op(b, 1, r->vvvv + vec);
        return 2;
    case FORM_VM:
        set_op(b, 0, r->vvvv + vec);
        set_op(b, 1, r->vvvv + vec);
        return 1;
    case FORM_MR:
    case FORM_RR: set_op(b, is_reg ? 1 : 0, r->reg + vec); return is_reg ? 0 : 1;
    case FORM_RVRM:
        set_op(b, 0, r->reg + vec);
        set_op(b, 1, r->vvvv + vec);
        set_op(b, 2, r->is4 + vec);
        return 3;
    case FORM_XR:
        set_op(b, 0, RAX);
        set_op(b, 1, r->reg);
        return 2;
    case FORM_M:
    case FORM_NONE:
    case FORM_PSEUDO: break;
    }
    return 0;
}

static void check_regs(struct bench *b, struct regs r, struct expected e)
{
    const struct x86_info *info = &x86_infos[b->inst.op];
    int vec = (info->flags & X_VEX) != 0 ? REG_VEC0 : 0;
    bool is_vex = (info->flags & X_VEX_ONLY) != 0 ||
                  ((info->flags & X_VEX) != 0 && (b->options.cpu_features & ENGINE_CPU_AVX) != 0);
    if (info->form == FORM_VM && !is_vex) { /* tied */
        r.vvvv = r.rm;
    }
    b->inst.sub[1] = MODE_REG;
    uint32_t at = set_regs(b, &r);
    set_op(b, at, r.rm + vec);
    expect_regs(b, &r, &e);
    bool may_swap = is_vex && (info->flags & X_COMM) != 0 && r.rm >= 8 && r.vvvv < 8;
    if (may_swap && info->map == 1) {
        e.regs[1] = r.rm;
        e.regs[2] = r.vvvv;
    }
    check(b, &e);
}

static void check_mem(struct bench *b, struct regs r, struct expected e, enum x86_mode mode,
                      int base, int index, int scale, int32_t disp)
{
    r.rm = -1;
    b->inst.sub[1] = mode;
    b->inst.sub[2] = (uint8_t)scale;
    b->inst.disp = disp;
    uint32_t at = set_regs(b, &r);
    if (mode == MODE_BASE || mode == MODE_BASE_INDEX) {
        set_op(b, at++, base);
    }
    if (mode != MODE_BASE && index >= 0) {
        set_op(b, at, index);
    }
    e.base = mode == MODE_P || mode == MODE_P_INDEX   ? R15
             : mode == MODE_M || mode == MODE_M_INDEX ? R14
             : mode == MODE_OUT                       ? RSP
             : mode == MODE_INDEX                     ? -1
                                                      : base;
    e.index =
        mode == MODE_P || mode == MODE_M || mode == MODE_BASE || mode == MODE_OUT ? -1 : index;
    e.scale = 1 << scale;
    e.disp = disp;
    if (mode == MODE_BASE_INDEX && scale == 0 && (base & 7) == 5 && disp == 0) {
        e.base = index;
        e.index = base;
    }
    expect_regs(b, &r, &e);
    check(b, &e);
}

static void check_all_mems(struct bench *b, const struct regs *r, const struct expected *e)
{
    static const int32_t disps[] = {0, 1, -1, 127, -128, 128, -129, 0x12345678, -64};
    static const uint8_t bases[] = {RAX, RBX, RBP, RSI, R8, R12, R13, R14};
    for (uint32_t d = 0; d < sizeof disps / sizeof disps[0]; d++) {
        check_mem(b, *r, *e, MODE_P, 0, -1, 0, disps[d]);
        check_mem(b, *r, *e, MODE_OUT, 0, -1, 0, disps[d]);
        check_mem(b, *r, *e, MODE_M, 0, -1, 0, disps[d]);
        for (uint32_t i = 0; i < sizeof bases; i++) {
            int scale = (int)((d + i) % 4);
            check_mem(b, *r, *e, MODE_P_INDEX, 0, bases[i], scale, disps[d]);
            check_mem(b, *r, *e, MODE_M_INDEX, 0, bases[i], scale, disps[d]);
            check_mem(b, *r, *e, MODE_BASE, bases[i], -1, 0, disps[d]);
            check_mem(b, *r, *e, MODE_BASE_INDEX, bases[i], bases[(i + d) % 8], scale, disps[d]);
            check_mem(b, *r, *e, MODE_INDEX, 0, bases[i], scale, disps[d]);
        }
    }
}

static void check_row(struct bench *b, uint16_t op, uint8_t size, int64_t imm)
{
    static const int numbers[] = {0, 1, 3, 4, 5, 6, 7, 8, 9, 12, 13, 14};
    const struct x86_info *info = &x86_infos[op];
    bool has_imm = (info->flags & (X_IMM8 | X_IMM | X_IMM32)) != 0;
    struct expected e = {.has_imm = has_imm, .imm = imm};
    b->inst = (struct mir_inst){.op = op, .n_operands = 6, .imm = (uint64_t)imm};
    b->inst.sub[0] = size;
    for (uint32_t i = 0; i < 12; i++) {
        struct regs r = {numbers[i], numbers[(i * 5 + 1) % 12], numbers[(i * 7 + 3) % 12], 0};
        for (uint32_t k = 0; k < 12 && !is_memory_only(op); k++) {
            r.rm = numbers[k];
            check_regs(b, r, e);
        }
        if (!is_register_only(op)) {
            check_all_mems(b, &r, &e);
        }
    }
}

static bool has_narrow_form(uint16_t op)
{
    const struct x86_info *info = &x86_infos[op];
    if ((info->flags & (X_VEX_ONLY | X_VEX)) != 0 || info->prefix != 0 ||
        IS_ONE_OF(op, X86_LEA, X86_MOVSX8, X86_MOVSX16, X86_IMULI, X86_BT, X86_BTI)) {
        return false;
    }
    return info->map == 0 || IS_ONE_OF(op, X86_LOCK_XADD, X86_LOCK_CMPXCHG);
}

static void check_sizes(struct bench *b, uint16_t op)
{
    const struct x86_info *info = &x86_infos[op];
    static const int64_t imms[] = {0, 1, -1, 5, 127, -128, 128, 0x1234, 0x12345678, -0x12345678};
    bool is_wide_imm = (info->flags & (X_IMM | X_IMM32)) != 0;
    for (uint32_t size = 1; size <= 8; size *= 2) {
        bool is_sized = (info->flags & X_SZ) != 0;
        if ((!is_sized && size != 4) || (is_sized && size < 4 && !has_narrow_form(op))) {
            continue;
        }
        for (uint32_t i = 0; i < (is_wide_imm ? 10 : 1); i++) {
            check_row(b, op, is_sized ? (uint8_t)size : 0, is_wide_imm ? imms[i] : 21);
        }
        if ((info->flags & X_IMM8) != 0 && info->opcode == 0xc1) {
            check_row(b, op, (uint8_t)size, 1);
        }
    }
}

static void every_row(void **state)
{
    (void)state;
    static struct bench b;
    b.arena = test_arena_new(ARENA_BYTES);
    assert_int_equal(cs_open(CS_ARCH_X86, CS_MODE_64, &b.capstone), CS_ERR_OK);
    cs_option(b.capstone, CS_OPT_DETAIL, CS_OPT_ON);
    for (uint32_t avx = 0; avx < 2; avx++) {
        b.options.cpu_features = avx != 0 ? ENGINE_CPU_ALL : 0;
        for (uint16_t op = 0; op < X86_OP_COUNT; op++) {
            uint8_t form = x86_infos[op].form;
            if (form != FORM_PSEUDO && form != FORM_NONE) {
                check_sizes(&b, op);
            }
        }
    }
    cs_close(&b.capstone);
    test_arena_free(&b.arena);
}

int main(void)
{
    const struct CMUnitTest tests[] = {cmocka_unit_test(every_row)};
    return cmocka_run_group_tests(tests, NULL, NULL);
}
