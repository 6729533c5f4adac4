// A reader's file of predictions is scored in the page, and goes nowhere.
(() => {
  const { csvLine, plain, metrics } = molbench;
  const area = document.getElementById("drop"), answer = document.getElementById("answer"), field = document.getElementById("file");

  // Numbers that are packed because there are many: little-endian, of 4 or 8 bytes each.
  const unpacked = ({ bytes, values }) => {
    const raw = Uint8Array.from(atob(values), (c) => c.charCodeAt(0)).buffer;
    return Array.from(bytes === 4 ? new Float32Array(raw) : new Float64Array(raw));
  };
  let known;
  const labels = async () => {
    if (known) return known;
    const data = await molbench.load(area.dataset.labels), flat = data.points && unpacked(data.target);
    const target = flat ? data.ids.map((_, i) => flat.slice(i * data.points, (i + 1) * data.points)) : data.target;
    return (known = { ...data, target, forces: data.forces && { ...data.forces, target: unpacked(data.forces.target) } });
  };

  const score = async (file) => {
    const table = await molbench.table(file), data = await labels();
    const { ids, target, forces, metrics: wanted, scores } = data, { runs, others } = molbench.predictions(table, data);
    const mean = (values) => values.reduce((a, b) => a + b, 0) / values.length;
    const of = ({ name, factor, of }, run) => factor * (of === "forces" ? metrics[name](forces.target, run.forces.flat()) : metrics[name](target, run.values));
    const values = wanted.map((metric) => [metric.name, mean(runs.map((run) => of(metric, run))), metric.unit]);
    const [{ lower }] = wanted, [[, value]] = values;
    // Scores on boards are rounded to six digits.
    const better = scores.filter(([, other]) => (lower ? value - other : other - value) > 1e-5 * Math.abs(value)).length;
    answer.dataset.values = JSON.stringify(Object.fromEntries(values.map(([name, number]) => [name, number])));
    return values.map(([name, number, unit]) => `${name}: ${plain(number)}${unit === "1" ? "" : " " + unit}`).join("\n") +
      `\n${ids.length} records${runs.length > 1 ? `, a mean over ${runs.length} seeds` : ""}; ${better} of ${scores.length} models on the boards score better.` +
      (others ? ` ${others} rows are of other tasks.` : "");
  };

  const take = async (file) => {
    answer.className = "";
    try {
      answer.textContent = await score(file);
    } catch (error) {
      answer.className = "worse";
      answer.textContent = `${file.name}: ${error.message}`;
    }
  };
  field.onchange = () => field.files[0] && take(field.files[0]);
  area.ondragover = (event) => { event.preventDefault(); area.classList.add("over"); };
  area.ondragleave = () => area.classList.remove("over");
  area.ondrop = (event) => { event.preventDefault(); area.classList.remove("over"); if (event.dataTransfer.files[0]) take(event.dataTransfer.files[0]); };
  document.getElementById("template").onclick = async () => {
    const { ids, task, unit, forces } = await labels();
    const more = forces ? [["forces", "force_unit"], ["", forces.unit]] : [[], []];
    const lines = [["task", "seed", "id", "prediction", "unit", ...more[0]], ...ids.map((id) => [task, 0, id, "", unit, ...more[1]])];
    molbench.save(`${task.replaceAll("/", "-")}.csv`, lines.map(csvLine).join("\n") + "\n");
  };
})();
