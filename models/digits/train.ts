// Trains the digit classifier and writes digits.dyad: `npm run train:digits [MNIST DIRECTORY]`.
import { vary } from "./augment.ts";
import { type Digits, PIXELS, readDigits } from "./mnist.ts";
import { argmax, Network } from "./network.ts";
import { seeded, shuffle } from "./random.ts";

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
  for (let epoch = 0; epoch < EPOCHS; epoch++) {
    const began = Date.now();
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
    const heldOut = accuracy(network, digits, digits.count - HELD_OUT, digits.count);
    const seconds = Math.round((Date.now() - began) / 1000);
    console.error(
      `epoch ${epoch + 1}: ${percent(right / order.length)} of varied digits, ${percent(heldOut)} held out, ${seconds} s`,
    );
  }
  return network;
}

/** Rises for a twentieth of the training, then falls to 0 in a straight line. */
function rateAt(progress: number): number {
  return RATE * Math.min(progress * 20, (1 - progress) / 0.95);
}

function accuracy(network: Network, digits: Digits, from: number, to: number): number {
  const image = new Float64Array(PIXELS);
  let right = 0;
  for (let i = from; i < to; i++) {
    for (let k = 0; k < PIXELS; k++) image[k] = digits.pixels[i * PIXELS + k]! / 255;
    if (argmax(network.forward(image)) === digits.labels[i]) right++;
  }
  return right / (to - from);
}

const percent = (share: number) => `${(100 * share).toFixed(2)} %`;
const directory = process.argv[2] ?? `${process.env.DYADIC_ASSETS ?? "../shared/assets"}/mnist`;
const network = train(readDigits(directory, "train"));
const test = readDigits(directory, "test");
console.error(`test ${percent(accuracy(network, test, 0, test.count))}`);

import { writeFileSync } from "node:fs";

writeFileSync(
  "/tmp/digits-weights.json",
  JSON.stringify(network.layers.map((l) => [[...l.weights.values], [...l.bias.values]])),
);
