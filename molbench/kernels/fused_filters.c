/* The kernel of fused_filters.py. */
#ifndef REAL

#include "scalars.h"

#define SELF "fused_filters.c"
#include "both_types.h"

#else

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

#endif
