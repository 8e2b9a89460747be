// Trusts nothing of the planner and shares no code with it: what it needs it works out from the graph and the ops.
import { OP_RESHAPE } from "../../assembly/abi.ts";
import type { IntegerGraph } from "../graph/integer.ts";
import { opNamed } from "../ops/index.ts";
import type { Group, Layout } from "./layout.ts";
import { nodesOf, verifyGroups, wrong } from "./verify-bands.ts";

const VECTOR_BYTES = 16;

/** Bytes [start, end) that must keep their content from step `from` to step `to`, both included. */
interface Region {
  readonly name: string;
  /** Index of the tensor; -1 for a scratch. */
  readonly tensor: number;
  readonly start: number;
  readonly end: number;
  readonly from: number;
  readonly to: number;
}

/**
 * Proves that a layout is safe to execute: every halo that a kernel reads is there, everything lies aligned inside the
 * arena, nothing alive is overwritten but by a legal in-place output, and the figures are exact.
 * Throws INTERNAL naming the tensors.
 */
export function verifyLayout(graph: IntegerGraph, layout: Layout): void {
  if (layout.placements.length !== graph.tensors.length || layout.scratch.length !== graph.nodes.length) {
    throw wrong("the layout belongs to another graph");
  }
  checkOrder(graph);
  graph.tensors.forEach((_, tensor) => {
    checkGeometry(graph, layout, tensor);
  });
  checkHalos(graph, layout);
  const regions = [...tensorRegions(graph, layout), ...scratchRegions(graph, layout)].map((region) =>
    throughGroups(graph, layout, region),
  );
  for (const region of regions) checkBounds(region, layout.peakBytes);
  checkOverlaps(graph, layout, regions);
  verifyGroups(graph, layout);
  checkFigures(graph, layout, regions);
}

/** Every tensor but a state has one writer, before its first reader; no two outputs share a tensor, none is a state. */
function checkOrder(graph: IntegerGraph): void {
  const states = new Set(graph.states.map((state) => state.tensor));
  const written = new Set<number>(states);
  const write = (tensor: number) => {
    if (graph.tensors[tensor] === undefined || (written.has(tensor) && !states.has(tensor))) {
      throw wrong(`tensor ${tensor} "${graph.tensors[tensor]?.name}" does not exist or has two writers`);
    }
    written.add(tensor);
  };
  for (const border of graph.inputs) write(border.tensor);
  for (const node of graph.nodes) {
    const early = node.inputs.find((input) => !written.has(input));
    if (early !== undefined) {
      throw wrong(
        `"${node.name}" reads tensor ${early} "${graph.tensors[early]?.name}" before it is written`,
      );
    }
    write(node.output);
  }
  const given = new Set<number>(states);
  for (const border of graph.outputs) {
    if (!written.has(border.tensor) || given.has(border.tensor)) {
      throw wrong(`the output "${border.name}" is never written or is another output's tensor`);
    }
    given.add(border.tensor);
  }
  const orphan = graph.tensors.findIndex((_, tensor) => !written.has(tensor));
  if (orphan >= 0) throw wrong(`tensor ${orphan} "${graph.tensors[orphan]!.name}" is never written`);
}

function checkGeometry(graph: IntegerGraph, layout: Layout, tensor: number): void {
  const { name, shape, bits = 8 } = graph.tensors[tensor]!;
  const { offset, rowPitch, pixelPitch, halo } = layout.placements[tensor]!;
  const [, width, channels] = shape;
  if ([offset, rowPitch, pixelPitch, ...halo].some((value) => !Number.isInteger(value) || value < 0)) {
    throw wrong(`the placement of "${name}" is not made of natural numbers`);
  }
  const pixel = Math.ceil((channels * bits) / 8);
  const pitch = (width + Math.max(halo[1], halo[3])) * pixel;
  if (bits !== 8 && halo.some((side) => side > 0))
    throw wrong(`the tensor "${name}" of ${bits} bits has a halo`);
  if (pixelPitch !== pixel || rowPitch !== pitch) {
    throw wrong(
      `the pitches of "${name}" do not hold its pixels`,
      `${pixel} and ${pitch}`,
      `${pixelPitch} and ${rowPitch}`,
    );
  }
}

function checkHalos(graph: IntegerGraph, layout: Layout): void {
  for (const node of graph.nodes) {
    const shapes = {
      inputs: node.inputs.map((input) => graph.tensors[input]!),
      output: graph.tensors[node.output]!,
    };
    const need = opNamed(node.op).halo?.(node.parameters, shapes);
    if (need === undefined || (shapes.inputs[0]!.bits ?? 8) < 8) continue;
    const { halo } = layout.placements[node.inputs[0]!]!;
    if (need.some((side, i) => halo[i]! < side)) {
      throw wrong(
        `the halo of "${shapes.inputs[0]!.name}" is too narrow for "${node.name}"`,
        need.join(),
        halo.join(),
      );
    }
  }
}

function tensorRegions(graph: IntegerGraph, layout: Layout): Region[] {
  const firstNode = graph.inputs.length;
  const lastStep = firstNode + graph.nodes.length + graph.outputs.length - 1;
  return graph.tensors.map(({ name, shape: [height, width] }, tensor) => {
    const { offset, rowPitch, pixelPitch, halo, window } = layout.placements[tensor]!;
    const start = offset - halo[0] * rowPitch - halo[1] * pixelPitch;
    const rows = window ?? halo[0] + height + halo[2];
    const input = graph.inputs.findIndex((border) => border.tensor === tensor);
    const writer = graph.nodes.findIndex((node) => node.output === tensor);
    const reader = graph.nodes.findLastIndex((node) => node.inputs.includes(tensor));
    const isOutput = graph.outputs.some((border) => border.tensor === tensor);
    const isState = graph.states.some((state) => state.tensor === tensor);
    const uses = [input, ...[writer, reader].map((node) => (node >= 0 ? firstNode + node : -1))];
    return {
      name,
      tensor,
      from: input >= 0 || isState ? 0 : firstNode + writer, // the host writes all inputs before the first step
      to: isOutput || isState ? lastStep : Math.max(...uses),
      start,
      end: start + (rows - 1) * rowPitch + (halo[1] + width + halo[3]) * pixelPitch,
    };
  });
}

function scratchRegions(graph: IntegerGraph, layout: Layout): Region[] {
  return graph.nodes.flatMap((node, k) => {
    const op = opNamed(node.op);
    const shapes = {
      inputs: node.inputs.map((input) => graph.tensors[input]!),
      output: graph.tensors[node.output]!,
    };
    const need = op.scratchBytes?.(node.parameters, shapes) ?? 0;
    const spare = op.spareScratchBytes?.(node.parameters, shapes) ?? [];
    const { offset, bytes } = layout.scratch[k]!;
    if (bytes !== need && !(bytes > need && spare.includes(bytes)))
      throw wrong(`the scratch of "${node.name}" has the wrong size`, `${need}`, `${bytes}`);
    if (bytes === 0) return [];
    const step = graph.inputs.length + k;
    return [
      {
        name: `scratch of ${node.name}`,
        tensor: -1,
        start: offset,
        end: offset + bytes,
        from: step,
        to: step,
      },
    ];
  });
}

/** What is alive at a step of a group is alive at all of them. */
function throughGroups(graph: IntegerGraph, { groups }: Layout, region: Region): Region {
  const met = groups.map((group) => spanOf(graph, group)).filter((span) => meet(span, region));
  return {
    ...region,
    from: Math.min(region.from, ...met.map(({ from }) => from)),
    to: Math.max(region.to, ...met.map(({ to }) => to)),
  };
}

function spanOf(graph: IntegerGraph, group: Group): Pick<Region, "from" | "to"> {
  const { first, end } = nodesOf(group);
  return { from: graph.inputs.length + first, to: graph.inputs.length + end - 1 };
}

function meet(a: Pick<Region, "from" | "to">, b: Pick<Region, "from" | "to">): boolean {
  return a.from <= b.to && b.from <= a.to;
}

function checkBounds({ name, start, end }: Region, peakBytes: number): void {
  if (!(start >= 0 && end <= peakBytes && start < end)) {
    throw wrong(`"${name}" lies outside the arena`, `within 0 to ${peakBytes}`, `${start} to ${end}`);
  }
  if (start % VECTOR_BYTES !== 0)
    throw wrong(`"${name}" is not aligned`, `${VECTOR_BYTES} bytes`, `${start}`);
}

function checkOverlaps(graph: IntegerGraph, layout: Layout, regions: readonly Region[]): void {
  regions.forEach((a, i) => {
    for (const b of regions.slice(i + 1)) {
      // Two scratches meet in a group alone, whose members run one after the other.
      const scratches = a.tensor < 0 && b.tensor < 0;
      if (scratches || !meet(a, b) || a.end <= b.start || b.end <= a.start) continue;
      if (inPlace(graph, layout, a, b) || inPlace(graph, layout, b, a) || inGroup(graph, layout, a, b))
        continue;
      const step = Math.max(a.from, b.from);
      throw wrong(
        `"${a.name}" and "${b.name}" overlap at step ${step}`,
        "disjoint bytes",
        `${span(a)} and ${span(b)}`,
      );
    }
  });
}

/** Whether two tensors meet in one group alone, which both take part in whole: that it keeps them apart is proved there. */
function inGroup(graph: IntegerGraph, { groups, placements }: Layout, a: Region, b: Region): boolean {
  return groups.some((group) => {
    const { first, end } = nodesOf(group);
    const { from, to } = spanOf(graph, group);
    const own = new Set(graph.nodes.slice(first, end).flatMap(({ inputs, output }) => [...inputs, output]));
    const partake = [a, b].every(({ tensor }) => own.has(tensor) && placements[tensor]!.window === undefined);
    return partake && Math.max(a.from, b.from) >= from && Math.min(a.to, b.to) <= to;
  });
}

function span({ start, end }: Region): string {
  return `${start} to ${end}`;
}

/** Whether `output` may lie on `input`: written by the node that reads `input` for the last time, pixel upon pixel. */
function inPlace(graph: IntegerGraph, layout: Layout, input: Region, output: Region): boolean {
  const node = graph.nodes[output.from - graph.inputs.length];
  if (input.tensor < 0 || output.tensor < 0 || node === undefined || node.output !== output.tensor)
    return false;
  const op = opNamed(node.op);
  const operands = node.inputs.flatMap((tensor, operand) => (tensor === input.tensor ? [operand] : []));
  if (input.to !== output.from || operands.length !== 1 || !op.inPlace.includes(operands[0]!)) return false;
  if (input.start !== output.start || input.end !== output.end) return false;
  if (graph.tensors[input.tensor]!.bits !== graph.tensors[output.tensor]!.bits) return false;
  const [from, to] = [layout.placements[input.tensor]!, layout.placements[output.tensor]!];
  if (op.opcode === OP_RESHAPE) return [...from.halo, ...to.halo].every((side) => side === 0);
  const [shape, halo] = [graph.tensors[input.tensor]!.shape, from.halo];
  return shape.join() === graph.tensors[output.tensor]!.shape.join() && halo.join() === to.halo.join();
}

function checkFigures(graph: IntegerGraph, layout: Layout, regions: readonly Region[]): void {
  const peak = regions.reduce((most, { end }) => Math.max(most, end), 0);
  if (layout.peakBytes !== peak) throw wrong("the peak is not exact", `${peak}`, `${layout.peakBytes}`);
  const steps = graph.inputs.length + graph.nodes.length + graph.outputs.length;
  const live = Array.from({ length: steps }, (_, step) =>
    coveredBytes(regions.filter(({ from, to }) => from <= step && step <= to)),
  );
  if (layout.liveBytes.join() !== live.join()) throw wrong("the live bytes of the steps are not exact");
  const bound = live.reduce((a, b) => Math.max(a, b), 0);
  if (layout.lowerBound !== bound)
    throw wrong("the lower bound is not exact", `${bound}`, `${layout.lowerBound}`);
}

/** Bytes covered by at least one region. */
function coveredBytes(regions: readonly Region[]): number {
  let [covered, end] = [0, 0];
  for (const region of [...regions].sort((a, b) => a.start - b.start)) {
    covered += Math.max(0, region.end - Math.max(end, region.start));
    end = Math.max(end, region.end);
  }
  return covered;
}
