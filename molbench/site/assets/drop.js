// A reader's file of predictions is scored in the page, and goes nowhere.
(() => {
  const { csvRows, csvLine, plain, metrics } = molbench;
  const area = document.getElementById("drop"), answer = document.getElementById("answer"), field = document.getElementById("file");
  const labels = () => molbench.load(area.dataset.labels);

  // What `molbench submit template` writes and `molbench score` reads: rows of any tasks and seeds, with units.
  const REQUIRED = ["id", "prediction"], OPTIONAL = ["task", "seed", "unit", "forces", "force_unit"];
  const PASSED_OVER = ["target", "score", "cluster", "split", "smiles", "inchikey", "force_target"];
  const columns = ([head = []]) => {
    const names = head.map((cell) => cell.trim().toLowerCase());
    for (const name of REQUIRED) if (!names.includes(name)) throw new Error(`line 1: no column '${name}'; it has: ${names.join(", ").slice(0, 200)}`);
    for (const [i, name] of names.entries()) {
      if (names.indexOf(name) < i) throw new Error(`line 1: two columns are called '${name}'`);
      if (![...REQUIRED, ...OPTIONAL, ...PASSED_OVER].includes(name)) throw new Error(`line 1: unknown column '${name}'; columns are ${[...REQUIRED, ...OPTIONAL].join(", ")}`);
    }
    return Object.fromEntries(names.map((name, i) => [name, i]));
  };

  // One prediction for each test record of each seed, in their order and unit; what is wrong is told with line and column.
  const read = (text, { task, ids, unit, units }) => {
    if (text.startsWith("PAR1")) throw new Error("a Parquet file: `molbench score` reads it; here it must be CSV");
    const rows = csvRows(text), place = new Map(ids.map((name, i) => [name, i])), seeds = new Map();
    const where = columns(rows), fault = (row, column, what) => { throw new Error(`line ${row.line}, column '${column}': ${what}`); };
    let others = 0;
    for (const row of rows.slice(1)) {
      const cell = (name) => (name in where ? row[where[name]].trim() : "");
      if (row.length !== rows[0].length) throw new Error(`line ${row.line}: ${row.length} cells where the header has ${rows[0].length}`);
      if ("task" in where && cell("task") !== task) { others++; continue; }
      const seed = cell("seed") || "0", name = cell("id"), told = cell("prediction"), number = Number(told);
      if (!/^\d{1,9}(\.0*)?$/.test(seed)) fault(row, "seed", `'${seed}' is no seed`);
      if (!place.has(name)) fault(row, "id", `'${name}' is no test record of ${task}`);
      const own = seeds.get(Number(seed)) ?? { values: new Array(ids.length), lines: [] }, i = place.get(name);
      seeds.set(Number(seed), own);
      if (own.lines[i]) fault(row, "id", `'${name}' has a prediction already, in line ${own.lines[i]}`);
      if (told === "") fault(row, "prediction", "is empty");
      if (!/^[-+\d.eE]+$/.test(told) || !Number.isFinite(number)) fault(row, "prediction", `'${told}' is no finite number`);
      const given = cell("unit") || unit;
      if (!(given in units)) fault(row, "unit", `'${given}' does not convert to ${unit}; these do: ${Object.keys(units).join(", ")}`);
      own.values[i] = number * units[given];
      own.lines[i] = row.line;
    }
    if (!seeds.size) throw new Error(others ? `none of its ${others} rows is of ${task}` : "no rows");
    for (const [seed, { values }] of seeds) {
      const missing = ids.filter((_, i) => values[i] === undefined);
      if (missing.length) throw new Error(`no prediction for '${missing[0]}' of seed ${seed} (${missing.length} of ${ids.length} missing)`);
    }
    return { found: [...seeds.values()].map(({ values }) => values), others };
  };

  const score = async (text) => {
    const data = await labels(), { found, others } = read(text, data), { ids, target, metrics: wanted, scores } = data;
    const mean = (values) => values.reduce((a, b) => a + b, 0) / values.length;
    const values = wanted.map(({ name, factor, unit }) => [name, mean(found.map((own) => factor * metrics[name](target, own))), unit]);
    const [{ lower }] = wanted, [[, value]] = values;
    const better = scores.filter(([, other]) => (lower ? other < value : other > value)).length;
    return values.map(([name, number, unit]) => `${name}: ${plain(number)}${unit === "1" ? "" : " " + unit}`).join("\n") +
      `\n${ids.length} records${found.length > 1 ? `, a mean over ${found.length} seeds` : ""}; ${better} of ${scores.length} models on the boards score better.` +
      (others ? ` ${others} rows are of other tasks.` : "");
  };

  const take = async (file) => {
    answer.className = "";
    try {
      answer.textContent = await score(await file.text());
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
    const { ids, task, unit } = await labels();
    molbench.save(`${task.replaceAll("/", "-")}.csv`, [["task", "seed", "id", "prediction", "unit"], ...ids.map((id) => [task, 0, id, "", unit])].map(csvLine).join("\n") + "\n");
  };
})();
