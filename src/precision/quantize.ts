import { Calibration } from "../calibrate/calibration.ts";
import { chooseRange, type RangeOptions } from "../calibrate/ranges.ts";
import { DyadicError } from "../error.ts";
import type { Samples } from "../float/samples.ts";
import type { Graph, Node } from "../graph/graph.ts";
import type { ActivationBits } from "../numerics/pack.ts";
import type { Range, Ranges } from "../numerics/range.ts";
import { type LayerPlace, layersOf } from "../quantize/layer.ts";
import type { LayerChoice } from "../quantize/layer-weights.ts";
import { type ActivationOptions, quantizePostTraining } from "../quantize/post-training.ts";
import { quantizeSequentially, type SequentialOptions } from "../quantize/sequential.ts";
import {
  applyPolicy,
  effectivePolicy,
  type LayerPolicy,
  namedWidths,
  type Policy,
  type PolicyRow,
} from "./policy.ts";
import { type ActivationWidths, activationWidths } from "./widths.ts";

/** A policy applied to a graph: what holds for every layer and every activation. */
export interface Decision {
  readonly rows: readonly PolicyRow[];
  readonly widths: ActivationWidths;
  readonly biasCorrection: boolean;
  /** The policy in its one form, with what holds instead of what was asked. */
  readonly policy: Policy;
}

/** What a policy's methods work on. */
export interface Evidence {
  /** Samples of the graph's inputs; none where ranges are all that is known. */
  readonly samples: Samples;
  /** assembly/build/calibrator.wasm, compiled; asked for only where samples are run. */
  module(): Promise<WebAssembly.Module>;
}

/**
 * What a policy means for a graph. Throws BAD_ARGUMENT, naming the layer, for methods that need samples where there are
 * none; UNSUPPORTED_OP for widths that nobody honours; and what applyPolicy does. Nothing is calibrated for it.
 */
export function decide(graph: Graph, policy: Policy, hasSamples: boolean): Decision {
  const asked = applyPolicy(graph, policy);
  if (!hasSamples) refuseWithoutSamples(asked, policy);
  const widths = activationWidths(graph, policy, asked);
  const bitsOf = ({ outputs }: Node) => widths.bits.get(outputs[0]!)!;
  const rows = layersOf(graph).map(({ node, place }) => {
    const row = asked[place.index]!;
    return { ...row, settings: { ...row.settings, activationBits: bitsOf(node) } };
  });
  const names = namedWidths(graph, policy);
  const named = graph.nodes.filter(({ name }) => names.has(name)).map((n) => [n.name, bitsOf(n)] as const);
  const { residualBits, biasCorrection = hasSamples } = policy;
  const network = { ...(residualBits !== undefined && { residualBits }), biasCorrection };
  return { rows, widths, biasCorrection, policy: effectivePolicy(rows, network, new Map(named)) };
}

/** A policy for questions of size alone, which no method changes: it needs no samples. */
export function forSize(policy: Policy): Policy {
  const plain = <T extends Partial<LayerPolicy>>(settings: T): T => ({ ...settings, rounding: "nearest" });
  return {
    ...policy,
    biasCorrection: false,
    defaults: plain(policy.defaults ?? {}),
    overrides: (policy.overrides ?? []).map((own) => (own.rounding === undefined ? own : plain(own))),
  };
}

/** The range of every activation for the width that it has. */
export function rangesFor(
  seen: Calibration | Ranges,
  { bits }: ActivationWidths,
  observer: RangeOptions = {},
): Map<number, Range> {
  if (!(seen instanceof Calibration)) return new Map(seen);
  const width = (tensor: number): ActivationBits => bits.get(tensor) ?? 8;
  return new Map(
    [...seen.statistics].map(([tensor, own]) => [
      tensor,
      chooseRange(own, { ...observer, bits: width(tensor) }),
    ]),
  );
}

/** A float graph quantized as decided. */
export async function quantizeByPolicy(
  graph: Graph,
  ranges: Ranges,
  { rows, widths, biasCorrection }: Decision,
  { samples, module }: Evidence,
  options: ActivationOptions & Pick<SequentialOptions, "signal" | "onProgress"> = {},
): Promise<Graph> {
  const choose = ({ index }: LayerPlace): LayerChoice => {
    const { weightBits, rounding, granularity } = rows[index]!.settings;
    return { width: weightBits, method: rounding, granularity };
  };
  const all = { ...options, choose, activationBits: widths.bits };
  if (!biasCorrection && rows.every((row) => row.settings.rounding === "nearest")) {
    return quantizePostTraining(graph, ranges, all);
  }
  return quantizeSequentially(graph, ranges, samples, await module(), { ...all, biasCorrection });
}

function refuseWithoutSamples(rows: readonly PolicyRow[], { biasCorrection }: Policy): void {
  const row = rows.find(({ settings }) => settings.rounding !== "nearest");
  if (row === undefined && biasCorrection !== true) return;
  const what = row ? `the rounding "${row.settings.rounding}"` : "bias correction";
  throw new DyadicError("BAD_ARGUMENT", `${what} needs samples, and there are only ranges`, {
    ...(row && { node: row.name, op: row.op }),
    expected: "real inputs",
    hint: '--calibrate FOLDER or X.npy; or the policy\'s rounding "nearest" without biasCorrection',
  });
}
