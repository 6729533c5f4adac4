/* Activations and their derivatives, each in one pass over memory, for molbench/backbones/activations.py. */
#ifndef REAL

#include "scalars.h"

#define SELF "activations.c"
#include "both_types.h"

#else

void NAMED(silu)(integer threads, integer n, const REAL *x, REAL *y) {
    PARALLEL_SIMD
    for (integer c = 0; c < n; c++) y[c] = x[c] * SIGMOID(x[c]);
}

/* x_ec += b_c, then y = silu(x) */
void NAMED(silu_biased)(integer threads, integer E, integer F, const REAL *b, REAL *x, REAL *y) {
    PARALLEL
    for (integer e = 0; e < E; e++)
        SIMD for (integer c = 0; c < F; c++) {
            const REAL value = x[e * F + c] + b[c];
            x[e * F + c] = value;
            y[e * F + c] = value * SIGMOID(value);
        }
}

/* y = g silu'(x) */
void NAMED(silu_slope)(integer threads, integer n, const REAL *g, const REAL *x, REAL *y) {
    PARALLEL_SIMD
    for (integer c = 0; c < n; c++) {
        const REAL s = SIGMOID(x[c]);
        y[c] = g[c] * SILU_SLOPE(x[c], s);
    }
}

/* Both derivatives of k g silu'(x): by g, k silu'(x), and by x, k g silu''(x) */
void NAMED(silu_curve)(integer threads, integer n, const REAL *k, const REAL *g, const REAL *x, REAL *of_g,
                       REAL *of_x) {
    PARALLEL_SIMD
    for (integer c = 0; c < n; c++) {
        const REAL s = SIGMOID(x[c]), slope = SILU_SLOPE(x[c], s);
        of_g[c] = k[c] * slope;
        of_x[c] = k[c] * g[c] * (slope + s * (1 - 2 * slope));
    }
}

/* ln(e^x / 2 + 1 / 2) */
void NAMED(softplus)(integer threads, integer n, const REAL *x, REAL *y) {
    PARALLEL_SIMD
    for (integer c = 0; c < n; c++) {
        const REAL most = x[c] > 0 ? x[c] : 0, least = x[c] > 0 ? -x[c] : x[c];
        y[c] = most + NAMED(logarithm)(NAMED(exponential)(least)) - (REAL)0.693147180559945309;
    }
}

/* y = g sigmoid(x) */
void NAMED(softplus_slope)(integer threads, integer n, const REAL *g, const REAL *x, REAL *y) {
    PARALLEL_SIMD
    for (integer c = 0; c < n; c++) y[c] = g[c] * SIGMOID(x[c]);
}

#endif
