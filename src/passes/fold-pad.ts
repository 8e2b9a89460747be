import { type Graph, type Node, sameQuantization } from "../graph/graph.ts";
import type { Halo } from "../ops/index.ts";

interface Padding {
  readonly padding: Halo;
}

/**
 * Folds a pad whose readers are all convolutions into their own padding: the convolution then reads the halo of the
 * pad's input, and the padded copy is never made. Pads of channels, with another value than 0, with another scale on either side, or that are a
 * model output stay.
 */
export function foldPad(graph: Graph): Graph {
  const nodes = [...graph.nodes];
  for (let k = nodes.length - 1; k >= 0; k--) {
    const pad = nodes[k]!;
    if (!foldable(pad, nodes, graph)) continue;
    const { padding } = pad.attributes as Padding;
    nodes.forEach((node, reader) => {
      if (node.inputs[0] !== pad.outputs[0]) return;
      const attributes = node.attributes as Padding;
      const sum = attributes.padding.map((own, side) => own + padding[side]!);
      const inputs = [pad.inputs[0]!, ...node.inputs.slice(1)];
      nodes[reader] = { ...node, inputs, attributes: { ...attributes, padding: sum } };
    });
    nodes.splice(k, 1); // nobody reads it any more; a pad in front of it may fold next
  }
  return { ...graph, nodes };
}

function foldable(pad: Node, nodes: readonly Node[], graph: Graph): boolean {
  if (pad.op !== "pad") return false;
  const output = pad.outputs[0]!;
  const {
    padding,
    channels,
    stride,
    value = 0,
  } = pad.attributes as Padding & {
    channels: readonly number[];
    stride?: readonly number[];
    value?: number;
  };
  const readers = nodes.filter((node) => node.inputs.includes(output));
  return (
    value === 0 &&
    [...channels].every((count) => count === 0) &&
    padding.every((side) => side >= 0) &&
    (stride ?? []).every((distance) => distance === 1) &&
    sameQuantization(graph.tensors[pad.inputs[0]!]!, graph.tensors[output]!) &&
    !graph.outputs.some((border) => border.tensor === output) &&
    readers.every((node) => node.op === "conv" || node.op === "depthwise")
  );
}
