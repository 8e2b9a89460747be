// node --expose-gc soak.mjs MODEL CYCLES: creates, runs and disposes sessions, and prints what memory does meanwhile.
import { readFileSync } from "node:fs";
import { InferenceSession } from "../../src/runtime/node.ts";

const [path = "", cycles = ""] = process.argv.slice(2);
const bytes = new Uint8Array(readFileSync(path));
const memory: { rss: number; used: number }[] = [];
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
    for (let i = 0; i < 3; i++) {
      await new Promise((resolve) => setTimeout(resolve, 20)); // memories are freed behind the collection that found them
      (globalThis as { gc?: () => void }).gc?.();
    }
    const { rss, heapUsed, external } = process.memoryUsage();
    memory.push({ rss, used: heapUsed + external });
  }
}
console.log(JSON.stringify({ different, memory }));
