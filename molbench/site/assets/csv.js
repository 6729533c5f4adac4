"use strict";
const molbench = { data: {} };

// A line of CSV from cells; text that a spreadsheet would take for a formula is quoted away.
molbench.csvLine = (cells) =>
  cells
    .map((cell) => {
      const text = String(cell);
      const safe = /^[=+\-@\t\r＝＋－＠|%]/.test(text) && !/^[+-]?\d/.test(text) ? "'" + text : text;
      return /[",\n]/.test(safe) ? '"' + safe.replaceAll('"', '""') + '"' : safe;
    })
    .join(",");

// Rows of cells of a CSV text, RFC 4180, each with the number of its line.
molbench.csvRows = (text) => {
  let line = 1;
  const row = () => Object.assign([], { line }), rows = [row()];
  for (const [all, quoted, plain, end] of text.replace(/^\ufeff/, "").matchAll(/(?:"((?:[^"]|"")*)"|([^,\r\n]*))(,|\r?\n|$)/g)) {
    rows.at(-1).push(quoted === undefined ? plain : quoted.replaceAll('""', '"'));
    line += all.split("\n").length - 1;
    if (end === "") break;
    if (end !== ",") rows.push(row());
  }
  return rows.filter((row) => row.length > 1 || row[0] !== "");
};

molbench.save = (name, text) => {
  const link = document.createElement("a");
  link.href = URL.createObjectURL(new Blob([text], { type: "text/csv" }));
  link.download = name;
  link.click();
  setTimeout(() => URL.revokeObjectURL(link.href), 1000);
};

// A file beside the page, as a script: a page that was opened from a disk may read nothing else.
molbench.load = (path) =>
  new Promise((resolve, reject) => {
    if (path in molbench.data) return resolve(molbench.data[path]);
    const script = document.createElement("script");
    script.src = path;
    script.onload = () => (path in molbench.data ? resolve(molbench.data[path]) : reject(new Error(path + " is damaged")));
    script.onerror = () => reject(new Error(path + " cannot be read"));
    document.head.append(script);
  });

molbench.element = (tag, attributes = {}, ...children) => {
  const made = document.createElement(tag);
  for (const [name, value] of Object.entries(attributes)) made.setAttribute(name, value);
  made.append(...children);
  return made;
};

// A number to so many significant digits, without an exponent where that is readable.
molbench.plain = (value, digits = 4) => {
  if (!Number.isFinite(value)) return "–";
  if (value === 0) return "0";
  const exponent = Math.floor(Math.log10(Math.abs(value)));
  return exponent < -4 || exponent >= 7 ? value.toExponential(digits - 1) : value.toFixed(Math.max(0, digits - 1 - exponent));
};
