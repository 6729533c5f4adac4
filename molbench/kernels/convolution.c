/* The kernels of convolution.py. */
#ifndef REAL

#include "neighbors.h"

#define SELF "convolution.c"
#include "both_types.h"

#else

#include "fused_filters.h"

/* y_ikc = sum_j w_ijc x_jkc */
void NAMED(convolve)(integer threads, integer N, integer E, integer K, integer F, const integer *ptr,
                     const integer *other, const integer *entry, const REAL *x, const REAL *w, REAL *y) {
    PARALLEL
    for (integer i = 0; i < N; i++) {
        REAL *yi = y + i * K * F;
        memset(yi, 0, K * F * sizeof(REAL));
        for (integer at = ptr[i]; at < ptr[i + 1]; at++) {
            const REAL *xj = x + other[at] * K * F, *we = w + EDGE(entry[at]) * F;
            for (integer k = 0; k < K; k++)
                SIMD for (integer c = 0; c < F; c++) yi[k * F + c] += we[c] * xj[k * F + c];
        }
    }
}

/* p_ec = sum_k (x_ikc y_jkc + y_ikc x_jkc) for the ends i, j of e; times silu'(z_ec) where z is given */
void NAMED(pair_product)(integer threads, integer E, integer K, integer F, const integer *source,
                         const integer *target, const REAL *x, const REAL *y, const REAL *z, REAL *p) {
    PARALLEL
    for (integer e = 0; e < E; e++) {
        const integer i = source[e] * K * F, j = target[e] * K * F;
        REAL *pe = p + e * F;
        SIMD for (integer c = 0; c < F; c++) pe[c] = x[i + c] * y[j + c] + y[i + c] * x[j + c];
        for (integer k = F; k < K * F; k += F)
            SIMD for (integer c = 0; c < F; c++)
                pe[c] += x[i + k + c] * y[j + k + c] + y[i + k + c] * x[j + k + c];
        if (z) NAMED(times_silu_grad)(F, z + e * F, pe);
    }
}

#endif
