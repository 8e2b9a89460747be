// A budget in place of a policy: files are written as drafts, to know their bytes.
import { Calibration } from "../calibrate/calibration.ts";
import { DyadicError } from "../error.ts";
import type { Graph } from "../graph/graph.ts";
import { writeModel } from "../model/writer.ts";
import type { Ranges } from "../numerics/range.ts";
import { withLabels } from "../passes/labels.ts";
import { type Allocated, type AllocationOptions, choosePolicy } from "../precision/allocate/index.ts";
import type { Policy } from "../precision/policy.ts";
import { decide } from "../precision/quantize.ts";
import type { Evidence, SensitivityProvider } from "../precision/sensitivity/provider.ts";
import { headerOf, metadataOf } from "./header.ts";

/** A budget, and how the widths that fit it best are found. */
export type Allocating = Pick<
  AllocationOptions,
  "budget" | "weightBits" | "activationBits" | "store" | "trials" | "solver" | "nodes" | "seconds" | "times"
> & {
  /** What a narrow width costs; a function chooses by the graph. */
  readonly provider: SensitivityProvider | ((graph: Graph) => SensitivityProvider);
};

/** What is written beside the plan, whose bytes count. */
interface Written {
  readonly allocation: Allocating;
  /** What holds for the network as a whole. */
  readonly policy: Policy;
  readonly file?: string;
  readonly strip?: boolean;
  readonly labels?: readonly string[];
  readonly source: Uint8Array;
  onProgress?(done: number, total: number, stage: "round" | "measure"): void;
}

/** A policy for the layers under what another says of the network as a whole. */
export function withNetwork(policy: Policy, whole: Policy): Policy {
  const { version, defaults, overrides, $schema, residualBits, ...network } = whole;
  return { ...network, ...policy };
}

/** allocate: the policy of a budget. Flash is that of the whole file, which is written as a draft to know it. */
export function allocatePolicy(
  evidence: Evidence,
  seen: Calibration | Ranges,
  common: Pick<AllocationOptions, "inputRange" | "observer" | "signal" | "borders">,
  written: Written,
): Promise<Allocated> {
  const { policy: whole, source, file = "" } = written;
  const { provider, ...allocation } = written.allocation;
  if (!(seen instanceof Calibration) || evidence.samples.length === 0) {
    throw new DyadicError("BAD_ARGUMENT", "a budget needs samples, to know what narrow widths lose", {
      expected: "real inputs",
      hint: "--calibrate FOLDER or X.npy",
    });
  }
  const { outputs } = withLabels(evidence.graph, written.labels);
  const fileBytes: AllocationOptions["fileBytes"] = ({ graph: network, layout }, asked, certificate) => {
    const labels = (i: number) => outputs[i]!.labels && { labels: outputs[i]!.labels };
    const integer = {
      ...network,
      outputs: network.outputs.map((border, i) => ({ ...border, ...labels(i) })),
    };
    const { policy } = decide(evidence.graph, withNetwork(asked, whole));
    const metadata = metadataOf(seen, common.observer, certificate);
    const header = headerOf(integer, layout, { graph: evidence.graph, policy, metadata }, file, source);
    return writeModel(integer, layout, written.strip ? undefined : header).length;
  };
  return choosePolicy(evidence, seen, {
    ...allocation,
    ...common,
    provider: typeof provider === "function" ? provider(evidence.graph) : provider,
    fileBytes,
    onProgress: (done, total, stage) => written.onProgress?.(done, total, stage),
  });
}
