// The digit model and a hundred digits, set in the fonts that the browser has.
const SIDE = 28;
const COUNT = 100;
const FONTS = ["sans-serif", "serif", "monospace", "cursive"];

export async function digitModel() {
  const [model, labels] = await Promise.all(["digits.onnx", "labels.txt"].map(fetchFile));
  const samples = await Promise.all(Array.from({ length: COUNT }, (_, i) => drawn(i)));
  return { model, labels, samples };
}

async function fetchFile(name) {
  const response = await fetch(name);
  if (!response.ok) throw new Error(`${name}: status ${response.status}`);
  return new File([await response.blob()], name);
}

async function drawn(i) {
  const canvas = new OffscreenCanvas(SIDE, SIDE);
  const context = canvas.getContext("2d");
  context.fillRect(0, 0, SIDE, SIDE);
  context.translate(SIDE / 2, SIDE / 2);
  context.rotate((((i * 7) % 11) - 5) / 20);
  context.fillStyle = "#fff";
  context.textAlign = "center";
  context.textBaseline = "middle";
  context.font = `${18 + (i % 7)}px ${FONTS[Math.floor(i / 10) % FONTS.length]}`;
  context.fillText(`${i % 10}`, 0, 1);
  return new File([await canvas.convertToBlob()], `${String(i).padStart(2, "0")}.png`, { type: "image/png" });
}
