// Intervals and p-values as molbench.evaluation.statistics computes them: squared half-widths of the sources of
// variation add up, each with Student's t of its own degrees of freedom, widened where records are skewed.
molbench.statistics = (() => {
  const FEWEST = 10, MOST_SKEWED = 0.2, SMALLEST_P = 1e-15;

  // ln Γ, Lanczos (SIAM J. Numer. Anal. B 1, 86 (1964)).
  const logGamma = (x) => {
    const c = [76.18009172947146, -86.50532032941677, 24.01409824083091, -1.231739572450155, 0.1208650973866179e-2, -0.5395239384953e-5];
    const t = x + 5.5 - (x + 0.5) * Math.log(x + 5.5);
    return Math.log((2.5066282746310005 * c.reduce((sum, v, i) => sum + v / (x + 1 + i), 1.000000000190015)) / x) - t;
  };

  // Regularised incomplete beta function by its continued fraction, Lentz's method.
  const fraction = (a, b, x) => {
    let c = 1, d = 1 / (1 - ((a + b) * x) / (a + 1)), value = d;
    for (let m = 1; m < 500; m++) {
      for (const step of [(m * (b - m) * x) / ((a + 2 * m - 1) * (a + 2 * m)), (-(a + m) * (a + b + m) * x) / ((a + 2 * m) * (a + 2 * m + 1))]) {
        d = 1 / (1 + step * d);
        c = 1 + step / c;
        value *= c * d;
      }
      if (Math.abs(c * d - 1) < 1e-13) break;
    }
    return value;
  };
  const beta = (a, b, x, y) => {
    const front = Math.exp(logGamma(a + b) - logGamma(a) - logGamma(b) + a * Math.log(x) + b * Math.log(y));
    return x < (a + 1) / (a + b + 2) ? (front * fraction(a, b, x)) / a : 1 - (front * fraction(b, a, y)) / b;
  };
  const above = (t, freedom) => 0.5 * beta(freedom / 2, 0.5, freedom / (freedom + t * t), (t * t) / (freedom + t * t));

  // The t that is exceeded with probability `tail`: Newton's method in logarithms, where the function is concave.
  const quantile = (tail, freedom) => {
    if (tail > 0.4999999) return 0;
    const density = (t) =>
      Math.exp(logGamma((freedom + 1) / 2) - logGamma(freedom / 2) - ((freedom + 1) / 2) * Math.log1p((t * t) / freedom)) / Math.sqrt(freedom * Math.PI);
    let x = 0;
    for (let i = 0; i < 60; i++) {
      const t = Math.exp(x), share = above(t, freedom);
      if (!(share > 0)) { x -= 0.5; continue; }
      const step = (Math.log(share / tail) * share) / (t * density(t));
      x += Math.min(step, 3);
      if (Math.abs(step) < 1e-10) break;
    }
    return Math.exp(x);
  };

  const skewness = (part) => (part.variance > 0 ? Math.abs(part.third) / part.variance ** 1.5 : 0);
  const few = (part) => part.freedom < FEWEST - 1 || skewness(part) > MOST_SKEWED;
  const halfWidth = (parts, tail = 0.025) =>
    Math.sqrt(
      parts.reduce((sum, part) => {
        if (part.variance === 0) return sum;
        const t = quantile(tail, part.freedom);
        return sum + (t + (skewness(part) * (1 + 2 * t * t)) / 6) ** 2 * part.variance;
      }, 0),
    );

  // One minus the level of the interval that just reaches zero.
  const pValue = (value, parts) => {
    const size = Math.abs(value);
    if (!(size > 0) || parts.some((part) => !Number.isFinite(part.variance))) return 1;
    const excess = (logP) => halfWidth(parts, Math.exp(logP) / 2) - size;
    let low = Math.log(SMALLEST_P), high = 0;
    if (excess(high) >= 0) return 1;
    if (excess(low) <= 0) return SMALLEST_P;
    while (high - low > 1e-5) {
      const middle = (low + high) / 2;
      if (excess(middle) > 0) low = middle; else high = middle;
    }
    return Math.exp((low + high) / 2);
  };

  const ofRepeats = (values) => {
    const n = values.length, mean = values.reduce((a, b) => a + b, 0) / n;
    if (n < 2) return { variance: Infinity, freedom: 1, third: 0 };
    return { variance: values.reduce((sum, v) => sum + (v - mean) ** 2, 0) / (n - 1) / n, freedom: n - 1, third: 0 };
  };

  // Independent sources as one; degrees of freedom by Welch and Satterthwaite.
  const merge = (parts) => {
    const variance = parts.reduce((sum, part) => sum + part.variance, 0);
    const freedom = variance ** 2 / parts.reduce((sum, part) => sum + part.variance ** 2 / part.freedom, 0);
    return { variance, freedom: Number.isFinite(freedom) ? freedom : Math.min(...parts.map((part) => part.freedom)), third: 0 };
  };

  // What drawing test records in their clusters adds; `sums` are of clusters of each kind, then of combinations.
  const ofClusters = (sums, { count, margins, effective, overlap }) => {
    const moment = (values, power) => values.reduce((sum, v) => sum + v ** power, 0);
    const counts = margins.length ? margins : [count];
    const own = counts.map((size, i) => (size / (size - 1)) * moment(sums[i], 2));
    let variance = own.reduce((a, b) => a + b, 0);
    if (overlap) {
      const shared = moment(sums.at(-1), 2);
      variance = Math.max(variance - shared, shared, ...(own.length > 1 ? own : []));
    }
    // Fisher's k-statistic: a few look less skewed than what they are drawn from.
    const n = Math.max(effective, 3), third = (n ** 2 / ((n - 1) * (n - 2))) * counts.reduce((sum, _, i) => sum + moment(sums[i], 3), 0);
    return { variance: count < 2 ? Infinity : variance, freedom: Math.max(effective - 1, 1), third };
  };

  const holm = (values) => {
    const adjusted = [], order = values.map((_, i) => i).sort((a, b) => values[a] - values[b]);
    let largest = 0;
    order.forEach((place, i) => { adjusted[place] = largest = Math.min(1, Math.max(largest, values[place] * (order.length - i))); });
    return adjusted;
  };

  return { few, halfWidth, pValue, ofRepeats, merge, ofClusters, holm, quantile };
})();
