#include "sandstream/sandstream.h"

#include <stdlib.h>
#include <string.h>

static char *greeting;

const char *ss_load(const uint8_t *config, size_t length) {
    char *name = calloc(length + 1, 1);
    memcpy(name, config, length);
    if (ss_artifact("no such file").at) return "an artifact that is not there was read";
    ss_packed file = ss_artifact(name);
    if (!file.at) return ss_join("no artifact `", name, "`", NULL);
    greeting = calloc(file.length + 1, 1);
    memcpy(greeting, file.at, file.length);
    ss_input("name", SS_TEXT, "name");
    ss_input("raw", SS_BYTES, "$value");
    ss_input("count", SS_INT64, "count");
    ss_input("x", SS_FLOAT64, "x");
    ss_output("greeting", SS_TEXT, 1);
    ss_output("raw", SS_BYTES, 1);
    ss_output("next", SS_INT64, 1);
    ss_output("twice", SS_FLOAT64, 2);
    ss_log(SS_DEBUG, "loaded");
    return NULL;
}

const char *ss_score(uint32_t rows) {
    const int64_t *count = ss_int64(2);
    const double *x = ss_float64(3);
    int64_t *next = ss_out_int64(2);
    double *twice = ss_out_float64(3);
    for (uint32_t row = 0; row < rows; row++) {
        ss_packed name = ss_packed_at(0, row), raw = ss_packed_at(1, row), said = {NULL, 0};
        char *text = calloc(strlen(greeting) + name.length + 1, 1);
        if (name.at) {
            memcpy(stpcpy(text, greeting), name.at, name.length);
            said = (ss_packed){text, strlen(greeting) + name.length};
        }
        ss_out_packed(0, said);
        ss_out_packed(1, (ss_packed){raw.at, raw.length < 3 ? raw.length : 3});
        next[row] = count[row] + 1;
        twice[2 * row] = x[row];
        twice[2 * row + 1] = 2 * x[row];
        if (count[row] < 0) ss_reject(row, ss_join(text + strlen(greeting), ": a count below 0", NULL));
        free(text);
    }
    return NULL;
}
