// node --expose-gc soak.mjs MODEL CYCLES: creates, runs and disposes sessions, and prints what memory does meanwhile.
import { readFileSync } from "node:fs";
import { InferenceSession } from "../../src/runtime/node.ts";

const [path = "", cycles = ""] = process.argv.slice(2);
const bytes = new Uint8Array(readFileSync(path));
const memory: number[] = [];
let answer: string | undefined;
let different = 0;
for (let cycle = 0; cycle < Number(cycles); cycle++) {
  using session = await InferenceSession.create(bytes);
  const { name, shape } = session.inputMetadata[0]!;
  const size = shape.reduce((product, dim) => product * dim, 1);
  const outputs = session.runSync({ [name]: Float32Array.from({ length: size }, (_, i) => (i % 256) / 256) });
  const text = Object.values(outputs)
    .map(({ data }) => data.join())
    .join(";");
  answer ??= text;
  if (text !== answer) different++;
  if (cycle % 1000 === 999) {
    (globalThis as { gc?: () => void }).gc?.();
    memory.push(process.memoryUsage().rss);
  }
}
console.log(JSON.stringify({ different, memory }));
