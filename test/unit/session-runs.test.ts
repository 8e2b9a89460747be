import { expect, test } from "vitest";
import { compileGraph } from "../../src/compile.ts";
import { layerNames } from "../../src/model/index.ts";
import { runReference } from "../../src/quantize/reference.ts";
import { type DyadicError, InferenceSession } from "../../src/runtime/node.ts";
import { GraphBuilder } from "../cases/builder.ts";
import { randomGraph, randomInputs } from "../cases/graphs.ts";

/** A seed whose graph has one input, with codes of different samples and what the reference makes of them. */
function subject() {
  for (let seed = 1; ; seed++) {
    const graph = randomGraph(seed);
    if (graph.inputs.length !== 1 || graph.inputs[0]!.dtype !== "int8") continue;
    const { model, integer } = compileGraph(graph);
    const samples = [1, 2, 3, 4, 5].map((n) => randomInputs(graph, seed + 1000 * n)[0]!);
    const expected = samples.map((codes) => {
      const values = runReference(integer, [codes]);
      return integer.outputs.map(({ name, tensor, dtype }) => {
        const shift = dtype === "uint8" ? 128 : 0;
        return [name, Array.from(values[tensor]!, (code) => code + shift)] as const;
      });
    });
    return { model, name: graph.inputs[0]!.name, samples, expected };
  }
}

const { model, name, samples, expected } = subject();
const live = new AbortController().signal;

function expectSample(outputs: Record<string, { data: ArrayLike<number> }>, sample: number): void {
  for (const [output, codes] of expected[sample]!) expect(Array.from(outputs[output]!.data)).toEqual(codes);
}

test("1,000 concurrent runs, abortable and not, each give their own answer", async () => {
  const session = await InferenceSession.create(model);
  const memory = session.memoryBytes;
  const runs = Array.from({ length: 1000 }, (_, i) =>
    session.run({ [name]: samples[i % 5]! }, i % 3 === 0 ? { signal: live } : {}),
  );
  (await Promise.all(runs)).forEach((outputs, i) => void expectSample(outputs, i % 5));
  expect(session.memoryBytes).toBe(memory);
});

test("a run reads its inputs before it returns its promise", async () => {
  const session = await InferenceSession.create(model);
  const [first, buffer] = [session.run({ [name]: samples[0]! }, { signal: live }), samples[1]!.slice()];
  const second = session.run({ [name]: buffer });
  buffer.fill(0);
  expectSample(await first, 0);
  expectSample(await second, 1);
});

test("an aborted run throws the signal's reason; those behind it run", async () => {
  const session = await InferenceSession.create(model);
  const controller = new AbortController();
  const aborted = session.run({ [name]: samples[0]! }, { signal: controller.signal });
  const next = session.run({ [name]: samples[1]! });
  controller.abort(new Error("enough"));
  await expect(aborted).rejects.toThrow("enough");
  expectSample(await next, 1);
  await expect(session.run({ [name]: samples[0]! }, { signal: controller.signal })).rejects.toThrow("enough");
});

test("a long run ends between two steps", async () => {
  const builder = new GraphBuilder("long");
  const affine = { scale: 1, zeroPoint: 0 };
  let tensor = builder.input([1, 256, 256, 32], affine);
  for (let i = 0; i < 100; i++)
    tensor = builder.node("add", [tensor, tensor], { activation: "none" }, affine);
  builder.output(tensor);
  const long = await InferenceSession.create(compileGraph(builder.build()).model);
  const feeds = { [long.inputMetadata[0]!.name]: new Int8Array(256 * 256 * 32) };
  const whole = long.profile(feeds).duration;
  const began = performance.now();
  await expect(long.run(feeds, { signal: AbortSignal.timeout(1) })).rejects.toThrow("timeout");
  expect(performance.now() - began).toBeLessThan(whole / 2 + 30);
});

test("runSync and profile say BUSY while an abortable run is under way; disposing ends it", async () => {
  const session = await InferenceSession.create(model);
  const run = session.run({ [name]: samples[0]! }, { signal: live });
  for (const busy of [
    () => session.runSync({ [name]: samples[0]! }),
    () => session.profile({ [name]: samples[0]! }),
  ]) {
    expect(busy).toThrow(expect.objectContaining({ code: "BUSY" } satisfies Partial<DyadicError>));
  }
  session.dispose();
  await expect(run).rejects.toThrow(expect.objectContaining({ code: "DISPOSED" }));
});

test("a profile has every step in order, and is a trace that viewers open", async () => {
  const session = await InferenceSession.create(model);
  const profile = session.profile({ [name]: samples[0]! });
  const names = layerNames(model);
  expect(profile.steps.map(({ step }) => step)).toEqual(names.map((_, i) => i));
  expect(profile.steps[0]!.op).toBe("input");
  expect(profile.steps.at(-1)!.op).toBe("output");
  const { traceEvents } = profile.chromeTrace(names);
  expect(traceEvents.map((event) => event.name)).toEqual(names);
  for (const [i, { ph, ts, dur }] of traceEvents.entries()) {
    expect([ph, ts >= (traceEvents[i - 1]?.ts ?? 0), dur >= 0]).toEqual(["X", true, true]);
  }
  expectSample(session.runSync({ [name]: samples[2]! }), 2);
});

test("the session tells the model's SHA-256", async () => {
  const session = await InferenceSession.create(model);
  expect(session.sha256).toBe(Buffer.from(model.subarray(32, 64)).toString("hex"));
});
