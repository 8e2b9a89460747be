import { DyadicError } from "../error.ts";
import type { Graph } from "../graph/graph.ts";
import type { Ranges } from "../numerics/range.ts";
import { type PostTrainingOptions, quantizePostTraining } from "../quantize/post-training.ts";
import type { LayerPolicy, PolicyRow } from "./policy.ts";

/** What the quantizers can do today. */
const SUPPORTED: { readonly [Key in keyof LayerPolicy]: readonly LayerPolicy[Key][] } = {
  weightBits: [8],
  activationBits: [8],
  granularity: ["channel"],
  rounding: ["nearest"],
};

/** A float graph quantized as the rows say. Throws UNSUPPORTED_OP, naming the layer, for settings that nobody honours yet. */
export function quantizeByPolicy(
  graph: Graph,
  ranges: Ranges,
  rows: readonly PolicyRow[],
  options: PostTrainingOptions = {},
): Graph {
  refuseUnsupported(rows);
  return quantizePostTraining(graph, ranges, options);
}

/** Before anybody waits for a calibration. */
export function refuseUnsupported(rows: readonly PolicyRow[]): void {
  for (const [key, supported] of Object.entries(SUPPORTED)) {
    const wanted = ({ settings }: PolicyRow) => settings[key as keyof LayerPolicy];
    const row = rows.find((candidate) => !(supported as readonly unknown[]).includes(wanted(candidate)));
    if (row === undefined) continue;
    throw new DyadicError("UNSUPPORTED_OP", `the policy's ${key} is not supported yet`, {
      node: row.name,
      op: row.op,
      expected: supported.join(", "),
      found: `${wanted(row)}`,
      hint: "use --bits 8, or change the policy for this layer",
    });
  }
}
