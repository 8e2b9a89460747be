// tfjs-backend-wasm has float kernels only: the network's real values, in its fused operators.
import "@tensorflow/tfjs-backend-wasm";
import { setThreadsCount, setWasmPaths } from "@tensorflow/tfjs-backend-wasm";
import * as tf from "@tensorflow/tfjs-core";
import type { Graph, Node } from "../../../src/graph/graph.ts";
import type { ConvAttributes } from "../../../src/ops/conv.ts";
import type { Window } from "../../../src/ops/window.ts";
import { dequantizeGraph } from "../../../src/quantize/dequantize.ts";
import type { BenchModel } from "../compiled.ts";
import type { Opened } from "../subjects/subject.ts";

type Step = (values: tf.Tensor[]) => tf.Tensor;
type Padding = [[number, number], [number, number], [number, number], [number, number]];

export async function openTfjs(model: BenchModel): Promise<Opened> {
  setThreadsCount(1);
  setWasmPaths("/packages/@tensorflow/tfjs-backend-wasm/dist/");
  await tf.setBackend("wasm");
  const graph = dequantizeGraph(model.graph);
  const constants = graph.tensors.map((tensor) =>
    tensor.data === undefined ? undefined : tf.tensor(tensor.data as Float32Array, [...tensor.shape]),
  );
  const steps = graph.nodes.map((node) => ({ run: stepOf(node, graph, constants), to: node.outputs[0]! }));
  const [source, target] = [graph.inputs[0]!.tensor, graph.outputs[0]!.tensor];
  const { scale, zeroPoint } = model.integer.tensors[source]!;
  const inputs = model.samples.map((sample) =>
    Float32Array.from(sample, (code) => scale * (code - zeroPoint)),
  );
  let result = new Float32Array();
  return {
    run(sample) {
      result = tf.tidy(() => {
        const values = constants.slice() as tf.Tensor[];
        values[source] = tf.tensor(inputs[sample]!, [...graph.tensors[source]!.shape]);
        for (const { run, to } of steps) values[to] = run(values);
        return values[target]!.dataSync() as Float32Array<ArrayBuffer>;
      });
    },
    output: () => result.slice(),
    close() {
      for (const constant of constants) constant?.dispose();
    },
  };
}

/** The operators of the benchmark's networks. Throws for another one. */
function stepOf(node: Node, graph: Graph, constants: (tf.Tensor | undefined)[]): Step {
  const [x = -1, y = -1, z = -1] = node.inputs;
  const { activation = "none" } = node.attributes as { activation?: string };
  const fused = (activation === "none" ? "linear" : activation) as "linear" | "relu" | "relu6";
  switch (node.op) {
    case "conv":
    case "depthwise":
      return convolution(node as Node<ConvAttributes>, constants, fused);
    case "dense": {
      const b = tf.transpose(constants[y]!) as tf.Tensor2D; // [n, k] would take a slow kernel, wrong with a fused ReLU here
      const bias = constants[z]!;
      return (values) => tf.fused.matMul({ a: values[x] as tf.Tensor2D, b, bias, activation: fused });
    }
    case "add":
      return (values) => {
        const sum = tf.add(values[x]!, values[y]!);
        return fused === "relu" ? tf.relu(sum) : fused === "relu6" ? tf.relu6(sum) : sum;
      };
    case "averagePool": {
      const { kernel, stride } = node.attributes as Window;
      return (values) => tf.avgPool(values[x] as tf.Tensor4D, [...kernel], [...stride], "valid");
    }
    case "mean": {
      const { axes } = node.attributes as { axes: readonly number[] };
      return (values) => tf.mean(values[x]!, [...axes], true);
    }
    case "reshape": {
      const { shape } = graph.tensors[node.outputs[0]!]!;
      return (values) => tf.reshape(values[x]!, [...shape]);
    }
    case "softmax":
      return (values) => tf.softmax(values[x]!);
    case "requantize":
      return (values) => values[x]!;
    default:
      throw new Error(`no tfjs operator for ${node.op}`);
  }
}

function convolution(
  { op, inputs, attributes }: Node<ConvAttributes>,
  constants: (tf.Tensor | undefined)[],
  activation: "linear" | "relu" | "relu6",
): Step {
  const [x, weights, bias] = [inputs[0]!, constants[inputs[1]!] as tf.Tensor4D, constants[inputs[2]!]!];
  // [out, h, w, in] of a convolution and [1, h, w, channels] of a depthwise one, to tfjs's order
  const filter = tf.transpose(weights, [1, 2, 3, 0]) as tf.Tensor4D;
  const [top, left, bottom, right] = attributes.padding;
  const explicit: Padding = [
    [0, 0],
    [top, bottom],
    [left, right],
    [0, 0],
  ];
  const pad = explicit as unknown as "valid"; // the declarations lack what the operators take
  const strides = [...attributes.stride] as [number, number];
  const run = op === "conv" ? tf.fused.conv2d : tf.fused.depthwiseConv2d;
  return (values) => run({ x: values[x] as tf.Tensor4D, filter, strides, pad, bias, activation });
}
