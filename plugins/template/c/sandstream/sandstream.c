/* Between the component model's canonical ABI and sandstream.h. A list or a text is a pointer and a length; a variant is a byte and
 * its payload. The order of fields below is that of wit/model.wit. */

#include "sandstream.h"

#include <stdarg.h>
#include <stdlib.h>
#include <string.h>

#define SCORING "sandstream:model/scoring@0.1.0"
#define EXPORT(name) __attribute__((export_name(name)))
#define IMPORT(module, name) __attribute__((import_module("sandstream:model/" module "@0.1.0"), import_name(name)))

enum { MATRICES_MAX = 64 };

typedef struct {
    const void *at;
    uint32_t length;
} list;

typedef struct {
    list name;
    uint8_t dtype;
    list fields;
} input;

typedef struct {
    list name;
    uint8_t dtype;
    uint32_t width;
} output;

typedef struct {
    uint8_t dtype;
    list data; /* the values; of texts and bytes all their bytes, then: */
    list ends;
    list missing;
} tensor;

typedef struct {
    uint32_t row;
    list reason;
} rejection;

typedef struct {
    uint8_t failed;
    list first; /* inputs or outputs; the error where it failed */
    list second; /* outputs or rejected */
} result;

_Static_assert(sizeof(input) == 20 && sizeof(output) == 16 && sizeof(tensor) == 28, "the canonical ABI's sizes");
_Static_assert(sizeof(rejection) == 12 && sizeof(result) == 20, "the canonical ABI's sizes");

IMPORT("log", "emit") void import_emit(uint32_t level, const char *at, uint32_t length);
IMPORT("artifacts", "read") void import_read(const char *at, uint32_t length, void *into);

/* ---- Memory of one call: taken piece by piece, forgotten as a whole. ---- */

typedef struct chunk {
    struct chunk *before;
    size_t size;
    size_t used;
} chunk;

static chunk *arena;

static void *take(size_t size) {
    size = (size + 15) & ~(size_t)15;
    if (!arena || arena->size - arena->used < size) {
        size_t room = arena ? arena->size * 2 : 65536;
        if (room < size) room = size;
        chunk *more = malloc(sizeof(chunk) + 16 + room);
        if (!more) ss_fail("out of memory");
        *more = (chunk){.before = arena, .size = room, .used = 0};
        arena = more;
    }
    char *start = (char *)(((uintptr_t)(arena + 1) + 15) & ~(uintptr_t)15);
    void *at = start + arena->used;
    arena->used += size;
    return at;
}

/* Keeps the newest chunk, which is the largest: a call like the last one needs no other. */
static void forget(void) {
    if (!arena) return;
    while (arena->before) {
        chunk *before = arena->before;
        arena->before = before->before;
        free(before);
    }
    arena->used = 0;
}

EXPORT("cabi_realloc") void *cabi_realloc(void *old, size_t old_size, size_t align, size_t size) {
    (void)align; /* never more than 8 */
    void *at = take(size);
    if (old) memcpy(at, old, old_size < size ? old_size : size);
    return at;
}

/* ---- Declared by `ss_load`. ---- */

static input inputs[MATRICES_MAX];
static output outputs[MATRICES_MAX];
static uint32_t input_count, output_count;

static list text(const char *text) { return (list){text, text ? strlen(text) : 0}; }

void ss_input_fields(const char *name, ss_dtype dtype, const char *const *fields) {
    if (input_count == MATRICES_MAX) ss_fail("ss_input: at most 64 inputs");
    uint32_t count = 0;
    while (fields[count]) count++;
    list *names = malloc(count * sizeof(list));
    if (!names && count) ss_fail("out of memory");
    for (uint32_t i = 0; i < count; i++) names[i] = text(fields[i]);
    inputs[input_count++] = (input){text(name), dtype, {names, count}};
}

void ss_output(const char *name, ss_dtype dtype, uint32_t width) {
    if (output_count == MATRICES_MAX) ss_fail("ss_output: at most 64 outputs");
    outputs[output_count++] = (output){text(name), dtype, width};
}

ss_packed ss_artifact(const char *name) {
    struct {
        uint8_t failed;
        list data;
    } came;
    import_read(name, strlen(name), &came);
    if (came.failed) return (ss_packed){NULL, 0};
    return (ss_packed){came.data.length ? came.data.at : "", came.data.length};
}

/* ---- The running call. ---- */

static uint32_t row_count;
static const tensor *given;
static tensor answers[MATRICES_MAX];
static uint32_t packed_room[MATRICES_MAX]; /* bytes that `data` of a packed answer has room for */
static rejection *rejections;
static uint32_t rejection_count;
static result returned;

static const void *taken(uint32_t number, ss_dtype dtype) {
    if (number >= input_count || inputs[number].dtype != dtype) ss_fail("an input of that number and type was not declared");
    return given[number].data.at;
}

const float *ss_float32(uint32_t number) { return taken(number, SS_FLOAT32); }
const double *ss_float64(uint32_t number) { return taken(number, SS_FLOAT64); }
const int64_t *ss_int64(uint32_t number) { return taken(number, SS_INT64); }

ss_packed ss_packed_at(uint32_t number, uint32_t at) {
    if (number >= input_count || inputs[number].dtype < SS_TEXT) ss_fail("no input of texts or bytes of that number was declared");
    const tensor *from = &given[number];
    const uint32_t *ends = from->ends.at, *missing = from->missing.at;
    if (at >= from->ends.length) ss_fail("ss_packed_at: beyond the last value");
    for (uint32_t low = 0, high = from->missing.length; low < high;) {
        uint32_t middle = (low + high) / 2;
        if (missing[middle] == at) return (ss_packed){NULL, 0};
        if (missing[middle] < at) low = middle + 1; else high = middle;
    }
    uint32_t start = at ? ends[at - 1] : 0;
    return (ss_packed){(const char *)from->data.at + start, ends[at] - start};
}

static void *answer(uint32_t number, ss_dtype dtype) {
    if (number >= output_count || outputs[number].dtype != dtype) ss_fail("an output of that number and type was not declared");
    return (void *)answers[number].data.at;
}

float *ss_out_float32(uint32_t number) { return answer(number, SS_FLOAT32); }
double *ss_out_float64(uint32_t number) { return answer(number, SS_FLOAT64); }
int64_t *ss_out_int64(uint32_t number) { return answer(number, SS_INT64); }

void ss_out_packed(uint32_t number, ss_packed value) {
    if (number >= output_count || outputs[number].dtype < SS_TEXT) ss_fail("no output of texts or bytes of that number was declared");
    tensor *to = &answers[number];
    uint32_t at = to->ends.length++;
    if (at >= row_count * outputs[number].width) ss_fail("ss_out_packed: more values than rows x width");
    if (!value.at) {
        ((uint32_t *)to->missing.at)[to->missing.length++] = at;
        value.length = 0;
    }
    if (to->data.length + value.length > packed_room[number]) {
        packed_room[number] = 2 * (to->data.length + value.length);
        void *more = take(packed_room[number]);
        memcpy(more, to->data.at, to->data.length);
        to->data.at = more;
    }
    memcpy((char *)to->data.at + to->data.length, value.at ? value.at : "", value.length);
    to->data.length += value.length;
    ((uint32_t *)to->ends.at)[at] = to->data.length;
}

void ss_reject(uint32_t row, const char *reason) {
    /* More would be an error of the model's, which the host names: a row may be rejected once. */
    if (rejection_count > row_count) return;
    if (!rejections) rejections = take((row_count + 1) * sizeof(rejection));
    rejections[rejection_count++] = (rejection){row, text(reason)};
}

static void make_answers(void) {
    static const uint32_t sizes[] = {4, 8, 8, 4, 4};
    for (uint32_t i = 0; i < output_count; i++) {
        uint32_t values = row_count * outputs[i].width, bytes = values * sizes[outputs[i].dtype];
        void *zeros = memset(take(bytes), 0, bytes);
        answers[i] = (tensor){.dtype = outputs[i].dtype};
        if (outputs[i].dtype < SS_TEXT) {
            answers[i].data = (list){zeros, values};
        } else {
            packed_room[i] = 0;
            answers[i].ends = (list){zeros, 0};
            answers[i].data = (list){zeros, 0};
            answers[i].missing = (list){take(bytes), 0};
        }
    }
}

/* ---- Anywhere. ---- */

void ss_log(ss_level level, const char *message) { import_emit(level, message, strlen(message)); }

_Noreturn void ss_fail(const char *message) {
    ss_log(SS_ERROR, message);
    __builtin_trap();
}

const char *ss_join(const char *first, ...) {
    size_t length = 0;
    va_list parts;
    va_start(parts, first);
    for (const char *part = first; part; part = va_arg(parts, const char *)) length += strlen(part);
    va_end(parts);
    char *joined = take(length + 1), *at = joined;
    va_start(parts, first);
    for (const char *part = first; part; part = va_arg(parts, const char *)) at = stpcpy(at, part);
    va_end(parts);
    *at = 0;
    return joined;
}

/* ---- What the host calls. ---- */

static result *failed(const char *why) {
    returned = (result){.failed = 1, .first = text(why)};
    return &returned;
}

EXPORT(SCORING "#load") result *load(const uint8_t *config, uint32_t length) {
    const char *why = ss_load(config, length);
    if (why) return failed(why);
    returned = (result){0, {inputs, input_count}, {outputs, output_count}};
    return &returned;
}

EXPORT(SCORING "#score") result *score(uint32_t rows, const tensor *tensors, uint32_t count) {
    if (count != input_count) return failed("the host gave another number of inputs than were declared");
    row_count = rows;
    given = tensors;
    rejections = NULL;
    rejection_count = 0;
    make_answers();
    const char *why = ss_score(rows);
    if (why) return failed(why);
    returned = (result){0, {answers, output_count}, {rejections, rejection_count}};
    return &returned;
}

EXPORT("cabi_post_" SCORING "#load") void after_load(result *unused) { (void)unused; forget(); }
EXPORT("cabi_post_" SCORING "#score") void after_score(result *unused) { (void)unused; forget(); }
