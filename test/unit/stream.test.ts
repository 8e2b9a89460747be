import { describe, expect, it, test } from "vitest";
import { compileGraph } from "../../src/compile.ts";
import type { Graph } from "../../src/graph/graph.ts";
import { importModel } from "../../src/import/index.ts";
import { simplify } from "../../src/passes/index.ts";
import { stream } from "../../src/passes/stream.ts";
import { lower } from "../../src/quantize/lower.ts";
import { runReference } from "../../src/quantize/reference.ts";
import { InferenceSession } from "../../src/runtime/node.ts";
import { assetsDirectory, readAsset } from "../cases/assets.ts";
import { GraphBuilder } from "../cases/builder.ts";
import { openEngine, openModel, runModel } from "../cases/engine.ts";
import { codes, samples } from "../cases/models.ts";
import { Random } from "../cases/random.ts";

const AFFINE = { scale: 0.05, zeroPoint: 3 };

/** A random network over time: causal or valid kernels, strides, branches, and perhaps a head over the whole window. */
function causalNetwork(seed: number, axis: 1 | 2, padded: boolean): Graph {
  const random = new Random(seed);
  const builder = new GraphBuilder(`causal-${seed}`);
  const along = (time: number, other: number) => (axis === 1 ? [time, other] : [other, time]);
  const [frames, features] = [random.pick([8, 12, 16, 24]), axis === 1 ? random.integer(1, 3) : 1];
  let x = builder.input([1, ...along(frames, features), random.integer(1, 9)], AFFINE);
  const weights = (...shape: number[]) => {
    const size = shape.reduce((a, b) => a * b);
    return builder.constant(random.codes(size), shape, "int8", {
      scale: [0.4 / Math.sqrt(size / shape.at(0)!) / 30],
      zeroPoint: [0],
      axis: null,
    });
  };
  const layer = (reach: number, stride: number) => {
    const depth = builder.shape(x)[3]!;
    const dilation = random.pick([1, 1, 2]);
    const before = padded ? dilation * (reach - 1) : 0;
    const attributes = {
      stride: along(stride, 1),
      dilation: along(dilation, 1),
      padding: axis === 1 ? [before, 0, 0, 0] : [0, before, 0, 0],
      activation: "relu",
    };
    const kernel = along(reach, 1);
    const channels = random.integer(1, 12);
    const left = builder.shape(x)[axis]! + before - dilation * (reach - 1);
    if (left < 1) return;
    x = random.chance(0.3)
      ? builder.node("depthwise", [x, weights(1, ...kernel, depth)], attributes, AFFINE)
      : builder.node("conv", [x, weights(channels, ...kernel, depth)], attributes, AFFINE);
  };
  const residual = () => {
    const skip = x;
    layer(random.integer(2, 3), 1);
    const [from, to] = [builder.shape(skip), builder.shape(x)];
    if (from[3] !== to[3]) return;
    const begin = from.map((size, at) => (at === axis ? size - to[at]! : 0));
    const cut = builder.node("slice", [skip], { begin, size: to, strides: [1, 1, 1, 1] }, AFFINE);
    x = builder.node("add", [x, cut], { activation: "none" }, AFFINE);
  };
  for (let i = random.integer(1, 4); i > 0; i--) {
    if (random.chance(0.3)) residual();
    else if (i === 1 && frames % 2 === 0 && padded) layer(random.integer(2, 4), 2);
    else layer(random.integer(1, 5), 1);
  }
  if (random.chance(0.7)) {
    x = builder.node("reshape", [x], { shape: [1, builder.size(x)] }, AFFINE);
    x = builder.node("dense", [x, weights(4, builder.size(x))], { activation: "none" }, AFFINE);
  } else {
    x = builder.node("mean", [x], { axes: [1, 2] }, AFFINE);
  }
  builder.output(x);
  return builder.build();
}

/** Rows of time of dense codes [1, h, w, c], as the stream takes them. */
function frame(all: Int8Array, shape: readonly number[], axis: number, at: number, rows: number): Int8Array {
  const inner = shape.slice(axis + 1).reduce((a, b) => a * b, 1);
  const outer = all.length / inner / shape[axis]!;
  return Int8Array.from(
    Array.from({ length: outer }).flatMap((_, o) => {
      const start = (o * shape[axis]! + at) * inner;
      return [...all.subarray(start, start + rows * inner)];
    }),
  );
}

describe.each([
  ["height, causal", 1, true],
  ["width, causal", 2, true],
  ["height, valid", 1, false],
  ["width, valid", 2, false],
] as const)("a stream over %s", (_, axis, padded) => {
  it("gives what the whole window gives, after as many frames, from every reset", async () => {
    for (let seed = 1; seed <= 25; seed++) {
      const whole = causalNetwork(seed, axis, padded);
      const { shape } = whole.inputs[0]!;
      const frames = [1, 2, 4].find((count) => {
        try {
          stream(whole, count);
          return true;
        } catch {
          return false;
        }
      });
      expect(frames, `seed ${seed}`).toBeDefined();
      const graph = lower(stream(whole, frames!));
      const { model } = compileGraph(whole, { stream: frames! });
      const engine = await openEngine("engine");
      openModel(engine, model, graph);
      for (let round = 0; round < 2; round++) {
        engine.reset();
        const all = new Random(seed + 100 * round).codes(shape.reduce((a, b) => a * b));
        const expected = runReference(lower(whole), [all]).at(lower(whole).outputs[0]!.tensor);
        let reference: ReturnType<typeof runReference> | undefined;
        let output: Int8Array | undefined;
        for (let at = 0; at < shape[axis]!; at += frames!) {
          const rows = frame(all, shape, axis, at, frames!);
          reference = runReference(graph, [rows], reference);
          [output] = runModel(engine, graph, [rows]);
        }
        expect(reference![graph.outputs[0]!.tensor], `seed ${seed}, reference`).toEqual(expected);
        expect(output, `seed ${seed}`).toEqual(expected);
      }
    }
  });
});

test("a window without padding slides: every further frame gives the window that ends with it", () => {
  const whole = causalNetwork(6, 1, false);
  const { shape } = whole.inputs[0]!;
  const row = shape.slice(2).reduce((a, b) => a * b);
  const [graph, original] = [lower(stream(whole, 1)), lower(whole)];
  const all = new Random(5).codes(row * (shape[1]! + 9));
  let state: ReturnType<typeof runReference> | undefined;
  for (let at = 0; (at + 1) * row <= all.length; at++) {
    state = runReference(graph, [all.slice(at * row, (at + 1) * row)], state);
    if (at + 1 < shape[1]!) continue;
    const window = all.slice((at + 1 - shape[1]!) * row, (at + 1) * row);
    const expected = runReference(original, [window])[original.outputs[0]!.tensor];
    expect(state[graph.outputs[0]!.tensor]).toEqual(expected);
  }
});

test("what looks into the future is refused by name", () => {
  const builder = new GraphBuilder("future");
  const x = builder.input([1, 8, 1, 2], AFFINE);
  const weights = builder.constant(new Int8Array(12), [2, 3, 1, 2], "int8", {
    scale: [0.1],
    zeroPoint: [0],
    axis: null,
  });
  const window = { stride: [1, 1], dilation: [1, 1], padding: [1, 0, 1, 0], activation: "none" };
  builder.output(builder.node("conv", [x, weights], window, AFFINE));
  expect(() => stream(builder.build(), 1)).toThrow(/conv0.*looks into the future[\s\S]*1 rows behind/);
  expect(() => stream(builder.build(), 3)).toThrow(/do not divide the window/);
});

describe.skipIf(assetsDirectory === null)("the streaming wake word model", () => {
  const name = "str_ww_ref_model";

  test("frame by frame gives what the whole second gives, in a fraction of the work", async () => {
    const path = `mlperf_tiny/models/${name}.tflite`;
    const graph = importModel(readAsset(path), path);
    const whole = compileGraph(graph);
    const streaming = compileGraph(graph, { stream: 1 });
    const session = await InferenceSession.create(streaming.model);
    const windows = samples(codes(`golden/${name}/input.npy`), 30 * 40);
    const expected = samples(codes(`golden/${name}/output_tflm_single.npy`), 3);
    const input = session.inputMetadata[0]!;
    expect(input.shape).toEqual([1, 1, 1, 40]);
    windows.forEach((window, i) => {
      session.reset();
      let outputs: ReturnType<typeof session.runSync> = {};
      for (const row of samples(window, 40)) outputs = session.runSync({ [input.name]: row });
      expect(Object.values(outputs)[0]!.data, `window ${i}`).toEqual(expected[i]);
    });
    const bytes = [whole, streaming].map(({ layout }) => layout.peakBytes);
    console.log(
      `${name}: ${windows.length} windows equal; arena ${bytes[0]} bytes whole, ${bytes[1]} streaming`,
    );
    expect(simplify(graph).nodes.length).toBeLessThan(streaming.graph.nodes.length);
  });
});
