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
  const at = all.indexOf($("tr.at") ?? document.activeElement.closest("tr"));
  const row = all[at < 0 ? (step > 0 ? 0 : all.length - 1) : Math.min(Math.max(at + step, 0), all.length - 1)];
  if (!row) return;
  all.forEach((one) => one.classList.toggle("at", one === row));
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

const LETTERS = {
  "?": () => showKeys(),
  "/": () => ($(".filter input:not([type=hidden]), .filter select") ?? $("main input[type=search]"))?.focus(),
  "j": () => walk(1),
  "k": () => walk(-1),
  "n": () => $('.places a[href="/trades/new"]')?.click(),
  "x": () => $("tr.at input[type=checkbox]")?.click(),
  ".": () => $("main .act button, main .acts button, main [data-press=a]")?.focus(),
};

// `+` and `-` in a field of a date: the next weekday or the one before, from the business date where it is empty.
function stepDay(field, step) {
  const from = field.value || body.dataset.businessDate;
  if (!from) return;
  const day = new Date(`${from}T00:00:00Z`);
  do { day.setUTCDate(day.getUTCDate() + step); } while ([0, 6].includes(day.getUTCDay()));
  field.value = day.toISOString().slice(0, 10);
  for (const kind of ["input", "change"]) field.dispatchEvent(new Event(kind, { bubbles: true }));
}

document.addEventListener("keydown", (event) => {
  if (event.target.matches("input[type=date]") && (event.key === "+" || event.key === "-")) {
    event.preventDefault();
    return stepDay(event.target, event.key === "+" ? 1 : -1);
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

document.addEventListener("focusin", (event) => {
  const row = event.target.closest("main tr");
  $$("tr.at").forEach((one) => one.classList.toggle("at", one === row));
});

// Forms: sent once, and what was typed outlives the session --------------------------------------------

const DRAFT = "trennwand-draft";
const typedIn = (form) => [...new FormData(form)].filter(([name, value]) => !name.startsWith("_") && typeof value === "string");
const secret = (form) => $("input[type=password], input[type=file]", form) !== null;

document.addEventListener("input", (event) => {
  const form = event.target.form;
  if (!form || form.method !== "post" || !form.id || secret(form)) return;
  form.setAttribute("data-typed", "");
  sessionStorage.setItem(DRAFT, JSON.stringify({ account: body.dataset.account, path: location.pathname, form: form.id, fields: typedIn(form) }));
});

document.addEventListener("submit", (event) => {
  const form = event.target;
  if (event.defaultPrevented || form.method !== "post") return;
  if (form.hasAttribute("data-sent")) { event.preventDefault(); return; }
  form.setAttribute("data-sent", "");
  if (form.hasAttribute("data-forget")) sessionStorage.removeItem(DRAFT);
});
window.addEventListener("pageshow", () => $$("form[data-sent]").forEach((form) => form.removeAttribute("data-sent")));

function bringBack() {
  const kept = sessionStorage.getItem(DRAFT);
  if (kept === null || !body.dataset.account) return kept !== null && sessionStorage.setItem(DRAFT + "-ended", "1");
  const ended = sessionStorage.getItem(DRAFT + "-ended");
  const draft = JSON.parse(kept);
  if (!ended || draft.account !== body.dataset.account) {
    sessionStorage.removeItem(DRAFT + "-ended");
    return sessionStorage.removeItem(DRAFT);
  }
  const form = draft.path === location.pathname && document.getElementById(draft.form);
  if (!form) return;
  for (const [name, value] of draft.fields) {
    const field = form.elements.namedItem(name);
    if (field && "value" in field && field.type !== "hidden") field.value = value;
  }
  $("main").prepend($("#kept").content.cloneNode(true));
  form.setAttribute("data-typed", "");
  sessionStorage.removeItem(DRAFT + "-ended");
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
    live.replaceWith(fresh);
    $("a[href], button", fresh)?.focus({ preventScroll: true });
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
  const { xhr, requestConfig } = event.detail;
  const elsewhere = xhr.responseURL && new URL(xhr.responseURL).pathname !== new URL(requestConfig.path, location.href).pathname;
  if (xhr.status < 400 && !elsewhere) return;
  event.detail.shouldSwap = false; // refused, or signed out meanwhile: the browser shows that page itself
  location.href = xhr.responseURL;
});
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
