// Trains the digit classifier and writes digits.onnx: `npm run train:digits [MNIST DIRECTORY]`.
import { writeFileSync } from "node:fs";
import { exportOnnx } from "../../src/export/onnx/index.ts";
import { seeded, shuffle } from "../../src/numerics/random.ts";
import { vary } from "./augment.ts";
import { asReals, graphOf } from "./graph.ts";
import { type Digits, PIXELS, readDigits } from "./mnist.ts";
import { argmax, Network } from "./network.ts";

const OUTPUT = "models/digits/digits.onnx";
const SEED = 20_250_101;
const EPOCHS = 8;
const BATCH = 32;
const RATE = 0.003;
const DECAY = 0.01;
/** Training images that only measure progress; choices were made on them, never on the test half. */
const HELD_OUT = 3000;

function train(digits: Digits): Network {
  const random = seeded(SEED);
  const network = new Network(random);
  const order = Uint32Array.from({ length: digits.count - HELD_OUT }, (_, i) => i);
  const steps = Math.ceil(order.length / BATCH) * EPOCHS;
  const image = new Float64Array(PIXELS);
  let step = 0;
  for (let epoch = 1; epoch <= EPOCHS; epoch++) {
    shuffle(order, random);
    let right = 0;
    for (let at = 0; at < order.length; at += BATCH) {
      const batch = order.subarray(at, at + BATCH);
      for (const i of batch) {
        vary(digits.pixels.subarray(i * PIXELS, (i + 1) * PIXELS), image, random, random());
        if (argmax(network.forward(image)) === digits.labels[i]) right++;
        network.backward(digits.labels[i]!);
      }
      network.step(rateAt(step++ / steps), batch.length, DECAY);
    }
    const heldOut = floatAccuracy(network, digits, digits.count - HELD_OUT);
    console.error(`epoch ${epoch}: ${percent(right / order.length)} varied, ${percent(heldOut)} held out`);
  }
  return network;
}

/** Rises for a twentieth of the training, then falls to 0 in a straight line. */
function rateAt(progress: number): number {
  return RATE * Math.min(progress * 20, (1 - progress) / 0.95);
}

function floatAccuracy(network: Network, digits: Digits, from: number): number {
  return accuracy(digits, from, (i) => argmax(network.forward(asReals(digits.pixels, i))));
}

function accuracy(digits: Digits, from: number, classify: (index: number) => number): number {
  let right = 0;
  for (let i = from; i < digits.count; i++) if (classify(i) === digits.labels[i]) right++;
  return right / (digits.count - from);
}

function percent(share: number): string {
  return `${(100 * share).toFixed(2)} %`;
}

const began = Date.now();
const directory = process.argv[2] ?? `${process.env.DYADIC_ASSETS ?? "../shared/assets"}/mnist`;
const digits = readDigits(directory, "train");
const network = train(digits);
const seconds = Math.round((Date.now() - began) / 1000);
const model = exportOnnx(graphOf(network));
writeFileSync(OUTPUT, model);
const test = readDigits(directory, "test");
console.log(`trained in ${seconds} s; ${OUTPUT}: ${model.length} bytes`);
console.log(`float ${percent(floatAccuracy(network, test, 0))} of ${test.count} test digits`);
