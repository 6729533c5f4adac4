/* Activations and their derivatives, each in one pass over memory, for activations.py. */
#ifndef REAL

#include "scalars.h"

#define SELF "activations.c"
#include "both_types.h"

#else

void NAMED(silu)(integer threads, integer n, const REAL *x, REAL *y) {
    PARALLEL_SIMD
    for (integer c = 0; c < n; c++) y[c] = x[c] * SIGMOID(x[c]);
}

/* y = g silu'(x) */
void NAMED(silu_backward)(integer threads, integer n, const REAL *g, const REAL *x, REAL *y) {
    PARALLEL_SIMD
    for (integer c = 0; c < n; c++) {
        const REAL s = SIGMOID(x[c]);
        y[c] = g[c] * SILU_GRAD(x[c], s);
    }
}

/* Both derivatives of k g silu'(x): by g, k silu'(x), and by x, k g silu''(x) */
void NAMED(silu_double_backward)(integer threads, integer n, const REAL *k, const REAL *g, const REAL *x,
                                 REAL *grad_g, REAL *grad_x) {
    PARALLEL_SIMD
    for (integer c = 0; c < n; c++) {
        const REAL s = SIGMOID(x[c]), slope = SILU_GRAD(x[c], s);
        grad_g[c] = k[c] * slope;
        grad_x[c] = k[c] * g[c] * (slope + s * (1 - 2 * slope));
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
void NAMED(softplus_backward)(integer threads, integer n, const REAL *g, const REAL *x, REAL *y) {
    PARALLEL_SIMD
    for (integer c = 0; c < n; c++) y[c] = g[c] * SIGMOID(x[c]);
}

#endif
