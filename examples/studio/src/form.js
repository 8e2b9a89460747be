// The form as a job of the compiler.
const KIBI = 1024;
const NANO = 1e6; // nanoseconds of a millisecond

const PREPARATIONS = {
  bytes: {},
  unit: { scale: 255 },
  symmetric: { mean: [0.5], std: [0.5] },
  imagenet: { mean: [0.485, 0.456, 0.406], std: [0.229, 0.224, 0.225] },
};

const field = (id) => document.getElementById(id);
const files = (id) => [...field(id).files];
const isModel = ({ name }) => /\.(onnx|tflite)$/i.test(name);

/** The model and the files beside it; undefined where none is chosen. */
export function chosenModel() {
  const all = files("model");
  const model = all.find(isModel) ?? all[0];
  return model && { model, siblings: all.filter((file) => file !== model) };
}

/** What was entered, for the worker. */
export function jobOf() {
  const samples = files("samples");
  const preparation = preparationOf();
  const named = [...files("model"), ...samples].map(({ name, size, lastModified }) => [
    name,
    size,
    lastModified,
  ]);
  return {
    kind: "compile",
    ...chosenModel(),
    samples,
    preparation,
    seenBy: `calibration ${JSON.stringify([named, preparation])}`,
    labels: files("labels")[0],
    table: files("table")[0],
    budget: budgetOf(),
    bits: field("bits").value,
  };
}

function preparationOf() {
  const own =
    PREPARATIONS[field("numbers").value] ?? (field("numbers").value === "own" ? ownPreparation() : {});
  return field("invert").checked ? { ...own, invert: true } : own;
}

function ownPreparation() {
  const numbers = (id) => field(id).value.split(",").map(Number);
  return {
    ...(field("scale").value !== "" && { scale: Number(field("scale").value) }),
    ...(field("mean").value !== "" && { mean: numbers("mean") }),
    ...(field("std").value !== "" && { std: numbers("std") }),
  };
}

function budgetOf() {
  const limit = (id, unit) => {
    const { value } = field(id);
    return value === "" ? {} : { [id]: Math.floor(Number(value) * unit) };
  };
  const budget = { ...limit("flash", KIBI), ...limit("ram", KIBI), ...limit("latency", NANO) };
  return Object.keys(budget).length > 0 ? budget : undefined;
}

/** Limits the flash to so many bytes. */
export function limitFlash(bytes) {
  field("flash").value = bytes / KIBI;
}

/** Gives a file input its files, as if the user had chosen them. */
export function choose(id, list) {
  const transfer = new DataTransfer();
  for (const file of list) transfer.items.add(file);
  field(id).files = transfer.files;
  field(id).dispatchEvent(new Event("change", { bubbles: true }));
}

/** Keeps what depends on each other in step: what must be said of bytes, and which limits exclude others. */
export async function tidy() {
  field("own").hidden = field("numbers").value !== "own";
  field("bits").disabled = budgetOf() !== undefined;
  field("table").required = field("latency").value !== "";
  const [first] = files("samples");
  field("numbers").required = first !== undefined && (await holdsBytes(first));
}

/** Whether a file is a picture or an array of bytes: what numbers they stand for must then be said. */
async function holdsBytes(file) {
  if (!/\.npy$/i.test(file.name)) return true;
  return /'descr':\s*'\|u1'/.test(await file.slice(0, 256).text());
}
