
"use strict";
// What all pages with data have. Text of the data reaches the page as text nodes and attributes only, never as HTML.

const data = JSON.parse(document.getElementById("data").textContent);
const $ = id => document.getElementById(id);
const make = (name, properties = {}, ...children) => {
  const node = Object.assign(document.createElement(name), properties);
  node.append(...children);
  return node;
};
const number = n => n.toLocaleString("en", Number.isInteger(n) ? {} : { maximumSignificantDigits: 4 });
const plural = (n, one, many = one + "s") => `${number(n)} ${n === 1 ? one : many}`;
const percent = share => share === null ? "–" : `${(100 * share).toFixed(2)}%`;
// Signs that turn the direction of what follows are shown as such: one without its end would turn the words behind it.
const still = text => text.replace(/[\u202a-\u202e\u2066-\u2069]/g, "\ufffd");
const word = text => make("bdi", {}, still(text));

// ---- Tables ----

const cell = (i, className, ...children) => make(i ? "td" : "th", { className, ...(i ? {} : { scope: "row" }) }, ...children);
const tableOf = (caption, heads, body) => make("table", {}, make("caption", { className: "hidden" }, caption), make("thead", {}, make("tr", {}, ...heads)), body);

// A table of text or nodes; the first cell of a row names it, all others are numbers.
function plainTable(caption, heads, rows) {
  const kind = i => i ? "number" : "";
  const body = rows.map(parts => make("tr", {}, ...parts.map((part, i) => cell(i, kind(i), ...[part].flat()))));
  return make("div", { className: "wide" }, tableOf(caption, heads.map((head, i) => make(head ? "th" : "td", { scope: "col", className: kind(i) }, head)), make("tbody", {}, ...body)));
}

// A table whose heads sort it. A column: { head, value(row), show(row) or none, number: whether it has numbers }.
// Rows without a value come last in both directions.
function sortedTable(caption, columns, rows, sort, { limit = Infinity, onRow = () => {} } = {}) {
  const body = make("tbody"), heads = columns.map(column => {
    const button = make("button", { type: "button" }, column.head);
    const head = make("th", { scope: "col", className: column.number ? "number" : "" }, button);
    button.onclick = () => {
      const same = sort.column === column.head;
      sort = { column: column.head, down: same ? !sort.down : Boolean(column.number) };
      fill();
    };
    return head;
  });
  let shown = limit;
  const more = make("button", { type: "button" });
  more.onclick = () => { shown = Infinity; fill(); };

  function fill() {
    const place = columns.findIndex(column => column.head === sort.column), { value } = columns[place];
    const missing = row => value(row) === null || value(row) === undefined;
    const sign = sort.down ? -1 : 1;
    rows = [...rows].sort((a, b) => missing(a) - missing(b) || (missing(a) ? 0 : sign * compare(value(a), value(b))));
    for (const [i, head] of heads.entries()) {
      if (i === place) head.ariaSort = sort.down ? "descending" : "ascending"; else head.ariaSort = null;
    }
    body.replaceChildren(...rows.slice(0, shown).map(row => {
      const line = make("tr", {}, ...columns.map((column, i) => cell(i, column.number ? "number" : "", ...shownCell(column, row))));
      onRow(row, line);
      return line;
    }));
    more.hidden = rows.length <= shown;
    more.textContent = `Show all ${number(rows.length)}`;
  }

  fill();
  return make("div", { className: "wide" }, tableOf(caption, heads, body), more);
}

const compare = (a, b) => typeof a === "number" && typeof b === "number" ? a - b : String(a).localeCompare(String(b), "en", { numeric: true });

function shownCell(column, row) {
  const shown = column.show ? column.show(row) : column.value(row);
  return [shown || shown === 0 ? shown : "–"].flat().map(part => part instanceof Node ? part : String(part));
}

// ---- Charts ----

function svg(name, attributes = {}, ...children) {
  const node = document.createElementNS("http://www.w3.org/2000/svg", name);
  for (const [key, value] of Object.entries(attributes)) node.setAttribute(key, value);
  node.append(...children);
  return node;
}

// Round numbers between two numbers: a step of 1, 2 or 5 times a power of ten, at most `most` of them.
function ticks(low, high, most = 5) {
  const rough = (high - low) / most, power = 10 ** Math.floor(Math.log10(rough));
  const step = [1, 2, 5, 10].map(n => n * power).find(n => n >= rough * .999);
  const found = [];
  for (let i = Math.ceil(low / step - 1e-9); i * step <= high + step * 1e-9; i += 1) found.push(Number((i * step).toPrecision(12)));
  return found;
}

// Round numbers on a logarithmic scale: powers of ten, and others where these are few.
function logTicks(low, high) {
  const found = factors => {
    const all = [];
    for (let power = Math.floor(Math.log10(low)); power <= Math.ceil(Math.log10(high)); power += 1) {
      for (const factor of factors) all.push(Number((factor * 10 ** power).toPrecision(12)));
    }
    return all.filter(n => n >= low * .999 && n <= high * 1.001);
  };
  return [found([1]), found([1, 2, 5])].find(marks => marks.length >= 3) ?? ticks(low, high, 4);
}

// The scale of an axis: numbers -> units between `from` and `to`. `categories` have equal distances.
function scaleOf({ values, log = false, categories = null, margin = .06, whole = false }, from, to) {
  if (categories) {
    const step = (to - from) / categories.length;
    return { at: place => from + step * (place + .5), ticks: categories.map((name, place) => [place, name]) };
  }
  const turn = log ? Math.log10 : n => n, back = log ? n => 10 ** n : n => n;
  let low = Math.min(...values), high = Math.max(...values);
  if (low === high) [low, high] = log ? [low / 2, high * 2] : [low - (Math.abs(low) / 10 || 1), high + (Math.abs(high) / 10 || 1)];
  const room = (turn(high) - turn(low)) * margin;
  const [start, end] = [turn(low) - room, turn(high) + room];
  const at = n => from + (turn(n) - start) / (end - start) * (to - from);
  const marks = (log ? logTicks(back(start), back(end)) : ticks(back(start), back(end))).filter(n => !whole || Number.isInteger(n));
  return { at, ticks: marks.map(n => [n, number(n)]) };
}

// An empty chart with axes, and functions that draw a line and a dot into it. x and y are what `scaleOf` takes, with `label`.
function chart(label, x, y, { width = 440, height = 260 } = {}) {
  const left = 58, bottom = 42, top = 12, right = 12;
  const across = scaleOf(x, left, width - right), up = scaleOf(y, height - bottom, top);
  const node = svg("svg", { viewBox: `0 0 ${width} ${height}`, class: "chart", role: "img", "aria-label": label });
  for (const [n, name] of up.ticks) {
    node.append(svg("line", { x1: left, x2: width - right, y1: up.at(n), y2: up.at(n), class: "grid" }),
      svg("text", { x: left - 6, y: up.at(n) + 4, "text-anchor": "end" }, name));
  }
  const room = Math.max(3, Math.floor((width - left - right) / across.ticks.length / 6.5));
  for (const [n, name] of across.ticks) {
    node.append(svg("line", { x1: across.at(n), x2: across.at(n), y1: top, y2: height - bottom, class: "grid" }),
      svg("text", { x: across.at(n), y: height - bottom + 16, "text-anchor": "middle" }, name.length > room ? name.slice(0, room - 1) + "…" : name));
  }
  node.append(svg("text", { x: (left + width - right) / 2, y: height - 6, "text-anchor": "middle" }, x.label),
    svg("text", { transform: `translate(12 ${(height - bottom + top) / 2}) rotate(-90)`, "text-anchor": "middle" }, y.label));
  const place = ([x, y]) => [across.at(x), up.at(y)];
  const line = (points, style) => { if (points.length) node.append(svg("path", { d: path(points.map(place)), class: `line ${style}` })); };
  const dot = (point, style, title, r = 3.5) => {
    const [cx, cy] = place(point), circle = svg("circle", { cx, cy, r, class: `dot ${style}` }, svg("title", {}, title));
    node.append(circle);
    return circle;
  };
  return { node, line, dot };
}

const path = points => points.map(([x, y], i) => `${i ? "L" : "M"}${x.toFixed(1)} ${y.toFixed(1)}`).join("");

// ---- Copying ----

// A word of a command line, as a POSIX shell reads it. Control characters could end the line or edit it while it is
// pasted, so they are escaped, which bash, zsh and ksh understand.
function quoted(text) {
  if (/^[\w@%+=:,./-]+$/.test(text)) return text;
  if (!/[\p{Cc}\u2028\u2029]/u.test(text)) return `'${text.replaceAll("'", `'"'"'`)}'`;
  const escaped = [...text].map(c => {
    if (c === "'" || c === "\\") return "\\" + c;
    if (!/[\p{Cc}\u2028\u2029]/u.test(c)) return c;
    return [...new TextEncoder().encode(c)].map(byte => "\\" + byte.toString(8).padStart(3, "0")).join("");
  });
  return `$'${escaped.join("")}'`;
}

async function toClipboard(text) {
  try {
    await navigator.clipboard.writeText(text);
    return true;
  } catch {  // a browser may close the clipboard to files, but the old command works
    const area = make("textarea", { value: text, className: "hidden" }), before = document.activeElement;
    document.body.append(area);
    area.select();
    const done = document.execCommand("copy");
    area.remove();
    before?.focus();
    return done;
  }
}

function copyButton(label, text) {
  const button = make("button", { type: "button", className: "plain" }, label);
  button.onclick = async () => {
    const done = await toClipboard(text());
    button.textContent = done ? "Copied" : "This browser does not let the page copy";
    setTimeout(() => { button.textContent = label; }, 2000);
  };
  return button;
}
