/* The kernels of vector_messages.py. */
#ifndef REAL

#include "neighbors.h"

#define SELF "vector_messages.c"
#include "both_types.h"

#else

#include "fused_filters.h"

/* y_ixc = sum_j s_jc f_ijc d_ijx, where d_ij = d_e for i = target[e] and -d_e for i = source[e] */
void NAMED(convolve_to_vectors)(integer threads, integer N, integer E, integer F, const integer *ptr,
                                const integer *other, const integer *entry, const REAL *s, const REAL *f,
                                const REAL *d, REAL *y) {
    PARALLEL
    for (integer i = 0; i < N; i++) {
        REAL *yi = y + i * 3 * F;
        memset(yi, 0, 3 * F * sizeof(REAL));
        for (integer at = ptr[i]; at < ptr[i + 1]; at++) {
            const integer e = EDGE(entry[at]);
            const REAL sign = entry[at] < E ? 1 : -1;
            const REAL a = sign * d[3 * e], b = sign * d[3 * e + 1], z = sign * d[3 * e + 2];
            const REAL *sj = s + other[at] * F, *fe = f + e * F;
            SIMD for (integer c = 0; c < F; c++) {
                const REAL message = sj[c] * fe[c];
                yi[c] += message * a;
                yi[F + c] += message * b;
                yi[2 * F + c] += message * z;
            }
        }
    }
}

/* s_jc = sum_ix y_ixc f_ijc d_ijx: seen from j, the sign is the other one */
void NAMED(convolve_to_scalars)(integer threads, integer N, integer E, integer F, const integer *ptr,
                                const integer *other, const integer *entry, const REAL *y, const REAL *f,
                                const REAL *d, REAL *s) {
    PARALLEL
    for (integer j = 0; j < N; j++) {
        REAL *sj = s + j * F;
        memset(sj, 0, F * sizeof(REAL));
        for (integer at = ptr[j]; at < ptr[j + 1]; at++) {
            const integer e = EDGE(entry[at]);
            const REAL sign = entry[at] < E ? -1 : 1;
            const REAL a = sign * d[3 * e], b = sign * d[3 * e + 1], z = sign * d[3 * e + 2];
            const REAL *yi = y + other[at] * 3 * F, *fe = f + e * F;
            SIMD for (integer c = 0; c < F; c++)
                sj[c] += fe[c] * (yi[c] * a + yi[F + c] * b + yi[2 * F + c] * z);
        }
    }
}

/* f_ec = sum over both directions of s_jc y_ixc d_ijx; times silu'(z_ec) where z is given */
void NAMED(vector_filter_grad)(integer threads, integer E, integer F, const integer *source,
                               const integer *target, const REAL *y, const REAL *s, const REAL *d,
                               const REAL *z, REAL *f) {
    PARALLEL
    for (integer e = 0; e < E; e++) {
        const REAL a = d[3 * e], b = d[3 * e + 1], third = d[3 * e + 2];
        const REAL *ss = s + source[e] * F, *st = s + target[e] * F;
        const REAL *ys = y + source[e] * 3 * F, *yt = y + target[e] * 3 * F;
        SIMD for (integer c = 0; c < F; c++)
            f[e * F + c] = ss[c] * (yt[c] * a + yt[F + c] * b + yt[2 * F + c] * third) -
                           st[c] * (ys[c] * a + ys[F + c] * b + ys[2 * F + c] * third);
        if (z) NAMED(times_silu_grad)(F, z + e * F, f + e * F);
    }
}

/* d_ex = sum over c and both directions of s_jc f_ec y_ixc, with the sign of the direction */
void NAMED(vector_direction_grad)(integer threads, integer E, integer F, const integer *source,
                                  const integer *target, const REAL *y, const REAL *s, const REAL *f,
                                  REAL *d) {
    PARALLEL
    for (integer e = 0; e < E; e++) {
        const REAL *ss = s + source[e] * F, *st = s + target[e] * F, *fe = f + e * F;
        const REAL *ys = y + source[e] * 3 * F, *yt = y + target[e] * 3 * F;
        REAL a = 0, b = 0, z = 0;
        _Pragma("omp simd reduction(+ : a, b, z)") for (integer c = 0; c < F; c++) {
            a += fe[c] * (ss[c] * yt[c] - st[c] * ys[c]);
            b += fe[c] * (ss[c] * yt[F + c] - st[c] * ys[F + c]);
            z += fe[c] * (ss[c] * yt[2 * F + c] - st[c] * ys[2 * F + c]);
        }
        d[3 * e] = a, d[3 * e + 1] = b, d[3 * e + 2] = z;
    }
}

#endif
