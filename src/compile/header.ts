// What a model file says beside its plan: provenance, the policy and its certificate.
import type { Calibration } from "../calibrate/calibration.ts";
import type { RangeOptions } from "../calibrate/ranges.ts";
import type { Graph } from "../graph/graph.ts";
import type { IntegerGraph } from "../graph/integer.ts";
import { type Header, NOTES } from "../model/header.ts";
import { hex, sha256 } from "../numerics/sha256.ts";
import { type Layout, stepNames } from "../plan/index.ts";
import { formatPolicy, type Policy } from "../precision/policy.ts";
import type { Certificate } from "../precision/solve/index.ts";

/** Name and version of the compiler, as the header states them. */
export const PRODUCER = "dyadic 0.1.0";

/** The model that a header is of. */
interface Described {
  readonly graph: Graph;
  readonly policy?: Policy;
  readonly metadata?: Readonly<Record<string, string>>;
}

export function headerOf(
  graph: IntegerGraph,
  layout: Layout,
  { graph: { notes = [] }, policy, metadata }: Described,
  file: string,
  sourceSha256: Uint8Array,
): Header {
  return {
    model: graph.name,
    producer: PRODUCER,
    sourceFile: file.split(/[\\/]/).at(-1)!, // the folder is the machine's, not the model's
    sourceSha256,
    layers: stepNames(graph, layout),
    values: graph.tensors.map(({ name, scale }) => ({ name, scale })),
    policy: policy === undefined ? "" : formatPolicy(policy),
    metadata: { ...metadata, ...(notes.length > 0 && { [NOTES]: notes.join("\n") }) },
  };
}

/** What the header says besides: how the model was calibrated, and the certificate of its policy. */
export function metadataOf(
  seen: Calibration,
  observer: RangeOptions | undefined,
  certificate?: Certificate,
): Record<string, string> {
  if (certificate === undefined) return provenance(seen, observer);
  // Not what is used of a limit: that depends on the header's own length.
  const limits = certificate.limits.map(({ name, atMost, shadowPrice }) => ({ name, atMost, shadowPrice }));
  return { ...provenance(seen, observer), allocation: JSON.stringify({ ...certificate, limits }) };
}

function provenance({ samples }: Calibration, observer: RangeOptions | undefined): Record<string, string> {
  return {
    "calibration.observer": observer?.method ?? "mse",
    "calibration.samples": `${samples.length}`,
    "calibration.sha256": hex(sha256(new TextEncoder().encode(samples.join("\n")))),
  };
}
