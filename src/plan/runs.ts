// What a plan can choose from: runs of nodes that go through their rows together, and what each takes.
import type { IntegerGraph, IntegerNode, IntegerTensor } from "../graph/integer.ts";
import { roundUp } from "../ops/convolution.ts";
import { type Halo, NO_HALO } from "../ops/index.ts";
import { haloNeeds, haloOf, possibleTakeovers } from "./in-place.ts";
import { extentBytes, groupSpan, pitches, scratchBytes, tensorLifetimes } from "./layout.ts";
import { leastDistance, runsByBands, type Schedule, schedule } from "./schedule.ts";

/** Consecutive nodes that run together; one node by itself where `bandRows` is 0. */
export interface Run {
  readonly first: number;
  readonly count: number;
  /** Output rows of the last node in a band. */
  readonly bandRows: number;
  /** Whether rows of inputs with halos are copied into windows first, so that the whole tensors need no halo. */
  readonly copies: boolean;
}

/** A run with what it takes. */
export interface Candidate extends Run {
  /** Bytes of the arena that are alive while it runs: where the next run copies its inputs, and where it does not. */
  readonly peaks: { readonly halos: number; readonly dense: number };
  /** What bands cost: nanoseconds, roughly. It only orders plans. */
  readonly cost: number;
}

const MOST_NODES = 6;
const BAND_ROWS = [1, 2, 3, 4, 6, 8, 16];
/** Of a step in a band: reading its record, and the last tile of pixels, which is seldom full. */
const STEP_COST = 500;
/** Of a byte that is copied or moved. */
const BYTE_COST = 0.1;
const ALIGNMENT = 16;

/** A graph in which runs that copy have their copies in front, as pads with no padding; with the runs' new places. */
export function withCopies(graph: IntegerGraph, runs: readonly Run[]): { graph: IntegerGraph; runs: Run[] } {
  const tensors: IntegerTensor[] = [...graph.tensors];
  const nodes: IntegerNode[] = [];
  const placed: Run[] = [];
  for (let k = 0; k < graph.nodes.length; ) {
    const run = runs.find(({ first }) => first === k);
    const first = nodes.length;
    const own = graph.nodes.slice(k, k + (run?.count ?? 1));
    const copies = new Map<number, number>();
    for (const tensor of run?.copies ? copiedInputs(graph, run) : []) {
      const from = graph.tensors[tensor]!;
      const name = `${from.name} rows`;
      const parameters = { padding: NO_HALO, channels: [0, 0], stride: [1, 1], fill: from.zeroPoint };
      copies.set(tensor, tensors.push({ ...from, name }) - 1);
      nodes.push({ name, op: "pad", inputs: [tensor], output: copies.get(tensor)!, parameters });
    }
    for (const node of own) {
      const inputs = node.inputs.map((input, i) => {
        return i === 0 && needsHalo(graph, node) ? (copies.get(input) ?? input) : input;
      });
      nodes.push({ ...node, inputs });
    }
    if (run !== undefined) placed.push({ ...run, first, count: nodes.length - first });
    k += own.length;
  }
  return { graph: { ...graph, tensors, nodes }, runs: placed };
}

/** What a run reads with a halo and does not make. */
function copiedInputs(graph: IntegerGraph, { first, count }: Run): Set<number> {
  const nodes = graph.nodes.slice(first, first + count);
  const made = new Set(nodes.map(({ output }) => output));
  return new Set(
    nodes
      .flatMap((node) => (needsHalo(graph, node) ? node.inputs.slice(0, 1) : []))
      .filter((tensor) => !made.has(tensor)),
  );
}

function needsHalo(graph: IntegerGraph, node: IntegerNode): boolean {
  return haloOf(graph, node).some((side) => side > 0);
}

/** Every run by its first node: each node by itself, and all that may go by bands. */
export function candidates(graph: IntegerGraph): Candidate[][] {
  return graph.nodes.map((_, first) => {
    const found: Candidate[] = [alone(graph, first)];
    for (let count = 1; count <= MOST_NODES && first + count <= graph.nodes.length; count++) {
      if (!runsByBands(graph, first + count - 1)) break;
      for (const copies of [false, true]) found.push(...banded(graph, first, count, copies));
    }
    return found;
  });
}

function alone(graph: IntegerGraph, node: number): Candidate {
  const run = { first: node, count: 1, bandRows: 0, copies: false };
  const lifetimes = tensorLifetimes(graph);
  const taken = possibleTakeovers(graph, lifetimes).filter((own) => own.node === node);
  const peak = (nextCopies: boolean) => {
    const sizes = aliveBytes(graph, run, nextCopies, new Map());
    const saved = taken.map(({ input, output }) => Math.min(sizes.get(input)!, sizes.get(output)!));
    return sum(sizes.values()) + align(scratchBytes(graph, node)) - Math.max(0, ...saved);
  };
  return { ...run, peaks: { halos: peak(false), dense: peak(true) }, cost: 0 };
}

function banded(whole: IntegerGraph, first: number, count: number, copies: boolean): Candidate[] {
  const asked: Run = { first, count, bandRows: 1, copies };
  if (copies && copiedInputs(whole, asked).size === 0) return [];
  const { graph, runs } = withCopies(whole, [asked]);
  const own = runs[0]!;
  const height = graph.tensors[graph.nodes[own.first + own.count - 1]!.output]!.shape[0];
  return BAND_ROWS.filter((rows) => rows < height).flatMap((bandRows): Candidate[] => {
    const found = schedule(graph, own.first, own.count, bandRows);
    if (found === undefined) return [];
    const peaks = { halos: bandedPeak(graph, own, found, false), dense: bandedPeak(graph, own, found, true) };
    return [{ ...asked, bandRows, peaks, cost: bandedCost(graph, own, found) }];
  });
}

/** Bytes alive in a group, if its windows and one output on one input are packed without loss. */
function bandedPeak(
  graph: IntegerGraph,
  run: Run,
  { group, windows }: Schedule,
  nextCopies: boolean,
): number {
  const sizes = aliveBytes(graph, run, nextCopies, windows);
  const members = graph.nodes.slice(run.first, run.first + run.count);
  const scratch = members.reduce((most, _, i) => Math.max(most, scratchBytes(graph, run.first + i)), 0);
  const lifetimes = tensorLifetimes(graph, [group]);
  const { from, to } = groupSpan(graph, group);
  const needs = needsOf(graph, run, nextCopies);
  const rowsOf = (tensor: number) => {
    const { shape, bits } = graph.tensors[tensor]!;
    return { tensor, halo: needs[tensor]!, ...pitches(shape, needs[tensor]!, bits) };
  };
  const made = members.map(({ output }) => output).filter((output) => !windows.has(output));
  const dying = new Set(
    members
      .flatMap(({ inputs }) => inputs)
      .filter((tensor) => lifetimes[tensor]!.from < from && lifetimes[tensor]!.to === to),
  );
  let saved = 0;
  for (const input of dying) {
    for (const output of made) {
      const distance = align(leastDistance(graph, group, rowsOf(input), rowsOf(output)));
      const [above, below] = [sizes.get(input)!, sizes.get(output)!];
      saved = Math.max(saved, above + below - Math.max(below, distance + above));
    }
  }
  return sum(sizes.values()) + align(scratch) - saved;
}

/** Bytes of every tensor that is alive while a run goes on, alignment included. */
function aliveBytes(
  graph: IntegerGraph,
  run: Run,
  nextCopies: boolean,
  windows: ReadonlyMap<number, number>,
): Map<number, number> {
  const [from, to] = [graph.inputs.length + run.first, graph.inputs.length + run.first + run.count - 1];
  const needs = needsOf(graph, run, nextCopies);
  const sizes = new Map<number, number>();
  tensorLifetimes(graph).forEach((life, tensor) => {
    if (life.from > to || life.to < from) return;
    const { shape, bits } = graph.tensors[tensor]!;
    const window = windows.get(tensor);
    const geometry = { ...pitches(shape, needs[tensor]!, bits), halo: needs[tensor]! };
    sizes.set(tensor, align(extentBytes(shape, window === undefined ? geometry : { ...geometry, window })));
  });
  return sizes;
}

/** Halos that the run and, unless it copies, everything behind it asks for. */
function needsOf(graph: IntegerGraph, { first, count }: Run, nextCopies: boolean): Halo[] {
  const end = nextCopies ? first + count : graph.nodes.length;
  return haloNeeds({ ...graph, nodes: graph.nodes.slice(first, end) });
}

function bandedCost(graph: IntegerGraph, run: Run, { group, moved }: Schedule): number {
  const needs = haloNeeds(graph);
  let bytes = 0;
  for (const [tensor, rows] of moved) {
    const { shape, bits } = graph.tensors[tensor]!;
    bytes += rows * pitches(shape, needs[tensor]!, bits).rowPitch;
  }
  for (const { op, output } of graph.nodes.slice(run.first, run.first + run.count)) {
    const { shape, bits } = graph.tensors[output]!;
    if (op === "pad") bytes += shape[0] * pitches(shape, NO_HALO, bits).rowPitch;
  }
  return group.bands * run.count * STEP_COST + bytes * BYTE_COST;
}

function align(bytes: number): number {
  return roundUp(bytes, ALIGNMENT);
}

function sum(values: Iterable<number>): number {
  return [...values].reduce((a, b) => a + b, 0);
}
