// Rows of a table as predictions of one task, as `molbench score` reads them: what is wrong is told with its place.
molbench.predictions = (() => {
  // What `molbench submit template` writes; `force` and `force_prediction` are what packed and stored predictions have.
  const REQUIRED = ["id", "prediction"], OPTIONAL = ["task", "seed", "unit", "forces", "force_unit"];
  const PASSED_OVER = ["target", "score", "cluster", "split", "smiles", "inchikey", "force_target"];
  const ALSO = { force: "forces", force_prediction: "forces" };

  const columns = ({ head, names: given }) => {
    const names = given.map((name) => ALSO[name] ?? name);
    for (const name of REQUIRED) if (!names.includes(name)) throw new Error(`${head}no column '${name}'; it has: ${names.join(", ").slice(0, 200)}`);
    for (const [i, name] of names.entries()) {
      if (names.indexOf(name) < i) throw new Error(`${head}two columns are called '${name}'`);
      if (![...REQUIRED, ...OPTIONAL, ...PASSED_OVER].includes(name)) throw new Error(`${head}unknown column '${name}'; columns are ${[...REQUIRED, ...OPTIONAL].join(", ")}`);
    }
    return Object.fromEntries(names.map((name, i) => [name, i]));
  };

  const finite = (value) => (typeof value === "string" && /^[-+\d.eE]+$/.test(value)) || typeof value === "number" ? Number(value) : NaN;
  const empty = (value) => value === undefined || value === null || value === "" || (Array.isArray(value) && !value.length);

  // One prediction for each test record of each seed, in their order and unit; of spectra a list, beside forces a list of them.
  return (table, { task, ids, unit, units, points, forces }) => {
    const where = columns(table), place = new Map(ids.map((name, i) => [name, i])), seeds = new Map();
    if (forces && !("forces" in where)) throw new Error(`${table.head}no column 'forces', which a task of this kind needs`);
    const fault = (row, column, what) => { throw new Error(`${row.where}, column '${column}': ${what}`); };
    const cell = (row, name) => { const value = name in where ? row.cells[where[name]] : undefined; return typeof value === "string" ? value.trim() : typeof value === "bigint" ? Number(value) : value; };
    const number = (row, name) => {
      let told = cell(row, name);
      if (Array.isArray(told) && told.length === 1) [told] = told;
      if (empty(told)) fault(row, name, "is empty");
      if (!Number.isFinite(finite(told))) fault(row, name, `'${told}' is no finite number`);
      return finite(told);
    };
    const numbers = (row, name, length, what) => {
      let told = cell(row, name);
      if (typeof told === "string") told = told.replace(/^\[|\]$/g, "").replaceAll(",", " ").split(/\s+/).filter(Boolean);
      if (empty(told)) fault(row, name, "is empty");
      if (!told.map) fault(row, name, "is no list of numbers");
      const values = Array.from(told, finite), wrong = values.findIndex((value) => !Number.isFinite(value));
      if (wrong >= 0) fault(row, name, `'${told[wrong]}' is no finite number`);
      if (values.length !== length) fault(row, name, `${values.length} numbers where there are ${length} ${what}`);
      return values;
    };
    const factor = (row, name, own, known) => {
      const given = cell(row, name) || own;
      if (!Object.hasOwn(known, given)) fault(row, name, `'${given}' does not convert to ${own}; these do: ${Object.keys(known).join(", ")}`);
      return known[given];
    };

    let others = 0;
    for (const row of table.rows) {
      if (row.cells.length !== table.names.length) throw new Error(`${row.where}: ${row.cells.length} cells where the header has ${table.names.length}`);
      if ("task" in where && cell(row, "task") !== task) { others++; continue; }
      const seed = String(cell(row, "seed") ?? "") || "0", name = String(cell(row, "id") ?? "");
      if (!/^\d{1,9}(\.0*)?$/.test(seed)) fault(row, "seed", `'${seed}' is no seed`);
      if (!place.has(name)) fault(row, "id", `'${name}' is no test record of ${task}`);
      const own = seeds.get(Number(seed)) ?? { values: new Array(ids.length), forces: new Array(forces ? ids.length : 0), places: [] }, i = place.get(name);
      seeds.set(Number(seed), own);
      if (own.places[i]) fault(row, "id", `'${name}' has a prediction already, in ${own.places[i]}`);
      const value = points ? numbers(row, "prediction", points, "points") : number(row, "prediction"), scale = factor(row, "unit", unit, units);
      own.values[i] = points ? value.map((one) => one * scale) : value * scale;
      if (forces) {
        const scale = factor(row, "force_unit", forces.unit, forces.units);
        own.forces[i] = numbers(row, "forces", forces.sizes[i], "numbers, three for each atom").map((one) => one * scale);
      }
      own.places[i] = row.where;
    }
    if (!seeds.size) throw new Error(others ? `none of its ${others} rows is of ${task}` : "no rows");
    for (const [seed, { values }] of seeds) {
      const missing = ids.filter((_, i) => values[i] === undefined);
      if (missing.length) throw new Error(`no prediction for '${missing[0]}' of seed ${seed} (${missing.length} of ${ids.length} missing)`);
    }
    return { runs: [...seeds.values()], others };
  };
})();
