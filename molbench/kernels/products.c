/* The kernel of products.py, for processors with vectors of 512 or 256 bits; others compute the same, slowly.
 *
 * A tile of the result stays in registers while it is summed over k. `a` is copied where its rows do not lie
 * one behind the other, and `b` in panels of columns, so that both are read in order and rows that lie a power
 * of two apart do not drive each other out of the cache. Parts of 64 terms are summed from zero, which rounds
 * less than one long sum.
 */
#include "scalars.h"

#ifdef __AVX512F__
enum { ROWS = 12, LANES = 16 };
#else
enum { ROWS = 6, LANES = 8 };
#endif
enum { COLUMNS = 2 * LANES, DEPTH = 64, CHUNK = 192 };

typedef float lanes __attribute__((vector_size(4 * LANES), aligned(4)));

/* Rows and columns of a tile of sum_k a_ik b_kj, added to c where that is not the first of its parts */
static inline __attribute__((always_inline)) void tile(integer K, const float *a, integer row, integer step,
                                                       const float *b, float *c, integer C, int add) {
    lanes left[ROWS] = {{0}}, right[ROWS] = {{0}};
    for (integer k = 0; k < K; k++) {
        const lanes *bk = (const lanes *)(b + k * COLUMNS), first = bk[0], second = bk[1];
        for (int r = 0; r < ROWS; r++) {
            const float factor = a[r * row + k * step];
            left[r] += factor * first;
            right[r] += factor * second;
        }
    }
    for (int r = 0; r < ROWS; r++) {
        lanes *to = (lanes *)(c + r * C), *beside = (lanes *)(c + r * C + LANES);
        *to = add ? *to + left[r] : left[r];
        *beside = add ? *beside + right[r] : right[r];
    }
}

/* Columns of b side by side, 0 behind the last */
static void pack(integer K, integer width, integer bk, integer bj, const float *b, float *to) {
    if (bj == 1)
        for (integer k = 0; k < K; k++)
            for (integer j = 0; j < COLUMNS; j++) to[k * COLUMNS + j] = j < width ? b[k * bk + j] : 0;
    else
        for (integer j = 0; j < COLUMNS; j++)
            for (integer k = 0; k < K; k++) to[k * COLUMNS + j] = j < width ? b[k * bk + j * bj] : 0;
}

/* c_ij = sum_k a_ik b_kj + s_j; a and b have any strides, s may be missing, and `packed` is room for panels of b */
void product_float(integer threads, integer M, integer K, integer N, integer ai, integer ak, integer bk,
                   integer bj, const float *a, const float *b, const float *s, float *packed, float *c) {
    const integer panels = (N + COLUMNS - 1) / COLUMNS;
    /* Whole panels of columns that lie side by side are copied in the parts that a chunk of rows needs. */
    const integer plain = bj == 1 ? N / COLUMNS : 0;
    PARALLEL
    for (integer p = plain; p < panels; p++) {
        const integer width = N - p * COLUMNS < COLUMNS ? N - p * COLUMNS : COLUMNS;
        pack(K, width, bk, bj, b + p * COLUMNS * bj, packed + (p - plain) * K * COLUMNS);
    }
    integer chunk = ((M + threads - 1) / threads + ROWS - 1) / ROWS * ROWS;
    if (chunk > CHUNK) chunk = CHUNK;
    PARALLEL
    for (integer start = 0; start < M; start += chunk) {
        const integer end = start + chunk < M ? start + chunk : M, last = end - (end - start) % ROWS;
        float own[CHUNK * DEPTH], near[DEPTH * COLUMNS], out[ROWS * COLUMNS];
        for (integer i = start; s && i < end; i++) memcpy(c + i * N, s, N * sizeof(float));
        for (integer from = 0; from < K; from += DEPTH) {
            const int add = s || from;
            const integer depth = K - from < DEPTH ? K - from : DEPTH;
            for (integer k = 0; k < depth; k++)
                for (integer i = ak == 1 ? last : start; i < end; i += ROWS) {
                    const float *row = a + i * ai + (from + k) * ak;
                    float *to = own + (i - start) * DEPTH + k * ROWS;
                    if (i < last && ai == 1)
                        memcpy(to, row, ROWS * sizeof(float));
                    else
                        for (integer r = 0; r < ROWS; r++) to[r] = i + r < end ? row[r * ai] : 0;
                }
            for (integer p = 0; p < panels; p++) {
                const float *panel = near;
                if (p < plain)
                    pack(depth, COLUMNS, bk, 1, b + from * bk + p * COLUMNS, near);
                else
                    panel = packed + ((p - plain) * K + from) * COLUMNS;
                const integer width = N - p * COLUMNS < COLUMNS ? N - p * COLUMNS : COLUMNS;
                for (integer i = start; i < end; i += ROWS) {
                    const integer height = end - i < ROWS ? end - i : ROWS;
                    const int mine = ak != 1 || height < ROWS, whole = width == COLUMNS && height == ROWS;
                    const float *rows = mine ? own + (i - start) * DEPTH : a + i * ai + from;
                    float *at = c + i * N + p * COLUMNS;
                    if (!whole && add)
                        for (integer r = 0; r < height; r++)
                            memcpy(out + r * COLUMNS, at + r * N, width * sizeof(float));
                    if (mine)
                        tile(depth, rows, 1, ROWS, panel, whole ? at : out, whole ? N : COLUMNS, add);
                    else
                        tile(depth, rows, ai, 1, panel, whole ? at : out, whole ? N : COLUMNS, add);
                    if (!whole)
                        for (integer r = 0; r < height; r++)
                            memcpy(at + r * N, out + r * COLUMNS, width * sizeof(float));
                }
            }
        }
    }
}
