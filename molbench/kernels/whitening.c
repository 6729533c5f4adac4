/* Whitening of the vectors of atoms and its gradient, each in one pass over memory, for
 * whitening.py.
 *
 * For an atom with vectors x [3, F]: centred c = x - mean(x), covariance C = c c^T / F, Z = (C + D)^(-1/2),
 * y = w Z c. Matrices of 3 x 3 are in double precision, which eigenvalues as small as those of D need.
 */
#ifndef REAL

#include "scalars.h"

typedef double matrix[3][3];

/* Annihilates a_pq of a symmetric matrix by a rotation, and turns the basis v, its columns, along. */
static inline void rotate(matrix a, matrix v, int p, int q) {
    const int r = 3 - p - q;
    const double apq = a[p][q], difference = a[q][q] - a[p][p];
    if (apq * apq <= 1e-34 * fabs(a[p][p] * a[q][q])) return;
    const double root = sqrt(difference * difference + 4 * apq * apq);
    const double t = 2 * apq / (difference + copysign(root, difference));
    const double cosine = 1 / sqrt(1 + t * t), sine = t * cosine;
    const double apr = a[p][r], aqr = a[q][r];
    a[p][p] -= t * apq, a[q][q] += t * apq;
    a[p][q] = a[q][p] = 0;
    a[p][r] = a[r][p] = cosine * apr - sine * aqr;
    a[q][r] = a[r][q] = sine * apr + cosine * aqr;
    for (int k = 0; k < 3; k++) {
        const double vp = v[k][p], vq = v[k][q];
        v[k][p] = cosine * vp - sine * vq;
        v[k][q] = sine * vp + cosine * vq;
    }
}

/* Eigenvalues z of Z and eigenvectors, the columns of v, by cyclic Jacobi rotations of a, given as C. */
static void inverse_root(matrix a, const double *D, double z[3], matrix v) {
    for (int k = 0; k < 3; k++) {
        a[k][k] += D[4 * k];
        for (int l = 0; l < 3; l++) v[k][l] = k == l;
    }
    /* Convergence is quadratic: three or four sweeps are the rule, after which a sweep does nothing. */
    for (int sweep = 0; sweep < 6; sweep++) {
        rotate(a, v, 0, 1);
        rotate(a, v, 0, 2);
        rotate(a, v, 1, 2);
    }
    /* C has no negative eigenvalue, but rounding of a large one can make a small one look so. */
    const double least = fmin(D[0], fmin(D[4], D[8]));
    for (int k = 0; k < 3; k++) z[k] = 1 / sqrt(a[k][k] < least ? least : a[k][k]);
}

/* y = v a v^T */
static inline void turn(matrix v, matrix a, matrix y) {
    for (int k = 0; k < 3; k++)
        for (int l = 0; l < 3; l++) {
            y[k][l] = 0;
            for (int p = 0; p < 3; p++)
                for (int q = 0; q < 3; q++) y[k][l] += v[k][p] * a[p][q] * v[l][q];
        }
}

/* y = Z from its eigenvalues and eigenvectors. */
static inline void compose(const double z[3], matrix v, matrix y) {
    matrix values = {{z[0], 0, 0}, {0, z[1], 0}, {0, 0, z[2]}};
    turn(v, values, y);
}

/* Derivative y by C, symmetric, from b, that by Z. Z Z = (C + D)^(-1) gives Z dZ + dZ Z = -Z^2 dC Z^2, which
 * is solved entry by entry in the basis v. */
static inline void grad_of_root(const double z[3], matrix v, matrix b, matrix y) {
    matrix transposed, turned;
    for (int k = 0; k < 3; k++)
        for (int l = 0; l < 3; l++) transposed[k][l] = v[l][k];
    turn(transposed, b, turned);
    matrix divided;
    for (int k = 0; k < 3; k++)
        for (int l = 0; l < 3; l++)
            divided[k][l] = -z[k] * z[k] * z[l] * z[l] / (z[k] + z[l]) * (turned[k][l] + turned[l][k]) / 2;
    turn(v, divided, y);
}

#define SELF "whitening.c"
#include "both_types.h"

#else

/* Means m of the rows of w x; w may be left out. */
static inline void NAMED(means)(integer F, const REAL *w, const REAL *x, REAL m[3]) {
    for (int k = 0; k < 3; k++) {
        const REAL *row = x + k * F;
        double sum = 0;
        if (w)
            _Pragma("omp simd reduction(+ : sum)") for (integer c = 0; c < F; c++) sum += w[c] * row[c];
        else
            _Pragma("omp simd reduction(+ : sum)") for (integer c = 0; c < F; c++) sum += row[c];
        m[k] = (REAL)(sum / F);
    }
}

/* Means m of the rows of x, and eigenvalues z and eigenvectors v of Z. */
static inline void NAMED(whitener)(integer F, const double *D, const REAL *x, REAL m[3], double z[3],
                                   matrix v) {
    NAMED(means)(F, NULL, x, m);
    double xx = 0, xy = 0, xz = 0, yy = 0, yz = 0, zz = 0;
    _Pragma("omp simd reduction(+ : xx, xy, xz, yy, yz, zz)") for (integer c = 0; c < F; c++) {
        const double a = x[c] - m[0], b = x[F + c] - m[1], d = x[2 * F + c] - m[2];
        xx += a * a, xy += a * b, xz += a * d;
        yy += b * b, yz += b * d;
        zz += d * d;
    }
    matrix covariance = {{xx / F, xy / F, xz / F}, {xy / F, yy / F, yz / F}, {xz / F, yz / F, zz / F}};
    inverse_root(covariance, D, z, v);
}

/* y = w Z c */
void NAMED(whiten)(integer threads, integer N, integer F, const double *D, const REAL *x, const REAL *w,
                   REAL *y) {
    PARALLEL
    for (integer i = 0; i < N; i++) {
        const REAL *xi = x + i * 3 * F;
        REAL *yi = y + i * 3 * F, m[3];
        double z[3];
        matrix v, root;
        NAMED(whitener)(F, D, xi, m, z, v);
        compose(z, v, root);
        for (int k = 0; k < 3; k++) {
            const REAL r0 = root[k][0], r1 = root[k][1], r2 = root[k][2];
            SIMD for (integer c = 0; c < F; c++)
                yi[k * F + c] =
                    w[c] * (r0 * (xi[c] - m[0]) + r1 * (xi[F + c] - m[1]) + r2 * (xi[2 * F + c] - m[2]));
        }
    }
}

/* Derivatives of one atom: with h = w g and M that by C, grad_x = Z (h - mean(h)) + 2 M c / F, where c has no
 * mean to subtract, and grad_w += sum_k g_k (Z c)_k. */
static inline void NAMED(whiten_backward_of_atom)(integer F, const double *D, const REAL *x, const REAL *w,
                                                  const REAL *g, REAL *grad_x, REAL *grad_w) {
    REAL m[3], n[3];
    double z[3];
    matrix v, root, by_root, by_covariance;
    NAMED(whitener)(F, D, x, m, z, v);
    NAMED(means)(F, w, g, n);
    for (int k = 0; k < 3; k++) {
        double a = 0, b = 0, d = 0;
        _Pragma("omp simd reduction(+ : a, b, d)") for (integer c = 0; c < F; c++) {
            const double h = w[c] * g[k * F + c];
            a += h * (x[c] - m[0]), b += h * (x[F + c] - m[1]), d += h * (x[2 * F + c] - m[2]);
        }
        by_root[k][0] = a, by_root[k][1] = b, by_root[k][2] = d;
    }
    compose(z, v, root);
    grad_of_root(z, v, by_root, by_covariance);
    for (int k = 0; k < 3; k++) {
        const REAL r0 = root[k][0], r1 = root[k][1], r2 = root[k][2];
        const double *slope = by_covariance[k];
        const REAL s0 = 2 * slope[0] / F, s1 = 2 * slope[1] / F, s2 = 2 * slope[2] / F;
        SIMD for (integer c = 0; c < F; c++) {
            const REAL c0 = x[c] - m[0], c1 = x[F + c] - m[1], c2 = x[2 * F + c] - m[2];
            const REAL h0 = w[c] * g[c] - n[0], h1 = w[c] * g[F + c] - n[1], h2 = w[c] * g[2 * F + c] - n[2];
            grad_x[k * F + c] = r0 * h0 + r1 * h1 + r2 * h2 + s0 * c0 + s1 * c1 + s2 * c2;
            grad_w[c] += g[k * F + c] * (r0 * c0 + r1 * c1 + r2 * c2);
        }
    }
}

/* Derivatives by x, and by w in one sum for every B atoms, [(N + B - 1) / B, F]. */
void NAMED(whiten_backward)(integer threads, integer N, integer F, integer B, const double *D, const REAL *x,
                            const REAL *w, const REAL *g, REAL *grad_x, REAL *grad_w) {
    PARALLEL
    for (integer block = 0; block < (N + B - 1) / B; block++) {
        REAL *sums = grad_w + block * F;
        memset(sums, 0, F * sizeof(REAL));
        for (integer i = block * B; i < N && i < (block + 1) * B; i++) {
            const integer at = i * 3 * F;
            NAMED(whiten_backward_of_atom)(F, D, x + at, w, g + at, grad_x + at, sums);
        }
    }
}

#endif
