// What makes the pages faster for hands: keys, menus that close, lists that say what is new, a session that warns.
// Every page works without it; nothing here decides anything.
"use strict";

const $ = (selector, within = document) => within.querySelector(selector);
const $$ = (selector, within = document) => [...within.querySelectorAll(selector)];
const body = document.body;
const inField = (element) => element.closest("input, select, textarea, [contenteditable]") !== null;

// Menus -----------------------------------------------------------------------------------------------

function closeMenus(but) {
  const open = $$("details.menu[open]").filter((menu) => menu !== but);
  open.forEach((menu) => { menu.open = false; });
  return open;
}
document.addEventListener("click", (event) => closeMenus(event.target.closest("details.menu")));
document.addEventListener("focusin", (event) => closeMenus(event.target.closest("details.menu")));

// Keys ------------------------------------------------------------------------------------------------

let went = -Infinity; // when `g` was pressed, counted from when the page came

function rows() {
  return $$("main table tbody tr").filter((row) => row.offsetParent !== null && $("a[href], button, input:not([type=hidden])", row));
}

function walk(step) {
  const all = rows();
  const at = all.indexOf($("tr.at") ?? document.activeElement.closest("tr") ?? $("main tr[aria-current]"));
  stand(all[at < 0 ? (step > 0 ? 0 : all.length - 1) : Math.min(Math.max(at + step, 0), all.length - 1)]);
}

function stand(row) {
  if (!row) return;
  rows().forEach((one) => one.classList.toggle("at", one === row));
  const target = $("a[data-open], th[scope=row] a[href]", row) ?? $("a[href]", row) ?? $("button, input:not([type=hidden])", row);
  target.focus({ preventScroll: true });
  row.scrollIntoView({ block: "nearest" });
}

async function showKeys() {
  const dialog = $("#keys");
  if (!dialog) return false;
  if (!dialog.firstChild) {
    const answer = await fetch("/keys");
    if (!answer.ok || answer.redirected) { location.href = "/keys"; return true; }
    const page = new DOMParser().parseFromString(await answer.text(), "text/html");
    dialog.append(...$("main", page).childNodes);
    $$("[id]", dialog).forEach((one) => { one.id = "dialog-" + one.id; });
    $$("[aria-labelledby]", dialog).forEach((one) => one.setAttribute("aria-labelledby", "dialog-" + one.getAttribute("aria-labelledby")));
  }
  dialog.showModal();
  return true;
}

function escape() {
  const closed = closeMenus(null);
  if (closed.length) return $("summary", closed[0]).focus();
  if (inField(document.activeElement)) return document.activeElement.blur();
  const ours = document.referrer.startsWith(location.origin + "/") && !document.referrer.includes("/sign-in");
  if (ours && !$("form[data-typed]") && body.hasAttribute("data-keys")) history.back();
}

// An act is only brought under the finger: pressing it takes another key.
function press(element) {
  if (element.matches("a[href]")) element.click();
  else element.focus();
}

const TAKING = ["verify", "approve", "release", "countersign", "sign", "execute", "match", "accept", "acknowledge", "clear", "check"];
const REFUSING = ["return", "refuse", "reject", "decline"];

// Brings one of these acts under the finger: the marked row's first, then the page's; what hides it unfolds.
function bringUp(verbs) {
  const forms = ["tr.at", "main"].flatMap((where) => $$(`${where} form[action^="/acts/"]`));
  const form = forms.find((one) => verbs.includes(one.getAttribute("action").split(".").at(-1)));
  if (!form) return;
  for (let fold = form.closest("details"); fold; fold = fold.parentElement.closest("details")) fold.open = true;
  $("input:not([type=hidden]), select, textarea, button", form).focus();
}

// Copies what names the marked row, or the page's object: its number first, pressed again its id, its version, its entry.
const ID = /[0-9a-f]{8}(?:-[0-9a-f]{4}){3}-[0-9a-f]{12}/g;
let copied = { place: null, next: 0 };

function identifiers() {
  const row = $("tr.at");
  const links = row ? $$("th[scope=row] a[href]", row).map((one) => one.getAttribute("href")) : [location.pathname];
  const named = row ? $$("th[scope=row]", row).map((one) => one.textContent) : [];
  const told = [...$$("[data-copy]", row ?? $("main")).map((one) => one.dataset.copy), ...$$(".id", row ?? $("main")).map((one) => one.textContent)];
  const found = [...named, ...told.slice(0, 20), ...links.flatMap((one) => one.match(ID) ?? [])];
  return { place: row ?? location.href, names: [...new Set(found.map((one) => one.replace(/\s+/g, " ").trim()).filter(Boolean))] };
}

async function copy() {
  const { place, names: all } = identifiers();
  if (!all.length) return;
  if (copied.place !== place) copied = { place, next: 0 };
  const text = all[copied.next++ % all.length];
  const said = $("#copied");
  const code = document.createElement("code");
  code.textContent = text;
  try {
    await navigator.clipboard.writeText(text);
    said.replaceChildren(said.dataset.done, " ", code);
  } catch { // no clipboard for pages here: what is marked can be copied by hand
    said.replaceChildren(said.dataset.marked, " ", code);
    getSelection().selectAllChildren(code);
  }
}

const LETTERS = {
  "?": () => showKeys(),
  "/": () => ($(".filter input:not([type=hidden]), .filter select") ?? $("main input[type=search]"))?.focus(),
  "j": () => walk(1),
  "k": () => walk(-1),
  "n": () => $('.places a[href="/trades/new"]')?.click(),
  "a": () => bringUp(TAKING),
  "r": () => bringUp(REFUSING),
  "c": () => copy(),
  "x": () => $("tr.at input[type=checkbox]")?.click(),
  ".": () => $("main .act button, main .acts button, main [data-press=a]")?.focus(),
};

// Days as their reader writes them: 28.10.2026 in German, 28 Oct 2026 in English; both are read in both, and ISO.
const MONTHS = ["jan", "feb", "mar", "apr", "may", "jun", "jul", "aug", "sep", "oct", "nov", "dec"];
const GERMAN_MONTHS = { "mär": 2, "mai": 4, "okt": 9, "dez": 11 };
const DAY_FORMS = [
  [/^(\d{4})-(\d\d)-(\d\d)$/, (year, month, day) => [year, month - 1, day]],
  [/^(\d{1,2})\.(\d{1,2})\.(\d{4}|\d\d)$/, (day, month, year) => [year, month - 1, day]],
  [/^(\d{1,2})\.? ?([a-zä]{3,9})\.? ?(\d{4})$/i, (day, name, year) => {
    const named = name.slice(0, 3).toLowerCase();
    return [year, GERMAN_MONTHS[named] ?? MONTHS.indexOf(named), day];
  }],
];

function dayRead(text) {
  for (const [form, parts] of DAY_FORMS) {
    const found = form.exec(text.trim());
    if (!found) continue;
    const [year, month, of] = parts(...found.slice(1));
    const day = new Date(Date.UTC(year.length === 2 ? 2000 + Number(year) : year, month, of));
    return day.getUTCMonth() === month && day.getUTCDate() === Number(of) ? day : null;
  }
  return null;
}

function dayWritten(day) {
  const [year, month, of] = day.toISOString().slice(0, 10).split("-");
  if (document.documentElement.lang === "de") return `${of}.${month}.${year}`;
  const name = MONTHS[month - 1];
  return `${Number(of)} ${name[0].toUpperCase()}${name.slice(1)} ${year}`;
}

// `+` and `-` in a field of a day: the next weekday or the one before, from the business date where it is empty.
function stepDay(field, step) {
  const day = dayRead(field.value || body.dataset.businessDate || "");
  if (!day) return false;
  do { day.setUTCDate(day.getUTCDate() + step); } while ([0, 6].includes(day.getUTCDay()));
  field.value = dayWritten(day);
  for (const kind of ["input", "change"]) field.dispatchEvent(new Event(kind, { bubbles: true }));
  return true;
}

// A day that was read is echoed as its reader writes it.
document.addEventListener("change", (event) => {
  if (!event.target.matches("input[data-typed-as=date]")) return;
  const day = dayRead(event.target.value);
  if (day) event.target.value = dayWritten(day);
}, true);

document.addEventListener("keydown", (event) => {
  if (event.target.matches("input[data-typed-as=date]") && (event.key === "+" || event.key === "-")) {
    if (stepDay(event.target, event.key === "+" ? 1 : -1)) event.preventDefault();
    return;
  }
  if (event.key === "Escape") return $("dialog[open]") ? undefined : escape();
  if (event.key === "Enter" && event.ctrlKey) {
    const form = document.activeElement.closest("form");
    const button = form && ($("button[data-default]", form) ?? $$("button:not([type=button])", form).at(-1));
    if (button) { event.preventDefault(); form.requestSubmit(button); }
    return;
  }
  const plain = !event.ctrlKey && !event.altKey && !event.metaKey && event.key.length === 1;
  if (!plain || !body.hasAttribute("data-keys") || inField(event.target) || $("dialog[open]")) return;
  const second = event.timeStamp - went < 1500;
  went = -Infinity;
  if (second) {
    const place = $(`.places a[data-go="${CSS.escape(event.key)}"]`);
    if (place) { event.preventDefault(); place.click(); }
    return;
  }
  if (event.key === "g") { went = event.timeStamp; return; }
  const own = $$(`[data-press="${CSS.escape(event.key)}"]`).find((one) => one.offsetParent !== null);
  if (own && event.key !== "?") { event.preventDefault(); press(own); }
  else if (LETTERS[event.key]) { event.preventDefault(); LETTERS[event.key](); }
});

let stoodAt = ""; // the id of the last row that had the focus

document.addEventListener("focusin", (event) => {
  const row = event.target.closest("main tr");
  if (row) stoodAt = row.id;
  $$("tr.at").forEach((one) => one.classList.toggle("at", one === row));
});

// Forms: sent once, and what was typed outlives the session, a page refused whole, and a change of language --

const DRAFT = "trennwand-draft";
const AWAITED = DRAFT + "-awaited"; // set: the next page that holds the form gets what was typed
const typedIn = (form) => [...new FormData(form)].filter(([name, value]) => !name.startsWith("_") && typeof value === "string");
const secret = (form) => $("input[type=password], input[type=file]", form) !== null;

document.addEventListener("input", (event) => {
  const form = event.target.form;
  if (!form || form.method !== "post" || !form.id || secret(form)) return;
  form.setAttribute("data-typed", "");
  keep(form);
});

function keep(form) {
  const of = { account: body.dataset.account, lang: document.documentElement.lang, path: location.pathname, form: form.id };
  sessionStorage.setItem(DRAFT, JSON.stringify({ ...of, fields: typedIn(form) }));
}

document.addEventListener("submit", (event) => {
  const form = event.target;
  if (event.defaultPrevented || form.method !== "post") return;
  if (form.hasAttribute("data-sent")) { event.preventDefault(); return; }
  form.setAttribute("data-sent", "");
  if (form.hasAttribute("data-forget")) sessionStorage.removeItem(DRAFT);
  if (!body.dataset.account) return; // on the way back in
  if (!form.hasAttribute("data-same-page")) return sessionStorage.removeItem(AWAITED);
  const typed = $("main form[data-typed]");
  if (typed && sessionStorage.getItem(DRAFT) === null) keep(typed); // the page itself brought what was typed
  if (sessionStorage.getItem(DRAFT) !== null) sessionStorage.setItem(AWAITED, "1");
});
window.addEventListener("pageshow", () => $$("form[data-sent]").forEach((form) => form.removeAttribute("data-sent")));

// German and English write numbers with each other's marks; days are read in both, as they stand.
const NUMBER = /^[+\-−]?\d[\d.,]*[a-z]*$/i;
const turned = (text) => text.split(/(\s+)/).map((word) => NUMBER.test(word) && !dayRead(word) ? word.replace(/[.,]/g, (mark) => mark === "." ? "," : ".") : word).join("");

// What was typed stands again where its form does: after signing in anew, after a page refused whole, after a change
// of language or appearance. Any other page with the account on it lets it go.
function bringBack() {
  const kept = sessionStorage.getItem(DRAFT);
  if (kept === null) return;
  if (location.pathname === "/sign-in" || $("[data-undone]")) return sessionStorage.setItem(AWAITED, "1");
  if (!body.dataset.account) return;
  const awaited = sessionStorage.getItem(AWAITED) || $("[data-lost]");
  const draft = JSON.parse(kept);
  if (!awaited || draft.account !== body.dataset.account) {
    sessionStorage.removeItem(AWAITED);
    return sessionStorage.removeItem(DRAFT);
  }
  const form = draft.path === location.pathname && document.getElementById(draft.form);
  const fields = form ? draft.fields.map(([name, value]) => [form.elements.namedItem(name), value]).filter(([field]) => field && "value" in field) : [];
  if (!form || fields.some(([field, value]) => field.type === "hidden" && field.value !== value)) return; // of another deal, or type of deal
  for (const [field, value] of fields) {
    const asTyped = draft.lang === document.documentElement.lang || !field.matches(".numeric input, [name=line]");
    field.value = asTyped ? value : turned(value);
  }
  $("[data-lost]")?.remove();
  $("main").prepend($("#kept").content.cloneNode(true));
  form.setAttribute("data-typed", "");
  sessionStorage.removeItem(AWAITED);
  keep(form);
}

// The session: two minutes before it ends there is a word and a way to stay -----------------------------

const WARNING = 120;
const alive = new BroadcastChannel("trennwand-" + (body.dataset.account ?? ""));
let timer;

function expect(secondsLeft) {
  clearTimeout(timer);
  timer = setTimeout(() => $("#ending")?.showModal(), Math.max(secondsLeft - WARNING, 0) * 1000);
}

// Asks for a page, which keeps the session, and hears how long it lasts now.
async function stay() {
  const answer = await fetch("/keys");
  const page = new DOMParser().parseFromString(await answer.text(), "text/html");
  const left = page.body.dataset.secondsLeft;
  if (left === undefined) { location.reload(); return; }
  $("#ending")?.close();
  expect(Number(left));
  alive.postMessage(Number(left));
}

if (body.dataset.secondsLeft !== undefined) {
  expect(Number(body.dataset.secondsLeft));
  alive.postMessage(Number(body.dataset.secondsLeft));
  alive.addEventListener("message", (event) => { $("#ending")?.close(); expect(event.data); });
  $("[data-extend]")?.addEventListener("click", stay);
}

// Lists that live: a page with [data-live] is looked at again, and says what is new; nothing moves by itself --

const EVERY = 30_000;
const WHILE = 300_000; // after that without a hand on it, a page no longer asks: asking keeps the session
let touched = performance.now();
["keydown", "pointerdown", "pointermove"].forEach((kind) => document.addEventListener(kind, () => { touched = performance.now(); }, { passive: true }));

const names = (within) => new Set($$("tbody tr", within).map((row) => row.id || row.textContent.replace(/\s+/g, " ").trim()));

// What was ticked stays ticked where its row is still there and still says the same.
function keepTicks(live, fresh) {
  for (const ticked of $$("tr input[type=checkbox]:checked", live)) {
    const same = $$("tr input[type=checkbox]", fresh).find((one) => one.name === ticked.name && one.value === ticked.value);
    if (same) same.checked = true;
  }
}

async function look() {
  const live = $("[data-live]");
  if (!live || document.hidden || performance.now() - touched > WHILE || $("dialog[open]")) return;
  const answer = await fetch(location.href);
  if (!answer.ok || answer.redirected) return;
  const page = new DOMParser().parseFromString(await answer.text(), "text/html");
  const fresh = $("[data-live]", page);
  if (!fresh) return;
  if (page.body.dataset.secondsLeft) expect(Number(page.body.dataset.secondsLeft));
  const seen = names(live);
  const count = [...names(fresh)].filter((name) => !seen.has(name)).length;
  $(".news")?.remove();
  if (!count) return;
  live.before($("#news").content.cloneNode(true));
  const news = $(".news");
  $("b", news).textContent = count;
  $("button", news).addEventListener("click", () => {
    news.remove();
    keepTicks(live, fresh);
    live.replaceWith(fresh);
    boost();
    reachable();
    const shown = rows().filter((row) => fresh.contains(row));
    stand(shown.find((row) => row.id && row.id === stoodAt) ?? shown[0]);
  });
}

document.addEventListener("visibilitychange", look);

// A table wider than the page can be scrolled by keys alone, where nothing inside it takes the focus ----------

function reachable() {
  for (const one of $$(".wide, pre")) {
    const needed = one.scrollWidth > one.clientWidth && !$("a[href], button, input, select", one);
    if (!needed || one.hasAttribute("tabindex")) continue;
    one.tabIndex = 0;
    one.setAttribute("role", "region");
    one.setAttribute("aria-label", ($("caption", one) ?? $("h1")).textContent.trim());
  }
}
window.addEventListener("resize", reachable);

// Filters and next pages come into the page by htmx; acts never do: their answer is a page of its own ----------

function boost() {
  if (typeof htmx === "undefined") return;
  const marks = { "hx-boost": "true", "hx-target": "#main", "hx-select": "#main", "hx-swap": "outerHTML show:window:top" };
  for (const one of $$("form.filter[method=get]:not([hx-boost]), .more a:not([hx-boost])")) {
    Object.entries(marks).forEach(([name, value]) => one.setAttribute(name, value));
    htmx.process(one);
  }
}
document.addEventListener("htmx:beforeSwap", (event) => {
  const { xhr, requestConfig, target } = event.detail;
  const led = xhr.responseURL && new URL(xhr.responseURL).pathname;
  const elsewhere = led && led !== new URL(requestConfig.path, location.href).pathname;
  if (xhr.status < 400 && !elsewhere) return;
  event.detail.shouldSwap = false; // refused, or signed out meanwhile: the browser shows that page itself
  if (requestConfig.verb === "get" || led === "/sign-in") location.href = xhr.responseURL;
  else unseen(target);
});
document.addEventListener("htmx:sendError", (event) => unseen(event.detail.target));

// What is asked for while somebody types never leads away from it: its place says that there is no answer now.
function unseen(target) {
  const instead = $("#unseen");
  if (!instead || target.id !== "preview") return;
  target.replaceChildren(instead.content.cloneNode(true));
  $("#foreseen")?.replaceChildren(); // what follows was that of terms typed before
  sessionStorage.setItem(AWAITED, "1"); // and loading the page again keeps what was typed
}
document.addEventListener("htmx:afterSettle", () => {
  $$("header input[name=_back], footer input[name=_back]").forEach((one) => { one.value = location.pathname + location.search; });
  if (document.activeElement === body) $("#main").focus({ preventScroll: true });
  boost();
  reachable();
});

bringBack();
boost();
reachable();
if ($("[data-live]")) setInterval(look, EVERY);
