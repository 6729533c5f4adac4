// Two models of a board, task by task: both were scored on the same test records, so that the difference of what
// each record adds is what its uncertainty comes from.
molbench.compare = (() => {
  const { element, plain, statistics } = molbench;

  const numbers = ({ scale, values }) => {
    const bytes = Uint8Array.from(atob(values), (c) => c.charCodeAt(0));
    const view = new DataView(bytes.buffer);
    return Array.from({ length: bytes.length / 2 }, (_, i) => view.getInt16(2 * i, true) * scale);
  };

  const difference = (a, b, task) => {
    const value = a.mean - b.mean;
    const sums = a.sums.map((own, i) => {
      const [x, y] = [numbers(own), numbers(b.sums[i])];
      return x.map((v, j) => v - y[j]);
    });
    const parts = [statistics.ofClusters(sums, task), statistics.merge([statistics.ofRepeats(a.repeats), statistics.ofRepeats(b.repeats)])];
    const known = parts.every((part) => Number.isFinite(part.variance));
    return { value, known, few: statistics.few(parts[0]), halfWidth: known ? statistics.halfWidth(parts) : NaN, p: known ? statistics.pValue(value, parts) : NaN };
  };

  const verdicts = (found, lower) => {
    const tested = found.filter((one) => one.known);
    statistics.holm(tested.map((one) => one.p)).forEach((p, i) => { tested[i].adjusted = p; });
    for (const one of found) {
      if (!one.known) one.verdict = "needs more seeds";
      else if (one.adjusted >= 0.05) one.verdict = "=";
      else one.verdict = one.few ? "few records" : one.value < 0 === lower(one.task) ? "better" : "worse";
    }
  };

  const probability = (p) => (Number.isNaN(p) ? "?" : p < 0.001 ? "<0.001" : p < 0.1 ? p.toFixed(3) : p.toFixed(2));

  // The difference as a share of the second model's score, with its interval, on one axis for all tasks.
  const plot = (share, width, most) => {
    const x = (v) => (60 + 54 * Math.max(-1, Math.min(1, v / most))).toFixed(1);
    const holder = element("span");
    holder.innerHTML = `<svg class="interval" viewBox="0 0 120 14" aria-hidden="true"><path class="axis" d="M60 0V14"/>` +
      (Number.isFinite(width) ? `<path d="M${x(share - width)} 7H${x(share + width)}"/>` : "") + `<circle cx="${x(share)}" cy="7" r="3"/></svg>`;
    return holder.firstChild;
  };

  const show = (section, names, [a, b], tasks) => {
    const shared = Object.keys(tasks).filter((task) => a[task] && b[task]);
    const found = shared.map((task) => ({ task, ...difference(a[task], b[task], tasks[task]) }));
    verdicts(found, (task) => tasks[task].lower);
    const count = (verdict) => found.filter((one) => one.verdict === verdict).length;
    for (const one of found) [one.share, one.shareWidth] = [one.value, one.halfWidth].map((v) => v / Math.abs(b[one.task].mean || 1));
    const most = Math.min(1, Math.max(0.01, ...found.map((one) => Math.abs(one.share) + (one.shareWidth || 0))));
    const head = element("tr", {}, ...["task", names[0], names[1], "difference", `± ${plain(100 * most, 2)} %`, "p", "adjusted p", "verdict"].map((text) => element("th", { scope: "col" }, text)));
    const lines = found.map((one) => {
      const { unit, metric } = tasks[one.task];
      const width = one.known ? " ± " + plain(one.halfWidth, 2) : " ± ?";
      const cells = [plain(a[one.task].mean), plain(b[one.task].mean), (one.value > 0 ? "+" : "") + plain(one.value, 3) + width, plot(one.share, one.shareWidth, most), probability(one.p), probability(one.adjusted ?? NaN)];
      return element("tr", {}, element("th", { scope: "row" }, one.task, " ", element("small", {}, metric + (unit === "1" ? "" : " " + unit))),
        ...cells.map((text) => element("td", {}, text)), element("td", { class: one.verdict }, one.verdict));
    });
    section.replaceChildren(
      element("h2", {}, `${names[0]} beside ${names[1]}`),
      element("p", {}, `On ${found.length} tasks that both were scored on, ${names[0]} is better on ${count("better")}, worse on ${count("worse")}, and not told apart on ${count("=")}` +
        (count("few records") ? `; on ${count("few records")} they differ, but of too few or too skewed records to be relied on` : "") + (count("needs more seeds") ? `; ${count("needs more seeds")} need more seeds` : "") +
        ". Differences are paired over test records in their clusters; p-values are adjusted for the number of tasks by Holm's method."),
      element("div", { class: "scroll", role: "region", "aria-label": "Differences by task", tabindex: "0" }, element("table", {}, element("thead", {}, head), element("tbody", {}, ...lines))),
    );
  };

  return { show, difference };
})();
