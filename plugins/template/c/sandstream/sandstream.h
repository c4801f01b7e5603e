/* Write a scoring module for sandstream in C. You write two functions, `ss_load` and `ss_score`; everything else is here.
 *
 * A module has no clock, no randomness, no files and no network; what libc prints goes nowhere. Memory that a function of this
 * header returns is valid until `ss_load` or `ss_score` returns; what you keep, you `malloc`.
 */
#ifndef SANDSTREAM_H
#define SANDSTREAM_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

/* Element types. In floats NaN is a missing value; an int64 has none; a text is UTF-8. */
typedef enum { SS_FLOAT32, SS_FLOAT64, SS_INT64, SS_TEXT, SS_BYTES } ss_dtype;

/* A text or bytes; `at` is NULL where the value is missing. A text does not end with a zero. */
typedef struct {
    const char *at;
    uint32_t length;
} ss_packed;

/* ---- What you write. ---- */

/* Called once, before anything else, with the bytes announced as the model's `config`. Declares inputs and outputs with `ss_input`
 * and `ss_output`. NULL when all is well; otherwise why the model cannot be used. Every session must declare the same. */
const char *ss_load(const uint8_t *config, size_t length);

/* Scores all rows. The same rows must give the same outputs, however they are cut into calls. NULL when all is well; otherwise why
 * none of these rows can be scored. For a single row, use `ss_reject`. */
const char *ss_score(uint32_t rows);

/* ---- In `ss_load`. ---- */

/* A matrix the model takes, `[rows, fields]`, row-major. Names record fields, one per column:
 *   ss_input("x", SS_FLOAT32, "alcohol", "pH");
 * "$value", "$key" and "$timestamp" reach the raw record. */
#define ss_input(name, dtype, ...) ss_input_fields(name, dtype, (const char *const[]){__VA_ARGS__, NULL})
void ss_input_fields(const char *name, ss_dtype dtype, const char *const *fields);

/* A matrix the model gives, `[rows, width]`, row-major. */
void ss_output(const char *name, ss_dtype dtype, uint32_t width);

/* A file that was announced with the model; `at` is NULL where there is none of that name. */
ss_packed ss_artifact(const char *name);

/* ---- In `ss_score`: inputs and outputs by their number, in the order in which they were declared. ---- */

const float *ss_float32(uint32_t input);
const double *ss_float64(uint32_t input);
const int64_t *ss_int64(uint32_t input);
/* Value `at` of a matrix of texts or bytes: row * fields + column. */
ss_packed ss_packed_at(uint32_t input, uint32_t at);

/* Where the answers go; all zeros until you write them. */
float *ss_out_float32(uint32_t output);
double *ss_out_float64(uint32_t output);
int64_t *ss_out_int64(uint32_t output);
/* Texts and bytes are given value after value, rows x width in all. */
void ss_out_packed(uint32_t output, ss_packed value);

/* A row that the model will not score; its outputs are ignored. It is a dead letter with this reason. */
void ss_reject(uint32_t row, const char *reason);

/* ---- Anywhere. ---- */

typedef enum { SS_DEBUG, SS_INFO, SS_WARN, SS_ERROR } ss_level;

/* A line in the host's log, which cuts it to a length and a rate. */
void ss_log(ss_level level, const char *message);

/* Several texts as one, the last argument is NULL: return ss_join("config: no field ", name, NULL); */
const char *ss_join(const char *first, ...);

/* Says why and ends the session. For what cannot be: an error that can is returned. */
_Noreturn void ss_fail(const char *message);

#endif
