// How wide every activation is: what the policy wants, as far as the ops around it can take it.
import { DyadicError } from "../error.ts";
import type { Graph, Node } from "../graph/graph.ts";
import type { ActivationBits } from "../numerics/pack.ts";
import { opNamed } from "../ops/index.ts";
import { layersOf } from "../quantize/layer.ts";
import { tiedActivations } from "../quantize/post-training.ts";
import { namedWidths, type Policy, type PolicyRow } from "./policy.ts";

/** An activation that has more bits than the policy asked for. */
export interface Widened {
  readonly tensor: string;
  readonly wanted: number;
  readonly bits: number;
  readonly because: string;
}

export interface ActivationWidths {
  /** By tensor index, of every activation. */
  readonly bits: ReadonlyMap<number, ActivationBits>;
  readonly widened: readonly Widened[];
}

type Group = Set<number>;

/**
 * The width of every activation. A layer writes what its row says; additions and what they read have the policy's
 * `residualBits`; every other op writes as many bits as the widest of its inputs has, unless an override names it.
 * Activations whose codes one op moves as they are have one width, the widest. Codes below 8 bits are packed: where an
 * op that writes or reads a tensor takes bytes alone, or the tensor is a border of the model, it has 8 bits.
 */
export function activationWidths(graph: Graph, policy: Policy, rows: readonly PolicyRow[]): ActivationWidths {
  const groups = tiedActivations(graph);
  const wanted = wantedWidths(graph, policy, rows);
  const bytes = new Map<Group, string>();
  for (const { tensor, name } of [...graph.inputs, ...graph.outputs]) {
    const group = groups.get(tensor);
    if (group !== undefined) bytes.set(group, `"${name}" is a border of the model`);
  }
  const asked = settle(graph, groups, wanted, new Map());
  for (;;) {
    const bits = settle(graph, groups, wanted, bytes);
    const [group, because] = firstRefused(graph, groups, bits) ?? [];
    if (group === undefined) return report(graph, groups, asked, bits, bytes);
    bytes.set(group, because!);
  }
}

/** Widths that the policy itself gives to tensors. */
function wantedWidths(graph: Graph, policy: Policy, rows: readonly PolicyRow[]): Map<number, ActivationBits> {
  const wanted = new Map<number, ActivationBits>();
  const named = namedWidths(graph, policy);
  const set = (tensor: number, bits: number | undefined, node: Node) => {
    if (bits !== undefined) wanted.set(tensor, supported(bits, node));
  };
  for (const node of graph.nodes) {
    if (opNamed(node.op).weightAxis === undefined) set(node.outputs[0]!, named.get(node.name), node);
  }
  for (const { node, place } of layersOf(graph)) {
    set(node.outputs[0]!, rows[place.index]!.settings.activationBits, node);
  }
  for (const node of graph.nodes.filter(({ op }) => op === "add")) {
    for (const tensor of [...node.inputs, ...node.outputs]) set(tensor, policy.residualBits, node);
  }
  return wanted;
}

function supported(bits: number, { name, op }: Node): ActivationBits {
  if (bits === 8 || bits === 4 || bits === 2 || bits === 1) return bits;
  throw new DyadicError("UNSUPPORTED_OP", "activations of this width are not supported yet", {
    node: name,
    op,
    expected: "8, 4, 2 or 1 bits",
    found: `${bits}`,
  });
}

/** Widths of all groups: the least that is as wide as wanted and passed on, with 8 bits where bytes are needed. */
function settle(
  graph: Graph,
  groups: ReadonlyMap<number, Group>,
  wanted: ReadonlyMap<number, ActivationBits>,
  bytes: ReadonlyMap<Group, string>,
): Map<Group, ActivationBits> {
  const widths = new Map<Group, ActivationBits>();
  const raise = (tensor: number, bits: ActivationBits): boolean => {
    const group = groups.get(tensor)!;
    if ((widths.get(group) ?? 0) >= bits) return false;
    widths.set(group, bits);
    return true;
  };
  for (const group of bytes.keys()) widths.set(group, 8);
  for (const { tensor } of graph.inputs) raise(tensor, wanted.get(tensor) ?? 8);
  for (let changed = true; changed; ) {
    changed = false;
    for (const node of graph.nodes) {
      const output = node.outputs[0]!;
      const read = activationsOf(graph, node).map((tensor) => widths.get(groups.get(tensor)!) ?? 1);
      const own = read.length === 0 || opNamed(node.op).outputAffine !== undefined;
      const passed = own ? 8 : read.reduce((a, b) => (a > b ? a : b));
      if (raise(output, wanted.get(output) ?? passed)) changed = true;
    }
  }
  return widths;
}

/** The first group of fewer than 8 bits that a node cannot pack, and why. */
function firstRefused(
  graph: Graph,
  groups: ReadonlyMap<number, Group>,
  widths: ReadonlyMap<Group, ActivationBits>,
): [Group, string] | undefined {
  for (const node of graph.nodes) {
    const [output] = node.outputs;
    const op = opNamed(node.op);
    for (const tensor of [output!, ...activationsOf(graph, node)]) {
      const group = groups.get(tensor)!;
      const bits = widths.get(group)!;
      if (bits === 8) continue;
      const place = `${node.op} "${node.name}"`;
      if (!op.packed || (tensor === output && op.outputAffine)) return [group, `${place} takes bytes alone`];
      const channels = graph.tensors[tensor]!.shape.at(-1) ?? 1;
      if (node.op === "reshape" && (channels * bits) % 8 !== 0) {
        return [group, `${place} has ${channels} channels, which fill no whole bytes`];
      }
    }
  }
  return undefined;
}

function activationsOf(graph: Graph, { op, inputs }: Node): number[] {
  const own = inputs.slice(0, opNamed(op).activations);
  return own.filter((tensor) => tensor >= 0 && graph.tensors[tensor]!.data === undefined);
}

function report(
  graph: Graph,
  groups: ReadonlyMap<number, Group>,
  asked: ReadonlyMap<Group, ActivationBits>,
  widths: ReadonlyMap<Group, ActivationBits>,
  bytes: ReadonlyMap<Group, string>,
): ActivationWidths {
  const bits = new Map<number, ActivationBits>();
  const widened: Widened[] = [];
  for (const [tensor, group] of groups) {
    const [wanted, got] = [asked.get(group)!, widths.get(group)!];
    bits.set(tensor, got);
    const because = bytes.get(group) ?? "what is in front of it is wider";
    if (got > wanted) widened.push({ tensor: graph.tensors[tensor]!.name, wanted, bits: got, because });
  }
  return { bits, widened };
}
