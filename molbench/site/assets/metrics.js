// The metrics of molbench.metrics, of labels and predictions: one number a record, spectra, or components of forces.
molbench.metrics = (() => {
  const mean = (values) => values.reduce((sum, v) => sum + v, 0) / values.length;
  const pearson = (y, p) => {
    const [a, b] = [mean(y), mean(p)];
    const sum = (f) => y.reduce((total, _, i) => total + f(y[i] - a, p[i] - b), 0);
    return sum((u, v) => u * v) / Math.sqrt(sum((u) => u * u) * sum((_, v) => v * v));
  };
  // Ranks, equal values sharing the mean of theirs.
  const ranks = (values) => {
    const order = values.map((_, i) => i).sort((a, b) => values[a] - values[b]), found = [];
    for (let first = 0, last; first < order.length; first = last) {
      for (last = first + 1; last < order.length && values[order[last]] === values[order[first]]; last++);
      for (let i = first; i < last; i++) found[order[i]] = (first + last + 1) / 2;
    }
    return found;
  };
  const mae = (y, p) => mean(y.map((v, i) => Math.abs(p[i] - v)));
  const square = (y, p) => mean(y.map((v, i) => (p[i] - v) ** 2));
  const rmse = (y, p) => Math.sqrt(square(y, p));
  const norm = (values) => Math.hypot(...values);
  const cosine = (y, p) => y.reduce((sum, v, i) => sum + v * p[i], 0) / (norm(y) * norm(p)) || 0;
  const count = (y, p, test) => y.reduce((total, v, i) => total + test(v > 0.5, p[i] > 0.5), 0);
  return {
    mae, rmse, force_mae: mae, force_rmse: rmse, energy_mae: mae, energy_rmse: rmse,
    spectral_cosine: (y, p) => mean(y.map((v, i) => cosine(v, p[i]))),
    spectrum_mae: (y, p) => mean(y.map((v, i) => mae(v, p[i]))),
    spectrum_rmse: (y, p) => Math.sqrt(mean(y.map((v, i) => square(v, p[i])))),
    r2: (y, p) => { const m = mean(y); return 1 - square(y, p) / mean(y.map((v) => (v - m) ** 2)); },
    pearson,
    spearman: (y, p) => pearson(ranks(y), ranks(p)),
    accuracy: (y, p) => count(y, p, (a, b) => a === b) / y.length,
    f1: (y, p) => { const hit = count(y, p, (a, b) => a && b); return (2 * hit) / (2 * hit + count(y, p, (a, b) => a !== b)); },
    auroc: (y, p) => {
      const r = ranks(p), positives = y.filter((v) => v > 0.5).length;
      return (y.reduce((sum, v, i) => sum + (v > 0.5 ? r[i] : 0), 0) - (positives * (positives + 1)) / 2) / (positives * (y.length - positives));
    },
    average_precision: (y, p) => {
      const order = y.map((_, i) => i).sort((a, b) => p[b] - p[a]);
      let hits = 0, total = 0;
      for (let first = 0, last; first < order.length; first = last) {
        let own = 0;
        for (last = first; last < order.length && p[order[last]] === p[order[first]]; last++) own += y[order[last]] > 0.5;
        hits += own;
        total += (own * hits) / last;
      }
      return total / hits;
    },
  };
})();
