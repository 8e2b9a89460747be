import { DyadicError } from "../error.ts";
import type { Graph, Node } from "../graph/graph.ts";
import { opNamed } from "../ops/index.ts";
import {
  type ACTIVATION_WIDTHS,
  type GRANULARITIES,
  POLICY_SCHEMA,
  type POSITIONS,
  problemsOf,
  type ROUNDINGS,
  type WEIGHT_WIDTHS,
} from "./schema.ts";

/** How one layer with weights is quantized. */
export interface LayerPolicy {
  readonly weightBits: (typeof WEIGHT_WIDTHS)[number];
  readonly activationBits: (typeof ACTIVATION_WIDTHS)[number];
  readonly granularity: (typeof GRANULARITIES)[number];
  readonly rounding: (typeof ROUNDINGS)[number];
}

/** Settings for the layers that all of its selectors fit. */
export interface Override extends Partial<LayerPolicy> {
  /** The whole name as a glob: * is any run of characters, ? is one, \ takes the next as it is. */
  readonly layers?: string;
  readonly op?: string;
  readonly position?: (typeof POSITIONS)[number];
}

/** What holds for a network as a whole. */
export interface NetworkPolicy {
  /** Width of everything that additions read and write; left out, that of the layers in front of them. */
  readonly residualBits?: LayerPolicy["activationBits"];
  /** Whether biases make up for the mean error of a layer's outputs; left out, where there are samples. */
  readonly biasCorrection?: boolean;
  /** Whether channels between layers are scaled so that both use their codes equally well (cross-layer equalisation). */
  readonly equalisation?: boolean;
  /** Whether what outputs in front of a ReLU hardly ever fall below moves into the biases behind it. */
  readonly biasAbsorption?: boolean;
  /** Whether outputs get the means and deviations of the float network's after rounding (batch-norm re-estimation). */
  readonly reestimation?: boolean;
  /** Whether what was rounded is then refined by gradient against the float network. */
  readonly reconstruction?: boolean;
}

/** A policy as a person writes it; policy.schema.json is its schema. Later overrides win. */
export interface Policy extends NetworkPolicy {
  readonly $schema?: string;
  readonly version: 1;
  readonly defaults?: Partial<LayerPolicy>;
  readonly overrides?: readonly Override[];
}

/** One layer with weights, and what holds for it. */
export interface PolicyRow {
  readonly name: string;
  readonly op: string;
  readonly settings: LayerPolicy;
}

export const DEFAULTS: Omit<LayerPolicy, "rounding"> = {
  weightBits: 8,
  activationBits: 8,
  granularity: "channel",
};

/** The method with the least loss for its time: at 8 bits the others gain nothing that bias correction does not. */
function defaultRounding(weightBits: LayerPolicy["weightBits"]): LayerPolicy["rounding"] {
  return weightBits === 8 ? "nearest" : "coordinate-descent";
}

/** What `--bits` has a policy for. */
export const PRESETS = ["8", "4", "2", "hawq-v3"] as const;
export type Preset = (typeof PRESETS)[number];

/**
 * "8", "4", "2": weights of so many bits, activations of 8. "hawq-v3": weights and activations of 4 bits and the residual
 * stream of 16 (Yao 2021, HAWQ-V3, section 3). The first and the last layer have 8 bits in all of them.
 */
export function presetPolicy(preset: Preset): Policy {
  if (preset === "8") return { version: 1 };
  const first: Override = { position: "first", weightBits: 8 };
  const last: Override = { position: "last", weightBits: 8, activationBits: 8 };
  if (preset !== "hawq-v3") {
    return { version: 1, defaults: { weightBits: preset === "4" ? 4 : 2 }, overrides: [first, last] };
  }
  return {
    version: 1,
    residualBits: 16,
    defaults: { weightBits: 4, activationBits: 4 },
    overrides: [first, last],
  };
}

/** Reads a policy. Throws BAD_FILE naming the place in the document. */
export function parsePolicy(text: string): Policy {
  let value: unknown;
  try {
    value = JSON.parse(text);
  } catch (error) {
    throw new DyadicError("BAD_FILE", "the policy is not JSON", { found: `${error}` }, error);
  }
  const [problem, ...others] = problemsOf(value, POLICY_SCHEMA);
  if (problem === undefined) return value as Policy;
  const more = others.length > 0 ? `, and ${others.length} more` : "";
  throw new DyadicError("BAD_FILE", `the policy is wrong at ${problem.path || "its start"}${more}`, {
    expected: problem.expected,
    found: problem.found,
    hint: "policy.schema.json of this package describes a policy; editors check it",
  });
}

/** What holds for every layer with weights, in the order of the graph. Throws BAD_ARGUMENT for an override that fits none. */
export function applyPolicy(graph: Graph, policy: Policy): PolicyRow[] {
  const layers = graph.nodes.filter(({ op }) => opNamed(op).weightAxis !== undefined);
  const overrides = policy.overrides ?? [];
  overrides.forEach((override, i) => {
    const candidates = namesNodes(override) ? graph.nodes : layers;
    if (override.layers === undefined || candidates.some((node) => fits(override, node, layers))) return;
    throw new DyadicError("BAD_ARGUMENT", `overrides[${i}] of the policy fits no layer`, {
      expected: `a glob of layer names, such as "${layers[0]?.name ?? "*"}"`,
      found: `"${override.layers}"`,
      hint: "`dyadic inspect MODEL --stage simplify` shows the names behind #",
    });
  });
  return layers.map((node) => {
    const { name, op } = node;
    const fitting = overrides.filter((override) => fits(override, node, layers)).map(settingsOf);
    const settings: Partial<LayerPolicy> = Object.assign({}, DEFAULTS, policy.defaults, ...fitting);
    const rounding = settings.rounding ?? defaultRounding(settings.weightBits!);
    return { name, op, settings: ordered({ ...settings, rounding } as LayerPolicy) };
  });
}

/** Widths that overrides give to what nodes without weights write, by the node's name. */
export function namedWidths(
  graph: Graph,
  policy: Policy,
): ReadonlyMap<string, LayerPolicy["activationBits"]> {
  const nodes = graph.nodes.filter(({ op }) => opNamed(op).weightAxis === undefined);
  const widths = new Map<string, LayerPolicy["activationBits"]>();
  for (const override of (policy.overrides ?? []).filter(namesNodes)) {
    for (const node of nodes.filter((node) => fits(override, node, []))) {
      widths.set(node.name, override.activationBits!);
    }
  }
  return widths;
}

/** Whether an override may be of nodes without weights. */
function namesNodes({ position, ...override }: Override): boolean {
  return position === undefined && Object.keys(settingsOf(override)).join() === "activationBits";
}

function fits({ layers: glob, op, position }: Override, node: Node, layers: readonly Node[]): boolean {
  return (
    (glob === undefined || matchesGlob(glob, node.name)) &&
    (op === undefined || op === node.op) &&
    (position === undefined || node === layers.at(position === "first" ? 0 : -1))
  );
}

/**
 * The policy that a graph was compiled by, in one form: complete defaults (the settings of most layers), then one
 * override for every layer that differs, and for every other node that was given a width. Applied to the same graph,
 * it gives the same rows, and so itself.
 */
export function effectivePolicy(
  rows: readonly PolicyRow[],
  network: NetworkPolicy = {},
  widths: ReadonlyMap<string, LayerPolicy["activationBits"]> = new Map(),
): Policy {
  const kinds = new Map<string, number>();
  for (const { settings } of rows) {
    const kind = JSON.stringify(ordered(settings));
    kinds.set(kind, (kinds.get(kind) ?? 0) + 1);
  }
  const most = Math.max(...kinds.values());
  const usual: LayerPolicy = { ...DEFAULTS, rounding: "nearest" };
  const [kind] = [...kinds].find(([, count]) => count === most) ?? [JSON.stringify(usual)];
  const defaults: LayerPolicy = JSON.parse(kind);
  const overrides = rows.flatMap(({ name, settings }) => {
    const own = Object.entries(ordered(settings)).filter(
      ([key, value]) => defaults[key as keyof LayerPolicy] !== value,
    );
    return own.length === 0 ? [] : [{ layers: escapeGlob(name), ...Object.fromEntries(own) } as Override];
  });
  const { residualBits, biasCorrection } = network;
  const asked = ["equalisation", "biasAbsorption", "reestimation", "reconstruction"] as const;
  return {
    version: 1,
    ...(residualBits !== undefined && { residualBits }),
    ...(biasCorrection !== undefined && { biasCorrection }),
    ...Object.fromEntries(asked.filter((key) => network[key]).map((key) => [key, true])),
    defaults,
    overrides: [
      ...overrides,
      ...Array.from(widths, ([name, activationBits]) => ({ layers: escapeGlob(name), activationBits })),
    ],
  };
}

/** The text of a policy, for files and the header. */
export function formatPolicy(policy: Policy): string {
  return JSON.stringify(policy);
}

function ordered({ weightBits, activationBits, granularity, rounding }: LayerPolicy): LayerPolicy {
  return { weightBits, activationBits, granularity, rounding };
}

function settingsOf({ layers: _, op: __, position: ___, ...settings }: Override): Partial<LayerPolicy> {
  return settings;
}

function escapeGlob(name: string): string {
  return name.replace(/[\\*?]/g, "\\$&");
}

const ANY = Symbol("any run");
const ONE = Symbol("one character");

/** Whether a glob covers the whole of a name; the work is at most the product of their lengths. */
export function matchesGlob(glob: string, name: string): boolean {
  const tokens = Array.from(
    glob.matchAll(/\\(.)|(.)/gsu),
    ([whole, escaped]) => escaped ?? (whole === "*" ? ANY : whole === "?" ? ONE : whole),
  );
  // reached[i]: tokens[0..i) cover the characters so far.
  let reached = [true, ...tokens.map((_, i) => tokens.slice(0, i + 1).every((token) => token === ANY))];
  for (const character of name) {
    const next = [false];
    tokens.forEach((token, i) => {
      if (token === ANY) next.push(next[i]! || reached[i + 1]!);
      else next.push(reached[i]! && (token === ONE || token === character));
    });
    reached = next;
  }
  return reached.at(-1)!;
}
