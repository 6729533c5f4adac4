/* The kernels of edge_attention.py. */
#ifndef REAL

#include "neighbors.h"

/* Usual widths of a head as constants, so that loops over one are unrolled. */
#define BY_WIDTH(C, function, ...)                                                                               \
    ((C) == 16   ? function(16, __VA_ARGS__)                                                                     \
     : (C) == 32 ? function(32, __VA_ARGS__)                                                                     \
                 : function(C, __VA_ARGS__))

#define SELF "edge_attention.c"
#include "both_types.h"

#else

#include "fused_filters.h"

static inline __attribute__((always_inline)) void NAMED(scores_of_edge)(
    integer C, integer H, const REAL *ui, const REAL *uj, const REAL *vi, const REAL *vj, const REAL *f,
    REAL *forth, REAL *back) {
    for (integer h = 0; h < H; h++) {
        REAL a = 0, b = 0;
        _Pragma("omp simd reduction(+ : a, b)") for (integer c = h * C; c < (h + 1) * C; c++) {
            a += ui[c] * vj[c] * f[c];
            b += uj[c] * vi[c] * f[c];
        }
        forth[h] = a, back[h] = b;
    }
}

/* s_deh = sum_c in h u_ic v_jc f_ec, directions d = 0: i = receiver[e], j = sender[e]; d = 1: exchanged */
void NAMED(scores)(integer threads, integer E, integer H, integer F, const integer *receiver,
                   const integer *sender, const REAL *u, const REAL *v, const REAL *f, REAL *s) {
    const integer C = F / H;
    PARALLEL
    for (integer e = 0; e < E; e++) {
        const integer i = receiver[e] * F, j = sender[e] * F;
        BY_WIDTH(C, NAMED(scores_of_edge), H, u + i, u + j, v + i, v + j, f + e * F, s + e * H, s + (E + e) * H);
    }
}

static inline __attribute__((always_inline)) void NAMED(attend_to)(
    integer C, integer H, const REAL *weights, const REAL *vj, const REAL *f, REAL *yi) {
    for (integer h = 0; h < H; h++)
        SIMD for (integer c = h * C; c < (h + 1) * C; c++) yi[c] += weights[h] * vj[c] * f[c];
}

/* y_ic = sum_j a_ij,h(c) v_jc f_ijc; `swapped` where a means the other direction */
void NAMED(attend)(integer threads, integer N, integer E, integer H, integer F, integer swapped,
                   const integer *ptr, const integer *other, const integer *entry, const REAL *a,
                   const REAL *v, const REAL *f, REAL *y) {
    const integer C = F / H;
    PARALLEL
    for (integer i = 0; i < N; i++) {
        memset(y + i * F, 0, F * sizeof(REAL));
        for (integer at = ptr[i]; at < ptr[i + 1]; at++) {
            const REAL *weights = a + (swapped ? REVERSE(entry[at]) : entry[at]) * H;
            BY_WIDTH(C, NAMED(attend_to), H, weights, v + other[at] * F, f + EDGE(entry[at]) * F, y + i * F);
        }
    }
}

static inline __attribute__((always_inline)) void NAMED(filter_grad_of_edge)(
    integer C, integer H, const REAL *forth, const REAL *back, const REAL *ui, const REAL *uj, const REAL *vi,
    const REAL *vj, REAL *g) {
    for (integer h = 0; h < H; h++)
        SIMD for (integer c = h * C; c < (h + 1) * C; c++)
            g[c] = forth[h] * ui[c] * vj[c] + back[h] * uj[c] * vi[c];
}

/* g_ec = sum over both directions of a_de,h(c) u_ic v_jc; times silu'(z_ec) where z is given */
void NAMED(attention_filter_grad)(integer threads, integer E, integer H, integer F, const integer *receiver,
                                  const integer *sender, const REAL *a, const REAL *u, const REAL *v,
                                  const REAL *z, REAL *g) {
    const integer C = F / H;
    PARALLEL
    for (integer e = 0; e < E; e++) {
        const integer i = receiver[e] * F, j = sender[e] * F;
        const REAL *forth = a + e * H, *back = a + (E + e) * H;
        BY_WIDTH(C, NAMED(filter_grad_of_edge), H, forth, back, u + i, u + j, v + i, v + j, g + e * F);
        if (z) NAMED(times_silu_grad)(F, z + e * F, g + e * F);
    }
}

#endif
