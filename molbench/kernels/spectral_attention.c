/* Softmax attention that keeps no matrix of scores, for spectral_attention.py.
 *
 * One thread takes a head of a molecule, n, copies its rows into buffers that the caches hold, and goes
 * through the queries by BLOCK. Their scores lie side by side, s_ji for key j and query i, so that a maximum
 * or sum over keys is one for each element of a vector. All the rest are products of small matrices. Buffers
 * end in zeros up to a multiple of PAD rows and columns, which spares the products their remainders. q, k and
 * what is alike are [B, H, L, K] in memory, v and what is alike [B, L, H, D], as they come and are needed.
 */
#ifndef REAL

#include <stdlib.h>

#include "scalars.h"

#ifdef __AVX512F__
#define BYTES 64
#else
#define BYTES 32
#endif
#define PAD 8
#define BLOCK (BYTES / 2)
#define STRIP 64
#define PADDED(n) (((n) + PAD - 1) / PAD * PAD)
#define LEAST(a, b) ((a) < (b) ? (a) : (b))
#define INLINE static inline __attribute__((always_inline))

#define SELF "spectral_attention.c"
#include "both_types.h"

#else

typedef REAL NAMED(vector) __attribute__((vector_size(BYTES), aligned(sizeof(REAL)), may_alias));
typedef REAL NAMED(padded) __attribute__((vector_size(PAD * sizeof(REAL)), aligned(sizeof(REAL)), may_alias));
#define VECTOR NAMED(vector)
#define LANES ((integer)(sizeof(VECTOR) / sizeof(REAL)))

/* c_mn (+)= sum_k a_mk b_kn for so many rows and vectors of columns that the sums stay in registers */
INLINE void NAMED(tile)(int rows, int vectors, int add, integer N, integer K, const REAL *a, integer a_row,
                        integer a_column, const REAL *b, REAL *c) {
    VECTOR sum[8];
    for (int m = 0; m < rows; m++)
        for (int n = 0; n < vectors; n++)
            sum[m * vectors + n] = add ? ((VECTOR *)(c + m * N))[n] : (VECTOR){0};
    for (integer k = 0; k < K; k++) {
        const volatile VECTOR *bk = (const volatile VECTOR *)(b + k * N); /* or gcc reads it for each row */
        const VECTOR first = bk[0], second = vectors > 1 ? bk[1] : first;
        for (int m = 0; m < rows; m++) {
            const REAL factor = a[m * a_row + k * a_column];
            sum[m * vectors] += factor * first;
            if (vectors > 1) sum[m * vectors + 1] += factor * second;
        }
    }
    for (int m = 0; m < rows; m++)
        for (int n = 0; n < vectors; n++) ((VECTOR *)(c + m * N))[n] = sum[m * vectors + n];
}

/* The same for PAD columns, where that is less than a vector */
INLINE void NAMED(narrow)(int rows, int add, integer N, integer K, const REAL *a, integer a_row, integer a_column,
                          const REAL *b, REAL *c) {
    NAMED(padded) sum[8];
    for (int m = 0; m < rows; m++) sum[m] = add ? *(NAMED(padded) *)(c + m * N) : (NAMED(padded)){0};
    for (integer k = 0; k < K; k++) {
        const NAMED(padded) bk = *(const NAMED(padded) *)(b + k * N);
        for (int m = 0; m < rows; m++) sum[m] += a[m * a_row + k * a_column] * bk;
    }
    for (int m = 0; m < rows; m++) *(NAMED(padded) *)(c + m * N) = sum[m];
}

/* c_mn (+)= sum_k a_mk b_kn; M and N are multiples of PAD, a_mk is at a[m * a_row + k * a_column] */
INLINE void NAMED(multiply)(int add, integer M, integer N, integer K, const REAL *a, integer a_row,
                            integer a_column, const REAL *b, REAL *c) {
    integer n = 0;
    for (; n + 2 * LANES <= N; n += 2 * LANES)
        for (integer m = 0; m < M; m += 4)
            NAMED(tile)(4, 2, add, N, K, a + m * a_row, a_row, a_column, b + n, c + m * N + n);
    for (; n + LANES <= N; n += LANES)
        for (integer m = 0; m < M; m += 8)
            NAMED(tile)(8, 1, add, N, K, a + m * a_row, a_row, a_column, b + n, c + m * N + n);
    for (; n < N; n += PAD)
        for (integer m = 0; m < M; m += 8)
            NAMED(narrow)(8, add, N, K, a + m * a_row, a_row, a_column, b + n, c + m * N + n);
}

/* e^x, and 0 where that is next to nothing: so gcc drops the limits of exponential(), a third of its time */
INLINE REAL NAMED(weight)(REAL x) { return x < -87 || x > 88 ? 0 : NAMED(exponential)(x); }

static REAL *NAMED(zeros)(integer count) {
    const size_t size = (count * sizeof(REAL) / 64 + 1) * 64;
    return memset(aligned_alloc(64, size), 0, size);
}

/* y_ic = factor x_ic, where a row of x begins `row` behind the one before */
static void NAMED(pad)(integer L, integer F, integer row, REAL factor, const REAL *x, REAL *y) {
    for (integer i = 0; i < L; i++)
        for (integer c = 0; c < F; c++) y[i * PADDED(F) + c] = factor * x[i * row + c];
}

/* y_ic = x_ic, where a row of y begins `row` behind the one before */
static void NAMED(unpad)(integer L, integer F, integer row, const REAL *x, REAL *y) {
    for (integer i = 0; i < L; i++)
        for (integer c = 0; c < F; c++) y[i * row + c] = x[i * PADDED(F) + c];
}

/* y_ci = x_ic for a block of rows */
static void NAMED(turn)(integer C, const REAL *x, REAL *y) {
    for (integer c = 0; c < C; c++)
        for (integer i = 0; i < BLOCK; i++) y[c * BLOCK + i] = x[i * C + c];
}

/* o_ic = sum_j p_ij v_jc, p_ij = e^(s_ij - lse_i), s_ij = scale sum_c q_ic k_jc, lse_i = log sum_j e^s_ij */
void NAMED(softmax_attention)(integer threads, integer B, integer H, integer L, integer K, integer D,
                              const REAL *scale, const REAL *q, const REAL *k, const REAL *v, REAL *o,
                              REAL *lse) {
    const integer rows = PADDED(L) + BLOCK, KP = PADDED(K), DP = PADDED(D);
    _Pragma("omp parallel num_threads(threads)") {
        REAL *const queries = NAMED(zeros)(rows * (2 * KP + DP + BLOCK) + (KP + DP) * BLOCK);
        REAL *const keys = queries + rows * KP, *const values = keys + rows * KP;
        REAL *const s = values + rows * DP, *const turned = s + rows * BLOCK;
        REAL *const sums = turned + KP * BLOCK;
        _Pragma("omp for schedule(static)") for (integer n = 0; n < B * H; n++) {
            const integer at_v = (n / H * L * H + n % H) * D; /* where the rows of v, o and g begin */
            NAMED(pad)(L, K, K, *scale, q + n * L * K, queries);
            NAMED(pad)(L, K, K, 1, k + n * L * K, keys);
            NAMED(pad)(L, D, H * D, 1, v + at_v, values);
            for (integer start = 0; start < L; start += BLOCK) {
                NAMED(turn)(KP, queries + start * KP, turned);
                NAMED(multiply)(0, PADDED(L), BLOCK, K, keys, KP, 1, turned, s);
                REAL most[BLOCK], total[BLOCK] = {0};
                memcpy(most, s, sizeof(most));
                for (integer j = 1; j < L; j++)
                    SIMD for (integer i = 0; i < BLOCK; i++)
                        most[i] = s[j * BLOCK + i] > most[i] ? s[j * BLOCK + i] : most[i];
                for (integer j = 0; j < L; j++)
                    SIMD for (integer i = 0; i < BLOCK; i++) {
                        s[j * BLOCK + i] = NAMED(weight)(s[j * BLOCK + i] - most[i]);
                        total[i] += s[j * BLOCK + i];
                    }
                NAMED(multiply)(0, DP, BLOCK, L, values, 1, DP, s, sums);
                for (integer i = 0; i < LEAST(BLOCK, L - start); i++) {
                    REAL *oi = o + at_v + (start + i) * H * D;
                    for (integer c = 0; c < D; c++) oi[c] = sums[c * BLOCK + i] / total[i];
                    lse[n * L + start + i] = most[i] + (REAL)log(total[i]);
                }
            }
        }
        free(queries);
    }
}

/* Derivatives of sum_ic g_ic o_ic by q, k and v: with t_ij = scale p_ij sum_c g_ic (v_jc - o_ic) they are
 * sum_j t_ij k_jc, sum_i t_ij q_ic and sum_i p_ij g_ic */
void NAMED(softmax_attention_backward)(integer threads, integer B, integer H, integer L, integer K, integer D,
                                       const REAL *scale, const REAL *q, const REAL *k, const REAL *v,
                                       const REAL *o, const REAL *lse, const REAL *g, REAL *grad_q,
                                       REAL *grad_k, REAL *grad_v) {
    const integer rows = PADDED(L) + BLOCK, KP = PADDED(K), DP = PADDED(D);
    _Pragma("omp parallel num_threads(threads)") {
        REAL *const queries = NAMED(zeros)(rows * 3 * (KP + DP) + (2 * KP + DP + 2 * STRIP) * BLOCK);
        REAL *const keys = queries + rows * KP, *const key_sums = keys + rows * KP;
        REAL *const values = key_sums + rows * KP, *const value_sums = values + rows * DP;
        REAL *const slopes = value_sums + rows * DP, *const turned = slopes + rows * DP;
        REAL *const sums = turned + KP * BLOCK, *const turned_slopes = sums + KP * BLOCK;
        REAL *const p = turned_slopes + DP * BLOCK, *const t = p + STRIP * BLOCK;
        _Pragma("omp for schedule(static)") for (integer n = 0; n < B * H; n++) {
            const integer at_v = (n / H * L * H + n % H) * D; /* where the rows of v, o and g begin */
            NAMED(pad)(L, K, K, *scale, q + n * L * K, queries);
            NAMED(pad)(L, K, K, 1, k + n * L * K, keys);
            NAMED(pad)(L, D, H * D, 1, v + at_v, values);
            NAMED(pad)(L, D, H * D, 1, g + at_v, slopes);
            memset(key_sums, 0, rows * KP * sizeof(REAL));
            memset(value_sums, 0, rows * DP * sizeof(REAL));
            for (integer start = 0; start < L; start += BLOCK) {
                const integer size = LEAST(BLOCK, L - start);
                REAL shift[BLOCK] = {0}, mean[BLOCK] = {0};
                for (integer i = 0; i < size; i++) {
                    const REAL *oi = o + at_v + (start + i) * H * D, *gi = slopes + (start + i) * DP;
                    shift[i] = lse[n * L + start + i];
                    for (integer c = 0; c < D; c++) mean[i] += gi[c] * oi[c];
                }
                NAMED(turn)(KP, queries + start * KP, turned);
                NAMED(turn)(DP, slopes + start * DP, turned_slopes);
                memset(sums, 0, KP * BLOCK * sizeof(REAL));
                for (integer at = 0; at < L; at += STRIP) {
                    const integer J = LEAST(STRIP, L - at), JP = PADDED(J);
                    NAMED(multiply)(0, JP, BLOCK, K, keys + at * KP, KP, 1, turned, p);
                    NAMED(multiply)(0, JP, BLOCK, D, values + at * DP, DP, 1, turned_slopes, t);
                    for (integer j = 0; j < J; j++)
                        SIMD for (integer i = 0; i < BLOCK; i++) {
                            p[j * BLOCK + i] = NAMED(weight)(p[j * BLOCK + i] - shift[i]);
                            t[j * BLOCK + i] = p[j * BLOCK + i] * (t[j * BLOCK + i] - mean[i]);
                        }
                    NAMED(multiply)(1, KP, BLOCK, J, keys + at * KP, 1, KP, t, sums);
                    NAMED(multiply)(1, JP, KP, BLOCK, t, BLOCK, 1, queries + start * KP, key_sums + at * KP);
                    NAMED(multiply)(1, JP, DP, BLOCK, p, BLOCK, 1, slopes + start * DP, value_sums + at * DP);
                }
                for (integer i = 0; i < size; i++)
                    for (integer c = 0; c < K; c++)
                        grad_q[(n * L + start + i) * K + c] = *scale * sums[c * BLOCK + i];
            }
            NAMED(unpad)(L, K, K, key_sums, grad_k + n * L * K);
            NAMED(unpad)(L, D, H * D, value_sums, grad_v + at_v);
        }
        free(queries);
    }
}

#undef VECTOR
#undef LANES

#endif
