/*
 * Element and data segments (wasm 2.0 §5.5.12, §5.5.14, §3.4.5, §3.4.6).
 */
#include "engine/compile.h"
#include "engine/wasm/decode.h"

/* The eight forms of element segments are three bits. */
#define ELEM_IS_PASSIVE 1u /* or declared */
#define ELEM_HAS_TABLE 2u  /* of a passive one: it is declared */
#define ELEM_HAS_EXPRS 4u  /* expressions, not function indices */
#define ELEM_FORMS 8u

/* And the three of data segments. */
#define DATA_ACTIVE 0u
#define DATA_PASSIVE 1u
#define DATA_HAS_MEMORY 2u

/* ---- Elements ---- */

/* The table and the offset of an active segment. *tabletype: of its elements; 0 unknown. */
static status_t decode_elem_place(struct decode *d, uint32_t form, struct engine_elem *elem,
                                  uint8_t *tabletype)
{
    status_t status = STATUS_OK;
    uint64_t offset = reader_offset(&d->r);
    elem->tableidx = 0;
    if ((form & ELEM_HAS_TABLE) != 0) {
        status = decode_u32(d, &elem->tableidx, "table index");
    }
    if (status != STATUS_OK) {
        return status;
    }
    if (elem->tableidx < d->module->n_tables) {
        *tabletype = d->module->tables[elem->tableidx].reftype;
    } else {
        decode_invalid(d, offset, "unknown table %u of %u", elem->tableidx, d->module->n_tables);
    }
    return decode_const(d, VALTYPE_I32, &elem->offset);
}

/* What the elements are. Active segments without a table index don't say: functions. */
static status_t decode_elem_type(struct decode *d, uint32_t form, struct engine_elem *elem)
{
    uint8_t kind;
    elem->reftype = VALTYPE_FUNCREF;
    if ((form & (ELEM_IS_PASSIVE | ELEM_HAS_TABLE)) == 0) {
        return STATUS_OK;
    }
    if ((form & ELEM_HAS_EXPRS) != 0) {
        return decode_reftype(d, &elem->reftype);
    }
    status_t status = decode_u8(d, &kind, "element kind");
    if (status == STATUS_OK && kind != 0) {
        return compile_fail(d->error, ERR_MALFORMED, reader_offset(&d->r) - 1,
                            "malformed element kind 0x%02x", kind);
    }
    return status;
}

static status_t decode_elem_init(struct decode *d, uint32_t form, uint8_t reftype,
                                 struct engine_init *init)
{
    if ((form & ELEM_HAS_EXPRS) != 0) {
        return decode_const(d, reftype, init);
    }
    uint64_t offset = reader_offset(&d->r);
    *init = (struct engine_init){.kind = INIT_FUNC, .valtype = VALTYPE_FUNCREF};
    status_t status = decode_u32(d, &init->index, "function index");
    if (status == STATUS_OK) {
        decode_declare_func(d, init->index, offset);
    }
    return status;
}

static status_t decode_elem_inits(struct decode *d, uint32_t form, struct engine_elem *elem)
{
    status_t status = decode_count(d, &elem->n_inits, "elements of a segment");
    if (status == STATUS_OK) {
        status = decode_check_limit(d, elem->n_inits, DECODE_MAX_ELEMENTS, "elements in a segment");
    }
    if (status != STATUS_OK) {
        return status;
    }
    struct engine_init *inits = decode_array(d, elem->n_inits, sizeof *inits);
    if (inits == NULL) {
        return ERR_NO_MEMORY;
    }
    elem->inits = inits;
    for (uint32_t i = 0; status == STATUS_OK && i < elem->n_inits; i++) {
        status = decode_elem_init(d, form, elem->reftype, &inits[i]);
    }
    return status;
}

static status_t decode_elem(struct decode *d, struct engine_elem *elem)
{
    uint32_t form;
    uint8_t tabletype = 0;
    uint64_t offset = reader_offset(&d->r);
    *elem = (struct engine_elem){.mode = SEGMENT_ACTIVE};
    status_t status = decode_u32(d, &form, "form of an element segment");
    if (status != STATUS_OK) {
        return status;
    }
    if (form >= ELEM_FORMS) {
        return compile_fail(d->error, ERR_MALFORMED, offset, "malformed elements segment kind %u",
                            form);
    }
    if ((form & ELEM_IS_PASSIVE) != 0) {
        elem->mode = (form & ELEM_HAS_TABLE) != 0 ? SEGMENT_DECLARED : SEGMENT_PASSIVE;
    } else {
        status = decode_elem_place(d, form, elem, &tabletype);
    }
    if (status == STATUS_OK) {
        status = decode_elem_type(d, form, elem);
    }
    if (status == STATUS_OK && tabletype != 0 && tabletype != elem->reftype) {
        decode_invalid(d, offset, "type mismatch: segment of %s for a table of %s",
                       wasm_valtype_text(elem->reftype), wasm_valtype_text(tabletype));
    }
    if (status != STATUS_OK) {
        return status;
    }
    return decode_elem_inits(d, form, elem);
}

status_t decode_elems(struct decode *d, uint32_t n)
{
    status_t status = decode_check_limit(d, n, d->limits->max_segments, "element segments");
    if (status != STATUS_OK) {
        return status;
    }
    struct engine_elem *elems = decode_array(d, n, sizeof *elems);
    if (elems == NULL) {
        return ERR_NO_MEMORY;
    }
    for (uint32_t i = 0; status == STATUS_OK && i < n; i++) {
        status = decode_elem(d, &elems[i]);
    }
    d->module->elems = elems;
    d->module->n_elems = n;
    return status;
}

/* ---- Data ---- */

static status_t decode_data_place(struct decode *d, uint32_t form, struct engine_data *data)
{
    status_t status = STATUS_OK;
    uint64_t offset = reader_offset(&d->r);
    if (form == DATA_HAS_MEMORY) {
        status = decode_u32(d, &data->memidx, "memory index");
    }
    if (status != STATUS_OK) {
        return status;
    }
    if (data->memidx >= d->module->n_memories) {
        decode_invalid(d, offset, "unknown memory %u of %u", data->memidx, d->module->n_memories);
    }
    return decode_const(d, VALTYPE_I32, &data->offset);
}

static status_t decode_data(struct decode *d, struct engine_data *data)
{
    uint32_t form;
    uint64_t offset = reader_offset(&d->r);
    *data = (struct engine_data){.mode = SEGMENT_ACTIVE};
    status_t status = decode_u32(d, &form, "form of a data segment");
    if (status != STATUS_OK) {
        return status;
    }
    if (form > DATA_HAS_MEMORY) {
        return compile_fail(d->error, ERR_MALFORMED, offset, "malformed data segment kind %u",
                            form);
    }
    if (form == DATA_PASSIVE) {
        data->mode = SEGMENT_PASSIVE;
    } else {
        status = decode_data_place(d, form, data);
    }
    if (status == STATUS_OK) {
        status = decode_count(d, &data->len_bytes, "bytes of a data segment");
    }
    if (status != STATUS_OK) {
        return status;
    }
    data->bytes = d->r.pos;
    d->r.pos += data->len_bytes;
    return STATUS_OK;
}

status_t decode_datas(struct decode *d, uint32_t n)
{
    if (d->module->has_data_count && d->n_data_count != n) {
        return compile_fail(d->error, ERR_MALFORMED, reader_offset(&d->r),
                            "data count and data section have inconsistent lengths: %u and %u",
                            d->n_data_count, n);
    }
    status_t status = decode_check_limit(d, n, d->limits->max_segments, "data segments");
    if (status != STATUS_OK) {
        return status;
    }
    struct engine_data *datas = decode_array(d, n, sizeof *datas);
    if (datas == NULL) {
        return ERR_NO_MEMORY;
    }
    for (uint32_t i = 0; status == STATUS_OK && i < n; i++) {
        status = decode_data(d, &datas[i]);
    }
    d->module->datas = datas;
    d->module->n_datas = n;
    return status;
}
