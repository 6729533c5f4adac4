/* The kernels of edge_messages.py. */
#ifndef REAL

#include "neighbors.h"

#define SELF "edge_messages.c"
#include "both_types.h"

#else

/* m_dec = a_ic + b_jc + c_ec for the message from j to i; c may be left out */
void NAMED(edge_messages)(integer threads, integer E, integer F, const integer *source, const integer *target,
                          const REAL *a, const REAL *b, const REAL *c, REAL *m) {
    PARALLEL
    for (integer e = 0; e < E; e++) {
        const integer s = source[e] * F, t = target[e] * F;
        REAL *forth = m + e * F, *back = m + (E + e) * F;
        SIMD for (integer k = 0; k < F; k++) {
            const REAL of_edge = c ? c[e * F + k] : 0;
            forth[k] = a[t + k] + b[s + k] + of_edge;
            back[k] = a[s + k] + b[t + k] + of_edge;
        }
    }
}

/* a_ic = sum_j m_ijc, b_ic = sum_j m_jic, and where c is given c_ec = m_ijc + m_jic */
void NAMED(end_sums)(integer threads, integer N, integer E, integer F, const integer *ptr,
                     const integer *entry, const REAL *m, REAL *a, REAL *b, REAL *c) {
    PARALLEL
    for (integer i = 0; i < N; i++) {
        REAL *ai = a + i * F, *bi = b + i * F;
        memset(ai, 0, F * sizeof(REAL));
        memset(bi, 0, F * sizeof(REAL));
        for (integer at = ptr[i]; at < ptr[i + 1]; at++) {
            const REAL *in = m + entry[at] * F, *out = m + REVERSE(entry[at]) * F;
            if (c && entry[at] < E) {
                REAL *both = c + entry[at] * F;
                SIMD for (integer k = 0; k < F; k++) ai[k] += in[k], bi[k] += out[k], both[k] = in[k] + out[k];
            } else
                SIMD for (integer k = 0; k < F; k++) ai[k] += in[k], bi[k] += out[k];
        }
    }
}

/* y_ic = sum_j a_ij m_ijc */
void NAMED(aggregate)(integer threads, integer N, integer E, integer F, const integer *ptr,
                      const integer *entry, const REAL *a, const REAL *m, REAL *y) {
    (void)E;
    PARALLEL
    for (integer i = 0; i < N; i++) {
        REAL *yi = y + i * F;
        memset(yi, 0, F * sizeof(REAL));
        for (integer at = ptr[i]; at < ptr[i + 1]; at++) {
            const REAL weight = a[entry[at]], *me = m + entry[at] * F;
            SIMD for (integer c = 0; c < F; c++) yi[c] += weight * me[c];
        }
    }
}

/* m_ijc = a_ij g_ic */
void NAMED(broadcast)(integer threads, integer E, integer F, const integer *source, const integer *target,
                      const REAL *a, const REAL *g, REAL *m) {
    PARALLEL
    for (integer e = 0; e < E; e++) {
        const REAL *gs = g + source[e] * F, *gt = g + target[e] * F;
        SIMD for (integer c = 0; c < F; c++) {
            m[e * F + c] = a[e] * gt[c];
            m[(E + e) * F + c] = a[E + e] * gs[c];
        }
    }
}

/* a_ij = sum_c m_ijc g_ic */
void NAMED(edge_dots)(integer threads, integer E, integer F, const integer *source, const integer *target,
                      const REAL *m, const REAL *g, REAL *a) {
    PARALLEL
    for (integer e = 0; e < E; e++) {
        const REAL *gs = g + source[e] * F, *gt = g + target[e] * F;
        REAL forth = 0, back = 0;
        _Pragma("omp simd reduction(+ : forth, back)") for (integer c = 0; c < F; c++) {
            forth += m[e * F + c] * gt[c];
            back += m[(E + e) * F + c] * gs[c];
        }
        a[e] = forth, a[E + e] = back;
    }
}

#endif
