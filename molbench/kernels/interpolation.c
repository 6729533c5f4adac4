/* The kernels of interpolation.py. */
#ifndef REAL

#include "neighbors.h"

#define SELF "interpolation.c"
#include "both_types.h"

#else

/* w_c between four rows of a table that lie F apart */
static inline void NAMED(read)(integer W, integer F, const REAL *s, const REAL *t, REAL *w) {
    SIMD for (integer c = 0; c < W; c++)
        w[c] = s[0] * t[c] + s[1] * t[F + c] + s[2] * t[2 * F + c] + s[3] * t[3 * F + c];
}

/* y_ikc = sum_j w_ijc x_jkc with filters between four rows of a table, w_ec = sum_m s_em t_(k_e + m)c; each thread
   has atoms of its own, and a filter is read twice */
void NAMED(interpolated_convolve)(integer threads, integer N, integer E, integer K, integer F,
                                  const integer *ptr, const integer *other, const integer *entry,
                                  const integer *first, const REAL *shares, const REAL *table, const REAL *x,
                                  REAL *y) {
    PARALLEL
    for (integer i = 0; i < N; i++) {
        REAL *yi = y + i * K * F;
        memset(yi, 0, K * F * sizeof(REAL));
        for (integer at = ptr[i]; at < ptr[i + 1]; at++) {
            const integer e = EDGE(entry[at]);
            const REAL *xj = x + other[at] * K * F;
            REAL w[F];
            NAMED(read)(F, F, shares + 4 * e, table + first[e] * F, w);
            for (integer k = 0; k < K * F; k += F)
                SIMD for (integer c = 0; c < F; c++) yi[k + c] += w[c] * xj[k + c];
        }
    }
}

/* The same edge by edge, both directions at once; each thread has columns of its own. */
void NAMED(interpolated_convolve_pairs)(integer threads, integer N, integer E, integer K, integer F,
                                        const integer *source, const integer *target, const integer *first,
                                        const REAL *shares, const REAL *table, const REAL *x, REAL *y) {
    memset(y, 0, N * K * F * sizeof(REAL));
    const integer width = (F + threads - 1) / threads;
    PARALLEL
    for (integer column = 0; column < F; column += width) {
        const integer W = F - column < width ? F - column : width;
        for (integer e = 0; e < E; e++) {
            const integer i = source[e] * K * F + column, j = target[e] * K * F + column;
            REAL w[W];
            NAMED(read)(W, F, shares + 4 * e, table + first[e] * F + column, w);
            for (integer k = 0; k < K * F; k += F)
                SIMD for (integer c = 0; c < W; c++) {
                    y[i + k + c] += w[c] * x[j + k + c];
                    y[j + k + c] += w[c] * x[i + k + c];
                }
        }
    }
}

/* w_ec = sum_m s_em t_(k_e + m)c */
void NAMED(interpolate)(integer threads, integer E, integer F, const integer *first, const REAL *shares,
                        const REAL *table, REAL *w) {
    PARALLEL
    for (integer e = 0; e < E; e++) NAMED(read)(F, F, shares + 4 * e, table + first[e] * F, w + e * F);
}

/* t_mc += s_m w_c: what lies between four rows of a table, given back to them */
static inline void NAMED(spread)(integer W, integer F, const REAL *s, const REAL *w, REAL *t) {
    SIMD for (integer c = 0; c < W; c++) {
        t[c] += s[0] * w[c];
        t[F + c] += s[1] * w[c];
        t[2 * F + c] += s[2] * w[c];
        t[3 * F + c] += s[3] * w[c];
    }
}

/* g_(k_e + m)c = sum_e s_em w_ec; each thread has columns of its own */
void NAMED(interpolate_backward)(integer threads, integer E, integer G, integer F, const integer *first,
                                 const REAL *shares, const REAL *w, REAL *g) {
    memset(g, 0, G * F * sizeof(REAL));
    const integer width = (F + threads - 1) / threads;
    PARALLEL
    for (integer column = 0; column < F; column += width) {
        const integer W = F - column < width ? F - column : width;
        for (integer e = 0; e < E; e++)
            NAMED(spread)(W, F, shares + 4 * e, w + e * F + column, g + first[e] * F + column);
    }
}

/* Both gradients of y, whose own is g, in one pass, edge by edge; a thread has columns of its own.
   dx_ikc = sum_j w_ijc g_jkc, dt_(k_e + m)c = sum_e s_em sum_k (x_ikc g_jkc + g_ikc x_jkc) for the ends i, j of e */
void NAMED(interpolated_convolve_backward)(integer threads, integer N, integer E, integer G, integer K, integer F,
                                           const integer *source, const integer *target, const integer *first,
                                           const REAL *shares, const REAL *table, const REAL *x, const REAL *g,
                                           REAL *dx, REAL *dt) {
    memset(dx, 0, N * K * F * sizeof(REAL));
    memset(dt, 0, G * F * sizeof(REAL));
    const integer width = (F + threads - 1) / threads;
    PARALLEL
    for (integer column = 0; column < F; column += width) {
        const integer W = F - column < width ? F - column : width;
        for (integer e = 0; e < E; e++) {
            const integer i = source[e] * K * F + column, j = target[e] * K * F + column;
            const REAL *s = shares + 4 * e;
            REAL w[W], product[W];
            NAMED(read)(W, F, s, table + first[e] * F + column, w);
            SIMD for (integer c = 0; c < W; c++) {
                product[c] = x[i + c] * g[j + c] + g[i + c] * x[j + c];
                dx[i + c] += w[c] * g[j + c];
                dx[j + c] += w[c] * g[i + c];
            }
            for (integer k = F; k < K * F; k += F)
                SIMD for (integer c = 0; c < W; c++) {
                    product[c] += x[i + k + c] * g[j + k + c] + g[i + k + c] * x[j + k + c];
                    dx[i + k + c] += w[c] * g[j + k + c];
                    dx[j + k + c] += w[c] * g[i + k + c];
                }
            NAMED(spread)(W, F, s, product, dt + first[e] * F + column);
        }
    }
}

#endif
