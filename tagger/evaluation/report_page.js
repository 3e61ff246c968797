
const PAGE = 30;  // errors that are shown at once
const columns = Object.keys(data.columns);
const dev = data.splits[0];  // the split whose errors are here
const state = { column: columns[0], found: [], shown: PAGE };
const current = () => data.columns[state.column];

// An error as [excerpt, position, gold, predicted, confidence, seen, and of lemmas the gold one and the predicted one].
const formOf = error => data.excerpts[error[0]][3][error[1]];
const goldOf = error => current().tags[error[2]];
const predictedOf = error => current().tags[error[3]];
const shownTag = tag => tag === "_" ? "_ (none)" : tag;
// Where there is little room, of features the values alone.
const shortTag = tag => state.column === "feats" && tag !== "_" ? tag.split("|").map(feature => feature.slice(feature.indexOf("=") + 1)).join(" ") : shownTag(tag);

// ---- Scores ----

function showScores() {
  const { splits } = current(), names = data.splits.filter(name => splits[name]);
  const rows = [
    ["all words", "accuracy", "tokens"], ["seen in training", "known", "known_tokens"],
    ["not seen in training", "unknown", "unknown_tokens"], ["whole sentences", "whole_sentences", "sentences"],
  ].map(([name, share, count]) => [name, ...names.map(split =>
    [make("span", { className: "share" }, percent(splits[split][share])), make("div", { className: "soft" }, `of ${number(splits[split][count])}`)])]);
  if (names.some(split => splits[split].ece !== undefined)) rows.push(["calibration error", ...names.map(split => percent(splits[split].ece ?? null))]);
  $("scores").replaceChildren(plainTable(`Accuracy of ${state.column}`, ["", ...names], rows));
  const unseen = current().unseen_tags;
  const listed = unseen.slice(0, 5).map(([tag, count]) => `${tag} (${number(count)})`).join(", ");
  $("unseen-tags").textContent = unseen.length ? `Gold tags that the tagger does not know, counted as errors: ${listed}${unseen.length > 5 ? ` and ${number(unseen.length - 5)} more` : ""}.` : "";
}

function showCurve() {
  $("curve-card").hidden = data.epochs.length === 0;
  if (!data.epochs.length) return;
  const series = [["dev", "one"], ["train", "two"]];
  $("curve").replaceChildren(...[["loss", 1, "loss (nats per word)"], ["accuracy", 100, "accuracy (%)"]].map(([name, times, label]) => {
    const lines = series.map(([split, style]) => [style, data.epochs.map((epoch, i) => [i + 1, times * epoch[`${split}/${name}`]]).filter(([, y]) => Number.isFinite(y))]);
    const all = lines.flatMap(([, points]) => points);
    if (!all.length) return "";
    const { node, line, dot } = chart(`${label} after each epoch`, { values: data.epochs.map((_, i) => i + 1), label: "epoch", whole: true },
      { values: all.map(point => point[1]), label }, { width: 360, height: 230 });
    for (const [style, points] of lines) {
      line(points, style);
      for (const point of points) {
        const title = `epoch ${point[0]}: ${number(Number(point[1].toFixed(4)))}`;
        dot(point, style, title, 3);
        if (style === "one" && point[0] === data.best_epoch) dot(point, "best", title, 6);
      }
    }
    return node;
  }));
  $("key-train").hidden = !data.epochs.some(epoch => "train/loss" in epoch || "train/accuracy" in epoch);
  const heads = [["dev/loss", n => n.toFixed(4)], ["train/loss", n => n.toFixed(4)], ["dev/accuracy", percent], ["train/accuracy", percent]]
    .filter(([name]) => data.epochs.some(epoch => name in epoch));
  $("epochs").replaceChildren(sortedTable("Epochs", [
    { head: "epoch", number: true, value: row => row.n },
    ...heads.map(([name, show]) => ({ head: name.replace("/", " "), number: true, value: row => row[name] ?? null, show: row => name in row ? show(row[name]) : null })),
  ], data.epochs.map((epoch, i) => ({ ...epoch, n: i + 1 })), { column: "epoch", down: false }));
}

function showCalibration() {
  const { splits } = current(), shown = data.splits.filter(name => splits[name]?.bins);
  $("calibration-card").hidden = shown.length === 0;
  if (!shown.length) return;
  const points = shown.flatMap(name => splits[name].bins.flatMap(([, sure, right]) => [100 * sure, 100 * right]));
  const axis = label => ({ values: [Math.min(...points), 100], label, margin: .04 });
  const { node, line, dot } = chart("Accuracy of words against their confidence", axis("confidence (%)"), axis("accuracy (%)"), { width: 360, height: 260 });
  const low = Math.min(...points);
  line([[low, low], [100, 100]], "diagonal");
  for (const [i, name] of shown.entries()) {
    const style = i ? "two" : "one", point = ([, sure, right]) => [100 * sure, 100 * right];
    line(splits[name].bins.map(point), style);
    for (const bin of splits[name].bins) dot(point(bin), style, `${plural(bin[0], "word")}: confidence ${percent(bin[1])}, accuracy ${percent(bin[2])}`);
  }
  $("calibration").replaceChildren(node);
  $("calibration-key").replaceChildren(...shown.map((name, i) => make("span", { className: i ? "two" : "one" },
    `${name}: ${percent(splits[name].ece)} apart on average`)));
}

// ---- The confusion matrix ----

function showMatrix() {
  const { tags, cells, right, of } = current().matrix, highest = Math.max(1, ...cells.map(cell => cell[2]));
  const counts = new Map(cells.map(([gold, predicted, count]) => [gold + "\n" + predicted, count]));
  const rows = tags.map((gold, i) => make("tr", {}, make("th", { scope: "row", title: gold }, word(shortTag(gold))), ...tags.map((predicted, j) => {
    if (i === j) return make("td", { className: "right", title: `${gold}: ${plural(right[i], "word")} right` }, number(right[i]));
    const count = counts.get(gold + "\n" + predicted);
    if (!count) return make("td");
    const button = make("button", { type: "button", tabIndex: -1, ariaPressed: "false", ariaLabel: `gold ${gold}, predicted ${predicted}: ${plural(count, "error")}` }, number(count));
    button.style.setProperty("--heat", `${Math.round(8 + 42 * Math.sqrt(count / highest))}%`);
    Object.assign(button.dataset, { gold, predicted });
    return make("td", {}, button);
  })));
  const heads = [make("td"), ...tags.map(tag => make("th", { scope: "col", title: tag }, word(shortTag(tag))))];
  $("matrix").replaceChildren(tableOf("Confusion matrix: how often a gold tag, in a row, got the tag of a column", heads, make("tbody", {}, ...rows)));
  const first = $("matrix").querySelector("button");
  if (first) first.tabIndex = 0;
  const shown = of > tags.length ? `These are the ${number(tags.length)} tags with the most errors, of ${number(of)}. ` : "";
  $("matrix-note").textContent = first ? `${shown}A cell opens its errors; arrow keys walk over the cells. Framed: words with the right tag.` : "There are no errors.";
}

// The next cell with errors in a direction, as the arrow keys walk.
function walk(event) {
  const step = { ArrowRight: [0, 1], ArrowLeft: [0, -1], ArrowDown: [1, 0], ArrowUp: [-1, 0] }[event.key];
  const cell = event.target.closest("td");
  if (!step || !cell || event.ctrlKey || event.altKey || event.metaKey) return;
  event.preventDefault();
  const rows = cell.closest("tbody").rows;
  for (let i = cell.parentNode.sectionRowIndex + step[0], j = cell.cellIndex + step[1]; rows[i]?.cells[j]; i += step[0], j += step[1]) {
    const button = rows[i].cells[j].querySelector("button");
    if (!button) continue;
    event.target.tabIndex = -1;
    button.tabIndex = 0;
    button.focus();
    return;
  }
}

// ---- Tags and words ----

const filterButton = (text, filters) => {
  const button = make("button", { type: "button", className: "plain" }, word(text));
  button.onclick = () => filter(filters, true);
  return button;
};

function showTags() {
  const { scores, spans, of } = current();
  const numbers = [["Precision", 1], ["Recall", 2], ["F1", 3]].map(([head, i]) => ({ head, number: true, value: row => row[i], show: row => percent(row[i]) }));
  const words = head => ({ head, number: true, value: row => row[4], show: row => number(row[4]) });
  const errors = { head: "Missed", number: true, value: row => Math.round(row[4] * (1 - row[2])), show: row => number(Math.round(row[4] * (1 - row[2]))) };
  $("tags").replaceChildren(sortedTable("Tags", [
    { head: "Tag", value: row => row[0], show: row => filterButton(shownTag(row[0]), { gold: row[0] }) }, ...numbers, words("Words"), errors,
  ], scores, { column: "Words", down: true }, { limit: 25 }));
  $("tags-note").textContent = of > scores.length ? `The ${number(scores.length)} most frequent of ${number(of)} tags; report.json has all.` : "";
  $("spans").replaceChildren(...spans.length ? [make("h3", {}, "Spans"), sortedTable("Spans", [{ head: "Span", value: row => row[0], show: row => word(row[0]) }, ...numbers, words("Spans of it")], spans, { column: "Spans of it", down: true })] : []);
}

function showWords() {
  const { words } = current();
  $("words").replaceChildren(words.length ? sortedTable("Worst words", [
    { head: "Word", value: row => row[0], show: row => filterButton(row[0], { word: row[0] }) },
    { head: "Errors", number: true, value: row => row[1], show: row => number(row[1]) },
    { head: "Of", number: true, value: row => row[2], show: row => number(row[2]) },
    { head: "Share", number: true, value: row => row[1] / row[2], show: row => `${Math.round(100 * row[1] / row[2])}%` },
    { head: "In training", value: row => row[3] ? "seen" : "not seen" },
  ], words, { column: "Errors", down: true }, { limit: 15 }) : "There are no errors.");
}

// ---- Errors ----

function options(select, ids, all) {
  const { tags, errors } = current(), counts = new Map();
  for (const error of errors) counts.set(tags[error[ids]], (counts.get(tags[error[ids]]) ?? 0) + 1);
  const names = [...counts].sort((a, b) => b[1] - a[1]);
  $(select).replaceChildren(make("option", { value: "" }, all), ...names.map(([tag]) => make("option", { value: "=" + tag }, shownTag(tag))));
}

// Sets the filters: those that are not named are cleared.
function filter({ word = "", gold, predicted }, go = false) {
  $("filters").reset();
  $("word").value = word;
  for (const [id, tag] of [["gold", gold], ["predicted", predicted]]) {
    const value = tag === undefined ? "" : "=" + tag;
    if (value && ![...$(id).options].some(option => option.value === value)) $(id).append(make("option", { value }, shownTag(tag)));
    $(id).value = value;
  }
  search();
  if (go) goToErrors();
}

// Where the errors are not beside what was clicked but below it, they are scrolled to.
function goToErrors() {
  $("errors").scrollTop = 0;
  if ($("errors").getBoundingClientRect().left < $("matrix").getBoundingClientRect().right) {
    $("errors").focus({ preventScroll: true });
    $("errors").scrollIntoView({ block: "start" });
  }
}

function search() {
  const wanted = $("word").value.trim(), gold = $("gold").value, predicted = $("predicted").value, seen = $("seen").value;
  const least = $("least").valueAsNumber / 100 || 0, most = Number.isNaN($("most").valueAsNumber) ? 1 : $("most").valueAsNumber / 100;
  const whole = current().errors.some(error => formOf(error) === wanted), part = wanted.toLowerCase();
  state.found = current().errors.filter(error => {
    const form = formOf(error);
    return (!wanted || (whole ? form === wanted : form.toLowerCase().includes(part)))
      && (!gold || gold === "=" + goldOf(error)) && (!predicted || predicted === "=" + predictedOf(error))
      && error[4] >= least && error[4] <= most && (seen === "" || Number(seen) === error[5]);
  });
  const order = $("order").value;
  if (order === "unsure") state.found.reverse();
  if (order === "word") state.found.sort((a, b) => compare(formOf(a), formOf(b)));
  state.shown = PAGE;
  for (const button of $("matrix").querySelectorAll("button")) {
    button.ariaPressed = String(gold === "=" + button.dataset.gold && predicted === "=" + button.dataset.predicted);
  }
  list();
}

function list() {
  const { found, shown } = state, { errors, total } = current();
  $("list").replaceChildren(...found.slice(0, shown).map(errorItem));
  $("more").hidden = found.length <= shown;
  $("more").textContent = `Show ${number(Math.min(PAGE, found.length - shown))} more of ${number(found.length)}`;
  const kept = errors.length < total ? ` This page has ${number(errors.length)} of ${plural(total, "error")}: the most confident ones, and some of each pair of tags.` : "";
  $("found").textContent = `${found.length === errors.length ? plural(found.length, "error") : `${number(found.length)} of ${plural(errors.length, "error")}`} on ${dev}.${kept}`;
}

function errorItem(error) {
  const [name, before, after, words] = data.excerpts[error[0]], place = error[1];
  const sentence = make("p", { className: "sentence", dir: "auto" }, before ? "… " : "");
  for (const [i, form] of words.entries()) sentence.append(i ? " " : "", i === place ? make("mark", {}, still(form)) : still(form));
  if (after) sentence.append(" …");
  const lemmas = error.length > 6;
  const verdict = make("p", { className: "verdict" },
    make("span", { className: "gold" }, word(shownTag(lemmas ? error[6] : goldOf(error)))),
    make("span", { className: "predicted" }, word(shownTag(lemmas ? error[7] : predictedOf(error)))),
    make("span", {}, `confidence ${percent(error[4])}`), make("span", { className: "soft" }, error[5] ? "seen in training" : "not seen in training"));
  if (lemmas) verdict.append(make("span", { className: "soft" }, word(`${goldOf(error)} / ${predictedOf(error)}`)));
  const part = before || after ? ", in part" : "";
  const where = make("p", { className: "place" }, make("span", {}, "sentence ", word(name)),
    copyButton(`Copy the command that explains it${part}`, () => explain(words)));
  return make("li", {}, sentence, verdict, where);
}

const tagger = () => ["python", "-m", "tagger"];
// Spaces within a word are written as U+00A0. `-` alone would be standard input.
function explain(words) {
  const text = words.map(form => form.replaceAll(" ", "\u00a0")).join(" ");
  return [...tagger(), "explain", "--model", data.model, "--column", state.column, "--tokens", "--", text === "-" ? "- " : text].map(quoted).join(" ");
}

// ---- All else ----

function showOthers() {
  $("others").replaceChildren(...data.tables.map(({ title, heads, rows }) => make("section", { className: "card" }, make("h2", {}, title),
    plainTable(title, heads, rows.map(row => row.map(word))))));
  const commands = [["tag text with it", ["tag", "FILE"]], ["try it on a web page", ["serve"]]];
  $("commands").replaceChildren(...commands.map(([what, words]) => {
    const line = [...tagger(), ...words, "--model", data.model].map(quoted).join(" ");
    return make("li", {}, make("span", {}, what), make("code", {}, line), copyButton("Copy", () => line));
  }), make("li", {}, make("span", {}, "see what a tag rests on: copy the command at an error")));
  $("files-label").hidden = data.files.length === 0;
  $("files").replaceChildren(...data.files.map(([name, what]) => make("li", {}, make("a", { href: "./" + name.split("/").map(encodeURIComponent).join("/") }, name), ` ${what}`)));
}

function showColumn(column) {
  state.column = column;
  options("gold", 2, "any");
  options("predicted", 3, "any");
  showScores();
  showCalibration();
  showMatrix();
  showTags();
  showWords();
  filter({});
}

$("title").textContent = data.title;
$("facts").textContent = data.facts.join(" · ");
$("columns").hidden = columns.length < 2;
$("columns").append(...columns.map(column => make("label", {}, make("input", { type: "radio", name: "column", value: column, checked: column === columns[0] }), column.toUpperCase())));
$("columns").onchange = event => showColumn(event.target.value);
$("matrix").onclick = event => {
  const button = event.target.closest("button");
  if (!button) return;
  for (const other of $("matrix").querySelectorAll("[tabindex='0']")) other.tabIndex = -1;
  button.tabIndex = 0;
  filter(button.ariaPressed === "true" ? {} : button.dataset, true);
};
$("matrix").onkeydown = walk;
$("filters").oninput = search;
$("filters").onreset = () => setTimeout(search);
$("filters").onsubmit = event => event.preventDefault();
$("more").onclick = () => { state.shown += PAGE; list(); };
showCurve();
showOthers();
showColumn(columns[0]);
