// Runs of nodes row band by row band: how far each of them comes in a band, and how many rows of what lies between them
// are alive at a time.
import { MAX_BAND_MEMBERS } from "../../assembly/abi.ts";
import type { IntegerGraph } from "../graph/integer.ts";
import { type Halo, opNamed, type RowWindow } from "../ops/index.ts";
import { haloNeeds } from "./in-place.ts";
import { type Group, type Member, rowsDone } from "./layout.ts";

/** A group, and the rows (with halo rows) that the buffers of the tensors inside it hold. */
export interface Schedule {
  readonly group: Group;
  readonly windows: ReadonlyMap<number, number>;
  /** Rows of each window that a run of the group moves to the start of their buffer. */
  readonly moved: ReadonlyMap<number, number>;
}

/** A member of a group that reads a tensor, and the rows of it that an output row takes. */
interface Reader extends RowWindow {
  /** Place among the members. */
  readonly place: number;
}

/** Whether a node can be a member: it makes a picture row by row. */
export function runsByBands({ tensors, nodes }: IntegerGraph, k: number): boolean {
  const { op, parameters, inputs, output } = nodes[k]!;
  if (opNamed(op).rowWindow?.(parameters) === undefined || tensors[output]!.shape[0] < 2) return false;
  return inputs.length === opNamed(op).activations;
}

/** The members of a group that read a tensor; one row that is repeated is read to the end. */
function readersOf({ tensors, nodes }: IntegerGraph, first: number, count: number, tensor: number): Reader[] {
  return nodes.slice(first, first + count).flatMap(({ op, parameters, inputs, output }, place) => {
    const isRepeated = tensors[tensor]!.shape[0] === 1 && tensors[output]!.shape[0] > 1;
    if (!inputs.includes(tensor)) return [];
    const rows = opNamed(op).rowWindow!(parameters)!;
    return [{ place, ...rows, ...(isRepeated && { stride: 0, count: 1 }) }];
  });
}

/** Tensors that only nodes of a run touch, by the run's first node and length. */
function inside({ nodes, outputs, states }: IntegerGraph, first: number, count: number): Set<number> {
  const own = new Set(nodes.slice(first, first + count).map(({ output }) => output));
  for (const { tensor } of [...outputs, ...states]) own.delete(tensor);
  nodes.forEach(({ inputs }, k) => {
    if (k < first || k >= first + count) for (const tensor of inputs) own.delete(tensor);
  });
  own.delete(nodes[first + count - 1]!.output);
  return own;
}

/**
 * The schedule of `count` nodes from `first` on, with so many rows of the last one's output in a band: every member
 * comes as far as its readers need it, and no further. Undefined where the nodes cannot run so: each must make its rows
 * from rows (`runsByBands`), and none may repeat a row that another one makes.
 */
export function schedule(
  graph: IntegerGraph,
  first: number,
  count: number,
  bandRows: number,
): Schedule | undefined {
  const nodes = graph.nodes.slice(first, first + count);
  if (count > MAX_BAND_MEMBERS || nodes.some((_, place) => !runsByBands(graph, first + place)))
    return undefined;
  const height = (place: number) => graph.tensors[nodes[place]!.output]!.shape[0];
  const isRepeated = nodes.some(({ inputs, output }) =>
    inputs.some(
      (input) =>
        graph.tensors[input]!.shape[0] !== graph.tensors[output]!.shape[0] &&
        graph.tensors[input]!.shape[0] === 1 &&
        nodes.some((other) => other.output === input),
    ),
  );
  if (isRepeated) return undefined;
  const bands = Math.ceil(height(count - 1) / bandRows);
  const members: Member[] = [];
  for (let place = count - 1; place >= 0; place--) {
    const readers = readersOf(graph, first, count, nodes[place]!.output);
    const asked = readers.map((reader) => rowsAsked(reader, members[reader.place]!));
    const least = place === count - 1 ? bandRows : asked.length === 0 ? Math.ceil(height(place) / bands) : 1;
    const perBand = asked.reduce((most, own) => Math.max(most, own.perBand), least);
    // Where another reader goes down more slowly, the first band is what decides; and none may start in front of the first
    // row, with which the halo above it comes.
    const ahead = asked.map((own) => own.lead + own.perBand - perBand);
    const started = readers.map((reader) => 1 - perBand * firstBand(members[reader.place]!));
    // Everyone finishes in the last band; who can, no earlier.
    members[place] = { perBand, lead: Math.max(height(place) - perBand * bands, ...ahead, ...started) };
  }
  const group: Group = { first, bands, members };
  return { group, ...windowsOf(graph, group) };
}

/** The number of bands after which a member has done its first row. */
function firstBand({ perBand, lead }: Member): number {
  return Math.max(1, Math.ceil((1 - lead) / perBand));
}

/** Rows that a reader asks for as a line over the bands: having done e rows takes (e - 1) * stride + count - above. */
function rowsAsked({ stride, count, above }: Reader, { perBand, lead }: Member): Member {
  return { perBand: stride * perBand, lead: stride * lead - above + count - stride };
}

function windowsOf(graph: IntegerGraph, group: Group): Pick<Schedule, "windows" | "moved"> {
  const needs = haloNeeds(graph);
  const [windows, moved] = [new Map<number, number>(), new Map<number, number>()];
  for (const tensor of inside(graph, group.first, group.members.length)) {
    const own = windowOf(graph, group, tensor, needs[tensor]!);
    const [top, , bottom] = needs[tensor]!;
    if (own.rows >= top + graph.tensors[tensor]!.shape[0] + bottom) continue;
    windows.set(tensor, own.rows);
    moved.set(tensor, own.moved);
  }
  return { windows, moved };
}

/** The most rows between the first that is read in a band or later and the last that is written by its end. */
function windowOf(graph: IntegerGraph, group: Group, tensor: number, [top, , bottom]: Halo) {
  const { first, bands, members } = group;
  const height = graph.tensors[tensor]!.shape[0];
  const writer = graph.nodes.findIndex(({ output }) => output === tensor) - first;
  const readers = readersOf(graph, first, members.length, tensor);
  let rows = 1;
  let moved = 0;
  for (let band = 0; band < bands; band++) {
    const before = rowsDone(members[writer]!, band, height);
    const done = rowsDone(members[writer]!, band + 1, height);
    const base =
      before === 0 ? -top : Math.max(-top, Math.min(before, firstNeeded(graph, group, readers, band)));
    const end = done === height ? height + bottom : done;
    rows = Math.max(rows, end - base);
    if (base > -top) moved += before - base;
  }
  return { rows, moved };
}

/** The first row that any of the readers reads in a band or later; Infinity where all have finished. */
function firstNeeded(
  { tensors, nodes }: IntegerGraph,
  { first, members }: Group,
  readers: readonly Reader[],
  bandOf: number | ((reader: Reader) => number),
): number {
  return readers.reduce((least, reader) => {
    const band = typeof bandOf === "number" ? bandOf : bandOf(reader);
    const { output } = nodes[first + reader.place]!;
    const height = tensors[output]!.shape[0];
    const done = rowsDone(members[reader.place]!, band, height);
    return done === height ? least : Math.min(least, done * reader.stride - reader.above);
  }, Infinity);
}

/** Where a tensor's rows lie, from the first byte of its extent on. */
interface Rows {
  readonly tensor: number;
  readonly halo: Halo;
  readonly rowPitch: number;
  readonly pixelPitch: number;
}

/**
 * The least distance from the first byte of an output to that of an input, both whole, with which no band writes on a
 * row of the input that it or a later one still reads: below 0 where outputs come later than inputs go. Of inputs that
 * nobody reads behind the group.
 */
export function leastDistance(graph: IntegerGraph, group: Group, input: Rows, output: Rows): number {
  const { first, bands, members } = group;
  const [, width] = graph.tensors[output.tensor]!.shape;
  const height = graph.tensors[output.tensor]!.shape[0];
  const writer = graph.nodes.findIndex((node) => node.output === output.tensor) - first;
  const readers = readersOf(graph, first, members.length, input.tensor);
  const rowBytes = (output.halo[1] + width + output.halo[3]) * output.pixelPitch;
  let distance = -Infinity;
  for (let band = 0; band < bands; band++) {
    const done = rowsDone(members[writer]!, band + 1, height);
    if (done === rowsDone(members[writer]!, band, height)) continue;
    const last = output.halo[0] + done + (done === height ? output.halo[2] : 0) - 1;
    const needed = firstNeeded(graph, group, readers, ({ place }) => (place < writer ? band + 1 : band));
    if (needed >= graph.tensors[input.tensor]!.shape[0] + input.halo[2]) continue;
    const rowsBefore = Math.max(0, input.halo[0] + needed);
    distance = Math.max(distance, last * output.rowPitch + rowBytes - rowsBefore * input.rowPitch);
  }
  return distance;
}
