/* The smallest useful model: a factor times the sum of two fields. `ss_load` reads the factor and says what comes in and goes
 * out, `ss_score` answers a batch of rows. Every .c file in this folder is compiled; sandstream/ is the kit's own. */

#include "sandstream/sandstream.h"

#include <math.h>
#include <stdlib.h>
#include <string.h>

/* What `ss_load` keeps for `ss_score`: weights, tables, thresholds. */
static float factor = 1.0f;

const char *ss_load(const uint8_t *config, size_t length) {
    /* `config` is whatever was announced with the model; here a number as text, or nothing. */
    char text[32] = {0};
    if (length >= sizeof text) return "config: expected a number of at most 31 characters";
    memcpy(text, config, length);
    if (length > 0) {
        char *end = text;
        factor = strtof(text, &end);
        if (end == text) return "config: expected a number";
    }
    /* One matrix of the named record fields in, one number a row out. */
    ss_input("x", SS_FLOAT32, "alcohol", "pH");
    ss_output("score", SS_FLOAT32, 1);
    return NULL;
}

const char *ss_score(uint32_t rows) {
    const float *x = ss_float32(0);
    float *score = ss_out_float32(0);
    for (uint32_t row = 0; row < rows; row++, x += 2) {
        score[row] = factor * (x[0] + x[1]);
        if (isnan(score[row])) ss_reject(row, "alcohol or pH is missing");
    }
    return NULL;
}
