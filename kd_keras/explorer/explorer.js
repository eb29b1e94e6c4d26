// Codes are rows of D values; a pattern is a map from positions to values.
"use strict";

const data = JSON.parse(document.getElementById("data").textContent);
const { words, K, D, elsewhere } = data;
const codes = numbers(data.codes, data.code_bytes);
const usage = numbers(data.usage, 4);
const neighbours = {
  symbols: numbers(data.neighbours.symbols, 4),
  before: numbers(data.neighbours.before, 4),
  after: numbers(data.neighbours.after, 4),
};
const idOf = new Map(words.map((word, id) => [word, id]));
// Searches ignore case and the different encodings of accents.
const folded = (word) => word.normalize("NFKC").toLowerCase();
const plain = words.map(folded);
const NOT_MEASURED = "not measured: this symbol is not in the sample";
const MOST_FOUND = 8;
const MOST_WORDS = 200;
const MOST_NEAR = 10;

const title = document.title;
let current = -1;
let pattern = new Map();

const at = (name) => document.getElementById(name);
const valueOf = (id, position) => codes[id * D + position];

function numbers(text, bytes) {
  const raw = Uint8Array.from(atob(text), (c) => c.charCodeAt(0));
  const kinds = { 1: Uint8Array, 2: Uint16Array, 4: Uint32Array };
  return new kinds[bytes](raw.buffer);
}

function make(tag, text = "", name = "") {
  const element = document.createElement(tag);
  element.textContent = text;
  element.className = name;
  return element;
}

function wordButton(id) {
  const word = id < words.length ? words[id] : elsewhere[id];
  const button = make("button", word, "word");
  if (id < words.length) button.onclick = () => go(id);
  else button.disabled = true;
  return button;
}

// --- searching -------------------------------------------------------------

function search(query) {
  const wanted = folded(query);
  const exact = idOf.get(query);
  const found = exact === undefined ? [] : [exact];
  for (const fits of [
    (word) => word === wanted,
    (word) => word.startsWith(wanted),
    (word) => word.includes(wanted),
  ]) {
    for (let id = 0; id < words.length && found.length < MOST_FOUND; id++) {
      if (fits(plain[id]) && !found.includes(id)) found.push(id);
    }
  }
  return found;
}

function fitting(wanted) {
  const positions = [...wanted];
  const found = [];
  for (let id = 0; id < words.length; id++) {
    if (positions.every(([j, value]) => valueOf(id, j) === value)) {
      found.push(id);
    }
  }
  return found;
}

function nearest(id) {
  const byAgreement = Array.from({ length: D + 1 }, () => []);
  for (let other = 0; other < words.length; other++) {
    if (other === id) continue;
    let agree = 0;
    for (let j = 0; j < D; j++) agree += valueOf(id, j) === valueOf(other, j);
    if (byAgreement[agree].length < MOST_NEAR) byAgreement[agree].push(other);
  }
  return byAgreement
    .flatMap((ids, agree) => ids.map((other) => [other, agree]).reverse())
    .reverse()
    .slice(0, MOST_NEAR);
}

const prefixOf = (id, length) =>
  new Map(Array.from({ length }, (_, j) => [j, valueOf(id, j)]));

// The whole code if other symbols share it, else the longest shared prefix.
function firstPattern(id) {
  let alike = fitting(prefixOf(id, 0));
  let length = 0;
  while (length < D) {
    const value = valueOf(id, length);
    const still = alike.filter((other) => valueOf(other, length) === value);
    if (still.length < 2) break;
    alike = still;
    length += 1;
  }
  return prefixOf(id, length);
}

// --- showing a symbol ------------------------------------------------------

function show(id) {
  current = id;
  pattern = firstPattern(id);
  at("word").replaceChildren(make("b", words[id]));
  document.title = `${words[id]} - ${title}`;
  const code = Array.from({ length: D }, (_, j) => valueOf(id, j));
  const sharing = fitting(new Map(code.map((value, j) => [j, value]))).length - 1;
  at("facts").textContent =
    `id ${id.toLocaleString("en")}; ` +
    (sharing === 0
      ? `no other symbol${data.N > words.length ? " here" : ""} has its code`
      : `${sharing} other symbol${sharing === 1 ? " has" : "s have"} its code`);
  at("code").replaceChildren(
    ...code.map((value, j) => {
      const cell = make("button", String(value));
      cell.prepend(make("small", String(j + 1)));
      cell.style.setProperty("--value", value / K);
      cell.setAttribute("aria-label", `position ${j + 1}: value ${value}`);
      cell.onclick = () => {
        if (pattern.get(j) === value) pattern.delete(j);
        else pattern.set(j, value);
        showPattern();
      };
      return cell;
    }),
  );
  at("near").replaceChildren(...nearest(id).map(nearRow));
  showNeighbours(id);
  showPattern();
}

function nearRow([other, agree]) {
  const row = make("li");
  const word = make("span");
  word.append(wordButton(other));
  const strip = make("span", "", "strip");
  strip.setAttribute("aria-hidden", "true");
  for (let j = 0; j < D; j++) {
    const same = valueOf(current, j) === valueOf(other, j);
    strip.append(make("i", "", same ? "same" : ""));
  }
  row.append(word, make("span", `${agree} of ${D}`, "agree"), strip);
  return row;
}

function showNeighbours(id) {
  const place = neighbours.symbols.indexOf(id);
  const width = data.neighbours.count;
  const lists = ["before", "after"].map((when) =>
    [...neighbours[when].subarray(place * width, (place + 1) * width)],
  );
  ["before", "after"].forEach((when, side) => {
    at(when).replaceChildren(
      ...(place < 0 || width === 0
        ? [make("li", place < 0 ? NOT_MEASURED : "none", "quiet")]
        : lists[side].map((other) => {
            const kept = lists[1 - side].includes(other);
            const item = make("li");
            const word = make("span", "", kept ? "kept" : "");
            word.append(wordButton(other));
            item.append(word);
            return item;
          })),
    );
  });
}

function showPattern() {
  const text = Array.from({ length: D }, (_, j) =>
    pattern.has(j) ? pattern.get(j) : "*",
  ).join("-");
  const found = fitting(pattern);
  at("pattern").textContent = text;
  at("count").textContent = found.length.toLocaleString("en");
  at("same").replaceChildren(
    ...found.slice(0, MOST_WORDS).map((id) => {
      const button = wordButton(id);
      button.classList.toggle("current", id === current);
      return button;
    }),
    ...(found.length > MOST_WORDS
      ? [make("span", `and ${(found.length - MOST_WORDS).toLocaleString("en")} more`, "quiet")]
      : []),
  );
  [...at("code").children].forEach((cell, j) => {
    cell.setAttribute("aria-pressed", pattern.get(j) === valueOf(current, j));
  });
  let length = 0;
  while (length < D && pattern.get(length) === valueOf(current, length)) length += 1;
  const isPrefix = length === pattern.size;
  at("prefix").value = isPrefix ? length : 0;
  at("length").textContent = isPrefix ? length : "-";
  drawMap();
}

// --- the map of use --------------------------------------------------------

const columns = data.usage_columns;
const tall = Math.max(6, Math.min(18, Math.floor(600 / D))); // height of a row, CSS pixels
let cursor = null; // the cell that the arrow keys have selected

function drawMap() {
  const canvas = at("map");
  const room = Math.floor(canvas.parentElement.clientWidth / columns);
  const wide = Math.max(4, Math.min(18, room));
  const [width, height] = [columns * wide, D * tall];
  // Browsers draw nothing if a side of the canvas is longer.
  const scale = Math.min(devicePixelRatio, 16000 / Math.max(width, height));
  [canvas.width, canvas.height] = [width * scale, height * scale];
  [canvas.style.width, canvas.style.height] = [`${width}px`, `${height}px`];
  const style = getComputedStyle(document.documentElement);
  const colour = (name) => style.getPropertyValue(name);
  const pen = canvas.getContext("2d");
  pen.scale(scale, scale);
  const even = data.N / columns;
  const gap = wide > 8 ? 1 : 0;
  for (let j = 0; j < D; j++) {
    for (let column = 0; column < columns; column++) {
      const share = usage[j * columns + column] / even;
      const level = [0.25, 0.5, 1, 2, 4].filter((limit) => share >= limit).length;
      pen.fillStyle = colour(share === 0 ? "--u0" : `--u${level + 1}`);
      pen.fillRect(column * wide, j * tall, wide - gap, tall - 1);
    }
  }
  const ring = ({ j, column }, name) => {
    // Two lines, so that the ring is visible on pale and on dark colours.
    for (const [inset, line] of [[0.5, name], ...(gap ? [[1.5, "--paper"]] : [])]) {
      pen.strokeStyle = colour(line);
      pen.strokeRect(
        column * wide + inset, j * tall + inset,
        wide - gap - 2 * inset, tall - 1 - 2 * inset,
      );
    }
  };
  for (let j = 0; j < D; j++) {
    ring({ j, column: Math.floor(valueOf(current, j) / data.usage_bin) }, "--ink");
  }
  if (cursor && document.activeElement === canvas) ring(cursor, "--warm");
}

function placeOf(event) {
  const box = at("map").getBoundingClientRect();
  const column = Math.floor(((event.clientX - box.left) / box.width) * columns);
  const j = Math.floor(((event.clientY - box.top) / box.height) * D);
  if (column < 0 || j < 0 || column >= columns || j >= D) return null;
  return { j, column };
}

function tell({ j, column }) {
  const first = column * data.usage_bin;
  const last = Math.min(K, first + data.usage_bin) - 1;
  const values = first === last ? `value ${first}` : `values ${first} to ${last}`;
  const count = usage[j * columns + column];
  at("place").textContent =
    `position ${j + 1}, ${values}: ${count.toLocaleString("en")} symbols`;
}

function choose({ j, column }) {
  if (data.usage_bin > 1) return;
  pattern = new Map([[j, column]]);
  showPattern();
  at("count").scrollIntoView({ block: "center" });
}

at("map").onmousemove = (event) => {
  const place = placeOf(event);
  if (place) tell(place);
};

at("map").onclick = (event) => {
  const place = placeOf(event);
  if (place) choose(place);
};

const STEPS = {
  ArrowLeft: [0, -1], ArrowRight: [0, 1], ArrowUp: [-1, 0], ArrowDown: [1, 0],
};

at("map").onkeydown = (event) => {
  const step = STEPS[event.key];
  if (step && cursor) {
    cursor = {
      j: Math.max(0, Math.min(D - 1, cursor.j + step[0])),
      column: Math.max(0, Math.min(columns - 1, cursor.column + step[1])),
    };
  } else if (step) cursor = { j: 0, column: 0 };
  else if (event.key === "Enter" && cursor) return choose(cursor);
  else return;
  event.preventDefault(); // or the page would scroll
  tell(cursor);
  drawMap();
};
at("map").onblur = drawMap;

// --- the search box --------------------------------------------------------

let found = [];
let chosen = -1;

function list() {
  const query = at("query").value.trim();
  found = query ? search(query) : [];
  chosen = found.length ? 0 : -1;
  at("found").replaceChildren(
    ...found.map((id, place) => {
      const item = make("li", words[id]);
      item.id = `found-${place}`;
      item.setAttribute("role", "option");
      // Otherwise the box would lose the focus and the list would close.
      item.onmousedown = (event) => event.preventDefault();
      item.onclick = () => go(id);
      return item;
    }),
    ...(query && !found.length
      ? [make("li", `No symbol here contains “${query}”`, "none")]
      : []),
  );
  at("found").hidden = !query;
  at("query").setAttribute("aria-expanded", String(Boolean(query)));
  mark();
}

function mark() {
  [...at("found").children].forEach((item, place) => {
    item.setAttribute("aria-selected", String(place === chosen));
  });
  if (chosen < 0) at("query").removeAttribute("aria-activedescendant");
  else at("query").setAttribute("aria-activedescendant", `found-${chosen}`);
}

function close() {
  at("found").hidden = true;
  at("query").setAttribute("aria-expanded", "false");
}

at("query").oninput = list;
at("query").onblur = close;
at("query").onkeydown = (event) => {
  if (event.isComposing) return; // Enter completes a word in an input method
  if (at("found").hidden) {
    if (event.key.startsWith("Arrow")) list();
    return;
  }
  if (event.key === "Enter" && chosen >= 0) go(found[chosen]);
  else if (event.key === "Escape") close();
  else if (event.key === "ArrowDown") chosen = Math.min(chosen + 1, found.length - 1);
  else if (event.key === "ArrowUp") chosen = Math.max(chosen - 1, 0);
  else return;
  event.preventDefault();
  mark();
};

// --- going from symbol to symbol -------------------------------------------

// The address contains the word, so that it can be shared and "back" works.
function go(id) {
  close();
  at("query").value = "";
  location.hash = encodeURIComponent(words[id]);
  show(id);
}

function follow() {
  let word = location.hash.slice(1);
  try {
    word = decodeURIComponent(word);
  } catch {
    // not an address that this page has set
  }
  const id = idOf.get(word) ?? data.starts[0];
  if (id !== current) show(id);
}

at("all").onclick = () => {
  pattern = prefixOf(current, D);
  showPattern();
};
at("prefix").oninput = () => {
  pattern = prefixOf(current, Number(at("prefix").value));
  showPattern();
};
at("starts").append(...data.starts.map(wordButton));
matchMedia("(prefers-color-scheme: dark)").onchange = drawMap;
window.onresize = drawMap;
window.onhashchange = follow;
follow();
