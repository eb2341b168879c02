// Keeps the rows that the daemon's page shows in `rows`, and when each was shown first in `shown`.
const columns = ["game", "name", "map", "players"];
const text = (row) => columns.map((column) => row.querySelector(`td.${column} bdi`).textContent).join("|");
const look = () => {
  window.rows = new Set([...document.querySelectorAll("#rows tr")].map(text));
  for (const row of window.rows) window.shown[row] ??= Date.now();
};
window.shown = {};
look();
new MutationObserver(look).observe(document.getElementById("rows"), {
  childList: true,
  subtree: true,
  characterData: true,
});
