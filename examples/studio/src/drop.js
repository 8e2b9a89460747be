// Files and folders dropped anywhere on the page, sorted into the form's fields.
import { choose } from "./form.js";

const KINDS = [
  ["model", /\.(onnx|tflite|data|weights|bin)$/i],
  ["samples", /\.(npy|png|jpe?g|webp|gif|bmp|avif)$/i],
  ["labels", /\.txt$/i],
  ["table", /\.json$/i],
];

export function acceptDrops(target) {
  target.addEventListener("dragover", (event) => {
    event.preventDefault();
    target.classList.add("dropping");
  });
  target.addEventListener("dragleave", ({ relatedTarget }) => {
    if (relatedTarget === null) target.classList.remove("dropping");
  });
  target.addEventListener("drop", async (event) => {
    event.preventDefault();
    target.classList.remove("dropping");
    const entries = [...event.dataTransfer.items].map((item) => item.webkitGetAsEntry() ?? item.getAsFile());
    const files = (await Promise.all(entries.filter((entry) => entry !== null).map(filesIn))).flat();
    for (const [id, pattern] of KINDS) {
      const own = files.filter(({ name }) => pattern.test(name));
      if (own.length > 0) choose(id, own);
    }
  });
}

async function filesIn(entry) {
  if (entry instanceof File) return [entry];
  if (entry.isFile) return [await new Promise((resolve, reject) => entry.file(resolve, reject))];
  const reader = entry.createReader();
  const found = [];
  for (;;) {
    const some = await new Promise((resolve, reject) => reader.readEntries(resolve, reject)); // a hundred at a time
    if (some.length === 0) return found;
    for (const own of some) found.push(...(await filesIn(own)));
  }
}
