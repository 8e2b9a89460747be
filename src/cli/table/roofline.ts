// What layers are compared with: the rate of a dense product that has all that a tile wants.
import { type Compiled, compileGraph } from "../../compile.ts";
import type { Graph, Quantization } from "../../graph/graph.ts";

const ROWS = [8, 12] as const;
const DEPTH = 2048;
const CHANNELS = 64;
export const ROOFLINE_MACS = ROWS[0] * ROWS[1] * DEPTH * CHANNELS;

/** A pointwise convolution in 8 bits whose operands lie in the nearest caches and whose sums are long. */
export function rooflineModel(): Compiled {
  const affine: Quantization = { scale: [0.02], zeroPoint: [0], axis: null };
  const weights = Int8Array.from({ length: CHANNELS * DEPTH }, (_, i) => ((i * 73) % 255) - 127);
  const activation = (name: string, channels: number) => {
    return { name, dtype: "int8", shape: [1, ...ROWS, channels], quantization: affine } as const;
  };
  const tensors: Graph["tensors"] = [
    activation("rows", DEPTH),
    { name: "w", dtype: "int8", shape: [CHANNELS, 1, 1, DEPTH], quantization: affine, data: weights },
    activation("product", CHANNELS),
  ];
  const border = (tensor: number) => {
    const { name, shape } = tensors[tensor]!;
    return { name, tensor, dtype: "int8", shape, layout: "NHWC" } as const;
  };
  const attributes = { stride: [1, 1], dilation: [1, 1], padding: [0, 0, 0, 0], activation: "none" };
  return compileGraph({
    name: "roofline",
    tensors,
    nodes: [{ name: "product", op: "conv", inputs: [0, 1, -1], outputs: [2], attributes }],
    inputs: [border(0)],
    outputs: [border(2)],
  });
}
