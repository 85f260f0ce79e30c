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

function follow() {
  if (!live || source || document.hidden) return;
  source = new EventSource("/live");
  source.onmessage = (event) => {
    if (!live.contains(document.activeElement)) live.innerHTML = JSON.parse(event.data);
  };
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
