import type { Graph, Node, Tensor } from "../../src/graph/graph.ts";
import { Random } from "./random.ts";

/** A layer of a chain; "residual" is a 3x3 convolution whose output is added to its input. */
export interface FloatLayer {
  readonly op: "conv" | "depthwise" | "dense" | "residual";
  readonly name: string;
  readonly channels: number;
  readonly kernel: number;
  readonly stride?: number;
  readonly activation: string;
}

const SIZE = 8;

/** A float network of layers one behind the other with random weights, whose channels differ in size; biases about `bias`. */
export function floatChain(layers: readonly FloatLayer[], bias = 0.5): Graph {
  const random = new Random(17);
  const tensors: Tensor[] = [];
  const nodes: Node[] = [];
  const add = (tensor: Tensor) => tensors.push(tensor) - 1;
  const activation = (name: string, shape: readonly number[]) => add({ name, dtype: "float32", shape });
  const constant = (name: string, shape: readonly number[], value: (i: number) => number) => {
    const data = Float32Array.from({ length: shape.reduce((a, b) => a * b) }, (_, i) => value(i));
    return add({ name, dtype: "float32", shape, data });
  };
  let x = activation("x", [1, SIZE, SIZE, 3]);
  const input = x;
  for (const { op, name, channels, kernel, stride = 1, activation: last } of layers) {
    const [, height = 1, width = 1, depth = 1] = tensors[x]!.shape;
    const isDepthwise = op === "depthwise";
    const shape = isDepthwise ? [1, kernel, kernel, depth] : [channels, kernel, kernel, depth];
    const inner = kernel * kernel * depth;
    const sizes = Array.from({ length: channels }, () => 2 ** random.between(-3, 1));
    const channel = (i: number) => (isDepthwise ? i % channels : Math.floor(i / inner));
    const weights = constant(`${name}.w`, shape, (i) => sizes[channel(i)]! * random.between(-1, 1));
    const biases = constant(`${name}.b`, [channels], () => bias * random.between(0.5, 1.5));
    const border = Math.floor(kernel / 2);
    const attributes = {
      stride: [stride, stride],
      dilation: [1, 1],
      padding: [border, border, border, border],
    };
    const [rows, columns] = [Math.ceil(height / stride), Math.ceil(width / stride)];
    const y = activation(`${name}.y`, [1, rows, columns, channels]);
    const own = op === "residual" ? "conv" : op;
    const inside = op === "residual" ? "none" : last;
    const layer = op === "residual" ? `${name}/conv` : name;
    nodes.push({
      name: layer,
      op: own,
      inputs: [x, weights, biases],
      outputs: [y],
      attributes: { ...attributes, activation: inside },
    });
    if (op === "residual") {
      const sum = activation(`${name}.sum`, tensors[y]!.shape);
      nodes.push({ name, op: "add", inputs: [x, y], outputs: [sum], attributes: { activation: last } });
      x = sum;
    } else {
      x = y;
    }
  }
  const border = (tensor: number) => ({
    name: tensors[tensor]!.name,
    tensor,
    dtype: "float32" as const,
    shape: tensors[tensor]!.shape,
    layout: "NHWC" as const,
  });
  return { name: "chain", tensors, nodes, inputs: [border(input)], outputs: [border(x)] };
}
