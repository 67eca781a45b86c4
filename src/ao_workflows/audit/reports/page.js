"use strict";
// Without this the page is whole, too: it only sorts and filters the table of findings.
const table = document.querySelector("table.findings");
if (table) {
  const body = table.tBodies[0];
  const rows = Array.from(body.rows);
  const said = document.getElementById("said");
  const text = document.getElementById("text");
  const severity = document.getElementById("severity");

  // What a row says itself: the captions of neighbours are no part of it.
  const words = new Map(rows.map((row) => {
    const copy = row.cloneNode(true);
    copy.querySelectorAll(".pictures").forEach((pictures) => pictures.remove());
    return [row, copy.textContent.toLowerCase()];
  }));

  const key = (row, column) => row.cells[column].dataset.key || row.cells[column].textContent;
  Array.from(table.tHead.rows[0].cells).forEach((head, column) => {
    const button = document.createElement("button");
    button.type = "button";
    button.textContent = head.textContent;
    head.replaceChildren(button);
    button.addEventListener("click", () => {
      const down = head.getAttribute("aria-sort") === "ascending";
      for (const other of table.tHead.rows[0].cells) other.removeAttribute("aria-sort");
      head.setAttribute("aria-sort", down ? "descending" : "ascending");
      rows.sort((one, two) => key(one, column).localeCompare(key(two, column), undefined, { numeric: true }));
      if (down) rows.reverse();
      body.append(...rows);
    });
  });

  const filter = () => {
    const wanted = text.value.toLowerCase();
    let shown = 0;
    for (const row of rows) {
      row.hidden = !(words.get(row).includes(wanted)
        && (!severity.value || row.dataset.severity === severity.value));
      shown += row.hidden ? 0 : 1;
    }
    said.textContent = `${shown} of ${rows.length} shown`;
  };
  const form = document.querySelector("form");
  form.hidden = false;
  form.addEventListener("input", filter);
  form.addEventListener("submit", (event) => event.preventDefault());
  filter();
}
