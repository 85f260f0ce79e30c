"use strict";
// Refreshes the overview while it is visible, carries out acts, and stops the dashboard. The pages are readable without it.
const live = document.getElementById("live");
const state = document.getElementById("live-state");
const headers = { "x-csrf-token": document.querySelector("meta[name=csrf]").content };
let source = null;

function say(text, on) {
  if (state.textContent !== text) state.textContent = text;
  state.classList.toggle("on", on);
}

// What is open and what has the focus stays so.
function replace(part) {
  const focusable = () => [...live.querySelectorAll("a, summary, [tabindex]")];
  const focused = focusable().indexOf(document.activeElement);
  const open = [...live.querySelectorAll("details")].map((one) => one.open);
  live.innerHTML = part;
  live.querySelectorAll("details").forEach((one, number) => { one.open = Boolean(open[number]); });
  if (focused >= 0) focusable()[focused]?.focus({ preventScroll: true });
}

function follow() {
  if (!live || source || document.hidden) return;
  source = new EventSource("/live");
  source.onmessage = (event) => replace(JSON.parse(event.data));
  source.onopen = () => say("Live", true);
  source.onerror = () => say("Not live: the dashboard does not answer", false);
}

document.addEventListener("visibilitychange", () => {
  if (document.hidden && source) { source.close(); source = null; } else follow();
});
follow();

document.getElementById("stop").addEventListener("click", async () => {
  if (source) source.close();
  const reply = await fetch("/stop", { method: "POST", headers }).catch(() => ({ ok: false }));
  document.querySelector("main").textContent = reply.ok ? "The dashboard has stopped." : "It could not be stopped.";
});

const button = document.getElementById("act");
const log = document.getElementById("log");
const outcome = document.getElementById("progress-state");

function followAct() {
  const progress = new EventSource("/acts/live");
  progress.onmessage = (event) => {
    const { lines, code } = JSON.parse(event.data);
    for (const line of lines) log.append(line + "\n");
    log.scrollTop = log.scrollHeight;
    if (code === null) return;
    progress.close();
    button.disabled = false;
    outcome.textContent = code === 0 ? "Done" : `Failed with exit code ${code}`;
    outcome.className = code === 0 ? "good" : "bad";
  };
  progress.onerror = () => { progress.close(); outcome.textContent = "The dashboard does not answer"; };
}

async function act() {
  button.disabled = true;
  log.textContent = "";
  document.getElementById("progress").hidden = false;
  document.getElementById("progress-title").textContent = button.textContent;
  outcome.className = "soft live on";
  outcome.textContent = "Running";
  const path = `/acts/${button.dataset.act}?value=${encodeURIComponent(button.dataset.value)}`;
  const reply = await fetch(path, { method: "POST", headers }).catch(() => null);
  if (reply?.status === 202) { followAct(); return; }
  button.disabled = false;
  outcome.className = "bad";
  outcome.textContent = reply ? await reply.text() : "The dashboard does not answer";
}

if (button) {
  button.addEventListener("click", act);
  if (button.disabled) followAct();
}
