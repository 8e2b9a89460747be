import { mkdtempSync, readFileSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { fileURLToPath } from "node:url";
import { beforeAll, describe, expect, test } from "vitest";
import { readDigits } from "../../models/digits/mnist.ts";
import { calibrationNpy } from "../../models/digits/samples.ts";
import { compileCommand } from "../../src/cli/compile.ts";
import { readInputs } from "../../src/cli/inputs/index.ts";
import { topK } from "../../src/cli/labels.ts";
import { type IoTensor, readModel, verifyDigest } from "../../src/model/index.ts";
import { InferenceSession } from "../../src/runtime/node.ts";
import { assetsDirectory } from "../cases/assets.ts";

const path = fileURLToPath(new URL("../../models/digits/digits.dyad", import.meta.url));
const examples = fileURLToPath(new URL("../../examples/digits/", import.meta.url));
const bytes = new Uint8Array(readFileSync(path));
const { io } = readModel(bytes, path);
const [input, output] = io as [IoTensor, IoTensor];

let session: Awaited<ReturnType<typeof InferenceSession.create>>;
beforeAll(async () => {
  session = await InferenceSession.create(bytes, { file: path });
});

function best(image: Uint8Array | Int8Array) {
  const { data, scale, zeroPoint } = session.runSync({ image }).probabilities!;
  return topK(data, scale, zeroPoint, output.labels, 1)[0]!;
}

/** The picture with its rows and columns moved; what leaves one side, all dark, comes in at the other. */
function moved(image: Uint8Array | Int8Array, down: number, right: number): Uint8Array {
  return Uint8Array.from(image, (_, i) => {
    const [y, x] = [Math.floor(i / 28) - down, (i % 28) - right];
    return image[((y + 28) % 28) * 28 + ((x + 28) % 28)]!;
  });
}

test("digits.dyad is a small, whole model of bytes to ten labelled classes", () => {
  expect(bytes.length).toBeLessThan(40_000);
  verifyDigest(bytes);
  expect(input).toMatchObject({ name: "image", role: "input", dtype: "uint8", canonicalShape: [28, 28, 1] });
  expect(input).toMatchObject({ scale: Math.fround(1 / 255), zeroPoint: 0 });
  expect(output).toMatchObject({ name: "probabilities", role: "output", labels: [..."0123456789"] });
});

test("digits.dyad is, byte for byte, what the compiler makes of digits.onnx: else `npm run compile:digits`", async () => {
  const folder = mkdtempSync(join(tmpdir(), "dyadic-digits-"));
  const [calibrate, output] = [join(folder, "samples.npy"), join(folder, "digits.dyad")];
  writeFileSync(calibrate, calibrationNpy());
  const source = fileURLToPath(new URL("../../models/digits/digits.onnx", import.meta.url));
  const labels = fileURLToPath(new URL("../../models/digits/labels.txt", import.meta.url));
  await compileCommand(source, {
    calibrate,
    scale: 255,
    labels: [labels],
    output,
    target: "dyad",
    json: true,
  });
  const made = readFileSync(output);
  rmSync(folder, { recursive: true });
  expect(made.equals(bytes)).toBe(true);
});

describe("the self-drawn examples", () => {
  test.each([..."0123456789"])("%s.png is surely what it shows", (digit) => {
    const { label, score } = best(readInputs(`${examples}${digit}.png`, input)[0]!);
    expect(label).toBe(digit);
    expect(score).toBeGreaterThan(0.5);
  });

  test.each([..."0123456789"])("%s.png stays so when it is moved by up to two pixels", (digit) => {
    const [sample] = readInputs(`${examples}${digit}.png`, input);
    for (let down = -2; down <= 2; down++) {
      for (let right = -2; right <= 2; right++) expect(best(moved(sample!, down, right)).label).toBe(digit);
    }
  });

  test.each([..."37"])("%s-on-paper.png, larger and dark on light, when it is inverted", (digit) => {
    const [sample] = readInputs(`${examples}${digit}-on-paper.png`, input, { invert: true });
    expect(best(sample!).label).toBe(digit);
  });
});

const missing = assetsDirectory === null;
if (missing) console.warn("accuracy of digits.dyad skipped: no ../shared/assets (or DYADIC_ASSETS)");

test.skipIf(missing)("at least 99 % of the 5,000 test digits", () => {
  const digits = readDigits(`${assetsDirectory}/mnist`, "test");
  const size = digits.pixels.length / digits.count;
  let right = 0;
  for (let i = 0; i < digits.count; i++) {
    const { index } = best(digits.pixels.subarray(i * size, (i + 1) * size));
    if (index === digits.labels[i]) right++;
  }
  expect(digits.count).toBe(5000);
  console.log(`digits: ${right} of ${digits.count}`);
  expect(right / digits.count).toBeGreaterThanOrEqual(0.99);
});
