// The float forward pass against onnxruntime: one graph for every imported float operator, and two whole networks.
import { readFileSync } from "node:fs";
import { FloatNetwork } from "../../src/float/network.ts";
import type { Graph } from "../../src/graph/graph.ts";
import { importOnnx } from "../../src/import/onnx/index.ts";
import { OPERATORS } from "../../src/import/onnx/operators.ts";
import { simplify } from "../../src/passes/index.ts";
import { assetsDirectory, readAsset } from "../cases/assets.ts";
import { toChannelsFirst, toChannelsLast } from "../cases/float-run.ts";
import { asset } from "../cases/models.ts";
import { buildOnnx } from "../cases/onnx.ts";
import { OPERATOR_MODELS, wave } from "../cases/onnx-operators.ts";

const LIMIT = 1e-4;
const QUANTIZED = /(^|\.)(Q|Dequantize|Quantize|DynamicQuantize|ConvInteger|MatMulInteger)/;
const ort = await import("onnxruntime-node");
const wasm = await WebAssembly.compile(
  readFileSync(new URL("../../assembly/build/calibrator.wasm", import.meta.url)),
);

/** Largest distance of any output from onnxruntime's, over that output's largest value. */
async function error(bytes: Uint8Array, input: Float32Array): Promise<number> {
  const session = await ort.InferenceSession.create(bytes);
  const graph = simplify(importOnnx(bytes));
  const border = graph.inputs[0]!;
  const dims = border.shape.map(Number);
  const feeds = { [session.inputNames[0]!]: new ort.Tensor("float32", input, dims) };
  const expected = await session.run(feeds);
  const network = await FloatNetwork.create(graph, wasm);
  const stored = border.layout === "NCHW" ? toChannelsLast(input, four(dims)) : input;
  let worst = 0;
  network.run([stored]).forEach((values, i) => {
    const { layout, shape, name } = graph.outputs[i]!;
    const own = layout === "NCHW" ? toChannelsFirst(values, four(shape)) : values;
    const other = Float32Array.from(expected[name]!.data as ArrayLike<number | bigint>, Number);
    if (own.length !== other.length) throw new Error(`${name}: ${own.length} values, not ${other.length}`);
    const range = other.reduce((most, value) => Math.max(most, Math.abs(value)), 0) || 1;
    own.forEach((value, k) => {
      worst = Math.max(worst, Math.abs(value - other[k]!) / range);
    });
  });
  return worst;
}

/** (N, C, L) as (N, C, 1, L). */
function four(shape: readonly number[]): readonly number[] {
  return shape.length === 3 ? [...shape.slice(0, 2), 1, shape[2]!] : shape;
}

const failures: string[] = [];
async function check(name: string, bytes: Uint8Array, input: (graph: Graph) => Float32Array): Promise<void> {
  try {
    const found = await error(bytes, input(importOnnx(bytes)));
    console.log(`${name.padEnd(28)} ${found.toExponential(1)}`);
    if (!(found <= LIMIT)) failures.push(`${name}: ${found}`);
  } catch (problem) {
    failures.push(`${name}: ${problem}`);
  }
}

const size = ({ inputs: [border] }: Graph) => border!.shape.map(Number).reduce((a, b) => a * b, 1);
for (const operator of Object.keys(OPERATORS).filter((name) => !QUANTIZED.test(name))) {
  const model = OPERATOR_MODELS[operator];
  if (model === undefined) failures.push(`${operator}: test/cases/onnx-operators.ts has no model of it`);
  else await check(operator, buildOnnx(model), (graph) => Float32Array.from(wave(size(graph)), (x) => 3 * x));
}
if (assetsDirectory === null) {
  console.log("the networks are skipped: there are no assets");
} else {
  const pixels = asset("cifar10/test_x.npy").data.subarray(0, 32 * 32 * 3);
  const picture = asset("golden/tf2_mobilenet_v2_1.0_224_ptq/input.npy").data.subarray(0, 224 * 224 * 3);
  const image = (bytes: ArrayLike<number>, side: number) =>
    toChannelsFirst(
      Float32Array.from(bytes, (byte) => byte / 127.5 - 1),
      [1, 3, side, side],
    );
  await check("resnet20", readAsset("onnx/resnet20_cifar10.onnx"), () => image(pixels as Uint8Array, 32));
  const mobilenet = readAsset("onnx/mobilenet_v2_1.0_224_float.onnx");
  await check("MobileNetV2", mobilenet, () => image(picture as Uint8Array, 224));
}
console.log(failures.length === 0 ? `all within ${LIMIT}` : failures.join("\n"));
process.exit(failures.length === 0 ? 0 : 1);
