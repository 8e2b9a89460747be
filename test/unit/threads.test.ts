import { readFileSync } from "node:fs";
import { Worker } from "node:worker_threads";
import { describe, expect, test } from "vitest";
import { LOST_THREAD } from "../../assembly/abi.ts";
import { compileGraph } from "../../src/compile.ts";
import { writeModel } from "../../src/model/writer.ts";
import { lower } from "../../src/quantize/lower.ts";
import { runReference } from "../../src/quantize/reference.ts";
import type { DyadicError } from "../../src/runtime/core.ts";
import { loadModel } from "../../src/runtime/engine.ts";
import { InferenceSession as OneThread } from "../../src/runtime/node.ts";
import { threadsOf } from "../../src/runtime/threads/session.ts";
import { assetsDirectory } from "../cases/assets.ts";
import { planBanded } from "../cases/bands.ts";
import { runModel } from "../cases/engine.ts";
import { randomGraph, randomInputs } from "../cases/graphs.ts";
import { codes, GOLDEN_MODELS, importGolden } from "../cases/models.ts";
import { singleLayer } from "../cases/networks.ts";
import { Random } from "../cases/random.ts";
import { openShared, THREADS_MODULE } from "../cases/threads.ts";

const compiled = new URL("../../dist/src/runtime/threads/node.js", import.meta.url).pathname;
const { InferenceSession }: typeof import("../../src/runtime/threads/node.ts") = await import(compiled);
const DIGITS = readFileSync(new URL("../../models/digits/digits.dyad", import.meta.url));
const WIDTHS = [8, 8, 8, 16, 4, 2, 1] as const;

/** Random graphs, some with narrow activations, states or groups that run in bands; their inputs and outputs. */
function* cases(count: number, first = 1) {
  for (let seed = first; seed < first + count; seed++) {
    const source = randomGraph(seed, seed % 3 === 0 ? WIDTHS : [8]);
    const { graph, layout } = planBanded(lower(source), new Random(seed));
    const inputs = randomInputs(source, seed);
    const values = runReference(graph, inputs);
    const expected = graph.outputs.map(({ tensor }) => values[tensor]!);
    yield { seed, graph, model: writeModel(graph, layout), inputs, expected };
  }
}

const image = (i: number) => Uint8Array.from({ length: 784 }, (_, at) => (at * (i + 3) + i * 31) % 256);

async function codeOf(promise: Promise<unknown>): Promise<string> {
  const error = await promise.then(
    () => null,
    (reason) => reason,
  );
  return error === null ? "none" : ((error as DyadicError).code ?? `${error}`);
}

describe("shares of steps", () => {
  test.each([2, 3, 4, 7])(
    "of %i threads, all computed by one, give the reference's bits",
    async (threads) => {
      for (const { seed, graph, model, inputs, expected } of cases(60, threads * 100)) {
        const { engine } = await openShared(threads, 0);
        loadModel(engine, model, graph.name);
        expect(runModel(engine, graph, inputs), `seed ${seed}`).toEqual(expected);
        expect(runModel(engine, graph, inputs), `seed ${seed}, again`).toEqual(expected);
      }
    },
  );

  test.each([2, 3, 4])("of %i threads, with as many helpers as there can be, do too", async (threads) => {
    let [seeds, helped] = [0, 0];
    // On a single core helpers get their turn in the middle of few runs: then there are more of them.
    for (const { seed, graph, model, inputs, expected } of cases(999, threads * 1000)) {
      if (++seeds > 25 && helped > 100) break;
      const { engine, close } = await openShared(threads, threads - 1);
      loadModel(engine, model, graph.name);
      for (let run = 0; run < 20; run++) {
        expect(runModel(engine, graph, inputs), `seed ${seed}, run ${run}`).toEqual(expected);
      }
      helped += engine.helped();
      await close();
    }
    console.log(`${threads} threads: helpers computed ${helped} shares`);
    expect(helped).toBeGreaterThan(100);
  });

  test("instances made while others run leave memory as it is", async () => {
    const { graph, model, inputs, expected } = cases(1, 12).next().value!;
    const { engine } = await openShared(3, 0);
    loadModel(engine, model, graph.name);
    const before = engine.memory.buffer.slice(0);
    new WebAssembly.Instance(THREADS_MODULE, { env: { memory: engine.memory } });
    const [was, is] = [before, engine.memory.buffer].map((buffer) => new Uint8Array(buffer));
    expect(is!.filter((byte, i) => byte !== was![i]).length).toBe(1); // the count of instances
    expect(runModel(engine, graph, inputs)).toEqual(expected);
  });

  test("a share that is not finished in time ends the run, and every run after it", async () => {
    const { engine, close } = await openShared(2, 1, { patience: 0n });
    // Shares of milliseconds: the helper begins one in the middle of the other, on a single core too, and ends it behind that.
    const { model } = compileGraph(singleLayer("conv", [1, 96, 96, 64], 128));
    loadModel(engine, model, "wide");
    let status = 0;
    for (let run = 0; run < 1000 && status === 0; run++) status = engine.run();
    expect(status).toBe(LOST_THREAD);
    expect(engine.run()).toBe(LOST_THREAD);
    await close();
  });
});

describe("sessions", () => {
  test.each([1, 2, 3, 4])("of %i threads give one thread's answers", async (threads) => {
    const one = await OneThread.create(DIGITS);
    using session = await InferenceSession.create(DIGITS, { threads, module: THREADS_MODULE });
    expect(session.inputMetadata).toEqual(one.inputMetadata);
    for (let i = 0; i < 50; i++) {
      const expected = one.runSync({ image: image(i) }).probabilities!.data;
      expect(session.runSync({ image: image(i) }).probabilities!.data).toEqual(expected);
    }
    const { signal } = new AbortController();
    const answers = Array.from({ length: 20 }, (_, i) =>
      session.run({ image: image(i) }, i % 2 ? { signal } : {}),
    );
    for (const [i, answer] of (await Promise.all(answers)).entries()) {
      expect(answer.probabilities!.data).toEqual(one.runSync({ image: image(i) }).probabilities!.data);
    }
    expect(session.profile({ image: image(0) }).steps.length).toBeGreaterThan(3);
  });

  test("of different numbers of threads live side by side, and end alone", async () => {
    const options = { module: THREADS_MODULE };
    const a = await InferenceSession.create(DIGITS, { ...options, threads: 2 });
    const b = await InferenceSession.create(new Response(DIGITS), { ...options, threads: 3 });
    const expected = a.runSync({ image: image(1) }).probabilities!.data;
    expect(b.runSync({ image: image(1) }).probabilities!.data).toEqual(expected);
    a.dispose();
    expect(b.runSync({ image: image(1) }).probabilities!.data).toEqual(expected);
    expect(await codeOf(a.run({ image: image(1) }))).toBe("DISPOSED");
    a.dispose();
    b.dispose();
  });

  test("a busy session says so, and disposal ends what waits", async () => {
    const session = await InferenceSession.create(DIGITS, { threads: 2, module: THREADS_MODULE });
    const first = session.run({ image: image(1) }, { signal: new AbortController().signal });
    expect(() => session.runSync({ image: image(1) })).toThrow(/middle of a run/);
    session.dispose();
    expect(await codeOf(first)).toBe("DISPOSED");
  });

  test.each([0, -1, 1.5, 65, 1000, Number.NaN])("of %d threads there are none", async (threads) => {
    expect(await codeOf(InferenceSession.create(DIGITS, { threads, module: THREADS_MODULE }))).toBe(
      "BAD_ARGUMENT",
    );
  });

  test("damaged files and missing hosts are refused with their names", async () => {
    const options = { threads: 2, module: THREADS_MODULE, file: "digits.dyad" };
    const damaged = Uint8Array.from(DIGITS);
    damaged[damaged.length - 100]! ^= 1;
    expect(await codeOf(InferenceSession.create(damaged, options))).toBe("CORRUPT");
    expect(await codeOf(InferenceSession.create(DIGITS.subarray(0, 100), options))).toBe("CORRUPT");
    expect(await codeOf(InferenceSession.create(DIGITS, { ...options, memoryLimit: 4096 }))).toBe(
      "OUT_OF_MEMORY",
    );
    expect(() => threadsOf(options, 4, false)).toThrow(
      /digits\.dyad: threads need .*\n.*Cross-Origin-Opener-Policy/s,
    );
    expect(threadsOf({ module: THREADS_MODULE }, 2, true)).toBe(2);
    expect(threadsOf({ module: THREADS_MODULE }, 32, true)).toBe(4);
  });

  test("helpers that are ended leave their work to the others", async () => {
    const { engine, close } = await openShared(3, 2);
    loadModel(engine, DIGITS, "digits");
    expect(engine.run()).toBe(0);
    await close();
    const helped = engine.helped();
    for (let run = 0; run < 100; run++) expect(engine.run()).toBe(0);
    expect(engine.helped()).toBe(helped);
  });

  test("processes end without waiting for helpers", async () => {
    const source = `
      const { workerData } = require("node:worker_threads");
      import(workerData.compiled).then(async ({ InferenceSession }) => {
        await InferenceSession.create(workerData.model, { threads: 3, module: workerData.module });
      });`;
    const workerData = { compiled, model: Uint8Array.from(DIGITS), module: THREADS_MODULE };
    const worker = new Worker(source, { eval: true, workerData });
    expect(await new Promise((resolve) => worker.on("exit", resolve))).toBe(0);
  });
});

describe.skipIf(assetsDirectory === null)("models of the assets", () => {
  test.each(GOLDEN_MODELS)("$name: the bits of one thread on 2, 3 and 4", async (golden) => {
    const { model, integer } = compileGraph(importGolden(golden), { file: golden.path });
    const inputs = codes(`golden/${golden.name}/input.npy`);
    const [height, width, channels] = integer.tensors[integer.inputs[0]!.tensor]!.shape;
    const sample = inputs.subarray(0, height * width * channels);
    const one = await openShared(1, 0);
    loadModel(one.engine, model, golden.name);
    const expected = runModel(one.engine, integer, [sample]);
    for (const threads of [2, 3, 4]) {
      const { engine, close } = await openShared(threads, threads - 1, { leastWork: 2 ** 17 });
      loadModel(engine, model, golden.name);
      for (let run = 0; run < 5; run++) expect(runModel(engine, integer, [sample])).toEqual(expected);
      await close();
    }
  });
});
