/* The kernels of molecule_attention.py: a molecule's atoms stay in the caches for all that is done with them. */
#ifndef REAL

#include "scalars.h"

#define SELF "molecule_attention.c"
#include "both_types.h"

#else

static inline REAL NAMED(product)(integer F, const REAL *x, const REAL *y) {
    REAL sum = 0;
    _Pragma("omp simd reduction(+ : sum)") for (integer c = 0; c < F; c++) sum += x[c] * y[c];
    return sum;
}

/* y_rc = sum_i w_i x_ic over the atoms of r, w_i = e^s_i / sum_j e^s_j, s_i = sum_c x_ic q_rc */
void NAMED(attend_molecules)(integer threads, integer R, integer F, const integer *ptr, const REAL *x, const REAL *q,
                             REAL *w, REAL *y) {
    PARALLEL
    for (integer r = 0; r < R; r++) {
        REAL highest = -INFINITY, sum = 0;
        for (integer i = ptr[r]; i < ptr[r + 1]; i++) {
            w[i] = NAMED(product)(F, x + i * F, q + r * F);
            highest = w[i] > highest ? w[i] : highest;
        }
        for (integer i = ptr[r]; i < ptr[r + 1]; i++) {
            w[i] = w[i] - highest < -40 ? 0 : NAMED(exponential)(w[i] - highest); /* products stay normal */
            sum += w[i];
        }
        memset(y + r * F, 0, F * sizeof(REAL));
        for (integer i = ptr[r]; i < ptr[r + 1]; i++) {
            w[i] /= sum;
            SIMD for (integer c = 0; c < F; c++) y[r * F + c] += w[i] * x[i * F + c];
        }
    }
}

/* Of sum_rc g_rc y_rc, where h_i = sum_c g_rc x_ic and t_i = w_i (h_i - sum_c g_rc y_rc) is the derivative by s_i:
   by x_ic, w_i g_rc + t_i q_rc, and by q_rc, sum_i t_i x_ic */
void NAMED(attend_molecules_backward)(integer threads, integer R, integer F, const integer *ptr, const REAL *x,
                                      const REAL *q, const REAL *w, const REAL *y, const REAL *g, REAL *grad_x,
                                      REAL *grad_q) {
    PARALLEL
    for (integer r = 0; r < R; r++) {
        const REAL *gr = g + r * F, *qr = q + r * F;
        const REAL mean = NAMED(product)(F, gr, y + r * F);
        REAL *grad = grad_q + r * F;
        memset(grad, 0, F * sizeof(REAL));
        for (integer i = ptr[r]; i < ptr[r + 1]; i++) {
            const REAL *xi = x + i * F;
            const REAL t = w[i] * (NAMED(product)(F, gr, xi) - mean);
            SIMD for (integer c = 0; c < F; c++) {
                grad_x[i * F + c] = w[i] * gr[c] + t * qr[c];
                grad[c] += t * xi[c];
            }
        }
    }
}

#endif
