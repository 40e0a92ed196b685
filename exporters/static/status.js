// Keeps the status page true: fetches its main part every two seconds and changes only what differs, so that focus,
// scroll position and selection stay. Shows times in the reader's zone, and says so when the agent does not answer.
"use strict";

const PERIOD = 2000;
const TIMEOUT = 8000;
const main = document.getElementById("main");
const stale = document.getElementById("stale");
const live = document.getElementById("live");
const liveText = document.getElementById("live-text");
const said = document.getElementById("said");
const time = { hour: "2-digit", minute: "2-digit", hourCycle: "h23" };
const clock = new Intl.DateTimeFormat(undefined, { ...time, second: "2-digit" });
const dayAndClock = new Intl.DateTimeFormat(undefined, { ...time, day: "numeric", month: "short" });
let answeredAt = new Date();
let tag = null;

function age(seconds) {
  const s = Math.max(0, Math.round(seconds));
  if (s < 60) return `${s} s`;
  if (s < 3600) return `${Math.floor(s / 60)} min ${s % 60} s`;
  if (s < 86400) return `${Math.floor(s / 3600)} h ${Math.floor((s % 3600) / 60)} min`;
  return `${Math.floor(s / 86400)} d ${Math.floor((s % 86400) / 3600)} h`;
}

function write(node, text) {
  if (node.textContent !== text) node.textContent = text;
}

function showTimes() {
  const now = new Date();
  for (const node of main.querySelectorAll("time")) {
    const at = new Date(node.dateTime);
    write(node, at.toDateString() === now.toDateString() ? clock.format(at) : dayAndClock.format(at));
  }
  for (const node of main.querySelectorAll(".age")) {
    write(node, `(${age((now - new Date(node.dataset.since)) / 1000)})`);
  }
}

function key(node) {
  return node.nodeType === Node.ELEMENT_NODE ? node.dataset.key || node.id : "";
}

function copyAttributes(old, fresh) {
  const before = old.dataset?.state;
  for (const { name } of [...old.attributes]) if (!fresh.hasAttribute(name)) old.removeAttribute(name);
  for (const { name, value } of fresh.attributes) if (old.getAttribute(name) !== value) old.setAttribute(name, value);
  if (before !== old.dataset?.state) old.classList.add("changed");
}

function morph(old, fresh) {
  if (old.nodeType !== Node.ELEMENT_NODE) {
    if (old.nodeValue !== fresh.nodeValue) old.nodeValue = fresh.nodeValue;
    return;
  }
  copyAttributes(old, fresh);
  if (!old.matches("time, .age")) morphChildren(old, fresh); // the text of those is written here
}

function morphChildren(old, fresh) {
  const keyed = new Map();
  const others = [];
  for (const child of old.childNodes) {
    if (key(child)) keyed.set(key(child), child);
    else others.push(child);
  }
  const children = [...fresh.childNodes].map((wanted) => {
    let found;
    if (key(wanted)) found = keyed.get(key(wanted));
    else {
      const index = others.findIndex((child) => child.nodeName === wanted.nodeName);
      if (index >= 0) found = others.splice(0, index + 1)[index];
    }
    if (!found || found.nodeName !== wanted.nodeName) {
      if (wanted.dataset?.key) wanted.classList.add("changed");
      return wanted;
    }
    morph(found, wanted);
    return found;
  });
  const staying = new Set(children);
  for (const child of [...old.childNodes]) if (!staying.has(child)) child.remove();
  let place = old.firstChild;
  for (const child of children) {
    if (child === place) place = place.nextSibling;
    else old.insertBefore(child, place);
  }
}

function headline() {
  return document.getElementById("headline").innerText.replace(/\s*\n+\s*/g, ". ");
}

function take(html) {
  const before = headline();
  const fresh = document.createElement("template");
  fresh.innerHTML = html;
  morphChildren(main, fresh.content);
  showTimes();
  if (headline() === before) return;
  write(said, headline());
  const parts = document.title.split(" · ");
  document.title = [document.getElementById("headline-text").textContent, ...parts.slice(1)].join(" · ");
}

function showAnswer(answered) {
  live.classList.toggle("lost", !answered);
  stale.hidden = answered;
  if (answered) {
    answeredAt = new Date();
    write(liveText, `live, ${clock.format(answeredAt)}`);
  } else {
    write(liveText, "no answer");
    write(stale, `The agent does not answer. What you see is from ${clock.format(answeredAt)}.`);
  }
}

async function refresh() {
  try {
    const headers = tag ? { "If-None-Match": tag } : {};
    const answer = await fetch("/?part=main", { headers, cache: "no-store", signal: AbortSignal.timeout(TIMEOUT) });
    if (answer.status === 200) {
      take(await answer.text());
      tag = answer.headers.get("ETag");
    }
    showAnswer(answer.ok || answer.status === 304);
  } catch {
    showAnswer(false);
  }
}

async function stayLive() {
  for (;;) {
    if (!document.hidden) await refresh();
    await new Promise((done) => setTimeout(done, PERIOD));
  }
}

showTimes();
setInterval(showTimes, 1000);
document.addEventListener("visibilitychange", () => { if (!document.hidden) refresh(); });
stayLive();
