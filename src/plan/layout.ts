import type { Shape } from "../graph/graph.ts";
import { type IntegerGraph, type IntegerTensor, shapesOf } from "../graph/integer.ts";
import { type ActivationBits, pixelBytes } from "../numerics/pack.ts";
import { type Halo, opNamed } from "../ops/index.ts";

/** Where a tensor lies in the arena; all in bytes but the halo, which is in pixels. */
export interface Placement {
  /** Byte of pixel (0, 0), channel 0. */
  readonly offset: number;
  readonly rowPitch: number;
  readonly pixelPitch: number;
  readonly halo: Halo;
  /** Rows, halo rows included, that the buffer of a tensor inside a group holds at a time; absent: all of them. */
  readonly window?: number;
}

/** Working memory of one node, in bytes of the arena; live only at its step, or while its group runs. */
export interface Scratch {
  readonly offset: number;
  readonly bytes: number;
}

/** How far a step of a group comes: `perBand * (b + 1) + lead` output rows are done after band b, from 0 to all. */
export interface Member {
  readonly perBand: number;
  readonly lead: number;
}

/** What a group's step is called where ops have names. */
export const BANDS = "bands";

/** Consecutive nodes that run together, band by band: in every band each of them computes some more output rows. */
export interface Group {
  /** Index of the first node. */
  readonly first: number;
  readonly bands: number;
  readonly members: readonly Member[];
}

/**
 * The arena of a model. Steps are one INPUT per model input, then the nodes, then one OUTPUT per model output:
 * node `k` runs at step `inputs.length + k`.
 */
export interface Layout {
  /** By tensor index of the graph. */
  readonly placements: readonly Placement[];
  /** By node index; 0 bytes where a node needs none. */
  readonly scratch: readonly Scratch[];
  /** In the order of their nodes, which no two share. */
  readonly groups: readonly Group[];
  /** Bytes of the arena: halos, scratch and alignment counted. */
  readonly peakBytes: number;
  /** Bytes alive at each step: tensors with halos (shared bytes once) and scratch. */
  readonly liveBytes: readonly number[];
  /** Largest of `liveBytes`: no arrangement with these in-place decisions and halos is smaller. */
  readonly lowerBound: number;
  /** The same without any halo. */
  readonly lowerBoundWithoutHalos: number;
  /** Bytes of halos alive at the step of the lower bound. */
  readonly haloBytes: number;
}

/** Distances between pixels of a tensor: the right halo of a row and the left halo of the next share bytes. */
export function pitches([, width, channels]: Shape, [, left, , right]: Halo, bits: ActivationBits = 8) {
  const pixelPitch = pixelBytes(channels, bits);
  return { pixelPitch, rowPitch: (width + Math.max(left, right)) * pixelPitch };
}

/** Bytes from the first halo pixel to the last, of the rows that the buffer holds at a time. */
export function extentBytes([height, width]: Shape, placement: Omit<Placement, "offset">): number {
  const [top, left, bottom, right] = placement.halo;
  const rows = placement.window ?? top + height + bottom;
  return (rows - 1) * placement.rowPitch + (left + width + right) * placement.pixelPitch;
}

/** Output rows, of `height`, that a member has done after the first `bands` bands. */
export function rowsDone({ perBand, lead }: Member, bands: number, height: number): number {
  return bands === 0 ? 0 : Math.min(Math.max(perBand * bands + lead, 0), height);
}

/** Bytes from the start of the extent to pixel (0, 0). */
export function leadBytes({ halo: [top, left], rowPitch, pixelPitch }: Omit<Placement, "offset">): number {
  return top * rowPitch + left * pixelPitch;
}

export function denseBytes(tensor: IntegerTensor): number {
  return tensor.shape[0] * tensor.shape[1] * tensor.shape[2];
}

/** Bytes of scratch that a node cannot do without. */
export function scratchBytes(graph: IntegerGraph, k: number): number {
  const node = graph.nodes[k]!;
  return opNamed(node.op).scratchBytes?.(node.parameters, shapesOf(graph, node)) ?? 0;
}

/** Sizes of scratch with which a node is faster than with what it needs, the best first. */
export function scratchWishes(graph: IntegerGraph, k: number): readonly number[] {
  const node = graph.nodes[k]!;
  return opNamed(node.op).spareScratchBytes?.(node.parameters, shapesOf(graph, node)) ?? [];
}

export function stepCount(graph: IntegerGraph): number {
  return graph.inputs.length + graph.nodes.length + graph.outputs.length;
}

/** Names and ops of the steps between the borders: of the nodes, and in front of its members of every group. */
export function stepNames({ nodes }: IntegerGraph, { groups }: Layout): { name: string; op: string }[] {
  const last = (first: number, count: number) => nodes[first + count - 1]!.name;
  return nodes.flatMap(({ name, op }, k) => [
    ...groups
      .filter(({ first }) => first === k)
      .map(({ members }) => ({ name: `${name} to ${last(k, members.length)}`, op: BANDS })),
    { name, op },
  ]);
}

const PICTURE_COLUMNS = 64;

/** The arena over time as text: one line a step, the arena from left to right, a letter for each live tensor. */
export function dumpLayout(graph: IntegerGraph, layout: Layout): string {
  const bytes = (value: number) => value.toLocaleString("en-US");
  const lines = [
    `arena ${bytes(layout.peakBytes)} bytes, lower bound ${bytes(layout.lowerBound)} (${bytes(layout.lowerBoundWithoutHalos)} without halos)`,
  ];
  for (const { first, bands, members } of layout.groups) {
    const [from, to] = [graph.inputs.length + first, graph.inputs.length + first + members.length - 1];
    lines.push(`steps ${from} to ${to} in ${bands} bands`);
  }
  const names = [
    ...graph.inputs.map((border) => `input ${border.name}`),
    ...graph.nodes.map((node) => `${node.op} ${node.name}`),
    ...graph.outputs.map((border) => `output ${border.name}`),
  ];
  const spans = liveSpans(graph, layout);
  names.forEach((name, step) => {
    const cells = Array<string>(PICTURE_COLUMNS).fill("·");
    for (const span of spans) {
      if (step < span.from || step > span.to) continue;
      const cell = (at: number) => Math.floor((at * PICTURE_COLUMNS) / Math.max(1, layout.peakBytes));
      cells.fill(span.letter, cell(span.start), Math.max(cell(span.start) + 1, cell(span.end)));
    }
    lines.push(
      `${String(step).padStart(4)} |${cells.join("")}| ${bytes(layout.liveBytes[step]!).padStart(11)}  ${name}`,
    );
  });
  return `${lines.join("\n")}\n`;
}

const LETTERS = "ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz";

function liveSpans(graph: IntegerGraph, layout: Layout) {
  const lifetimes = tensorLifetimes(graph, layout.groups);
  const tensors = graph.tensors.map((tensor, index) => {
    const placement = layout.placements[index]!;
    const start = placement.offset - leadBytes(placement);
    const letter = LETTERS[index % LETTERS.length]!;
    return { ...lifetimes[index]!, start, end: start + extentBytes(tensor.shape, placement), letter };
  });
  const scratch = layout.scratch.flatMap(({ offset, bytes }, node) => {
    const group = layout.groups.find(({ first, members }) => first <= node && node < first + members.length);
    const step = graph.inputs.length + node;
    const span = group ? groupSpan(graph, group) : { from: step, to: step };
    return bytes > 0 ? [{ ...span, start: offset, end: offset + bytes, letter: "#" }] : [];
  });
  return [...tensors, ...scratch];
}

/** First and last step of a group. */
export function groupSpan({ inputs }: IntegerGraph, { first, members }: Group): Lifetime {
  return { from: inputs.length + first, to: inputs.length + first + members.length - 1 };
}

/** First and last step at which each tensor's bytes matter, both included. */
export interface Lifetime {
  readonly from: number;
  readonly to: number;
}

/**
 * Lifetimes by tensor index. The host writes every input before the first step and reads every output after the last;
 * a tensor that nobody reads lives at the step that writes it, and a state at every step. What lives at a step of a
 * group lives at all of them.
 */
export function tensorLifetimes(graph: IntegerGraph, groups: readonly Group[] = []): Lifetime[] {
  const first = graph.inputs.length;
  const from = graph.tensors.map(() => 0);
  const to = graph.tensors.map(() => 0);
  graph.inputs.forEach((border, step) => {
    to[border.tensor] = step;
  });
  graph.nodes.forEach((node, k) => {
    from[node.output] = first + k;
    for (const tensor of [node.output, ...node.inputs]) to[tensor] = first + k;
  });
  for (const border of [...graph.outputs, ...graph.states]) to[border.tensor] = stepCount(graph) - 1;
  for (const state of graph.states) from[state.tensor] = 0;
  const spans = groups.map((group) => groupSpan(graph, group));
  return from.map((start, tensor) => ({
    from: spans.find((span) => span.from <= start && start <= span.to)?.from ?? start,
    to: spans.find((span) => span.from <= to[tensor]! && to[tensor]! <= span.to)?.to ?? to[tensor]!,
  }));
}
