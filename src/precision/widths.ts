// How wide every activation is: what the policy wants, as far as the ops around it can take it.
import type { Graph, Node } from "../graph/graph.ts";
import type { ActivationBits } from "../numerics/pack.ts";
import { opNamed } from "../ops/index.ts";
import { layersOf } from "../quantize/layer.ts";
import { tiedActivations } from "../quantize/post-training.ts";
import { namedWidths, type Policy, type PolicyRow } from "./policy.ts";
import { residualStream, type Streamed } from "./stream.ts";

/** An activation that has other bits than the policy asked for. */
export interface Adjusted {
  readonly tensor: string;
  readonly wanted: number;
  readonly bits: number;
  readonly because: string;
}

export interface ActivationWidths {
  /** By tensor index, of every activation. */
  readonly bits: ReadonlyMap<number, ActivationBits>;
  readonly adjusted: readonly Adjusted[];
}

type Group = Set<number>;

/**
 * The width of every activation. A layer writes what its row says; additions and what they read have the policy's
 * `residualBits`; every other op writes as many bits as the widest of its inputs has, at most 8, unless an override names
 * it. Activations whose codes one op moves as they are have one width, the widest. Where an op that writes or reads a
 * tensor does not take its width, or the tensor is a border of the model, it alone has 8 bits.
 */
export function activationWidths(
  { graph, added }: Streamed,
  policy: Policy,
  rows: readonly PolicyRow[],
): ActivationWidths {
  const groups = tiedActivations(graph);
  const wanted = wantedWidths(graph, policy, rows);
  for (const [tensor, { bits }] of added) wanted.set(tensor, bits);
  const bytes = new Map<Group, string>();
  for (const { tensor, name } of [...graph.inputs, ...graph.outputs]) {
    const group = groups.get(tensor);
    if (group !== undefined) bytes.set(group, `"${name}" is a border of the model`);
  }
  const asked = settle(graph, groups, wanted);
  const bits = new Map(asked);
  for (const group of bytes.keys()) bits.set(group, 8);
  for (;;) {
    const [group, because] = firstRefused(graph, groups, bits) ?? [];
    if (group === undefined) return report(graph, groups, asked, bits, bytes);
    bytes.set(group, because!);
    bits.set(group, 8);
  }
}

/** Widths that the policy itself gives to tensors. */
function wantedWidths(graph: Graph, policy: Policy, rows: readonly PolicyRow[]): Map<number, ActivationBits> {
  const wanted = new Map<number, ActivationBits>();
  const named = namedWidths(graph, policy);
  for (const { name, op, outputs } of graph.nodes) {
    const bits = opNamed(op).weightAxis === undefined ? named.get(name) : undefined;
    if (bits !== undefined) wanted.set(outputs[0]!, bits);
  }
  for (const { node, place } of layersOf(graph)) {
    wanted.set(node.outputs[0]!, rows[place.index]!.settings.activationBits);
  }
  if (policy.residualBits !== undefined) {
    for (const tensor of residualStream(graph)) wanted.set(tensor, policy.residualBits);
  }
  return wanted;
}

/** Widths of all groups as asked for: the least that are as wide as wanted and passed on. */
function settle(
  graph: Graph,
  groups: ReadonlyMap<number, Group>,
  wanted: ReadonlyMap<number, ActivationBits>,
): Map<Group, ActivationBits> {
  const widths = new Map<Group, ActivationBits>();
  const raise = (tensor: number, bits: ActivationBits): boolean => {
    const group = groups.get(tensor)!;
    if ((widths.get(group) ?? 0) >= bits) return false;
    widths.set(group, bits);
    return true;
  };
  for (const { tensor } of graph.inputs) raise(tensor, wanted.get(tensor) ?? 8);
  for (let changed = true; changed; ) {
    changed = false;
    for (const node of graph.nodes) {
      const output = node.outputs[0]!;
      const read = activationsOf(graph, node).map((tensor) => widths.get(groups.get(tensor)!) ?? 1);
      const own = read.length === 0 || opNamed(node.op).outputAffine !== undefined;
      const passed = own ? 8 : (Math.min(8, Math.max(...read)) as ActivationBits);
      if (raise(output, wanted.get(output) ?? passed)) changed = true;
    }
  }
  return widths;
}

/** The first group with a width that a node cannot write or read, and why. */
function firstRefused(
  graph: Graph,
  groups: ReadonlyMap<number, Group>,
  widths: ReadonlyMap<Group, ActivationBits>,
): [Group, string] | undefined {
  for (const node of graph.nodes) {
    for (const tensor of [node.outputs[0]!, ...activationsOf(graph, node)]) {
      const group = groups.get(tensor)!;
      const because = refusal(graph, node, tensor, widths.get(group)!);
      if (because !== undefined) return [group, because];
    }
  }
  return undefined;
}

function refusal(graph: Graph, node: Node, tensor: number, bits: ActivationBits): string | undefined {
  const { packed, wide, outputAffine } = opNamed(node.op);
  const place = `${node.op} "${node.name}"`;
  const writes = tensor === node.outputs[0];
  if (bits === 16) {
    const takes = wide === "everywhere" || (wide === "output" && writes);
    return takes ? undefined : `${place} ${writes ? "writes" : "reads"} no 16 bits`;
  }
  if (bits === 8) return undefined;
  if (!packed || (writes && outputAffine)) return `${place} takes bytes alone`;
  const channels = graph.tensors[tensor]!.shape.at(-1) ?? 1;
  if (node.op !== "reshape" || (channels * bits) % 8 === 0) return undefined;
  return `${place} has ${channels} channels, which fill no whole bytes`;
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
  const adjusted: Adjusted[] = [];
  for (const [tensor, group] of groups) {
    const [wanted, got] = [asked.get(group)!, widths.get(group)!];
    bits.set(tensor, got);
    const because = bytes.get(group)!;
    if (got !== wanted) adjusted.push({ tensor: graph.tensors[tensor]!.name, wanted, bits: got, because });
  }
  return { bits, adjusted };
}
