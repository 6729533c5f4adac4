// Tables that a reader drops: column names, and rows of cells with the place that a fault is told by.
molbench.table = (() => {
  const csv = (text) => {
    const [head = [], ...rows] = molbench.csvRows(text);
    return { head: "line 1: ", names: head.map((cell) => cell.trim().toLowerCase()), rows: rows.map((cells) => ({ where: `line ${cells.line}`, cells })) };
  };
  // The decoder lies beside the pages and is asked for when it is needed.
  const parquet = async (buffer) => {
    const decoder = await molbench.load("../parquet.js");
    try {
      const { names, rows } = await decoder.read(buffer);
      return { head: "", names, rows: rows.map((row, i) => ({ where: `row ${i}`, cells: names.map((name) => row[name]) })) };
    } catch (error) {
      throw new Error(`cannot be read as Parquet: ${String(error.message).split("\n")[0].slice(0, 200)}`);
    }
  };
  const MOST = 200 * 2 ** 20;
  return async (file) => {
    if (file.size > MOST) throw new Error("larger than 200 MiB; `molbench score` reads it");
    const magic = new TextDecoder("latin1").decode(await file.slice(0, 4).arrayBuffer());
    return magic === "PAR1" ? parquet(await file.arrayBuffer()) : csv(await file.text());
  };
})();
