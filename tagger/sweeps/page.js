
const runs = data.runs, keys = data.keys;
const scored = runs.filter(run => run.dev_accuracy !== null);
const complete = scored.filter(run => run.state === "complete");
const byAccuracy = [...complete].sort((a, b) => b.dev_accuracy - a.dev_accuracy);
const nodesOf = new Map(runs.map(run => [run.number, []]));  // what shows a run, in all plots and in the table
let kept = null;  // the run that a click keeps

// `optimizer.lr` is called `lr`, and `model.hidden.forward` `hidden.forward`, unless two keys would have the same name.
const lastParts = name => name.split(".").slice(1).slice(-2).join(".") || name;
const shortNames = keys.map(({ name }) => keys.filter(other => lastParts(other.name) === lastParts(name)).length > 1 ? name : lastParts(name));
const shownValue = value => value === null || value === "" ? "not set" : value;

// ---- A run that is pointed at stands out everywhere ----

function standsFor(run, node) {
  nodesOf.get(run.number).push(node);
  node.addEventListener("mouseenter", () => point(run));
  node.addEventListener("mouseleave", () => point(kept));
  if (!(node instanceof HTMLTableRowElement)) node.addEventListener("click", () => keep(run));
  return node;
}

function point(run) {
  for (const node of document.querySelectorAll(".hot")) node.classList.remove("hot");
  if (run === null) return;
  for (const node of nodesOf.get(run.number)) {
    node.classList.add("hot");
    if (node instanceof SVGElement && node.nextSibling) node.parentNode.append(node);  // above the others
  }
}

function keep(run) {
  kept = kept === run ? null : run;
  for (const button of document.querySelectorAll("#table [data-run]")) {
    button.ariaPressed = String(kept !== null && Number(button.dataset.run) === kept.number);
  }
  point(kept);
  describe(kept ?? byAccuracy[0] ?? runs[0]);
}

function describe(run) {
  if (!run) return;
  $("run-label").textContent = `Run ${run.number}${run === byAccuracy[0] ? ", the best" : ""}${run.frontier ? ", on the frontier" : ""}`;
  const facts = [
    run.state, run.dev_accuracy !== null && `${percent(run.dev_accuracy)} on dev${run.state === "pruned" ? ", its best epoch" : ""}`,
    run.words_per_second && `${number(run.words_per_second)} words/s`, run.parameters && `${number(run.parameters)} parameters`,
    run.training_seconds && `${number(Math.round(run.training_seconds))} s of training`,
  ];
  const parts = [make("p", {}, facts.filter(Boolean).join(" · "))];
  if (run.error) parts.push(make("p", { className: "error" }, run.error));
  parts.push(make("ul", {}, ...run.overrides.map(override => make("li", {}, make("code", {}, override)))));
  const links = make("p", { className: "row" });
  if (run.report) links.append(reportLink(run, "Its report"));
  links.append(copyButton("Copy its overrides", () => run.overrides.map(quoted).join(" ")));
  parts.push(links);
  $("run-facts").replaceChildren(...parts);
}

// A path below this page's folder: `./` in front, so that no name can be taken for `javascript:` or a host.
const reportLink = (run, text) => make("a", { href: "./" + run.report.split("/").map(encodeURIComponent).join("/") }, text);

const titleOf = run => [`run ${run.number}: ${percent(run.dev_accuracy)}`, ...keys.map((key, i) => `${shortNames[i]} ${shownValue(run.values[i])}`)].join("\n");

// ---- Accuracy against speed, and against anything else ----

const accuracyAxis = shown => ({ values: shown.map(run => 100 * run.dev_accuracy), label: "dev accuracy (%)" });

function drawSpeed() {
  const timed = complete.filter(run => run.words_per_second);
  $("speed-card").hidden = timed.length === 0;
  if (!timed.length) return;
  const speeds = { values: timed.map(run => run.words_per_second), log: true, label: "words per second, one thread" };
  const { node, line, dot } = chart("Dev accuracy against words per second", speeds, accuracyAxis(timed));
  const place = run => [run.words_per_second, 100 * run.dev_accuracy];
  line(timed.filter(run => run.frontier).sort((a, b) => a.words_per_second - b.words_per_second).map(place), "frontier");
  for (const run of timed) standsFor(run, dot(place(run), run.frontier ? "" : "rest", titleOf(run), 5));
  $("speed").replaceChildren(node);
}

const AXES = [
  { name: "the number of the run", label: "run", of: run => run.number, whole: true },
  { name: "parameters", label: "parameters", of: run => run.parameters, log: true },
  { name: "seconds of training", label: "seconds of training", of: run => run.training_seconds },
  ...keys.map((key, i) => ({
    name: key.name, label: key.name, of: run => run.places[i], log: key.scale === "log",
    categories: key.scale === "category" ? key.categories.map(shownValue) : null,
  })),
].filter(axis => scored.some(run => axis.of(run) !== null));

function drawAgainst(axis) {
  const shown = scored.filter(run => axis.of(run) !== null);
  const values = shown.map(run => axis.of(run)), whole = values.every(Number.isInteger);
  const { node, line, dot } = chart(`Dev accuracy against ${axis.name}`, { ...axis, values, whole }, accuracyAxis(shown));
  const place = run => [axis.of(run), 100 * run.dev_accuracy];
  const overTrials = axis === AXES[0];
  if (overTrials) {
    let best = -1;
    line(shown.filter(run => run.state === "complete").flatMap(run => {
      const before = best;
      best = Math.max(best, run.dev_accuracy);
      return before < 0 ? [place(run)] : [[run.number, 100 * before], [run.number, 100 * best]];
    }), "best");
  }
  for (const run of shown) standsFor(run, dot(place(run), run.state === "complete" ? "" : "pruned", titleOf(run), 5));
  for (const [number, nodes] of nodesOf) nodesOf.set(number, nodes.filter(one => !$("against").contains(one)));
  $("against").replaceChildren(node);
  $("key-best").hidden = !overTrials;
  $("key-pruned").hidden = shown.every(run => run.state === "complete");
  $("key-pruned").textContent = shown.some(run => run.state === "unfinished") ? "pruned or unfinished: the best epoch" : "pruned: its best epoch";
  point(kept);
}

// ---- Parallel coordinates ----

function drawParallel() {
  $("parallel-card").hidden = scored.length < 2 || keys.length === 0;
  if ($("parallel-card").hidden) return;
  const height = 300, top = 34, foot = 286;
  const ranks = new Map(data.importance.map(([name], rank) => [name, rank])), rankOf = ({ full }) => ranks.get(full) ?? keys.length;
  const axes = [
    { name: "dev (%)", full: "dev accuracy (%)", of: run => 100 * run.dev_accuracy },
    ...keys.map((key, i) => ({ name: shortNames[i], full: key.name, of: run => run.places[i], log: key.scale === "log",
      categories: key.scale === "category" ? key.categories.map(shownValue) : null })).sort((a, b) => rankOf(a) - rankOf(b)),
  ];
  const space = Math.max(96, Math.min(230, 1240 / axes.length)), width = space * axes.length;
  const node = svg("svg", { viewBox: `0 0 ${width} ${height}`, width, height, class: "chart", role: "img",
    "aria-label": `Parallel coordinates of ${plural(scored.length, "run")}: ${axes.map(axis => axis.name).join(", ")}` });
  const room = Math.floor(space / 8);
  // Where no line passes: left of the first axis, right of the last one, and above the lines between.
  const beside = (i, x, y) => i === 0 ? { x: x - 5, y: y + 4, "text-anchor": "end" } : { x: x + 5, y: i < axes.length - 1 ? y - 5 : y + 4 };
  const ups = axes.map((axis, i) => {
    const values = scored.map(run => axis.of(run)), distinct = [...new Set(values)];
    const scale = scaleOf({ ...axis, values, margin: .04 }, foot, top), at = space * (i + .5);
    const few = distinct.sort((a, b) => a - b).every((n, j) => j === 0 || scale.at(distinct[j - 1]) - scale.at(n) > 20);
    const marks = axis.categories || !few ? scale.ticks : distinct.map(n => [n, number(Number(n.toPrecision(4)))]);
    const cut = (text, most) => text.length > most ? "…" + text.slice(1 - most) : text;
    node.append(svg("line", { x1: at, x2: at, y1: top, y2: foot, class: "axis" }),
      svg("text", { x: at, y: 14, "text-anchor": "middle", class: "name" }, cut(axis.name, room), svg("title", {}, axis.full)),
      ...marks.map(([n, name]) => svg("text", { ...beside(i, at, scale.at(n)), class: "mark" }, cut(name, room - 2), svg("title", {}, name))));
    return [at, scale.at];
  });
  const worstFirst = [...scored].sort((a, b) => a.dev_accuracy - b.dev_accuracy);
  const lines = svg("g");
  for (const [rank, run] of worstFirst.entries()) {
    const share = rank / Math.max(1, worstFirst.length - 1);
    const d = path(axes.map((axis, i) => [ups[i][0], ups[i][1](axis.of(run))]));
    const line = svg("path", { d, class: `run ${run.state}` }), hit = svg("path", { d, class: "hit" }, svg("title", {}, titleOf(run)));
    line.style.setProperty("--rank", `${Math.round(100 * share)}%`);
    line.style.setProperty("--rank-share", share.toFixed(2));
    nodesOf.get(run.number).push(line);
    hit.addEventListener("mouseenter", () => point(run));
    hit.addEventListener("mouseleave", () => point(kept));
    hit.addEventListener("click", () => keep(run));
    lines.append(line);
    node.append(hit);
  }
  node.prepend(lines);
  $("parallel").replaceChildren(node);
}

// ---- Importance ----

function showImportance() {
  const bars = data.importance.flatMap(([key, share]) => {
    const fill = make("i");
    fill.style.width = `${Math.max(100 * share, .5)}%`;
    return [make("span", {}, key), make("span", { className: "bar", ariaHidden: "true" }, fill),
      make("span", { className: "number" }, share < .01 ? "< 1%" : `${Math.round(100 * share)}%`)];
  });
  $("importance").replaceChildren(...bars);
  $("limits").textContent = bars.length ? `${data.limits} Here it had ${plural(complete.length, "run")}.`
    : "It takes four complete runs or more whose keys and accuracies differ.";
}

// ---- The table ----

function showTable() {
  const columns = [
    { head: "Run", number: true, value: run => run.number, show: run => {
      const button = make("button", { type: "button", className: "plain", ariaPressed: "false" }, String(run.number));
      button.dataset.run = run.number;
      button.onclick = () => keep(run);
      button.onfocus = () => point(run);
      button.onblur = () => point(kept);
      return button;
    } },
    { head: "Dev", number: true, value: run => run.dev_accuracy, show: run => run.dev_accuracy === null ? null : percent(run.dev_accuracy) },
    { head: "State", value: run => run.state, show: run => make("span", { className: `state ${run.state}` }, run.frontier ? "frontier" : run.state) },
    ...keys.map((key, i) => ({ head: shortNames[i], number: key.scale !== "category", value: run => key.scale === "category" ? run.values[i] : run.places[i], show: run => run.values[i] })),
    { head: "Words/s", number: true, value: run => run.words_per_second, show: run => run.words_per_second && number(run.words_per_second) },
    { head: "Parameters", number: true, value: run => run.parameters, show: run => run.parameters && number(run.parameters) },
    { head: "Seconds", number: true, value: run => run.training_seconds, show: run => run.training_seconds === null ? null : number(Math.round(run.training_seconds)) },
    { head: "Report", value: run => run.report || null, show: run => run.report ? reportLink(run, `Report of ${run.number}`) : null },
    ...runs.some(run => run.error) ? [{ head: "Error", value: run => run.error || null, show: run => run.error && make("span", { className: "error" }, run.error) }] : [],
  ];
  const onRow = (run, line) => {
    nodesOf.set(run.number, nodesOf.get(run.number).filter(node => !(node instanceof HTMLTableRowElement)));
    standsFor(run, line);
    const button = line.querySelector("[data-run]");
    button.ariaPressed = String(kept === run);
    line.classList.toggle("hot", kept === run);
  };
  $("table").replaceChildren(sortedTable("Runs", columns, runs, { column: "Dev", down: true }, { onRow }));
}

function summary() {
  const count = state => runs.filter(run => run.state === state).length;
  const states = ["complete", "pruned", "failed", "unfinished"].filter(count).map(state => `${number(count(state))} ${state}`);
  const best = byAccuracy[0];
  if (!runs.length) return "There are no runs yet.";
  return `${plural(runs.length, "run")}: ${states.join(", ")}.` + (best
    ? ` The best on dev is run ${best.number} with ${percent(best.dev_accuracy)}.` : " No run is complete.");
}

$("title").textContent = data.title;
$("summary").textContent = summary();
$("axis").replaceChildren(...AXES.map((axis, i) => make("option", { value: String(i) }, axis.name)));
$("axis").onchange = () => drawAgainst(AXES[$("axis").value]);
$("against-card").hidden = scored.length === 0;
$("importance-card").hidden = keys.length === 0;
if (scored.length) drawAgainst(AXES[0]);
drawSpeed();
drawParallel();
showImportance();
showTable();
describe(byAccuracy[0] ?? runs[0]);
$("run").hidden = runs.length === 0;
