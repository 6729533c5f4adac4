/* Sums over neighbours, each in one pass over memory, for molbench/graph.
 *
 * Python holds the meaning of each function: it is named after the one that calls it, and tests compare the two.
 * Arrays are contiguous. An incidence list gives the neighbours of atom i, entries ptr[i] to ptr[i + 1]: `other`
 * is the neighbour, `entry` the directed edge that arrives at i, e for target <- source of edge e and e + E for
 * source <- target. Every row of a result is written by one thread, so that results do not depend on the number
 * of threads.
 */
#ifndef REAL

#include "scalars.h"

/* Edge of a directed edge, and its entry in the other direction. */
#define EDGE(entry) ((entry) < E ? (entry) : (entry) - E)
#define BACK(entry) ((entry) < E ? (entry) + E : (entry) - E)

/* Usual widths of a head as constants, so that loops over one are unrolled. */
#define BY_WIDTH(C, function, ...)                                                                               \
    ((C) == 16   ? function(16, __VA_ARGS__)                                                                     \
     : (C) == 32 ? function(32, __VA_ARGS__)                                                                     \
                 : function(C, __VA_ARGS__))

/* Incidence list of a symmetric edge list by counting; ptr has N + 1 entries and starts as zeros. */
void incidence(integer E, integer N, const integer *source, const integer *target, integer *ptr, integer *other,
               integer *entry) {
    for (integer e = 0; e < E; e++) {
        ptr[source[e]]++;
        ptr[target[e]]++;
    }
    for (integer i = 0, total = 0; i <= N; i++) {
        const integer count = ptr[i];
        ptr[i] = total;
        total += count;
    }
    for (integer e = 0; e < E; e++) {
        const integer s = source[e], t = target[e];
        integer at = ptr[t]++;
        other[at] = s, entry[at] = e;
        at = ptr[s]++;
        other[at] = t, entry[at] = e + E;
    }
    for (integer i = N; i > 0; i--) ptr[i] = ptr[i - 1];
    ptr[0] = 0;
}

#define SELF "neighbors.c"
#include "both_types.h"

#else

/* g_c silu'(z_c) in place: the derivative by a filter becomes that by what the filter is the SiLU of. */
static inline void NAMED(chain)(integer F, const REAL *z, REAL *g) {
    SIMD for (integer c = 0; c < F; c++) {
        const REAL s = SIGMOID(z[c]);
        g[c] *= SILU_SLOPE(z[c], s);
    }
}

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
void NAMED(product)(integer threads, integer E, integer K, integer F, const integer *source,
                    const integer *target, const REAL *x, const REAL *y, const REAL *z, REAL *p) {
    PARALLEL
    for (integer e = 0; e < E; e++) {
        const integer i = source[e] * K * F, j = target[e] * K * F;
        REAL *pe = p + e * F;
        SIMD for (integer c = 0; c < F; c++) pe[c] = x[i + c] * y[j + c] + y[i + c] * x[j + c];
        for (integer k = F; k < K * F; k += F)
            SIMD for (integer c = 0; c < F; c++)
                pe[c] += x[i + k + c] * y[j + k + c] + y[i + k + c] * x[j + k + c];
        if (z) NAMED(chain)(F, z + e * F, pe);
    }
}

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

/* y_ic = sum_j a_ij,h(c) v_jc f_ijc; `back` where a means the other direction */
void NAMED(attend)(integer threads, integer N, integer E, integer H, integer F, integer back, const integer *ptr,
                   const integer *other, const integer *entry, const REAL *a, const REAL *v, const REAL *f,
                   REAL *y) {
    const integer C = F / H;
    PARALLEL
    for (integer i = 0; i < N; i++) {
        memset(y + i * F, 0, F * sizeof(REAL));
        for (integer at = ptr[i]; at < ptr[i + 1]; at++) {
            const REAL *weights = a + (back ? BACK(entry[at]) : entry[at]) * H;
            BY_WIDTH(C, NAMED(attend_to), H, weights, v + other[at] * F, f + EDGE(entry[at]) * F, y + i * F);
        }
    }
}

static inline __attribute__((always_inline)) void NAMED(edge_of)(
    integer C, integer H, const REAL *forth, const REAL *back, const REAL *ui, const REAL *uj, const REAL *vi,
    const REAL *vj, REAL *g) {
    for (integer h = 0; h < H; h++)
        SIMD for (integer c = h * C; c < (h + 1) * C; c++)
            g[c] = forth[h] * ui[c] * vj[c] + back[h] * uj[c] * vi[c];
}

/* g_ec = sum over both directions of a_de,h(c) u_ic v_jc; times silu'(z_ec) where z is given */
void NAMED(edge)(integer threads, integer E, integer H, integer F, const integer *receiver,
                 const integer *sender, const REAL *a, const REAL *u, const REAL *v, const REAL *z, REAL *g) {
    const integer C = F / H;
    PARALLEL
    for (integer e = 0; e < E; e++) {
        const integer i = receiver[e] * F, j = sender[e] * F;
        BY_WIDTH(C, NAMED(edge_of), H, a + e * H, a + (E + e) * H, u + i, u + j, v + i, v + j, g + e * F);
        if (z) NAMED(chain)(F, z + e * F, g + e * F);
    }
}

/* y_ixc = sum_j s_jc f_ijc d_ijx, where d_ij = d_e for i = target[e] and -d_e for i = source[e] */
void NAMED(along_y)(integer threads, integer N, integer E, integer F, const integer *ptr, const integer *other,
                    const integer *entry, const REAL *s, const REAL *f, const REAL *d, REAL *y) {
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
void NAMED(along_s)(integer threads, integer N, integer E, integer F, const integer *ptr, const integer *other,
                    const integer *entry, const REAL *y, const REAL *f, const REAL *d, REAL *s) {
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
void NAMED(along_f)(integer threads, integer E, integer F, const integer *source, const integer *target,
                    const REAL *y, const REAL *s, const REAL *d, const REAL *z, REAL *f) {
    PARALLEL
    for (integer e = 0; e < E; e++) {
        const REAL a = d[3 * e], b = d[3 * e + 1], third = d[3 * e + 2];
        const REAL *ss = s + source[e] * F, *st = s + target[e] * F;
        const REAL *ys = y + source[e] * 3 * F, *yt = y + target[e] * 3 * F;
        SIMD for (integer c = 0; c < F; c++)
            f[e * F + c] = ss[c] * (yt[c] * a + yt[F + c] * b + yt[2 * F + c] * third) -
                           st[c] * (ys[c] * a + ys[F + c] * b + ys[2 * F + c] * third);
            if (z) NAMED(chain)(F, z + e * F, f + e * F);
    }
}

/* d_ex = sum over c and both directions of s_jc f_ec y_ixc, with the sign of the direction */
void NAMED(along_d)(integer threads, integer E, integer F, const integer *source, const integer *target,
                    const REAL *y, const REAL *s, const REAL *f, REAL *d) {
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

/* m_dec = a_ic + b_jc + c_ec for the message from j to i */
void NAMED(join)(integer threads, integer E, integer F, const integer *source, const integer *target,
                 const REAL *a, const REAL *b, const REAL *c, REAL *m) {
    PARALLEL
    for (integer e = 0; e < E; e++) {
        const integer s = source[e] * F, t = target[e] * F;
        REAL *forth = m + e * F, *back = m + (E + e) * F;
        SIMD for (integer k = 0; k < F; k++) {
            forth[k] = a[t + k] + b[s + k] + c[e * F + k];
            back[k] = a[s + k] + b[t + k] + c[e * F + k];
        }
    }
}

/* a_ic = sum_j m_ijc and b_ic = sum_j m_jic */
void NAMED(disjoin)(integer threads, integer N, integer E, integer F, const integer *ptr, const integer *entry,
                    const REAL *m, REAL *a, REAL *b) {
    PARALLEL
    for (integer i = 0; i < N; i++) {
        REAL *ai = a + i * F, *bi = b + i * F;
        memset(ai, 0, F * sizeof(REAL));
        memset(bi, 0, F * sizeof(REAL));
        for (integer at = ptr[i]; at < ptr[i + 1]; at++) {
            const REAL *in = m + entry[at] * F, *out = m + BACK(entry[at]) * F;
            SIMD for (integer c = 0; c < F; c++) ai[c] += in[c], bi[c] += out[c];
        }
    }
}

/* y_ic = sum_j a_ij m_ijc */
void NAMED(receive)(integer threads, integer N, integer E, integer F, const integer *ptr, const integer *entry,
                    const REAL *a, const REAL *m, REAL *y) {
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
void NAMED(spread)(integer threads, integer E, integer F, const integer *source, const integer *target,
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
void NAMED(dots)(integer threads, integer E, integer F, const integer *source, const integer *target,
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
