import { channelsLast, fileOrder, type Order } from "./layout.ts";
import type { NodeProto } from "./messages.ts";

/** Operators that read their input as (N, C, ...). */
const IMAGE = ["Conv", "MaxPool", "AveragePool", "GlobalAveragePool", "GlobalMaxPool", "BatchNormalization"];
const QUANTIZED_IMAGE = ["QLinearConv", "QLinearGlobalAveragePool", "Resize", "Upsample"];
/** How far the way of an input is followed. */
const MAX_STEPS = 16;

/**
 * The order in which a model input is held: NHWC for an image (N, C, H, W), and for (N, C, L) where a convolution or a
 * pool comes first; the file's own where it already is NHWC, which a transpose in front of everything else shows.
 */
export function inputOrder(name: string, shape: readonly number[], nodes: readonly NodeProto[]): Order {
  const rank = shape.length;
  if (rank !== 3 && rank !== 4) return fileOrder(shape);
  const first = firstConsumer(name, nodes);
  const moved = first?.opType === "Transpose" ? first.attributes.get("perm")?.ints.join() : undefined;
  if (moved === "0,3,1,2" || moved === "0,2,1") return fileOrder(shape);
  if (rank === 4) return channelsLast(rank);
  const reads = first !== undefined && [...IMAGE, ...QUANTIZED_IMAGE].includes(first.opType);
  return reads ? channelsLast(rank) : fileOrder(shape);
}

/** The first node on the input's way for which the order of dimensions matters. */
function firstConsumer(name: string, nodes: readonly NodeProto[]): NodeProto | undefined {
  let current = name;
  for (let step = 0; step < MAX_STEPS; step++) {
    const reader = nodes.find((node) => node.inputs.includes(current) && node.opType !== "Shape");
    if (reader === undefined) return undefined;
    if (reader.opType === "Transpose" || [...IMAGE, ...QUANTIZED_IMAGE].includes(reader.opType))
      return reader;
    current = reader.outputs[0] ?? "";
  }
  return undefined;
}
