/*
 * The linker: finds for each import of a module what satisfies it, and checks its type (wasm 2.0
 * §3.2 external type matching, §4.5.4 instantiation step 3).
 */
#include <string.h>

#include "base/format.h"
#include "kernel/call/calls.h"
#include "kernel/call/clock.h"
#include "kernel/process/module.h"
#include "kernel/process/process.h"

/* ---- names and types as text, for reports ---- */

#define TYPE_TEXT_MAX 160u

struct text {
    char bytes[TYPE_TEXT_MAX];
    size_t len_bytes;
};

[[gnu::format(printf, 2, 3)]] static void text_add(struct text *text, const char *fmt, ...)
{
    va_list args;
    va_start(args, fmt);
    size_t room = sizeof text->bytes - text->len_bytes;
    size_t wanted = format_args(text->bytes + text->len_bytes, room, fmt, args);
    va_end(args);
    text->len_bytes += wanted < room ? wanted : room - 1;
}

static const char *valtype_text(uint8_t type)
{
    switch (type) {
    case VALTYPE_I32: return "i32";
    case VALTYPE_I64: return "i64";
    case VALTYPE_F32: return "f32";
    case VALTYPE_F64: return "f64";
    case VALTYPE_V128: return "v128";
    case VALTYPE_FUNCREF: return "funcref";
    case VALTYPE_EXTERNREF: return "externref";
    default: return "?";
    }
}

static void text_valtypes(struct text *text, const uint8_t *types, uint32_t n)
{
    text_add(text, "(");
    for (uint32_t i = 0; i < n; i++) {
        text_add(text, "%s%s", i == 0 ? "" : " ", valtype_text(types[i]));
    }
    text_add(text, ")");
}

static struct text functype_text(const struct engine_functype *type)
{
    struct text text = {};
    text_add(&text, "func ");
    text_valtypes(&text, type->params, type->n_params);
    text_add(&text, " -> ");
    text_valtypes(&text, type->results, type->n_results);
    return text;
}

static struct text limit_text(const char *what, const struct engine_limit *limit, uint64_t min,
                              const char *unit)
{
    struct text text = {};
    text_add(&text, "%s%s of %llu", limit->is_shared ? "shared " : "", what,
             (unsigned long long)min);
    if (limit->has_max) {
        text_add(&text, "..%llu %s", (unsigned long long)limit->max, unit);
    } else {
        text_add(&text, " %s or more", unit);
    }
    return text;
}

static struct text globaltype_text(const struct engine_globaltype *type)
{
    struct text text = {};
    text_add(&text, "%s global %s", type->is_mutable ? "mutable" : "constant",
             valtype_text(type->valtype));
    return text;
}

static struct text external_text(const struct process *process, const struct external *found)
{
    switch (found->kind) {
    case EXTERN_FUNC:
        return functype_text(process_type(process, process->records[found->ref].type_id));
    case EXTERN_TABLE:
        return limit_text("table", &found->table->type.limit, found->table->view->size,
                          valtype_text(found->table->type.reftype));
    case EXTERN_MEMORY:
        return limit_text("memory", &found->memory->limit,
                          found->memory->view.size_bytes / ENGINE_PAGE_BYTES, "pages");
    case EXTERN_GLOBAL:
    default: return globaltype_text(&found->global.type);
    }
}

static struct text import_text(const struct engine_module *contents,
                               const struct engine_import *import)
{
    switch (import->kind) {
    case EXTERN_FUNC: return functype_text(&contents->types[import->typeidx]);
    case EXTERN_TABLE:
        return limit_text("table", &import->table.limit, import->table.limit.min,
                          valtype_text(import->table.reftype));
    case EXTERN_MEMORY: return limit_text("memory", &import->memory, import->memory.min, "pages");
    default: return globaltype_text(&import->global);
    }
}

/* A name as it may be shown: control characters and quotes as \xx. */
static struct text name_text(struct engine_name name)
{
    struct text text = {};
    for (uint32_t i = 0; i < name.len_bytes; i++) {
        uint8_t c = name.bytes[i];
        text_add(&text, c < 0x20 || c == 0x7f || c == '"' || c == '\\' ? "\\%02x" : "%c", c);
    }
    return text;
}

/* ---- lookup ---- */

static status_t link_find(struct process *process, const struct engine_import *import,
                          struct external *out)
{
    for (struct provided *p = process->provided; p != NULL; p = p->next) {
        if (!engine_name_equal(p->module, import->module)) {
            continue;
        }
        if (p->instance != NULL) {
            struct exported exported;
            status_t status = instance_export(p->instance, import->name, &exported);
            return status != STATUS_OK
                       ? status
                       : instance_external(p->instance, exported.kind, exported.index, out);
        }
        if (engine_name_equal(p->name, import->name)) {
            *out = p->external;
            return STATUS_OK;
        }
    }
    status_t status = calls_provide(process, import);
    if (status == STATUS_OK) {
        *out = process->provided->external;
    }
    return status;
}

/* ---- type matching ---- */

/* §3.2.4: at least as large, and bounded at least as tightly. min: the size as it is now. */
static bool limit_matches(const struct engine_limit *found, uint64_t min,
                          const struct engine_limit *wanted)
{
    if (min < wanted->min || found->is_shared != wanted->is_shared) {
        return false;
    }
    return !wanted->has_max || (found->has_max && found->max <= wanted->max);
}

static bool import_matches(struct process *process, const struct engine_module *contents,
                           const struct engine_import *import, const struct external *found)
{
    if (found->kind != import->kind) {
        return false;
    }
    switch (found->kind) {
    case EXTERN_FUNC:
        return process->records[found->ref].type_id ==
               process_type_id(process, &contents->types[import->typeidx]);
    case EXTERN_TABLE:
        return found->table->type.reftype == import->table.reftype &&
               limit_matches(&found->table->type.limit, found->table->view->size,
                             &import->table.limit);
    case EXTERN_MEMORY:
        return limit_matches(&found->memory->limit,
                             found->memory->view.size_bytes / ENGINE_PAGE_BYTES, &import->memory);
    case EXTERN_GLOBAL:
    default:
        return found->global.type.valtype == import->global.valtype &&
               found->global.type.is_mutable == import->global.is_mutable;
    }
}

/* Whether importing code, which is always compiled for a guard slot, may use the memory. */
static bool memory_reaches(const struct memory *memory)
{
    return memory->slot.reach_bytes >= SLOT_INDEX_BYTES + ENGINE_GUARD_BYTES;
}

/* Code that stands for a kernel's call can't be linked with something else of its name. */
static bool inlined_is_found(const struct process *process, const struct engine_module *contents,
                             const struct engine_import *import, const struct external *found)
{
    native_fn inlined = call_inlined(contents, import);
    return inlined == NULL || process->records[found->ref].code == (const void *)inlined;
}

/* Refuses an import; why: what comes after its names. Texts are made only here, since most imports
 * are as they should be. */
static status_t import_refuse(struct report *report, status_t status, const char *what,
                              const struct engine_import *import, const char *why)
{
    struct text in = name_text(import->module), name = name_text(import->name);
    return report_set(report, status, REPORT_NO_OFFSET, "%s \"%s\" \"%s\": %s", what, in.bytes,
                      name.bytes, why);
}

static status_t import_refuse_unknown(struct report *report, const struct engine_module *contents,
                                      const struct engine_import *import)
{
    struct text wanted = import_text(contents, import), why = {};
    text_add(&why, "nothing provides this %s", wanted.bytes);
    return import_refuse(report, ERR_UNLINKABLE, "unknown import", import, why.bytes);
}

static status_t import_refuse_type(struct report *report, struct process *process,
                                   const struct engine_module *contents,
                                   const struct engine_import *import, const struct external *found)
{
    struct text wanted = import_text(contents, import), is = external_text(process, found);
    struct text why = {};
    text_add(&why, "expected %s, found %s", wanted.bytes, is.bytes);
    return import_refuse(report, ERR_UNLINKABLE, "incompatible import type", import, why.bytes);
}

status_t link_resolve(struct process *process, struct module *module, struct external *out,
                      struct report *report)
{
    const struct engine_module *contents = module->contents;
    for (uint32_t i = 0; i < contents->n_imports; i++) {
        const struct engine_import *import = &contents->imports[i];
        status_t status = link_find(process, import, &out[i]);
        if (status == ERR_NOT_FOUND) {
            return import_refuse_unknown(report, contents, import);
        }
        if (status != STATUS_OK) {
            return report_set(report, status, REPORT_NO_OFFSET, "%s", status_text(status));
        }
        if (!import_matches(process, contents, import, &out[i])) {
            return import_refuse_type(report, process, contents, import, &out[i]);
        }
        if (!inlined_is_found(process, contents, import, &out[i])) {
            return import_refuse(report, ERR_UNLINKABLE, "import", import,
                                 "compiled as the kernel's own, and something else is provided");
        }
        if (call_inlined(contents, import) != NULL) {
            clock_start(); /* inlined calls can't make ready what they read */
        }
        if (import->kind == EXTERN_MEMORY && !memory_reaches(out[i].memory)) {
            return import_refuse(report, ERR_UNSUPPORTED, "import", import,
                                 "that memory is in a dense slot, and this module was compiled for "
                                 "more room");
        }
        if (import->kind == EXTERN_MEMORY && engine_memory_has_gap(contents) &&
            !memory_has_gap(out[i].memory)) {
            return import_refuse(report, ERR_UNSUPPORTED, "import", import,
                                 "that memory fills all of its 4 GiB; declare the import with as "
                                 "large a minimum");
        }
    }
    return STATUS_OK;
}
