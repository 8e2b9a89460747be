// What the page shows of a job: facts, progress, problems, the result.
const element = (id) => document.getElementById(id);

const STAGES = {
  decode: "Decoding pictures",
  calibrate: "Calibrating",
  round: "Rounding every layer at every width",
  measure: "Measuring what each width loses",
  quantize: "Quantizing",
};

function made(name, properties = {}, ...children) {
  const node = Object.assign(document.createElement(name), properties);
  node.append(...children);
  return node;
}

export function kibibytes(bytes) {
  return bytes < 1024 ? `${bytes} B` : `${(bytes / 1024).toFixed(1)} KiB`;
}

/** Said aloud by screen readers: once a stage, not once a step. */
export function tell(text, count = "") {
  if (element("status").textContent !== text) element("status").textContent = text;
  element("count").textContent = count;
}

export function showRunning(isRunning) {
  element("compile").disabled = isRunning;
  element("cancel").disabled = !isRunning;
  element("bar").hidden = !isRunning;
  element("bar").removeAttribute("value");
  element("result").ariaBusy = `${isRunning}`;
}

export function showProgress({ stage, done, total }) {
  element("bar").max = total;
  element("bar").value = done;
  tell(`${STAGES[stage] ?? stage}…`, `${done} of ${total}`);
}

export function showFacts({ isFloat, inputs, outputs, flashBytes, peakBytes, macs, steps, notes }) {
  const figure = (name, value, note) =>
    made("div", {}, made("dt", {}, name), made("dd", {}, value, made("small", {}, note)));
  const bits = isFloat ? "at 8 bits" : "as it is";
  element("facts").replaceChildren(
    figure("model", isFloat ? "float" : "int8", `${steps} steps`),
    figure("takes", inputs, `gives ${outputs}`),
    figure("flash", kibibytes(flashBytes), bits),
    figure("RAM", kibibytes(peakBytes), bits),
    figure("work", `${(macs / 1e6).toPrecision(3)} M`, "multiply-adds"),
  );
  element("facts").hidden = false;
  tell(
    notes[0] ??
      (isFloat ? "A float model: it needs samples of what it will see." : "An int8 model: ready to compile."),
  );
}

/** An error with its place; operators that are missing, all of them. */
export function showProblem({ code, problem, place, needs }) {
  const rows = Object.entries(place).flatMap(([name, value]) => [
    made("dt", {}, name),
    made("dd", {}, value),
  ]);
  const missing = needs.flatMap(({ operator, nodes, problems }) => [
    made("dt", {}, operator),
    made("dd", {}, `${problems.length} of ${nodes} nodes: ${problems[0].problem}`),
  ]);
  element("problem").replaceChildren(
    made("h2", {}, problem),
    made("dl", {}, ...rows, ...(needs.length > 1 ? missing : [])),
  );
  element("problem").hidden = false;
  tell(code === "NO_POLICY" ? "Nothing fits these limits." : "That did not work.");
}

export function hideProblem() {
  element("problem").hidden = true;
}

let links = [];

function offer(id, name, text, content, type) {
  const link = element(id);
  link.href = URL.createObjectURL(new Blob([content], { type }));
  link.download = name;
  link.textContent = text;
  link.hidden = false;
  links.push(link.href);
}

export function showResult({ name, model, sha256, body, lines }) {
  for (const link of links) URL.revokeObjectURL(link);
  links = [];
  element("result-name").textContent = name;
  element("result-text").replaceChildren(
    `${model.length} bytes, SHA-256 `,
    made("code", { id: "sha256" }, sha256),
  );
  offer("download", name, `Download ${name}`, model, "application/octet-stream");
  element("report").hidden = true;
  element("remarks").replaceChildren(...lines.map((line) => made("li", {}, line)));
  element("buys").hidden = true;
  element("body").innerHTML = body; // the report's own markup, which spells every name of the model out as text
  element("result").hidden = false;
}

/** Loss against bytes as far as it is known; whole, every size is a button that compiles for it. */
export function showFrontier({ html, bytes, isWhole }, compileFor) {
  const place = element("buys");
  place.hidden = false;
  place.innerHTML = `<h2>What bytes buy</h2>${html}`;
  if (!isWhole) return;
  place.querySelectorAll("tbody tr").forEach((row, i) => {
    const size = bytes[i].toLocaleString("en");
    const button = made("button", { type: "button", className: "quiet" }, `compile for ${size} bytes`);
    button.addEventListener("click", () => compileFor(bytes[i]));
    if (row.lastElementChild.textContent === "") row.lastElementChild.append(button);
  });
}

export function showReport(name, page) {
  offer("report", name.replace(/\.dyad$/, ".html"), "The report, as a page of its own", page, "text/html");
}
