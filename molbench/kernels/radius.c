/* Pairs within a distance, for radius.py. */
#ifndef REAL

#include "neighbors.h"

#define SELF "radius.c"
#include "both_types.h"

#else

/* Whether i and j are no further apart than the root of limit; x is [3, N]. */
#define NEAR(i, j)                                                                               \
    ((x[j] - x[i]) * (x[j] - x[i]) + (x[N + (j)] - x[N + (i)]) * (x[N + (j)] - x[N + (i)]) + \
         (x[2 * N + (j)] - x[2 * N + (i)]) * (x[2 * N + (j)] - x[2 * N + (i)]) <=            \
     *limit)

/* How many of the atoms behind i, up to end[i], are near it */
void NAMED(count_near)(integer threads, integer N, const integer *end, const REAL *x, const REAL *limit,
                       integer *count) {
    PARALLEL
    for (integer i = 0; i < N; i++) {
        int32_t near = 0;
        SIMD for (integer j = i + 1; j < end[i]; j++) near += NEAR(i, j);
        count[i] = near;
    }
}

/* Those pairs, of atom i from place begin[i] */
void NAMED(list_near)(integer threads, integer N, const integer *end, const REAL *x, const REAL *limit,
                      const integer *begin, integer *source, integer *target) {
    PARALLEL
    for (integer i = 0; i < N; i++) {
        integer at = begin[i];
        for (integer j = i + 1; j < end[i]; j++)
            if (NEAR(i, j)) source[at] = i, target[at++] = j;
    }
}

#undef NEAR
#endif
