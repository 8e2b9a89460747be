import { elements, type Graph } from "../graph/graph.ts";

const ALIGNMENT = 16;
/** Kernels may read to the end of the last vector of a tensor. */
export const SLACK = 32;

/** Where every activation lies: byte offsets by tensor index (-1 for constants), and the bytes of all together. */
export interface Arena {
  readonly offsets: readonly number[];
  readonly bytes: number;
}

interface Buffer {
  readonly bytes: number;
  /** Steps of the first write and the last read. */
  readonly first: number;
  last: number;
  offset: number;
}

/**
 * Places float activations so that two share bytes only when one is dead before the other is written; a reshape is
 * the buffer it reads. Largest first, each at the lowest offset that is free. With `keep` nothing
 * is ever dead, and every activation has bytes of its own.
 */
export function placeActivations(graph: Graph, keep = false): Arena {
  const buffers = buffersOf(graph, keep);
  if (keep)
    for (const buffer of buffers.values()) Object.assign(buffer, { first: -1, last: graph.nodes.length });
  const placed: Buffer[] = [];
  for (const buffer of [...new Set(buffers.values())].sort((a, b) => b.bytes - a.bytes)) {
    const rivals = placed
      .filter(({ first, last }) => first <= buffer.last && last >= buffer.first)
      .sort((a, b) => a.offset - b.offset);
    for (const { offset, bytes } of rivals) {
      if (offset - buffer.offset >= buffer.bytes) break;
      buffer.offset = Math.max(buffer.offset, offset + bytes);
    }
    placed.push(buffer);
  }
  return {
    offsets: graph.tensors.map((_, tensor) => buffers.get(tensor)?.offset ?? -1),
    bytes: placed.reduce((end, { offset, bytes }) => Math.max(end, offset + bytes), 0),
  };
}

function buffersOf(graph: Graph, keep: boolean): Map<number, Buffer> {
  const buffers = new Map<number, Buffer>();
  const write = (tensor: number, step: number) => {
    const bytes = Math.ceil((elements(graph.tensors[tensor]!.shape) * 4 + SLACK) / ALIGNMENT) * ALIGNMENT;
    buffers.set(tensor, { bytes, first: step, last: step, offset: 0 });
  };
  for (const { tensor } of graph.inputs) write(tensor, -1);
  graph.nodes.forEach((node, step) => {
    for (const input of node.inputs) {
      const buffer = buffers.get(input);
      if (buffer !== undefined) buffer.last = step;
    }
    for (const output of node.outputs) {
      const source = node.op === "reshape" && !keep ? buffers.get(node.inputs[0]!) : undefined;
      if (source === undefined) write(output, step);
      else buffers.set(output, source);
    }
  });
  for (const { tensor } of graph.outputs) {
    const buffer = buffers.get(tensor);
    if (buffer !== undefined) buffer.last = graph.nodes.length;
  }
  return buffers;
}
