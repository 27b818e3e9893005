"use strict";
// The portfolio: sorts and filters its rows, and counts their age anew. Without scripts the page is complete as it is.
const find = document.getElementById("find");
const table = document.querySelector("#clients table");
const [text, state, sort, turn] = ["text", "state", "sort", "turn"].map((id) => document.getElementById(`find-${id}`));
const heads = [...table.tHead.rows[0].cells];
const rows = [...table.tBodies[0].rows];
const lang = document.documentElement.lang;
const collator = new Intl.Collator(lang, { numeric: true });
const name = (row) => row.cells[0].textContent.trim();
const fill = (message, values) => message.replace(/\{(\w+)\}/g, (_, key) => values[key]);
const number = (value) => value.toLocaleString(lang);
const order = { at: -1, down: false };
const later = [];

// What the day of reading changes: ages, and with them what is stale.
function renew() {
  const now = new Date();
  const today = Date.UTC(now.getFullYear(), now.getMonth(), now.getDate());
  if (today <= Date.parse(find.dataset.built)) return;
  for (const row of rows.filter((each) => each.dataset.m)) {
    const age = Math.round((today - Date.parse(row.dataset.d)) / 864e5);
    const shown = row.querySelector(".age");
    if (shown) shown.textContent = fill(age === 1 ? find.dataset.day : find.dataset.days, { n: number(age) });
    if (age <= Number(row.dataset.m) || ["failed", "stale"].includes(row.dataset.k)) continue;
    row.dataset.k = "stale";
    const mark = row.querySelector(".st");
    mark.className = "st stale";
    mark.querySelector("use").setAttribute("href", "#clock");
    mark.lastElementChild.textContent = find.dataset.stale;
    row.querySelectorAll("td:has(b, .grade, .spark)").forEach((each) => each.classList.add("old"));
    later.push(name(row));
  }
}

// The rows' keys in a column: a name, or a number with the group that it may be held against; null where there is none.
function keys(at) {
  const rank = { failed: 0, stale: 1, skipped: 3 };
  return new Map(rows.map((row, place) => {
    const { v, u = "" } = at < 0 ? { v: rank[row.dataset.k] ?? 2 } : row.cells[at].dataset;
    return [row, { value: at === 0 ? name(row) : v === undefined ? null : Number(v), group: u, place }];
  }));
}

function arrange() {
  const found = keys(order.at);
  const sign = order.down ? -1 : 1;
  const compare = (a, b) => {
    if (a.value === null || b.value === null) return (a.value === null) - (b.value === null);
    if (a.group !== b.group) return a.group < b.group ? -1 : 1;
    return sign * (typeof a.value === "string" ? collator.compare(a.value, b.value) : a.value - b.value);
  };
  const sorted = [...rows].sort((a, b) => compare(found.get(a), found.get(b)) || found.get(a).place - found.get(b).place);
  table.tBodies[0].append(...sorted);
  heads.forEach((head, at) => {
    if (at === order.at) head.setAttribute("aria-sort", order.down ? "descending" : "ascending");
    else head.removeAttribute("aria-sort");
  });
  sort.value = String(order.at);
  turn.hidden = order.at < 0;
}

// Figures start with the largest, names and dates with the first.
function sortBy(at) {
  order.down = at === order.at ? !order.down : at > 0 && at < heads.length - 2;
  order.at = at;
  arrange();
}

// The first of many: the rows name them all.
function named(names) {
  const first = names.slice(0, 5).join(lang.startsWith("zh") ? "、" : ", ");
  return names.length > 5 ? fill(find.dataset.more, { names: first, n: number(names.length - 5) }) : first;
}

function filter() {
  const wanted = text.value.trim().toLocaleLowerCase(lang);
  let shown = 0;
  for (const row of rows) {
    const id = row.querySelector("a").getAttribute("href").split("/")[0];
    const named = `${name(row)} ${id}`.toLocaleLowerCase(lang).includes(wanted);
    row.hidden = !named || (state.value !== "" && state.value !== row.dataset.k);
    shown += !row.hidden;
  }
  find.classList.toggle("filtered", shown < rows.length);
  const told = [fill(find.dataset.shown, { shown: number(shown), all: number(rows.length) })];
  if (later.length) told.push(fill(find.dataset.later, { names: named(later) }));
  find.querySelector("[role=status]").textContent = told.join(" · ");
}

renew();
if (rows.length > 1) {
  heads.forEach((head, at) => {
    const button = document.createElement("button");
    button.type = "button";
    button.append(...head.childNodes);
    button.addEventListener("click", () => sortBy(at));
    head.append(button);
    sort.append(new Option(button.textContent, at));
  });
  text.addEventListener("input", filter);
  state.addEventListener("change", filter);
  sort.addEventListener("change", () => sortBy(Number(sort.value)));
  turn.addEventListener("click", () => sortBy(order.at));
  find.hidden = false;
  filter();
  if (later.length) arrange();
}
