import { elements, type Graph, type Tensor } from "../../src/graph/graph.ts";
import { opNamed } from "../../src/ops/index.ts";
import type { FloatValue } from "../../src/ops/op.ts";
import { FOREIGN } from "./float-ops.ts";

/** The reals of a constant: codes with their scale and zero point. */
function reals({ name, shape, data, quantization: q }: Tensor): FloatValue {
  if (data === undefined) throw new Error(`"${name}" is not constant`);
  if (q === undefined) return { shape, data: Float32Array.from(data) };
  const inner = q.axis === null ? 1 : elements(shape.slice(q.axis + 1));
  const values = Float32Array.from(data, (code, i) => {
    const channel = Math.floor(i / inner) % q.scale.length;
    return q.scale[channel]! * (code - q.zeroPoint[channel]!);
  });
  return { shape, data: values };
}

/**
 * Runs a graph by the float meanings of its ops. Activations of codes are rounded to their grid, so that a quantized
 * graph gives the reals that its codes stand for. Inputs are dense, in the order of the graph's own tensors. `meanings`
 * come before those of the registry.
 */
export function runFloat(
  graph: Graph,
  inputs: readonly Float32Array[],
  meanings: Readonly<Partial<typeof FOREIGN>> = FOREIGN,
): FloatValue[] {
  const values = new Map<number, FloatValue>();
  graph.tensors.forEach((tensor, index) => {
    if (tensor.data !== undefined) values.set(index, reals(tensor));
  });
  graph.inputs.forEach((border, i) => {
    const tensor = graph.tensors[border.tensor]!;
    if (inputs[i]!.length !== elements(tensor.shape)) throw new Error(`input ${border.name}: wrong length`);
    values.set(border.tensor, onGrid(tensor, { shape: tensor.shape, data: inputs[i]! }));
  });
  for (const node of graph.nodes) {
    const operands = node.inputs.map((input) => values.get(input));
    const output = graph.tensors[node.outputs[0]!]!;
    const run = meanings[node.op] ?? ((values, attributes) => opNamed(node.op).float(values, attributes));
    const result = run(operands as FloatValue[], node.attributes as never);
    if (result.shape.join() !== output.shape.join()) {
      throw new Error(`${node.op} "${node.name}" makes [${result.shape}], declared is [${output.shape}]`);
    }
    values.set(node.outputs[0]!, onGrid(output, result));
  }
  return graph.outputs.map((border) => values.get(border.tensor)!);
}

function onGrid({ dtype, quantization }: Tensor, { shape, data }: FloatValue): FloatValue {
  if (dtype !== "int8" || quantization === undefined) return { shape, data };
  const [scale = 1, zero = 0] = [quantization.scale[0], quantization.zeroPoint[0]];
  const code = (real: number) => Math.max(-128, Math.min(127, Math.floor(real / scale + 0.5) + zero));
  return { shape, data: data.map((real) => scale * (code(real) - zero)) };
}

/** A dense NCHW array as NHWC. */
export function toChannelsLast(data: ArrayLike<number>, [n, c, h, w]: readonly number[]): Float32Array {
  return Float32Array.from({ length: n! * c! * h! * w! }, (_, i) => {
    const [channel, pixel] = [i % c!, Math.floor(i / c!) % (h! * w!)];
    return data[i - (i % (c! * h! * w!)) + channel * h! * w! + pixel]!;
  });
}

/** A dense NHWC array as NCHW. */
export function toChannelsFirst(data: ArrayLike<number>, [n, c, h, w]: readonly number[]): Float32Array {
  return Float32Array.from({ length: n! * c! * h! * w! }, (_, i) => {
    const [channel, pixel] = [Math.floor(i / (h! * w!)) % c!, i % (h! * w!)];
    return data[i - (i % (c! * h! * w!)) + pixel * c! + channel]!;
  });
}
