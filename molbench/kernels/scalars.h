/* What all kernels share: how loops are divided, and functions that the compiler can vectorise. */
#ifndef MOLBENCH_SCALARS
#define MOLBENCH_SCALARS

#include <math.h>
#include <stdint.h>
#include <string.h>

typedef int64_t integer;

#define PARALLEL _Pragma("omp parallel for schedule(static) num_threads(threads)")
#define SIMD _Pragma("omp simd")
#define PARALLEL_SIMD _Pragma("omp parallel for simd schedule(static) num_threads(threads)")

/* e^x for x <= 88, to a few units in the last place. */
static inline float exponential_float(float x) {
    x = x < -87.0f ? -87.0f : x;
    const float n = rintf(x * 1.44269504088896341f);
    const float r = (x - n * 0.693359375f) + n * 2.12194440e-4f;
    float p = 1.9875691500e-4f;
    p = p * r + 1.3981999507e-3f;
    p = p * r + 8.3334519073e-3f;
    p = p * r + 4.1665795894e-2f;
    p = p * r + 1.6666665459e-1f;
    p = p * r + 5.0000001201e-1f;
    p = p * r * r + r + 1.0f;
    union { int32_t bits; float value; } power = {((int32_t)n + 127) << 23};
    return p * power.value;
}

static inline double exponential_double(double x) { return exp(x); }

/* log(1 + t) for 0 <= t <= 1, as 2 artanh(t / (2 + t)). */
static inline float logarithm_float(float t) {
    const float s = t / (2.0f + t), q = s * s;
    float p = 1.0f / 15.0f;
    p = p * q + 1.0f / 13.0f;
    p = p * q + 1.0f / 11.0f;
    p = p * q + 1.0f / 9.0f;
    p = p * q + 1.0f / 7.0f;
    p = p * q + 1.0f / 5.0f;
    p = p * q + 1.0f / 3.0f;
    return 2.0f * s * (p * q + 1.0f);
}

static inline double logarithm_double(double t) { return log1p(t); }

/* 0 where e^x is below 4e-18: multiplied with each other, smaller numbers fall below the normal range of single
   precision, where a CPU is several times as slow. */
#define SIGMOID(x) ((x) < -40 ? 0 : 1 / (1 + NAMED(exponential)((x) < -40 ? 40 : -(x))))

/* Derivative of x sigmoid(x). */
#define SILU_GRAD(x, sigmoid) ((sigmoid) * (1 + (x) * (1 - (sigmoid))))

#endif
