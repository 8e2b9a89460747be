import { DyadicError } from "../error.ts";
import type { Graph } from "../graph/graph.ts";
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

/** A policy as a person writes it; policy.schema.json is its schema. Later overrides win. */
export interface Policy {
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

export const DEFAULTS: LayerPolicy = {
  weightBits: 8,
  activationBits: 8,
  granularity: "channel",
  rounding: "nearest",
};

/** Weight widths that `--bits` has a preset for. */
export const PRESETS = [8, 4, 2] as const;

/** Weights of `bits` bits, the first and the last layer at 8; activations of 8 bits. */
export function presetPolicy(bits: (typeof PRESETS)[number]): Policy {
  if (bits === 8) return { version: 1 };
  return {
    version: 1,
    defaults: { weightBits: bits, rounding: "coordinate-descent" },
    overrides: [
      { position: "first", weightBits: 8 },
      { position: "last", weightBits: 8 },
    ],
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
  const fits = ({ layers: glob, op, position }: Override, index: number) => {
    const layer = layers[index]!;
    const place = position === "first" ? 0 : position === "last" ? layers.length - 1 : index;
    return (
      (glob === undefined || matchesGlob(glob, layer.name)) &&
      (op === undefined || op === layer.op) &&
      place === index
    );
  };
  overrides.forEach((override, i) => {
    if (override.layers === undefined || layers.some((_, index) => fits(override, index))) return;
    throw new DyadicError("BAD_ARGUMENT", `overrides[${i}] of the policy fits no layer`, {
      expected: `a glob of layer names, such as "${layers[0]?.name ?? "*"}"`,
      found: `"${override.layers}"`,
      hint: "`dyadic inspect MODEL --stage simplify` shows the names behind #",
    });
  });
  return layers.map(({ name, op }, index) => {
    const fitting = overrides.filter((override) => fits(override, index)).map(settingsOf);
    const settings = Object.assign({}, DEFAULTS, policy.defaults, ...fitting) as LayerPolicy;
    return { name, op, settings };
  });
}

/**
 * The policy that a graph was compiled by, in one form: complete defaults (the settings of most layers), then one
 * override for every layer that differs. Applied to the same graph, it gives the same rows, and so itself.
 */
export function effectivePolicy(rows: readonly PolicyRow[]): Policy {
  const kinds = new Map<string, number>();
  for (const { settings } of rows) {
    const kind = JSON.stringify(ordered(settings));
    kinds.set(kind, (kinds.get(kind) ?? 0) + 1);
  }
  const most = Math.max(...kinds.values());
  const [kind] = [...kinds].find(([, count]) => count === most) ?? [JSON.stringify(DEFAULTS)];
  const defaults: LayerPolicy = JSON.parse(kind);
  const overrides = rows.flatMap(({ name, settings }) => {
    const own = Object.entries(ordered(settings)).filter(
      ([key, value]) => defaults[key as keyof LayerPolicy] !== value,
    );
    return own.length === 0 ? [] : [{ layers: escapeGlob(name), ...Object.fromEntries(own) } as Override];
  });
  return { version: 1, defaults, overrides };
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
