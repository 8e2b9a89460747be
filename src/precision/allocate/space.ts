// What an allocation decides: the width of every layer's weights, and of the activations that may be narrow.
import type { Graph } from "../../graph/graph.ts";
import type { ActivationBits } from "../../numerics/pack.ts";
import { opNamed } from "../../ops/index.ts";
import { type LayerPlace, layersOf } from "../../quantize/layer.ts";
import { tiedActivations } from "../../quantize/post-training.ts";
import type { RoundingName, WeightWidth } from "../../quantize/rounding/index.ts";
import type { NetworkCost, Widths } from "../cost/network.ts";
import { applyPolicy, effectivePolicy, type Override, type Policy, type PolicyRow } from "../policy.ts";
import type { ActivationCandidate, WeightCandidate } from "../sensitivity/perturbations.ts";
import { activationWidths } from "../widths.ts";

/** Activations of one width, because codes are moved between them as they are. */
export interface ActivationGroup {
  readonly tensors: readonly number[];
  /** Those that are computed; the others are moved. */
  readonly sources: readonly number[];
  /** Widths that every op around them can take, the widest first. */
  readonly bits: readonly ActivationBits[];
}

export interface Space {
  readonly graph: Graph;
  readonly layers: readonly LayerPlace[];
  /** Widths of every layer's weights, the widest first. */
  readonly weightBits: readonly WeightWidth[];
  /** Groups with more than one width; all other activations have 8 bits. */
  readonly groups: readonly ActivationGroup[];
}

/** The method that a layer of some width is rounded with: what the policy's default is, too. */
export function roundingOf(width: WeightWidth): RoundingName {
  return width === 8 ? "nearest" : "coordinate-descent";
}

export function searchSpace(
  graph: Graph,
  weightBits: readonly WeightWidth[],
  activationBits: readonly ActivationBits[],
): Space {
  const narrow = activationBits.filter((bits) => bits < 8);
  const groups = [...new Set(tiedActivations(graph).values())].map((group): ActivationGroup => {
    const tensors = [...group];
    const sources = tensors.filter((tensor) => !isMoved(graph, tensor));
    const honoured = narrow.filter((bits) => canBe(graph, tensors, bits));
    return { tensors, sources, bits: [8, ...honoured.sort((a, b) => b - a)] };
  });
  return {
    graph,
    layers: layersOf(graph).map(({ place }) => place),
    weightBits,
    groups: groups.filter(({ bits }) => bits.length > 1),
  };
}

function isMoved({ nodes }: Graph, tensor: number): boolean {
  const writer = nodes.find(({ outputs }) => outputs.includes(tensor));
  return writer !== undefined && opNamed(writer.op).keepsScale === true;
}

/** Whether a group comes out as wide as asked where everything else has 8 bits. */
function canBe(graph: Graph, tensors: readonly number[], bits: ActivationBits): boolean {
  const overrides = writersOf(graph, tensors).map(
    ({ name }): Override => ({ layers: escaped(name), activationBits: bits }),
  );
  if (overrides.length === 0) return false;
  const policy: Policy = { version: 1, overrides: [...everythingAt8(graph), ...overrides] };
  const widths = activationWidths({ graph, added: new Map() }, policy, applyPolicy(graph, policy));
  return tensors.every((tensor) => widths.bits.get(tensor) === bits);
}

function everythingAt8({ nodes }: Graph): Override[] {
  return nodes.map(({ name }) => ({ layers: escaped(name), activationBits: 8 }));
}

function writersOf({ nodes }: Graph, tensors: readonly number[]) {
  return nodes.filter(({ outputs }) => tensors.includes(outputs[0]!));
}

function escaped(name: string): string {
  return name.replace(/[\\*?]/g, "\\$&");
}

/** How many choices every class has: first the layers, then the groups. */
export function classSizes({ layers, weightBits, groups }: Space): number[] {
  return [...layers.map(() => weightBits.length), ...groups.map(({ bits }) => bits.length)];
}

export function className({ graph, layers, groups }: Space, index: number): string {
  const tensor = groups[index - layers.length]?.sources[0] ?? -1;
  return layers[index]?.name ?? `codes of ${graph.tensors[tensor]?.name}`;
}

/** Widths that a choice of every class means. */
export function widthsOf({ layers, weightBits, groups }: Space, choices: readonly number[]): Widths {
  const activations = groups.flatMap(({ tensors, bits }, g) => {
    const own = bits[choices[layers.length + g]!]!;
    return tensors.map((tensor) => [tensor, own] as const);
  });
  return { weights: layers.map((_, i) => weightBits[choices[i]!]!), activations: new Map(activations) };
}

/**
 * The policy that says so. Layers of 8 bits that read narrow activations are rounded by what they read, too: their
 * weights make up for a part of what those have lost (resnet20 at A4: KL .186 with nearest, .165 so).
 */
export function policyOf({ graph, groups }: Space, { weights, activations }: Widths): Policy {
  const rows = layersOf(graph).map(({ node, place }): PolicyRow => {
    const weightBits = weights[place.index]!;
    const isNarrow = (activations.get(node.inputs[0]!) ?? 8) < 8;
    const settings = {
      weightBits,
      activationBits: activations.get(node.outputs[0]!) ?? 8,
      granularity: "channel",
      rounding: isNarrow ? "coordinate-descent" : roundingOf(weightBits),
    } as const;
    return { name: place.name, op: place.op, settings };
  });
  const free = new Set(groups.flatMap(({ tensors }) => tensors));
  const others = graph.nodes.filter(
    ({ op, outputs }) => opNamed(op).weightAxis === undefined && free.has(outputs[0]!),
  );
  const named = others.map(({ name, outputs }) => [name, activations.get(outputs[0]!)!] as const);
  return effectivePolicy(rows, {}, new Map(named));
}

/** Every change whose loss the space asks for; widths of 8 bits of an activation have none. */
export function candidatesOf({ layers, weightBits, groups }: Space): {
  weights: WeightCandidate[];
  activations: ActivationCandidate[];
} {
  const weights = layers.flatMap(({ index }) =>
    weightBits.map((width) => ({ layer: index, width, method: roundingOf(width) })),
  );
  const activations = groups.flatMap(({ sources, bits }) =>
    bits.slice(1).flatMap((own) => sources.map((tensor) => ({ tensor, bits: own }))),
  );
  return { weights, activations };
}

/** Loss of every choice of every class, from those of the candidates in their order. */
export function lossesOf(
  { layers, weightBits, groups }: Space,
  weights: readonly number[],
  activations: readonly number[],
): number[][] {
  const byLayer = layers.map((_, i) => weights.slice(i * weightBits.length, (i + 1) * weightBits.length));
  let at = 0;
  const byGroup = groups.map(({ sources, bits }) =>
    bits.map((own) => {
      if (own === 8) return 0;
      const parts = activations.slice(at, at + sources.length);
      at += sources.length;
      return parts.reduce((a, b) => a + b, 0);
    }),
  );
  return [...byLayer, ...byGroup];
}

/** Widths by cost of a layer, for messages and the certificate. */
export function layerBytes(cost: NetworkCost, { weights }: Widths): number[] {
  return weights.map((width, layer) => cost.weightBytes(layer, width));
}
