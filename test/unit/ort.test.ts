import { expect, test } from "vitest";
import { compileGraph } from "../../src/compile.ts";
import type { Graph } from "../../src/graph/graph.ts";
import { InferenceSession as Native } from "../../src/runtime/node.ts";
import { env, InferenceSession, Tensor } from "../../src/runtime/ort/node.ts";
import { GraphBuilder } from "../cases/builder.ts";

const scale = 0.5;

/** A model that gives back its input, which it declares as [1, 2, 2, 3]: channels, height, width. */
function echo(): Uint8Array {
  const builder = new GraphBuilder("echo");
  const input = builder.input([1, 2, 3, 2], { scale, zeroPoint: 1 });
  builder.output(builder.node("requantize", [input], { activation: "none" }, { scale, zeroPoint: 1 }));
  const graph = builder.build();
  const declared = (borders: Graph["inputs"]) =>
    borders.map((border) => ({ ...border, shape: [1, 2, 2, 3], layout: "NCHW" as const }));
  return compileGraph({ ...graph, inputs: declared(graph.inputs), outputs: declared(graph.outputs) }).model;
}

const reals = Float32Array.from({ length: 12 }, (_, i) => i * scale);

test("runs float32 in the declared layout", async () => {
  env.wasm.numThreads = 1;
  const session = await InferenceSession.create(echo(), {
    executionProviders: ["wasm"],
    graphOptimizationLevel: "all",
  });
  const [input, output] = [session.inputNames[0]!, session.outputNames[0]!];
  expect(session.inputMetadata).toEqual([
    { name: input, isTensor: true, type: "float32", shape: [1, 2, 2, 3] },
  ]);
  const tensor = new Tensor("float32", reals, [1, 2, 2, 3]);
  for (const result of [
    await session.run({ [input]: tensor }),
    await session.run({ [input]: tensor }, [output]),
    await session.run({ [input]: tensor }, { [output]: null }, {}),
    await session.run({ [input]: tensor }, { logSeverityLevel: 0 }),
  ]) {
    expect(result[output]!.dims).toEqual([1, 2, 2, 3]);
    expect(await result[output]!.getData()).toEqual(reals);
  }
});

test("gives the engine its pixels with channels last", async () => {
  const bytes = echo();
  const [native, session] = [await Native.create(bytes), await InferenceSession.create(bytes)];
  expect(native.inputMetadata[0]).toMatchObject({
    shape: [1, 2, 3, 2],
    declaredShape: [1, 2, 2, 3],
    layout: "NCHW",
  });
  await session.run({ [session.inputNames[0]!]: new Tensor("float32", reals, [1, 2, 2, 3]) });
  const last = Float32Array.of(0, 6, 1, 7, 2, 8, 3, 9, 4, 10, 5, 11).map((value) => value * scale);
  const outputs = native.runSync({ [native.inputMetadata[0]!.name]: last });
  const { dims, data } = outputs[native.outputMetadata[0]!.name]!;
  expect(dims).toEqual([1, 2, 3, 2]);
  expect(Array.from(data)).toEqual([1, 7, 2, 8, 3, 9, 4, 10, 5, 11, 6, 12]);
});

test("loads a part of a buffer, as onnxruntime does", async () => {
  const bytes = echo();
  const buffer = new ArrayBuffer(bytes.length + 20);
  new Uint8Array(buffer, 7).set(bytes);
  expect((await InferenceSession.create(buffer, 7, bytes.length)).inputNames).toEqual(["input0"]);
});

test("says what is wrong", async () => {
  const session = await InferenceSession.create(echo());
  const feeds = (dims: number[]) => ({ input0: new Tensor("float32", reals, dims) });
  await expect(session.run(feeds([1, 2, 3, 2]))).rejects.toThrow(
    /expected: \[1, 2, 2, 3\]\n {2}found: \[1, 2, 3, 2\]/,
  );
  await expect(session.run({ x: new Tensor([1]) })).rejects.toThrow(/no input "x"/);
  await expect(session.run(feeds([1, 2, 2, 3]), ["y"])).rejects.toThrow(/no output "y"/);
  expect(() => new Tensor("float32", [1, 2], [3])).toThrow(/expected: 3 elements/);
  await session.release();
  await expect(session.run(feeds([1, 2, 2, 3]))).rejects.toThrow(/disposed/);
});

test("tensors infer their type, and take plain arrays", () => {
  expect(new Tensor(Uint8Array.of(1, 2), [2]).type).toBe("uint8");
  expect(new Tensor("int64", [1n, 2n], [2]).data).toEqual(BigInt64Array.of(1n, 2n));
  expect(new Tensor([1.5, 2], [1, 2]).data).toEqual(Float32Array.of(1.5, 2));
  expect(new Tensor("bool", [true, false]).data).toEqual(Uint8Array.of(1, 0));
});

test("pictures become floats in planes, divided by 255", async () => {
  const data = Uint8ClampedArray.of(255, 0, 51, 255, 0, 255, 102, 255);
  const image = { width: 2, height: 1, data } as unknown as ImageData;
  const tensor = await Tensor.fromImage(image);
  expect(tensor.dims).toEqual([1, 3, 1, 2]);
  expect(Array.from(tensor.data as Float32Array, (value) => Math.round(value * 5))).toEqual([
    5, 0, 0, 5, 1, 2,
  ]);
  const swapped = await Tensor.fromImage(image, {
    tensorFormat: "BGR",
    tensorLayout: "NHWC",
    norm: { mean: 1 },
  });
  expect(Array.from(swapped.data as Float32Array)).toEqual([51, 0, 255, 102, 255, 0]);
});
