/** Fills the page's table of classes: a name, a bar and a number each. */
export function showClasses(classes) {
  document.querySelector("#classes").replaceChildren(...classes.map(rowOf));
}

function rowOf({ name, score }) {
  const row = document.createElement("tr");
  const head = document.createElement("th");
  head.scope = "row";
  head.textContent = name;
  const cell = document.createElement("td");
  const meter = document.createElement("meter");
  meter.value = score;
  meter.ariaLabel = name;
  cell.append(meter, score.toFixed(2));
  row.append(head, cell);
  return row;
}
