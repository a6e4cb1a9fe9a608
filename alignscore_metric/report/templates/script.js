"use strict";

// Lists the examples and shows the evidence of one. Texts of the data become text nodes, no more.

const PER_PAGE = 25;
const BANDS = 5;
const data = JSON.parse(document.getElementById("data").textContent);
const [LOW, HIGH] = data.range;
const examples = data.examples.map(([name, score, entries], row) => {
  const sentences = entries.map(([text, score, chunk, number, of, closest, verdict, wrong, worst]) =>
    ({ text, score, number, of, closest, verdict, wrong, worst, pieces: data.chunks[chunk] }));
  const lowest = sentences.length ? Math.min(...sentences.map((one) => one.score)) : null;
  const searched = [name, ...sentences.map((one) => one.text)].join(" ").toLowerCase();
  return { row, name, score, lowest, sentences, searched };
});
const view = { key: "score", sign: 1, query: "", page: 0, listed: examples, open: null };

const find = (selector, within = document) => within.querySelector(selector);
const all = (selector, within = document) => [...within.querySelectorAll(selector)];

function make(tag, attributes = {}, ...children) {
  const made = document.createElement(tag);
  for (const [name, value] of Object.entries(attributes)) made.setAttribute(name, value);
  made.append(...children);
  return made;
}

// --- scores

const share = (score) => (score - LOW) / (HIGH - LOW);
const band = (score) => `band-${Math.min(BANDS - 1, Math.floor(BANDS * share(score)))}`;

// A number with a bar as long as the score, so that nothing depends on colour.
function badge(score) {
  if (score === null) return make("span", { class: "badge" }, "no score");
  const meter = make("span", { class: `meter ${band(score)}`, "aria-hidden": "true" }, make("span"));
  meter.firstChild.style.width = `${100 * share(score)}%`;
  return make("span", { class: "badge" }, meter, score.toFixed(3));
}

function drawLegend() {
  for (let place = 0; place < BANDS; place++) {
    const [from, to] = [place, place + 1].map((step) => LOW + (HIGH - LOW) * step / BANDS);
    const text = make("span", { class: `text ${band((from + to) / 2)}` },
      `${from.toFixed(1)} to ${to.toFixed(1)}`);
    find("#legend").append(make("li", {}, text));
  }
}

// --- words that two texts share

const FUNCTION_WORDS = new Set((
  "a an the this that these those and or but nor so if than then as at by for from in into of off on " +
  "onto out over to up with about after before between during under until while is are was were be " +
  "been being am do does did has have had having will would can could may might must shall should " +
  "it its he him his she her they them their we us our you your i me my who whom whose which what " +
  "when where how why there here not no also just only very s t"
).split(" "));

function wordsOf(text) {
  return [...text.matchAll(/[\p{L}\p{M}\p{N}]+/gu)].map((match) =>
    ({ word: match[0].toLowerCase(), from: match.index, to: match.index + match[0].length }));
}

const pairsOf = (words) => words.slice(1).map(({ word }, i) => `${words[i].word} ${word}`);

// Content words that stand in both texts, and the function words beside them where the other text
// has them side by side too: "closed on Monday", but no lone "on".
function isShared(words, others) {
  const there = new Set(others.map(({ word }) => word));
  const pairs = new Set(pairsOf(others));
  const together = pairsOf(words).map((pair) => pairs.has(pair));
  const shared = words.map(({ word }) => there.has(word) && !FUNCTION_WORDS.has(word));
  for (let i = 1; i < words.length; i++) shared[i] = shared[i] || (shared[i - 1] && together[i - 1]);
  for (let i = words.length - 2; i >= 0; i--) shared[i] = shared[i] || (shared[i + 1] && together[i]);
  return shared;
}

// A text as nodes, what it shares with another marked; neighbours under one mark.
function marked(text, other) {
  const words = wordsOf(text);
  const shared = isShared(words, wordsOf(other));
  const nodes = [];
  let end = 0;
  for (let i = 0; i < words.length; i++) {
    if (!shared[i]) continue;
    const first = words[i].from;
    while (shared[i + 1]) i++;
    nodes.push(text.slice(end, first), make("mark", {}, text.slice(first, words[i].to)));
    end = words[i].to;
  }
  return [...nodes, text.slice(end)];
}

// --- words that nothing supports, and verdicts

// A sentence as nodes, its unsupported words under a wavy line; `rest` makes nodes of what is between.
function withWrong({ text, wrong }, rest = (piece) => [piece]) {
  const nodes = [];
  let end = 0;
  for (const [from, to] of wrong ?? []) {
    nodes.push(...rest(text.slice(end, from)), make("u", { class: "wrong" }, text.slice(from, to)));
    end = to;
  }
  return [...nodes, ...rest(text.slice(end))];
}

const VERDICTS = {
  supported: ["", "Supported best by"],
  contradicted: ["contradicted", "Contradicted by the source; likeliest:"],
  unmentioned: ["not in the source", "Not in the source; likeliest:"],
  unsupported: ["not supported", "Not supported; likeliest:"],
};

function verdictOf({ verdict }) {
  const [short] = VERDICTS[verdict];
  return short ? [make("small", { class: "verdict" }, short)] : [];
}

// --- one example: its sentences as tabs, the evidence of the chosen one as their panel

function details(example) {
  const cell = make("td", { colspan: 3 });
  if (!example.sentences.length) {
    cell.append(make("p", {}, "The summary has no sentence, hence no score."));
  } else {
    const tabs = make("div", { role: "tablist", "aria-orientation": "vertical",
      "aria-label": "Sentences of the summary" });
    const panel = make("section", { id: "evidence", role: "tabpanel" });
    tabs.append(...example.sentences.map((sentence, place) =>
      make("button", { role: "tab", id: `tab-${place}`, "aria-controls": "evidence" },
        badge(sentence.score), make("span", {},
          make("span", { class: `text ${band(sentence.score)}` }, ...withWrong(sentence)),
          ...verdictOf(sentence)))));
    tabs.addEventListener("click", (event) => {
      const tab = event.target.closest("[role=tab]");
      if (tab) choose(example, tab);
    });
    tabs.addEventListener("keydown", (event) => {
      const to = neighbour(event, [...tabs.children]);
      if (to) choose(example, to);
    });
    cell.append(make("div", { class: "example" }, tabs, panel));
  }
  return make("tr", { id: "details" }, cell);
}

function choose(example, tab) {
  const tabs = [...tab.parentElement.children];
  for (const one of tabs) {
    one.setAttribute("aria-selected", one === tab);
    one.tabIndex = one === tab ? 0 : -1;
  }
  const sentence = example.sentences[tabs.indexOf(tab)];
  const { text, pieces, closest, number, of, verdict, wrong, worst } = sentence;
  const chunk = make("blockquote", { tabindex: 0, "aria-label": "Chunk of the source" },
    ...pieces.map((piece, place) =>
      make("span", place === closest ? { class: "closest" } : {}, ...marked(piece, text))));
  find("#evidence").setAttribute("aria-labelledby", tab.id);
  find("#evidence").replaceChildren(
    make("h3", {}, "Sentence"),
    make("p", {}, ...withWrong(sentence, (piece) => marked(piece, pieces.join("")))),
    make("h3", {}, `${VERDICTS[verdict][1]} chunk ${number} of ${of} of the source`), chunk,
    make("p", { class: "note" }, "Marked: words that both have. Underlined: the closest sentence." +
      (wrong?.length ? " Wavy: words that the source does not support." : "") +
      (worst && worst[1] > 0.5 ? ` Chunk ${worst[0]} contradicts the sentence most (${worst[1]}).` : "")));
  const shown = find(".closest", chunk);
  chunk.scrollTop = shown.offsetTop - Math.max(0, chunk.clientHeight - shown.offsetHeight) / 2;
}

function openExample(row) {
  find("#details")?.remove();
  find("[aria-expanded=true]")?.setAttribute("aria-expanded", false);
  view.open = row;
  const button = row === null ? null : document.getElementById(`example-${row}`);
  if (button) {
    button.setAttribute("aria-expanded", true);
    button.closest("tr").after(details(examples[row]));
    const scores = examples[row].sentences.map((one) => one.score);
    const worst = all("#details [role=tab]")[scores.indexOf(examples[row].lowest)];
    if (worst) choose(examples[row], worst);
  }
  const hash = row === null ? "" : `#example-${row}`;
  history.replaceState(null, "", location.href.split("#")[0] + hash);
}

// The element that an arrow key, Home or End leads to; it gets the focus.
function neighbour(event, elements) {
  const place = elements.indexOf(document.activeElement);
  const to = { ArrowDown: place + 1, ArrowUp: place - 1, Home: 0, End: elements.length - 1 };
  const target = place < 0 ? undefined : elements[to[event.key]];
  if (target) {
    event.preventDefault();
    target.focus();
  }
  return target;
}

// --- the list

function list() {
  const query = view.query.trim().toLowerCase();
  const value = (example) => example[view.key];
  view.listed = examples.filter((example) => example.searched.includes(query));
  view.listed.sort((a, b) => {
    const [x, y] = [value(a), value(b)];
    if (x === null || y === null) return (x === null) - (y === null) || a.row - b.row;
    return view.sign * (x - y) || a.row - b.row;
  });
  const [found, count] = [view.listed, examples].map((some) => some.length.toLocaleString("en"));
  find("#count").value = `${found} of ${count}`;
  showPage(0);
}

function rowOf(example) {
  const summary = example.sentences.flatMap((sentence) =>
    [make("span", { class: `text ${band(sentence.score)}` }, ...withWrong(sentence), "\u00a0",
      make("small", {}, sentence.score.toFixed(2))), " "]);
  const name = make("button", { id: `example-${example.row}`, "aria-expanded": false }, example.name);
  return make("tr", { "data-row": example.row }, make("td", {}, badge(example.score)),
    make("td", {}, badge(example.lowest)), make("th", { scope: "row" }, name,
      make("div", { class: "summary" }, ...summary)));
}

function showPage(page) {
  const pages = Math.max(1, Math.ceil(view.listed.length / PER_PAGE));
  view.page = Math.min(Math.max(0, page), pages - 1);
  const first = view.page * PER_PAGE;
  find("tbody").replaceChildren(...view.listed.slice(first, first + PER_PAGE).map(rowOf));
  find("#page").value = view.page + 1;
  find("#page").max = find("#pages").textContent = pages;
  find("nav").hidden = pages === 1;
  find("#previous").disabled = view.page === 0;
  find("#next").disabled = view.page === pages - 1;
  if (view.open !== null) openExample(view.open);
}

function sortBy(button) {
  const key = button.dataset.key;
  view.sign = key === view.key ? -view.sign : 1;
  view.key = key;
  for (const head of all("th[aria-sort]")) head.setAttribute("aria-sort", "none");
  button.parentElement.setAttribute("aria-sort", view.sign > 0 ? "ascending" : "descending");
  list();
}

// The address names the opened example, so that a link or a reload leads back to it.
function followAddress() {
  const row = Number(/^#example-(\d+)$/.exec(location.hash)?.[1] ?? NaN);
  if (!(row in examples)) return;
  view.open = row;
  view.query = find("#search").value = "";
  list();
  showPage(Math.floor(view.listed.indexOf(examples[row]) / PER_PAGE));
  document.getElementById(`example-${row}`).scrollIntoView();
}

for (const button of all("thead button")) button.addEventListener("click", () => sortBy(button));
find("#search").addEventListener("input", (event) => {
  view.query = event.target.value;
  list();
});
find("#previous").addEventListener("click", () => showPage(view.page - 1));
find("#next").addEventListener("click", () => showPage(view.page + 1));
find("#page").addEventListener("change", (event) => showPage(Math.trunc(event.target.value) - 1));
find("tbody").addEventListener("click", (event) => {
  const row = event.target.closest("tr[data-row]");
  if (!row || String(getSelection())) return;
  openExample(Number(row.dataset.row) === view.open ? null : Number(row.dataset.row));
});
find("table").addEventListener("keydown", (event) => {
  if (event.key === "Escape" && view.open !== null) {
    find(`#example-${view.open}`)?.focus();
    openExample(null);
  } else neighbour(event, all("tbody th button"));
});
addEventListener("hashchange", followAddress);

drawLegend();
list();
find("section").hidden = false;
followAddress();
