"use strict";
// Refreshes the overview while it is visible, and stops the dashboard. Every page works without this script.
const live = document.getElementById("live");
const state = document.getElementById("live-state");
let source = null;

function follow() {
  if (!live || source || document.hidden) return;
  source = new EventSource("/live");
  source.onmessage = (event) => {
    if (!live.contains(document.activeElement)) live.innerHTML = JSON.parse(event.data);
    state.textContent = "Live";
  };
  source.onerror = () => { state.textContent = "Not live: the dashboard does not answer"; };
}

document.addEventListener("visibilitychange", () => {
  if (document.hidden && source) { source.close(); source = null; } else follow();
});
follow();

document.getElementById("stop").addEventListener("click", async () => {
  const token = document.querySelector("meta[name=csrf]").content;
  if (source) source.close();
  const reply = await fetch("/stop", { method: "POST", headers: { "x-csrf-token": token } });
  document.querySelector("main").textContent = reply.ok ? "The dashboard has stopped." : "It could not be stopped.";
});
