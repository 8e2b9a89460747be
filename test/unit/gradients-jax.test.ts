// The gradient engine beside an independent one, JAX's TypeScript twin: first derivatives, and products with the Hessian.
import { defaultDevice, grad, init, jvp, lax, nn, numpy as np } from "@jax-js/jax";
import { beforeAll, expect, test } from "vitest";
import { GradientNetwork } from "../../src/float/gradients.ts";
import { hessianProducts, hessianTraces } from "../../src/float/hessian.ts";
import { crossEntropy } from "../../src/float/loss.ts";
import type { Graph, Node, Tensor } from "../../src/graph/graph.ts";
import { toChannelsFirst, toChannelsLast } from "../cases/float-run.ts";
import { calibratorBytes } from "../cases/floats.ts";
import { Random } from "../cases/random.ts";

const LABEL = 2;
const random = new Random(11);
const draw = (length: number) => Float32Array.from({ length }, () => random.between(-0.5, 0.5));
const x = draw(8 * 6 * 3);
const weights = draw(5 * 3 * 3 * 3);
const rows = draw(4 * 5);

/** x -> conv 3x3, stride 2 -> silu -> mean -> dense: smooth, so that second derivatives exist everywhere. */
function smooth(): Graph {
  const tensor = (shape: number[], data?: Float32Array): Tensor => ({
    name: `t${shape}`,
    dtype: "float32",
    shape,
    ...(data && { data }),
  });
  const tensors = [
    tensor([1, 8, 6, 3]),
    tensor([5, 3, 3, 3], weights),
    tensor([1, 4, 3, 5]),
    tensor([1, 4, 3, 5]),
    tensor([1, 1, 1, 5]),
    tensor([1, 5]),
    tensor([4, 5], rows),
    tensor([1, 4]),
  ];
  const node = (op: string, inputs: number[], output: number, attributes: object): Node => ({
    name: op,
    op,
    inputs,
    outputs: [output],
    attributes,
  });
  const window = { stride: [2, 2], dilation: [1, 1], padding: [1, 1, 0, 0], activation: "none" };
  const nodes = [
    node("conv", [0, 1, -1], 2, window),
    node("unary", [2], 3, { function: "silu" }),
    node("mean", [3], 4, { axes: [1, 2] }),
    node("reshape", [4], 5, { shape: [1, 5] }),
    node("dense", [5, 6, -1], 7, { activation: "none" }),
  ];
  const border = (index: number) =>
    ({ name: "io", tensor: index, dtype: "float32", shape: tensors[index]!.shape, layout: "flat" }) as const;
  return { name: "smooth", tensors, nodes, inputs: [border(0)], outputs: [border(7)] };
}

const array = (data: Float32Array, shape: number[]) =>
  np.array(data as Float32Array<ArrayBuffer>).reshape(shape);

/** The same loss in JAX, NCHW, as a function of the convolution's weights. */
function loss(w: np.Array): np.Array {
  const image = array(toChannelsFirst(x, [1, 3, 8, 6]), [1, 3, 8, 6]);
  const y = nn.silu(
    lax.convGeneralDilated(
      image,
      w,
      [2, 2],
      [
        [1, 0],
        [1, 0],
      ],
    ),
  );
  const logits = np.dot(np.mean(y, [2, 3]), np.transpose(array(rows, [4, 5])));
  const label = array(
    Float32Array.from({ length: 4 }, (_, i) => (i === LABEL ? -1 : 0)),
    [1, 4],
  );
  return nn.logSoftmax(logits).mul(label).sum();
}

const jaxWeights = (values: Float32Array) => array(toChannelsFirst(values, [5, 3, 3, 3]), [5, 3, 3, 3]);
const ours = (values: Float32Array) => toChannelsLast(values, [5, 3, 3, 3]);

function worst(a: ArrayLike<number>, b: Float32Array): number {
  const range = b.reduce((most, value) => Math.max(most, Math.abs(value)), 0);
  return b.reduce((most, value, i) => Math.max(most, Math.abs(a[i]! - value)), 0) / range;
}

let network: GradientNetwork;
beforeAll(async () => {
  await init("wasm");
  defaultDevice("wasm");
  network = await GradientNetwork.create(smooth(), await WebAssembly.compile(calibratorBytes()));
});

test("gradients equal JAX's", async () => {
  const [logits] = network.run([x]);
  network.backward(new Map([[7, crossEntropy(logits!, LABEL).gradient]]));
  const expected = (await grad(loss)(jaxWeights(weights)).data()) as Float32Array;
  expect(worst(network.gradient(1), ours(expected))).toBeLessThan(1e-5);
});

test("products with the Hessian by central difference equal JAX's exact ones", async () => {
  const direction = draw(weights.length);
  const products = await hessianProducts(network, 7, [[x]], [LABEL], new Map([[1, direction]]));
  const [, exact] = jvp(grad(loss), [jaxWeights(weights)], [jaxWeights(direction)]);
  expect(worst(products.get(1)!, ours((await exact.data()) as Float32Array))).toBeLessThan(1e-3);
  expect(network.value(1)).toEqual(weights);
});

test("Hutchinson's traces come near the sum of the Hessian's diagonal", async () => {
  let trace = 0;
  for (let i = 0; i < weights.length; i++) {
    const unit = Float32Array.from(weights, (_, k) => (k === i ? 1 : 0));
    const products = await hessianProducts(network, 7, [[x]], [LABEL], new Map([[1, unit]]), {
      step: 1 / 32,
    });
    trace += products.get(1)![i]!;
  }
  const [estimate] = await hessianTraces(network, 7, [[x]], [LABEL], [1], { vectors: 400 });
  expect(Math.abs(estimate! - trace)).toBeLessThan(0.1 * Math.abs(trace));
});
