/*
 * Reads a function from the text that text.h describes: for tests, and for people who try things.
 *
 * Two walks. The first counts words and finds the largest numbers, so that all room is made in
 * advance and the text's values get the numbers they have there. The second builds; edges into
 * blocks are known only at its end, and are then compared with the predecessors that the text
 * names. What comes out is safe to walk, but only as right as the text: ssa_verify says more.
 *
 * fn->arena must be set. All memory comes from it, and little more than the function is used.
 */
#include <string.h>

#include "engine/ssa/text.h"

#define PARSE_MAX_VALUES (1u << 22)
#define PARSE_MAX_BLOCKS (1u << 20)

struct word {
    const char *at;
    size_t len_bytes;
};

struct parser {
    struct ssa_func *fn;
    const char *at;
    uint32_t line;
    const char *error; /* the first one, or null */
    status_t status;
    /* found by the first walk */
    uint32_t n_words, n_lines, n_values, n_blocks, n_loops;
    /* of the second */
    uint32_t *inst_lines;  /* [by value] where it was defined; 0: not yet */
    uint32_t *block_lines; /* [by block] */
    uint32_t *seen;        /* [by block] 1 + the block that last named it as a successor */
    uint32_t *place;       /* [by block] its index among that one's successors */
    uint8_t *has_preds;    /* [by block] the text names its predecessors */
};

/* Always false, so that a caller can return it. */
static bool fail(struct parser *p, const char *error)
{
    if (p->error == NULL) {
        p->error = error;
        p->status = ERR_MALFORMED;
    }
    return false;
}

static bool fail_status(struct parser *p, status_t status)
{
    if (status != STATUS_OK && p->error == NULL) {
        p->error = status_text(status);
        p->status = status;
    }
    return status == STATUS_OK;
}

/* ---- Words ---- */

static bool is_word_char(char c)
{
    return (c >= 'a' && c <= 'z') || (c >= 'A' && c <= 'Z') || (c >= '0' && c <= '9') || c == '_' ||
           c == '.';
}

static void skip_blanks(struct parser *p)
{
    while (*p->at == ' ' || *p->at == '\t' || *p->at == '\r') {
        p->at++;
    }
    if (*p->at == ';') {
        while (*p->at != '\n' && *p->at != '\0') {
            p->at++;
        }
    }
}

/* To the next line that has something on it. */
static void skip_lines(struct parser *p)
{
    skip_blanks(p);
    while (*p->at == '\n') {
        p->at++;
        p->line++;
        skip_blanks(p);
    }
}

static struct word peek_word(struct parser *p)
{
    skip_blanks(p);
    struct word word = {p->at, 0};
    while (is_word_char(word.at[word.len_bytes])) {
        word.len_bytes++;
    }
    return word;
}

static struct word take_word(struct parser *p)
{
    struct word word = peek_word(p);
    p->at += word.len_bytes;
    return word;
}

static bool word_is(struct word word, const char *text)
{
    return strlen(text) == word.len_bytes && memcmp(word.at, text, word.len_bytes) == 0;
}

static bool accept_word(struct parser *p, const char *text)
{
    struct word word = peek_word(p);
    if (!word_is(word, text)) {
        return false;
    }
    p->at += word.len_bytes;
    return true;
}

static char peek(struct parser *p)
{
    skip_blanks(p);
    return *p->at;
}

static bool accept(struct parser *p, char c)
{
    if (peek(p) != c) {
        return false;
    }
    p->at++;
    return true;
}

static bool expect(struct parser *p, char c, const char *error)
{
    return accept(p, c) || fail(p, error);
}

static bool expect_line_end(struct parser *p)
{
    return peek(p) == '\n' || *p->at == '\0' || fail(p, "something is left at the line's end");
}

/* False if it isn't all digits or has more than 64 bits. */
static bool word_digits(struct word word, uint64_t base, uint64_t *out)
{
    uint64_t value = 0;
    for (size_t i = 0; i < word.len_bytes; i++) {
        char c = word.at[i];
        uint64_t digit = c >= '0' && c <= '9'   ? (uint64_t)(c - '0')
                         : c >= 'a' && c <= 'f' ? (uint64_t)(c - 'a') + 10
                                                : 16;
        if (digit >= base || __builtin_mul_overflow(value, base, &value) ||
            __builtin_add_overflow(value, digit, &value)) {
            return false;
        }
    }
    *out = value;
    return word.len_bytes != 0;
}

/* Decimal, or hexadecimal after 0x. */
static bool word_number(struct word word, uint64_t *out)
{
    if (word.len_bytes > 2 && word.at[0] == '0' && word.at[1] == 'x') {
        return word_digits((struct word){word.at + 2, word.len_bytes - 2}, 16, out);
    }
    return word_digits(word, 10, out);
}

/* A letter and a decimal number: v12, b3, f0. */
static bool word_index(struct word word, char letter, uint32_t *out)
{
    struct word digits = {word.at + 1, word.len_bytes - 1};
    uint64_t value;
    if (word.len_bytes < 2 || word.at[0] != letter || (word.at[1] == '0' && word.len_bytes > 2) ||
        !word_digits(digits, 10, &value) || value > UINT32_MAX) {
        return false;
    }
    *out = (uint32_t)value;
    return true;
}

static bool take_number(struct parser *p, uint64_t max, uint64_t *out)
{
    return (word_number(take_word(p), out) && *out <= max) || fail(p, "a number expected");
}

static bool take_u32(struct parser *p, uint32_t *out)
{
    uint64_t value = 0;
    bool is_ok = take_number(p, UINT32_MAX, &value);
    *out = (uint32_t)value;
    return is_ok;
}

/* With an optional sign; as 64 bits in two's complement. */
static bool take_signed(struct parser *p, uint64_t *out)
{
    bool is_negative = accept(p, '-');
    if (!take_number(p, is_negative ? UINT64_C(1) << 63 : UINT64_MAX, out)) {
        return false;
    }
    *out = is_negative ? 0 - *out : *out;
    return true;
}

static bool find_name(struct word word, const char *const *names, uint32_t n, uint32_t *out)
{
    for (uint32_t i = 0; i < n; i++) {
        if (names[i] != NULL && word_is(word, names[i])) {
            *out = i;
            return true;
        }
    }
    return false;
}

static bool accept_type(struct parser *p, uint8_t *out)
{
    struct word word = peek_word(p);
    uint32_t type;
    if (!find_name(word, text_types, T_COUNT, &type) || type == T_VOID) {
        return false;
    }
    p->at += word.len_bytes;
    *out = (uint8_t)type;
    return true;
}

static bool take_block(struct parser *p, uint32_t *out)
{
    return (word_index(take_word(p), 'b', out) && *out < p->n_blocks) ||
           fail(p, "a block of this function expected");
}

/* ---- Constants ---- */

#define PARSE_FRACTION_DIGITS 10 /* exact ones have as many digits as bits: see print.c */

/* mantissa * 2^-point as the bits of a float, if that is exact. */
static bool float_bits(uint8_t type, uint64_t mantissa, int point, uint64_t *out)
{
    int n_mantissa = type == T_F32 ? 23 : 52;
    int bias = type == T_F32 ? 127 : 1023;
    if (mantissa == 0) {
        *out = 0;
        return true;
    }
    int n_zeros = __builtin_ctzll(mantissa);
    mantissa >>= n_zeros;
    int top = 63 - __builtin_clzll(mantissa);
    int exponent = top + n_zeros - point + bias;
    if (top > n_mantissa || exponent >= 2 * bias + 1) {
        return false;
    }
    mantissa = (mantissa << (n_mantissa - top)) & ((UINT64_C(1) << n_mantissa) - 1);
    *out = (uint64_t)exponent << n_mantissa | mantissa;
    return true;
}

static bool decimal_bits(uint8_t type, struct word word, uint64_t *out)
{
    struct word whole = {word.at, 0};
    while (whole.len_bytes < word.len_bytes && word.at[whole.len_bytes] != '.') {
        whole.len_bytes++;
    }
    struct word digits = {word.at, 0};
    if (whole.len_bytes < word.len_bytes) {
        digits = (struct word){word.at + whole.len_bytes + 1, word.len_bytes - whole.len_bytes - 1};
    }
    while (digits.len_bytes > 0 && digits.at[digits.len_bytes - 1] == '0') {
        digits.len_bytes--;
    }
    uint64_t mantissa;
    uint64_t fraction = 0;
    if (!word_digits(whole, 10, &mantissa) || mantissa > UINT64_C(1) << 53 ||
        digits.len_bytes > PARSE_FRACTION_DIGITS ||
        (digits.len_bytes > 0 && !word_digits(digits, 10, &fraction))) {
        return false;
    }
    uint64_t power = 1;
    for (size_t i = 0; i < digits.len_bytes; i++) {
        power *= 5; /* x / 10^n = (x / 5^n) / 2^n */
    }
    if (fraction % power != 0) {
        return false;
    }
    mantissa = (mantissa << digits.len_bytes) + fraction / power;
    return float_bits(type, mantissa, (int)digits.len_bytes, out);
}

static bool take_float(struct parser *p, uint8_t type, uint64_t *out)
{
    bool is_negative = accept(p, '-');
    struct word word = take_word(p);
    unsigned n_bits = type == T_F32 ? 32 : 64;
    if (word.len_bytes > 2 && word.at[1] == 'x') {
        return (!is_negative && word_number(word, out) && *out >> (n_bits - 1) <= 1) ||
               fail(p, "not the bits of a float");
    }
    if (!decimal_bits(type, word, out)) {
        return fail(p, "not the exact value of a float; write its bits: 0x...");
    }
    *out |= (uint64_t)is_negative << (n_bits - 1);
    return true;
}

static bool take_integer(struct parser *p, uint8_t type, uint64_t *out)
{
    bool is_negative = peek(p) == '-';
    if (!take_signed(p, out)) {
        return false;
    }
    if (type == T_I32) {
        bool fits =
            is_negative ? *out >= UINT64_C(0xffffffff80000000) || *out == 0 : *out <= UINT32_MAX;
        *out &= UINT32_MAX;
        return fits || fail(p, "too large for an i32");
    }
    return true;
}

/* Behind the #. */
static bool take_bytes(struct parser *p, uint32_t *out)
{
    uint8_t bytes[16];
    struct word word = take_word(p);
    if (word.len_bytes != 32) {
        return fail(p, "a vector constant has 32 digits");
    }
    for (size_t i = 0; i < 16; i++) {
        uint64_t byte;
        if (!word_digits((struct word){word.at + 2 * i, 2}, 16, &byte)) {
            return fail(p, "a vector constant has 32 digits");
        }
        bytes[i] = (uint8_t)byte;
    }
    val_t v = VAL_NONE;
    bool is_ok = fail_status(p, ssa_vconst(p->fn, bytes, &v));
    *out = v.i;
    return is_ok;
}

/* A value, or a constant; bare: the type of one that doesn't say. */
static bool take_value(struct parser *p, uint8_t bare, uint32_t *out)
{
    struct word word = peek_word(p);
    uint64_t bits;
    if (word_index(word, 'v', out) && !word_is(word, "v128")) {
        p->at += word.len_bytes;
        return *out != 0 || fail(p, "v0 is no value");
    }
    if (word_is(word, "v128")) { /* a value: vectors have no type before them */
        p->at += word.len_bytes;
        *out = 128;
        return true;
    }
    if (accept(p, '#')) {
        return take_bytes(p, out);
    }
    uint8_t type = bare;
    accept_type(p, &type);
    if (type == T_V128) {
        return fail(p, "a value or a constant expected");
    }
    bool is_float = type == T_F32 || type == T_F64;
    if (!(is_float ? take_float(p, type, &bits) : take_integer(p, type, &bits))) {
        return false;
    }
    *out = ssa_const(p->fn, type, bits).i;
    return true;
}

/* ---- Instructions ---- */

static void pool_add(struct parser *p, uint32_t word)
{
    p->fn->pool[p->fn->n_pool++] = word;
}

/* The type behind the colon, further on in this line. */
static uint8_t result_type(const struct parser *p)
{
    struct parser ahead = *p;
    while (*ahead.at != ':' && *ahead.at != '\n' && *ahead.at != ';' && *ahead.at != '\0') {
        ahead.at++;
    }
    uint8_t type = T_VOID;
    if (accept(&ahead, ':')) {
        accept_type(&ahead, &type);
    }
    return type;
}

/* What has no text of its own, or never stands in a block, is not found. */
static bool find_op(struct word word, uint16_t *out)
{
    for (uint32_t op = 0; op < SSA_OP_COUNT; op++) {
        bool is_hidden = op == SSA_NOP || op == SSA_COPY || op == SSA_CONST || op == SSA_VCONST ||
                         op == SSA_V_V128_CONST;
        if (!is_hidden && word_is(word, ssa_op_infos[op].text)) {
            *out = (uint16_t)op;
            return true;
        }
    }
    return false;
}

/* NAME or NAME.BITS. */
static bool take_op(struct parser *p, struct ssa_inst *inst)
{
    struct word word = take_word(p);
    if (find_op(word, &inst->op)) {
        return !(text_forms[inst->op] & TEXT_WIDTH) || fail(p, "the width is missing: NAME.BITS");
    }
    struct word name = word;
    while (name.len_bytes > 0 && name.at[name.len_bytes - 1] != '.') {
        name.len_bytes--;
    }
    struct word bits = {name.at + name.len_bytes, word.len_bytes - name.len_bytes};
    name.len_bytes -= name.len_bytes > 0;
    static const char *const widths[] = {"8", "16", "32", "64"};
    uint32_t width;
    if (!find_op(name, &inst->op) || !(text_forms[inst->op] & TEXT_WIDTH) ||
        !find_name(bits, widths, 4, &width)) {
        return fail(p, "no such operation");
    }
    inst->sub = (uint8_t)width;
    return true;
}

static bool take_field(struct parser *p, struct ssa_inst *inst)
{
    uint32_t field;
    if (!find_name(take_word(p), text_fields, TEXT_N_FIELDS, &field)) {
        return fail(p, "fixed, global, sizes or shared expected");
    }
    inst->sub = (uint8_t)field;
    return true;
}

static bool take_place(struct parser *p, struct ssa_inst *inst)
{
    return expect(p, '[', "[offset] expected") && take_signed(p, &inst->imm) &&
           expect(p, ']', "[offset] expected");
}

/* *n_operands counts what commas separate. */
static bool take_subject(struct parser *p, struct ssa_inst *inst, uint16_t form,
                         uint32_t *n_operands)
{
    uint32_t index;
    if (form & TEXT_INDEX) {
        ++*n_operands;
        return take_number(p, UINT64_MAX, &inst->imm);
    }
    if (form & TEXT_FIELD && !take_field(p, inst)) {
        return false;
    }
    if (form & TEXT_PLACE) {
        ++*n_operands;
        return take_place(p, inst);
    }
    if (!(form & TEXT_CALL)) {
        return true;
    }
    struct word word = take_word(p);
    if (!(form & TEXT_HELPER ? find_name(word, text_helpers, text_n_helpers, &index)
                             : word_index(word, form & TEXT_FUNC ? 'f' : 't', &index))) {
        return fail(p, "fN, tN or the name of a helper expected");
    }
    inst->imm = index;
    return expect(p, '(', "( expected");
}

static bool take_arg(struct parser *p, struct ssa_inst *inst, uint16_t form, uint32_t i,
                     uint32_t *out)
{
    if (!take_value(p, inst->type == T_VOID ? (uint8_t)T_I32 : inst->type, out)) {
        return false;
    }
    return i != 0 || !(form & TEXT_OFFSET) || !accept(p, '+') || take_signed(p, &inst->imm);
}

/* Whether an argument can begin here. */
static bool has_arg(struct parser *p)
{
    return is_word_char(peek(p)) || *p->at == '-' || *p->at == '#';
}

static bool take_var_args(struct parser *p, struct ssa_inst *inst, uint16_t form)
{
    inst->arg[0] = p->fn->n_pool;
    bool has_more = has_arg(p);
    while (has_more) {
        uint32_t v;
        if (!take_arg(p, inst, form, 1, &v)) {
            return false;
        }
        pool_add(p, v);
        inst->arg[1]++;
        has_more = accept(p, ',');
    }
    return !(form & TEXT_CALL) || expect(p, ')', ", or ) expected");
}

static bool take_comma(struct parser *p, uint32_t *n_operands)
{
    return (*n_operands)++ == 0 || expect(p, ',', ", expected");
}

static bool take_args(struct parser *p, struct ssa_inst *inst, uint16_t form, uint32_t *n_operands)
{
    uint32_t n = ssa_op_infos[inst->op].n_args;
    if (n == SSA_VAR_ARGS) {
        return take_var_args(p, inst, form);
    }
    for (uint32_t i = 0; i < n; i++) {
        if (!take_comma(p, n_operands) || !take_arg(p, inst, form, i, &inst->arg[i])) {
            return false;
        }
    }
    return true;
}

/* Successors of the block that is being read, each once; a table names places among them. */
static bool take_succs(struct parser *p, struct ssa_inst *inst, uint16_t form, uint32_t *n_operands)
{
    struct ssa_func *fn = p->fn;
    uint32_t b = fn->n_blocks - 1;
    struct ssa_block *block = &fn->blocks[b];
    if (block->n_succs != 0) {
        return fail(p, "a block has one end");
    }
    uint32_t n = 0;
    uint32_t start = fn->n_pool;
    do {
        uint32_t to;
        if (!take_comma(p, n_operands) || !take_block(p, &to)) {
            return false;
        }
        pool_add(p, to);
        n++;
    } while (peek(p) == ',');
    block->succ_start = fn->n_pool;
    for (uint32_t i = 0; i < n; i++) {
        uint32_t to = fn->pool[start + i];
        if (p->seen[to] != b + 1) {
            p->seen[to] = b + 1;
            p->place[to] = block->n_succs++;
            pool_add(p, to);
        } else if (form & TEXT_SUCCS) {
            return fail(p, "a block leads to another only once");
        }
        fn->pool[start + i] = p->place[to]; /* the names become the table */
    }
    if (form & TEXT_TABLE) {
        inst->imm = start;
        inst->arg[1] = n;
    }
    return true;
}

static bool take_details(struct parser *p, struct ssa_inst *inst, uint16_t form,
                         uint32_t *n_operands)
{
    uint32_t index;
    uint64_t number;
    if (form & TEXT_NUMBER &&
        (!take_comma(p, n_operands) || !take_number(p, UINT64_MAX, &inst->imm))) {
        return false;
    }
    if (form & TEXT_LANE) {
        if (!take_comma(p, n_operands) || !accept_word(p, "lane") ||
            !take_number(p, UINT8_MAX, &number)) {
            return fail(p, "lane N expected");
        }
        inst->sub = (uint8_t)number;
    }
    if (form & TEXT_SHUFFLE) {
        if (!take_comma(p, n_operands) || !expect(p, '#', "#BYTES expected") ||
            !take_bytes(p, &index)) {
            return false;
        }
        inst->imm = p->fn->insts[index].imm;
    }
    if (form & TEXT_TRAP) {
        if (!take_comma(p, n_operands) ||
            !find_name(take_word(p), text_traps, TEXT_N_TRAPS, &index)) {
            return fail(p, "the name of a trap expected");
        }
        inst->sub = (uint8_t)index;
    }
    return true;
}

/* What is said in words at the end: likely, sub=N, imm=N. */
static bool take_marks(struct parser *p, struct ssa_inst *inst, uint16_t form)
{
    struct word word = peek_word(p);
    uint32_t likely;
    if (form & TEXT_LIKELY && find_name(word, text_likely, TEXT_N_LIKELY, &likely)) {
        take_word(p);
        inst->imm = likely;
        return true;
    }
    uint64_t number;
    if (!(form & TEXT_USES_SUB) && accept_word(p, "sub")) {
        if (!expect(p, '=', "sub=N expected") || !take_number(p, UINT8_MAX, &number)) {
            return false;
        }
        inst->sub = (uint8_t)number;
    }
    if (!(form & TEXT_USES_IMM) && accept_word(p, "imm")) {
        return expect(p, '=', "imm=N expected") && take_number(p, UINT64_MAX, &inst->imm);
    }
    return true;
}

static bool take_operands(struct parser *p, struct ssa_inst *inst)
{
    uint16_t form = text_forms[inst->op];
    uint32_t n_operands = 0;
    if (!take_subject(p, inst, form, &n_operands) || !take_args(p, inst, form, &n_operands)) {
        return false;
    }
    if (form & (TEXT_SUCCS | TEXT_TABLE) && !take_succs(p, inst, form, &n_operands)) {
        return false;
    }
    return take_details(p, inst, form, &n_operands) && take_marks(p, inst, form);
}

static bool take_inst(struct parser *p)
{
    struct ssa_func *fn = p->fn;
    struct ssa_inst inst = {.type = result_type(p)};
    struct word word = peek_word(p);
    struct parser start = *p;
    uint32_t v = 0;
    take_word(p);
    if (word_index(word, 'v', &v) && accept(p, '=')) {
        if (v == 0 || p->inst_lines[v] != 0) {
            return fail(p, v == 0 ? "v0 is no value" : "this value is already defined");
        }
        if (inst.type == T_VOID) {
            return fail(p, "the type of the value is missing, or is none");
        }
    } else {
        p->at = start.at;
        v = ssa_new(fn, SSA_NOP, T_VOID).i;
        if (inst.type != T_VOID) {
            return fail(p, "a value without a name");
        }
    }
    p->inst_lines[v] = p->line;
    uint8_t type;
    if (!take_op(p, &inst) || !take_operands(p, &inst)) {
        return false;
    }
    if (accept(p, ':') && !accept_type(p, &type)) {
        return fail(p, "a type expected");
    }
    if (accept(p, '@') && !take_u32(p, &inst.pos)) {
        return false;
    }
    fn->insts[v] = inst;
    ssa_append(fn, (blk_t){fn->n_blocks - 1}, (val_t){v});
    return true;
}

/* ---- Blocks and functions ---- */

static bool take_preds(struct parser *p, struct ssa_block *block)
{
    block->pred_start = p->fn->n_pool;
    do {
        uint32_t pred;
        if (!take_block(p, &pred)) {
            return false;
        }
        pool_add(p, pred);
        block->n_preds++;
    } while (accept(p, ','));
    return expect(p, ')', ", or ) expected");
}

/* Behind the colon of a block's name. */
static bool take_block_head(struct parser *p)
{
    struct ssa_func *fn = p->fn;
    uint32_t b = fn->n_blocks++;
    struct ssa_block *block = &fn->blocks[b];
    *block = (struct ssa_block){.is_sealed = true};
    p->block_lines[b] = p->line;
    if (accept_word(p, "dead")) {
        block->is_dead = true;
        return true;
    }
    if (accept(p, '(')) {
        p->has_preds[b] = true;
        if (!take_preds(p, block)) {
            return false;
        }
    }
    if (accept_word(p, "loop")) {
        if (!take_u32(p, &block->loop) || block->loop >= fn->n_loops) {
            return fail(p, "no such loop");
        }
    }
    block->is_cold = accept_word(p, "cold");
    return true;
}

/* Behind "loop". */
static bool take_loop(struct parser *p)
{
    struct ssa_func *fn = p->fn;
    uint32_t i;
    struct ssa_loop loop = {0};
    if (!take_u32(p, &i) || !expect(p, ':', "loop N: expected") || !take_block(p, &loop.header)) {
        return false;
    }
    if (i != fn->n_loops) {
        return fail(p, "loops are numbered from 1 up");
    }
    if (accept_word(p, "in") && (!take_u32(p, &loop.parent) || loop.parent >= i)) {
        return fail(p, "a loop's parent comes before it");
    }
    loop.depth = fn->loops[loop.parent].depth + 1;
    loop.has_call = accept_word(p, "calls");
    loop.has_store = accept_word(p, "stores");
    fn->loops[fn->n_loops++] = loop;
    return true;
}

static bool take_types(struct parser *p, uint8_t *types, uint32_t *n)
{
    *n = 0;
    if (!expect(p, '(', "( expected")) {
        return false;
    }
    if (accept(p, ')')) {
        return true;
    }
    do {
        if (!accept_type(p, &types[*n])) {
            return fail(p, "a type expected");
        }
        ++*n;
    } while (accept(p, ','));
    return expect(p, ')', ", or ) expected");
}

static bool take_head(struct parser *p)
{
    struct ssa_func *fn = p->fn;
    uint8_t *types = arena_alloc(fn->arena, (size_t)p->n_words + 1);
    if (types == NULL) {
        return fail_status(p, ERR_NO_MEMORY);
    }
    if (!accept_word(p, "func")) {
        return fail(p, "func N (types) -> (types) expected");
    }
    if (!take_u32(p, &fn->funcidx) || (accept_word(p, "type") && !take_u32(p, &fn->typeidx)) ||
        !take_types(p, types, &fn->n_params) || !expect(p, '-', "-> expected") ||
        !expect(p, '>', "-> expected") || !take_types(p, types + fn->n_params, &fn->n_results)) {
        return false;
    }
    fn->param_types = types;
    fn->result_types = types + fn->n_params;
    return true;
}

static bool take_line(struct parser *p)
{
    struct ssa_func *fn = p->fn;
    struct parser start = *p;
    struct word word = take_word(p);
    uint32_t b;
    if (word_index(word, 'b', &b) && accept(p, ':')) {
        if (b != fn->n_blocks) {
            return fail(p, "blocks are numbered from 0 up, and stand in that order");
        }
        return take_block_head(p);
    }
    if (word_is(word, "loop") && fn->n_blocks == 0) {
        return take_loop(p);
    }
    if (fn->n_blocks == 0 || fn->blocks[fn->n_blocks - 1].is_dead) {
        return fail(p, "an instruction outside of any block");
    }
    p->at = start.at;
    return take_inst(p);
}

static void count(struct parser *p)
{
    struct parser q = *p;
    uint32_t n;
    q.n_values = 1;
    for (skip_lines(&q); *q.at != '\0'; skip_lines(&q)) {
        struct word word = take_word(&q);
        if (word.len_bytes == 0) {
            q.at++;
        } else {
            q.n_words++;
        }
        if (word_index(word, 'v', &n) && n >= q.n_values) {
            q.n_values = n < PARSE_MAX_VALUES ? n + 1 : PARSE_MAX_VALUES + 1;
        }
        if (word_index(word, 'b', &n) && accept(&q, ':')) {
            q.n_blocks++;
        }
        q.n_loops += word_is(word, "loop");
    }
    p->n_words = q.n_words;
    p->n_lines = q.line;
    p->n_values = q.n_values;
    p->n_blocks = q.n_blocks;
    p->n_loops = q.n_loops;
}

/* Room for all that the text can become: no more than a few instructions and words per word. */
static bool make_room(struct parser *p)
{
    struct ssa_func *fn = p->fn;
    if (p->n_values > PARSE_MAX_VALUES || p->n_blocks > PARSE_MAX_BLOCKS ||
        p->n_words > UINT32_MAX / 16 || p->n_lines > UINT32_MAX / 16) {
        return fail_status(p, ERR_LIMIT);
    }
    uint32_t n_insts = p->n_values + p->n_words + p->n_lines;
    p->inst_lines = arena_zalloc(fn->arena, n_insts, sizeof *p->inst_lines);
    p->block_lines = arena_zalloc(fn->arena, p->n_blocks + 1, sizeof *p->block_lines);
    p->seen = arena_zalloc(fn->arena, p->n_blocks + 1, sizeof *p->seen);
    p->place = arena_zalloc(fn->arena, p->n_blocks + 1, sizeof *p->place);
    p->has_preds = arena_zalloc(fn->arena, p->n_blocks + 1, 1);
    if (p->inst_lines == NULL || p->block_lines == NULL || p->seen == NULL || p->place == NULL ||
        p->has_preds == NULL) {
        return fail_status(p, ERR_NO_MEMORY);
    }
    return fail_status(p, ssa_reserve_insts(fn, n_insts)) &&
           fail_status(p, ssa_reserve_blocks(fn, p->n_blocks)) &&
           fail_status(p, ssa_reserve_loops(fn, p->n_loops)) &&
           fail_status(p, ssa_reserve_pool(fn, 4 * p->n_words));
}

/* The edges into all blocks: starts[b] is where those into b begin in the pool, by origin. */
static void find_edges(struct parser *p, uint32_t *starts, uint32_t *n_edges)
{
    struct ssa_func *fn = p->fn;
    memset(n_edges, 0, fn->n_blocks * sizeof *n_edges);
    for (uint32_t b = 0; b < fn->n_blocks; b++) {
        const uint32_t *succs = ssa_succs(fn, &fn->blocks[b]);
        for (uint32_t i = 0; i < fn->blocks[b].n_succs; i++) {
            n_edges[succs[i]]++;
        }
    }
    for (uint32_t b = 0; b < fn->n_blocks; b++) {
        starts[b] = fn->n_pool;
        fn->n_pool += n_edges[b];
        n_edges[b] = 0;
    }
    for (uint32_t b = 0; b < fn->n_blocks; b++) {
        const uint32_t *succs = ssa_succs(fn, &fn->blocks[b]);
        for (uint32_t i = 0; i < fn->blocks[b].n_succs; i++) {
            uint32_t to = succs[i];
            fn->pool[starts[to] + n_edges[to]++] = b;
        }
    }
}

/* Whether the predecessors that the text names are the edges; uses marks[]. */
static bool check_preds(struct parser *p, uint32_t b, const uint32_t *edges, uint32_t n_edges,
                        uint32_t *marks)
{
    const struct ssa_block *block = &p->fn->blocks[b];
    const uint32_t *preds = ssa_preds(p->fn, block);
    for (uint32_t i = 0; i < n_edges; i++) {
        marks[edges[i]] = b + 1;
    }
    for (uint32_t i = 0; i < block->n_preds; i++) {
        if (marks[preds[i]] != b + 1) {
            return fail(p, "a predecessor is named twice or doesn't lead here");
        }
        marks[preds[i]] = 0;
    }
    return block->n_preds == n_edges || fail(p, "a predecessor is missing");
}

static bool find_preds(struct parser *p)
{
    struct ssa_func *fn = p->fn;
    uint32_t *marks = arena_zalloc(fn->arena, fn->n_blocks, sizeof *marks);
    if (marks == NULL) {
        return fail_status(p, ERR_NO_MEMORY);
    }
    uint32_t *starts = p->place;
    uint32_t *n_edges = p->seen;
    find_edges(p, starts, n_edges);
    for (uint32_t b = 0; b < fn->n_blocks; b++) {
        struct ssa_block *block = &fn->blocks[b];
        p->line = p->block_lines[b];
        if (!p->has_preds[b]) {
            block->pred_start = starts[b];
            block->n_preds = n_edges[b];
        } else if (!check_preds(p, b, &fn->pool[starts[b]], n_edges[b], marks)) {
            return false;
        }
    }
    return true;
}

static bool check_values(struct parser *p)
{
    struct ssa_func *fn = p->fn;
    for (uint32_t v = 1; v < fn->n_insts; v++) {
        struct ssa_inst *inst = &fn->insts[v];
        const uint32_t *args = ssa_args(fn, inst);
        p->line = p->inst_lines[v];
        for (uint32_t i = 0; p->line != 0 && i < ssa_n_args(inst); i++) {
            if (fn->insts[args[i]].op == SSA_NOP) {
                return fail(p, "a value that isn't defined");
            }
        }
    }
    return true;
}

static bool take_func(struct parser *p)
{
    count(p);
    if (!fail_status(p, ssa_func_init(p->fn, p->fn->arena)) || !make_room(p)) {
        return false;
    }
    p->fn->n_blocks = 0;
    while (p->fn->n_insts < p->n_values) {
        ssa_new(p->fn, SSA_NOP, T_VOID);
    }
    skip_lines(p);
    if (!take_head(p) || !expect_line_end(p)) {
        return false;
    }
    for (skip_lines(p); *p->at != '\0'; skip_lines(p)) {
        if (!take_line(p) || !expect_line_end(p)) {
            return false;
        }
    }
    if (p->fn->n_blocks == 0 || p->fn->n_blocks != p->n_blocks) {
        return fail(p, "a function without a block");
    }
    return find_preds(p) && check_values(p);
}

status_t ssa_parse(const char *text, struct ssa_func *fn, const char **error, uint32_t *line)
{
    struct parser p = {.fn = fn, .at = text, .line = 1};
    bool is_ok = take_func(&p);
    if (is_ok) {
        ssa_dominators(fn);
    }
    *error = p.error;
    *line = p.line;
    return p.status;
}
