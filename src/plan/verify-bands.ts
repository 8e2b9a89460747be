// Trusts nothing of the planner: goes through the bands of a group as an engine does, and keeps a record of what every
// byte holds.
import { MAX_BAND_MEMBERS, MAX_BANDS } from "../../assembly/abi.ts";
import { DyadicError } from "../error.ts";
import { bitsOf, type IntegerGraph, type IntegerNode } from "../graph/integer.ts";
import { opNamed, type RowWindow, SAME_ROW } from "../ops/index.ts";
import type { Group, Layout, Placement } from "./layout.ts";

export function wrong(problem: string, expected?: string, found?: string): DyadicError {
  return new DyadicError("INTERNAL", `memory plan: ${problem}`, {
    ...(expected !== undefined && { expected }),
    ...(found !== undefined && { found }),
  });
}

/** The nodes of a group: [first, end). */
export function nodesOf({ first, members }: Group): { readonly first: number; readonly end: number } {
  return { first, end: first + members.length };
}

/** Proves every group: that steps find the rows that they read, and that nothing still needed is overwritten. */
export function verifyGroups(graph: IntegerGraph, layout: Layout): void {
  let [end, turns] = [0, 0];
  for (const group of layout.groups) {
    const { first, bands, members } = group;
    const numbers = [first, bands, ...members.flatMap(({ perBand, lead }) => [perBand, lead])];
    turns += bands * members.length;
    const inOrder = first >= end && nodesOf(group).end <= graph.nodes.length;
    const sized = members.length >= 1 && members.length <= MAX_BAND_MEMBERS && bands >= 1;
    if (!numbers.every(Number.isInteger) || !inOrder || !sized || turns > MAX_BANDS) {
      throw wrong(`the group from node ${first} on is malformed`);
    }
    end = nodesOf(group).end;
    new GroupRun(graph, layout, group).run();
  }
  layout.placements.forEach(({ window }, tensor) => {
    if (window !== undefined && !layout.groups.some((group) => isInside(graph, group, tensor))) {
      throw wrong(`the tensor "${graph.tensors[tensor]!.name}" has a window outside of a group`);
    }
  });
}

/** Whether only nodes of the group touch a tensor. */
function isInside(graph: IntegerGraph, group: Group, tensor: number): boolean {
  const { first, end } = nodesOf(group);
  const borders = [...graph.inputs, ...graph.outputs, ...graph.states];
  const touching = graph.nodes.flatMap((node, k) =>
    node.output === tensor || node.inputs.includes(tensor) ? [k] : [],
  );
  return touching.every((k) => first <= k && k < end) && borders.every((border) => border.tensor !== tensor);
}

/** The parts of a row in memory. */
const PARTS = ["left", "pixels", "right"] as const;
type Part = (typeof PARTS)[number];

interface Rows {
  readonly placement: Placement;
  readonly height: number;
  readonly width: number;
  /** Whether the parts of a row, halo rows included, hold what was written. */
  readonly holds: Readonly<Record<Part, boolean[]>>;
}

interface Step {
  readonly node: IntegerNode;
  readonly window: RowWindow;
  readonly height: number;
  /** Output rows so far. */
  done: number;
}

class GroupRun {
  private readonly graph: IntegerGraph;
  private readonly group: Group;
  private readonly steps: readonly Step[];
  private readonly rows = new Map<number, Rows>();
  /** Tensors that something behind the group reads. */
  private readonly kept: ReadonlySet<number>;

  constructor(graph: IntegerGraph, layout: Layout, group: Group) {
    const { first, end } = nodesOf(group);
    this.graph = graph;
    this.group = group;
    this.steps = graph.nodes.slice(first, end).map((node) => {
      const window = opNamed(node.op).rowWindow?.(node.parameters);
      if (window === undefined) throw wrong(`"${node.name}" cannot run in a group`);
      return { node, window, height: graph.tensors[node.output]!.shape[0], done: 0 };
    });
    this.kept = new Set([
      ...graph.nodes.slice(end).flatMap(({ inputs }) => inputs),
      ...[...graph.outputs, ...graph.states].map(({ tensor }) => tensor),
    ]);
    const written = new Set(this.steps.map(({ node }) => node.output));
    for (const { node } of this.steps) {
      for (const tensor of [...node.inputs, node.output]) {
        const { shape } = graph.tensors[tensor]!;
        const placement = layout.placements[tensor]!;
        const count = placement.halo[0] + shape[0] + placement.halo[2];
        const part = () => Array<boolean>(count).fill(!written.has(tensor));
        const holds = { left: part(), pixels: part(), right: part() };
        this.rows.set(tensor, { placement, height: shape[0], width: shape[1], holds });
      }
    }
  }

  run(): void {
    const { bands, members } = this.group;
    for (let band = 0; band < bands; band++) {
      this.steps.forEach((step, place) => {
        const { perBand, lead } = members[place]!;
        const to = Math.min(Math.max(perBand * (band + 1) + lead, 0), step.height);
        this.moveWindow(step, to);
        if (to > step.done) {
          this.read(step, to);
          this.write(step, to);
        }
        step.done = to;
      });
    }
    const unfinished = this.steps.find(({ done, height }) => done !== height);
    if (unfinished !== undefined || members.some(({ perBand }) => perBand < 1)) {
      throw wrong(`the group from "${this.steps[0]!.node.name}" on does not end`);
    }
  }

  private name(tensor: number): string {
    return `"${this.graph.tensors[tensor]!.name}"`;
  }

  /** The first row of a tensor that a step still reads; Infinity when it has finished. */
  private firstRead({ window, done, height }: Step, tensor: number, progress = done): number {
    const rows = this.rows.get(tensor)!;
    if (progress === height) return Infinity;
    const row = (rows.height === 1 ? 0 : progress * window.stride) - window.above;
    return Math.max(row, -rows.placement.halo[0]);
  }

  /** A window begins with the first row that is read from now on, or that is written next. */
  private moveWindow({ node, done }: Step, to: number): void {
    const { placement, height, holds } = this.rows.get(node.output)!;
    if (placement.window === undefined) return;
    const [top, , bottom] = placement.halo;
    const firsts = this.steps
      .filter((reader) => reader.node.inputs.includes(node.output))
      .map((reader) => this.firstRead(reader, node.output));
    const base = done === 0 ? -top : Math.min(done, ...firsts);
    for (const part of PARTS) holds[part].fill(false, 0, base + top);
    const end = to === height ? to + bottom : to;
    if (end - base > placement.window) {
      throw wrong(
        `the window of ${this.name(node.output)} is too low`,
        `${end - base}`,
        `${placement.window}`,
      );
    }
  }

  /** Whatever the rows up to `to` are made from must be there; halos above and below come with first and last row. */
  private read({ node, window, done }: Step, to: number): void {
    for (const tensor of node.inputs) {
      const { placement, height, holds } = this.rows.get(tensor)!;
      const [top, , bottom] = placement.halo;
      const repeated = height === 1;
      const first = (repeated ? 0 : done * window.stride) - window.above;
      const last = repeated ? 0 : (to - 1) * window.stride - window.above + window.count - 1;
      const end = last >= height ? height + bottom : Math.max(last, 0) + 1;
      for (let row = Math.max(first, -top); row < end; row++) {
        const parts: readonly Part[] = window === SAME_ROW ? ["pixels"] : PARTS;
        if (!parts.every((part) => holds[part][row + top])) {
          throw wrong(`"${node.name}" reads row ${row} of ${this.name(tensor)}, which is not there`);
        }
      }
    }
  }

  /** Marks the rows up to `to` as written, and what they overwrite as gone. */
  private write(step: Step, to: number): void {
    const output = this.rows.get(step.node.output)!;
    const [top, , bottom] = output.placement.halo;
    const first = step.done === 0 ? -top : step.done;
    const end = to === step.height ? to + bottom : to;
    const bytes = [span(output, first, "left")[0], span(output, end - 1, "right")[1]] as const;
    for (const [tensor, rows] of this.rows) {
      const whole = rows.placement.window === undefined && output.placement.window === undefined;
      if (whole && rows !== output) this.overwrite(step, tensor, rows, bytes, to);
    }
    for (const part of PARTS) output.holds[part].fill(true, first + top, end + top);
  }

  private overwrite(
    step: Step,
    tensor: number,
    rows: Rows,
    [start, end]: readonly [number, number],
    to: number,
  ): void {
    const [top] = rows.placement.halo;
    for (const part of PARTS) {
      rows.holds[part].forEach((held, i) => {
        const [from, behind] = span(rows, i - top, part);
        if (!held || from >= end || behind <= start || from === behind) return;
        if (this.isNeeded(step, tensor, i - top, part, to)) {
          throw wrong(
            `"${step.node.name}" overwrites row ${i - top} of ${this.name(tensor)}, which is needed`,
          );
        }
        rows.holds[part][i] = false;
      });
    }
  }

  /** Whether anybody needs a part of a row while `writer` writes up to row `to`. */
  private isNeeded(writer: Step, tensor: number, row: number, part: Part, to: number): boolean {
    if (this.kept.has(tensor)) return true;
    return this.steps.some((step) => {
      if (!step.node.inputs.includes(tensor)) return false;
      const fulfilled = step === writer && this.isOnto(writer.node, tensor);
      const first = this.firstRead(step, tensor, fulfilled ? to : step.done);
      // Ops that slide no window leave the halo at the left of a row alone.
      return row > first || (row === first && (part !== "left" || step.window !== SAME_ROW));
    });
  }

  /** Whether a node may write each row of its output over the row that it was made from. */
  private isOnto({ op, inputs, output }: IntegerNode, tensor: number): boolean {
    const geometry = (index: number) => {
      const { offset, rowPitch, pixelPitch, halo } = this.rows.get(index)!.placement;
      const { shape, ...own } = this.graph.tensors[index]!;
      return [offset, rowPitch, pixelPitch, halo, shape, bitsOf(own)].join();
    };
    const allowed = opNamed(op).inPlace.some((operand) => inputs[operand] === tensor);
    return allowed && geometry(tensor) === geometry(output);
  }
}

/** The bytes of a part of a row. */
function span({ placement, width }: Rows, row: number, part: Part): [start: number, end: number] {
  const { offset, rowPitch, pixelPitch, halo } = placement;
  const start = offset + row * rowPitch;
  if (part === "left") return [start - halo[1] * pixelPitch, start];
  const end = start + width * pixelPitch;
  return part === "pixels" ? [start, end] : [end, end + halo[3] * pixelPitch];
}
