// What a model file says beside its plan: labels, provenance, the policy and its certificate.
import type { Calibration } from "../calibrate/calibration.ts";
import type { RangeOptions } from "../calibrate/ranges.ts";
import { DyadicError } from "../error.ts";
import { canonicalShape, type Graph } from "../graph/graph.ts";
import type { IntegerGraph } from "../graph/integer.ts";
import { type Header, NOTES } from "../model/header.ts";
import { hex, sha256 } from "../numerics/sha256.ts";
import { BANDS, type Layout } from "../plan/index.ts";
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
    layers: layersOf(graph, layout),
    values: graph.tensors.map(({ name, scale }) => ({ name, scale })),
    policy: policy === undefined ? "" : formatPolicy(policy),
    metadata: { ...metadata, ...(notes.length > 0 && { [NOTES]: notes.join("\n") }) },
  };
}

/** Names of the steps between the borders: of the nodes, and of every group in front of its members. */
function layersOf({ nodes }: IntegerGraph, { groups }: Layout): Header["layers"] {
  const last = (first: number, count: number) => nodes[first + count - 1]!.name;
  return nodes.flatMap(({ name, op }, k) => [
    ...groups
      .filter(({ first }) => first === k)
      .map(({ members }) => ({ name: `${name} to ${last(k, members.length)}`, op: BANDS })),
    { name, op },
  ]);
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

/** The graph with labels at the output that has as many channels. Throws BAD_ARGUMENT where none has. */
export function withLabels(graph: Graph, labels: readonly string[] | undefined): Graph {
  if (labels === undefined) return graph;
  const channels = graph.outputs.map(({ tensor }) => {
    const { shape, name } = graph.tensors[tensor]!;
    return canonicalShape(shape, name)[2];
  });
  const labelled = channels.indexOf(labels.length);
  if (labelled < 0) {
    throw new DyadicError("BAD_ARGUMENT", "no output has as many channels as there are labels", {
      expected: `${channels.join(" or ")} labels`,
      found: `${labels.length}`,
    });
  }
  return {
    ...graph,
    outputs: graph.outputs.map((border, i) => (i === labelled ? { ...border, labels } : border)),
  };
}
