/* Read once for each type: what a sum does whose filters are the SiLU of something, for fused_filters.py. */

/* g_c silu'(z_c) in place: the derivative by a filter becomes that by what the filter is the SiLU of. */
static inline void NAMED(times_silu_grad)(integer F, const REAL *z, REAL *g) {
    SIMD for (integer c = 0; c < F; c++) {
        const REAL s = SIGMOID(z[c]);
        g[c] *= SILU_GRAD(z[c], s);
    }
}
