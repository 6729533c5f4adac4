// Sorting, choosing, hiding and comparing rows of a board. What is seen is a function of the address alone.
(() => {
  const { element, csvLine } = molbench;
  // Cells that are laid out at once: a browser on a slow machine sorts so many without a pause.
  const CELLS = 1500;
  const table = document.getElementById("board"), body = table.tBodies[0];
  const form = document.getElementById("controls"), status = document.getElementById("status");
  const pages = document.getElementById("pages"), comparison = document.getElementById("compare");
  const compared = JSON.parse(document.getElementById("compared").textContent);
  const hiding = document.head.appendChild(document.createElement("style"));

  const columns = [...table.tHead.rows[0].cells].map((cell, place) => ({ cell, place, ...cell.dataset, name: cell.innerText.trim().split(/\s*\n\s*/).join(" ") }));
  const place = Object.fromEntries(columns.map(({ key, place }) => [key, place]));
  const rows = [...body.rows].map((row, order) => ({ row, order, slug: row.querySelector("a").href.split("/").at(-1).replace(/\.html$/, ""), values: [], name: row.cells[place.model].textContent }));
  const text = (row, i) => row.row.cells[i].textContent.trim();
  const value = (row, i) => {
    if (!(i in row.values)) {
      const told = row.row.cells[i].dataset.v ?? text(row, i);
      row.values[i] = columns[i].kind === "num" ? parseFloat(told.replace(/^[▲▼△?]/, "")) : told.toLowerCase();
    }
    return row.values[i];
  };

  const initially = columns.filter((column) => "hidden" in column).map((column) => column.key);
  const defaults = { sort: "", q: "", backbone: "", corpus: "", tier: "", modality: "", clean: "", hide: initially.join(" "), weights: "", compare: "", page: "1" };
  let state = { ...defaults };
  const read = () => {
    state = { ...defaults };
    for (const [name, told] of new URLSearchParams(location.hash.slice(1))) if (name in defaults) state[name] = told;
  };
  const change = (changes) => {
    state = { ...state, page: "1", ...changes };
    const told = new URLSearchParams(Object.entries(state).filter(([name, told]) => told !== defaults[name]));
    history.replaceState(null, "", "#" + told);
    draw();
  };
  const list = (told) => told.split(" ").filter(Boolean);

  const chosen = () => {
    const q = state.q.toLowerCase();
    const is = (row, name) => !state[name] || text(row, place[name]).split(" · ").includes(state[name]);
    return rows.filter((row) => row.name.toLowerCase().includes(q) && ["backbone", "corpus", "tier", "modality"].every((name) => is(row, name)) &&
      (!state.clean || text(row, place.clean) === "yes"));
  };
  const sorted = (some) => {
    const down = state.sort.startsWith("-"), i = place[state.sort.replace(/^-/, "")];
    if (i === undefined) return some;
    const missing = (v) => v === "" || Number.isNaN(v);
    // What is missing comes last in both directions; equal values keep the order of the board.
    return [...some].sort((one, other) => {
      const [a, b] = [value(one, i), value(other, i)];
      if (missing(a) || missing(b)) return missing(a) - missing(b) || one.order - other.order;
      return (a < b ? -1 : a > b ? 1 : 0) * (down ? -1 : 1) || one.order - other.order;
    });
  };

  // A reader's own weights of tasks, where they are not 1.
  const weighted = () => {
    const told = list(state.weights).map((one) => [one.slice(0, one.lastIndexOf(":")), Number(one.slice(one.lastIndexOf(":") + 1))]);
    return new Map(told.filter(([key, weight]) => Object.hasOwn(compared.errors, key) && Number.isFinite(weight) && weight >= 0 && weight !== 1));
  };
  // Geometric mean over the tasks shown, with their weights, of the error over that of a constant, of models that have them all.
  let rated = "";
  const rate = (hidden, weights) => {
    const shown = columns.filter(({ key, group }) => group !== "Models" && !hidden.has(key));
    const tasks = shown.map(({ key, place }) => ({ ...compared.errors[key], key, place, weight: compared.errors[key].weight * (weights.get(key) ?? 1) })).filter(({ weight }) => weight > 0);
    const told = JSON.stringify(tasks.map(({ key, weight }) => [key, weight]));
    if (hidden.has("chosen") || told === rated) return;
    rated = told;
    const error = ({ lower }, v) => Math.max(lower ? v : 1 - v, 1e-12), total = tasks.reduce((sum, { weight }) => sum + weight, 0);
    for (const row of rows) {
      const log = tasks.reduce((sum, task) => sum + task.weight * Math.log(error(task, value(row, task.place)) / error(task, task.constant ?? 0)), 0);
      const mean = tasks.length ? Math.exp(log / total) : NaN;
      row.row.cells[place.chosen].textContent = Number.isNaN(mean) ? "" : molbench.plain(mean, 3);
      row.values[place.chosen] = mean;
    }
  };

  const draw = () => {
    const picked = list(state.compare), hidden = new Set(list(state.hide)), weights = weighted();
    rate(hidden, weights);
    const some = sorted(chosen()), all = state.page === "all";
    const length = Math.min(Math.max(Math.floor(CELLS / (columns.length - hidden.size)), 20), 100);
    const last = Math.max(1, Math.ceil(some.length / length)), page = Math.min(Math.max(parseInt(state.page) || 1, 1), last);
    const shown = all ? some : some.slice((page - 1) * length, page * length);
    const rules = columns.filter(({ key }) => hidden.has(key)).map((c) => `#board tr > :nth-child(${c.place + 1})`).join(",") + "{display:none}";
    if (hiding.textContent !== rules) hiding.textContent = rules;
    for (const { row, slug } of shown) {
      const box = boxes.get(slug) ?? addBox(row, slug);
      box.checked = picked.includes(slug);
      box.disabled = !box.checked && picked.length > 1;
      row.classList.toggle("picked", box.checked);
    }
    body.replaceChildren(...shown.map(({ row }) => row));
    status.textContent = `${some.length} of ${rows.length} models` + (shown.length < some.length ? `, ${(page - 1) * length + 1} to ${(page - 1) * length + shown.length} shown` : "") +
      (picked.length === 1 ? "; choose one more to compare" : "");
    for (const { cell, key } of columns) {
      const own = state.sort.replace(/^-/, "") === key;
      if (own) cell.setAttribute("aria-sort", state.sort.startsWith("-") ? "descending" : "ascending"); else cell.removeAttribute("aria-sort");
      const button = cell.querySelector(".sort"), mark = own ? (state.sort.startsWith("-") ? "▾" : "▴") : "↕";
      if (button.textContent !== mark) button.textContent = mark;
    }
    drawPages(page, last, all);
    for (const field of form.elements) if (field.name in state && field.name) { if (field.type === "checkbox") field.checked = Boolean(state[field.name]); else field.value = state[field.name]; }
    for (const box of form.querySelectorAll("#columns [type=checkbox]")) box.checked = !hidden.has(box.dataset.key);
    for (const field of form.querySelectorAll("#columns [type=number]")) if (field !== document.activeElement) field.value = weights.get(field.dataset.key) ?? 1;
    drawComparison(picked);
  };
  const drawPages = (page, last, all) => {
    pages.hidden = last < 2;
    const button = (label, told, off) => { const made = element("button", { type: "button" }, label); made.disabled = off; made.onclick = () => change({ page: told }); return made; };
    pages.replaceChildren(button("Previous", String(page - 1), all || page < 2), `page ${all ? "1" : page} of ${all ? "1" : last}`, button("Next", String(page + 1), all || page >= last), button(all ? "By pages" : "Show all", all ? "1" : "all", false));
  };

  const boxes = new Map();
  const addBox = (row, slug) => {
    const cell = row.cells[place.model], box = element("input", { type: "checkbox", "aria-label": `Compare ${cell.textContent}` });
    box.onchange = () => change({ page: state.page, compare: (box.checked ? [...list(state.compare), slug] : list(state.compare).filter((one) => one !== slug)).join(" ") });
    cell.prepend(box);
    for (const own of row.cells) if (/^[▲▼]/.test(own.textContent)) own.classList.add(own.textContent[0] === "▲" ? "better" : "worse");
    boxes.set(slug, box);
    return box;
  };
  let comparing = "";
  const drawComparison = async (picked) => {
    const pair = picked.map((slug) => rows.find((row) => row.slug === slug)).filter(Boolean);
    comparison.hidden = pair.length !== 2;
    const wanted = pair.map(({ slug }) => slug).join(" ");
    if (pair.length !== 2 || wanted === comparing) return void (comparing = wanted);
    comparing = wanted;
    try {
      const data = await Promise.all(pair.map(({ slug }) => molbench.load(`${compared.folder}/${slug}.js`)));
      if (comparing === wanted) molbench.compare.show(comparison, pair.map(({ name }) => name), data, compared.tasks);
    } catch (error) {
      comparison.replaceChildren(element("p", { class: "caution" }, `These two cannot be compared here: ${error.message}.`));
    }
  };

  const exported = () => {
    const visible = columns.filter(({ place }) => getComputedStyle(columns[place].cell).display !== "none");
    const scores = (column) => column.group !== "Models";
    const head = visible.flatMap((column) => (scores(column) ? [column.key, column.key + " ±"] : [column.key]));
    const lines = sorted(chosen()).map((row) => visible.flatMap((column) => {
      const told = text(row, column.place);
      if (!scores(column)) return [row.row.cells[column.place].dataset.v ?? told];
      const [, mean = "", width = ""] = /^[▲▼△?]?([^±]*)(?:±(.*))?/.exec(told);
      return [mean.trim(), width.trim()];
    }));
    return [head, ...lines].map(csvLine).join("\n") + "\n";
  };

  for (const { cell, key, name } of columns) {
    const button = element("button", { type: "button", class: "sort", "aria-label": `Sort by ${name}` }, "↕");
    button.onclick = () => change({ sort: state.sort === key ? "-" + key : state.sort === "-" + key ? "" : key });
    cell.insertBefore(button, cell.querySelector(".unit"));
  }
  const weightField = (key) => {
    const field = element("input", { type: "number", min: "0", step: "any", "aria-label": `Weight of ${key}` });
    field.dataset.key = key;
    field.onchange = () => {
      const weights = weighted().set(key, field.value === "" ? 1 : Math.max(field.valueAsNumber, 0));
      const told = [...weights].filter(([, weight]) => weight !== 1).map(([task, weight]) => `${task}:${weight}`);
      // Whoever gives weights wants to see what comes of them.
      change({ page: state.page, weights: told.join(" "), hide: list(state.hide).filter((one) => one !== "chosen").join(" ") });
    };
    field.onblur = draw;
    return field;
  };
  const groups = Map.groupBy ? Map.groupBy(columns, (c) => c.group) : columns.reduce((m, c) => m.set(c.group, [...(m.get(c.group) ?? []), c]), new Map());
  for (const [group, own] of groups) {
    const boxesOf = own.filter(({ key }) => key !== "model").map(({ key, name }) => {
      const box = element("input", { type: "checkbox" });
      box.dataset.key = key;
      box.onchange = () => change({ page: state.page, hide: (box.checked ? list(state.hide).filter((one) => one !== key) : [...list(state.hide), key]).join(" ") });
      const label = element("label", {}, box, group === "Models" ? name : key.slice(group.length + 1));
      return group === "Models" ? label : element("span", { class: "task" }, label, weightField(key));
    });
    document.getElementById("columns").append(element("fieldset", {}, element("legend", {}, group), ...boxesOf));
    if (group === "Models") document.getElementById("columns").append(element("p", { class: "muted" }, "A number beside a task is its weight in the relative error on the tasks shown."));
  }
  form.addEventListener("submit", (event) => event.preventDefault());
  form.addEventListener("input", ({ target }) => { if (target.name in state && target.name) change({ [target.name]: target.type === "checkbox" ? (target.checked ? "1" : "") : target.value }); });
  document.getElementById("reset").onclick = () => change({ ...defaults });
  document.getElementById("csv").onclick = () => molbench.save(`${compared.board}.csv`, exported());
  document.addEventListener("click", ({ target }) => { for (const menu of document.querySelectorAll(".menu[open]")) if (!menu.contains(target)) menu.open = false; });
  document.addEventListener("keydown", ({ key }) => { if (key === "Escape") for (const menu of document.querySelectorAll(".menu[open]")) { menu.open = false; menu.querySelector("summary").focus(); } });
  addEventListener("hashchange", () => { read(); draw(); });
  molbench.exported = exported;
  form.hidden = false;
  read();
  draw();
  table.classList.add("ready");
})();
