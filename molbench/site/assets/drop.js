// A reader's file of predictions is scored in the page, and goes nowhere.
(() => {
  const { csvRows, csvLine, plain, metrics } = molbench;
  const area = document.getElementById("drop"), answer = document.getElementById("answer"), field = document.getElementById("file");
  const labels = () => molbench.load(area.dataset.labels);

  // One prediction for each test record, in their order; what is wrong is told with its line.
  const read = (text, ids) => {
    const [head, ...rows] = csvRows(text);
    const [id, value] = ["id", "prediction"].map((name) => (head ?? []).findIndex((cell) => cell.trim().toLowerCase() === name));
    if (id < 0 || value < 0) throw new Error("line 1: the columns must be called id and prediction");
    const place = new Map(ids.map((name, i) => [name, i])), found = new Array(ids.length);
    rows.forEach((row, i) => {
      const where = `line ${i + 2}`, name = row[id], told = (row[value] ?? "").trim(), number = Number(told);
      if (!place.has(name)) throw new Error(`${where}: '${name}' is no test record of this task`);
      if (found[place.get(name)] !== undefined) throw new Error(`${where}: '${name}' stands twice`);
      if (told === "" || !Number.isFinite(number)) throw new Error(`${where}: '${told}' is no finite number`);
      found[place.get(name)] = number;
    });
    const missing = ids.filter((_, i) => found[i] === undefined);
    if (missing.length) throw new Error(`no prediction for '${missing[0]}' (${missing.length} missing)`);
    return found;
  };

  const score = async (text) => {
    const { ids, target, metrics: wanted, scores } = await labels();
    const found = read(text, ids);
    const values = wanted.map(({ name, factor, unit }) => [name, factor * metrics[name](target, found), unit]);
    const [{ lower }] = wanted, [[, value]] = values;
    const better = scores.filter(([, other]) => (lower ? other < value : other > value)).length;
    return values.map(([name, number, unit]) => `${name}: ${plain(number)}${unit === "1" ? "" : " " + unit}`).join("\n") +
      `\n${ids.length} records; ${better} of ${scores.length} models on the boards score better.`;
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
    const { ids, task } = await labels();
    molbench.save(`${task.replaceAll("/", "-")}.csv`, [["id", "prediction"], ...ids.map((id) => [id, ""])].map(csvLine).join("\n") + "\n");
  };
})();
