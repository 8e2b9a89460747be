import type { IntegerGraph } from "../graph/integer.ts";
import { opNamed } from "../ops/index.ts";
import { extentBytes, type Layout, leadBytes, type Scratch, tensorLifetimes } from "./layout.ts";

const ALIGNMENT = 16;

/**
 * Gives steps that are faster with more scratch the bytes that lie idle while they run: the arena does not grow, nor
 * does the largest sum of bytes alive. Where there is no such gap, a step keeps the scratch that it needs.
 */
export function growScratch(graph: IntegerGraph, layout: Layout): Layout {
  const lifetimes = tensorLifetimes(graph);
  const liveBytes = [...layout.liveBytes];
  const scratch = graph.nodes.map((node, k): Scratch => {
    const needed = layout.scratch[k]!;
    const shapes = {
      inputs: node.inputs.map((input) => graph.tensors[input]!),
      output: graph.tensors[node.output]!,
    };
    const bytes = opNamed(node.op).spareScratchBytes?.(node.parameters, shapes) ?? 0;
    const step = graph.inputs.length + k;
    const live = liveBytes[step]! - needed.bytes + bytes;
    if (bytes <= needed.bytes || live > layout.lowerBound) return needed;
    const taken = graph.tensors.flatMap((tensor, index) => {
      const { from, to } = lifetimes[index]!;
      if (step < from || step > to) return [];
      const placement = layout.placements[index]!;
      const start = placement.offset - leadBytes(placement);
      return [{ start, end: start + extentBytes(tensor.shape, placement) }];
    });
    const offset = firstGap(taken, bytes, layout.peakBytes);
    if (offset === null) return needed;
    liveBytes[step] = live;
    return { offset, bytes };
  });
  return { ...layout, scratch, liveBytes };
}

interface Range {
  readonly start: number;
  readonly end: number;
}

/** Lowest aligned place of `bytes` between the ranges; null where there is none below `limit`. */
function firstGap(taken: readonly Range[], bytes: number, limit: number): number | null {
  let at = 0;
  for (const { start, end } of [...taken].sort((a, b) => a.start - b.start)) {
    if (start - at >= bytes) return at;
    at = Math.max(at, Math.ceil(end / ALIGNMENT) * ALIGNMENT);
  }
  return at + bytes <= limit ? at : null;
}
