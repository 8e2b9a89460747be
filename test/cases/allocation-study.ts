// What an allocator is judged by on a real network: losses by provider, and what policies lose on the engine. Everything
// that takes long is kept in a file outside the repository, so that a study that was stopped goes on.
import { createHash } from "node:crypto";
import { appendFileSync, existsSync, mkdirSync, readFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { calibrate } from "../../src/calibrate/calibrate.ts";
import type { Calibration } from "../../src/calibrate/calibration.ts";
import { LossFile } from "../../src/cli/loss-file.ts";
import type { ActivationBits } from "../../src/numerics/pack.ts";
import { type MeasuredLosses, measureLosses } from "../../src/precision/allocate/losses.ts";
import { policyOf, type Space, searchSpace } from "../../src/precision/allocate/space.ts";
import { NetworkCost, type Widths } from "../../src/precision/cost/network.ts";
import { formatPolicy, type Policy } from "../../src/precision/policy.ts";
import { decide, quantizeByPolicy } from "../../src/precision/quantize.ts";
import type { SensitivityProvider } from "../../src/precision/sensitivity/index.ts";
import type { WeightWidth } from "../../src/quantize/rounding/index.ts";
import { engineLogits, floatLogits, type Losses, lossesOf } from "./losses.ts";
import { calibrationOf, type Pictures, type SubjectName, subjectNamed } from "./subjects.ts";

const FOLDER = process.env.DYADIC_STUDY ?? join(tmpdir(), "dyadic-allocator");

/** A policy as it was measured. */
export interface Measured extends Losses {
  readonly policy: Policy;
  readonly peakBytes: number;
  readonly seconds: number;
}

interface Sizes {
  /** Calibration pictures, and those that policies are evaluated on. */
  readonly samples: number;
  readonly evaluated: number;
}

export class Study {
  readonly space: Space;
  readonly cost: NetworkCost;
  readonly seen: Calibration;
  readonly samples: Pictures;
  readonly module: WebAssembly.Module;
  private readonly name: SubjectName;
  private readonly sizes: Sizes;
  private readonly evaluation: Pictures;
  private readonly evaluationLabels: readonly number[] | undefined;
  private readonly float: readonly Float32Array[];

  private constructor(
    name: SubjectName,
    sizes: Sizes,
    module: WebAssembly.Module,
    own: {
      samples: Pictures;
      seen: Calibration;
      evaluation: Pictures;
      labels: readonly number[] | undefined;
      float: readonly Float32Array[];
      space: Space;
    },
  ) {
    this.name = name;
    this.sizes = sizes;
    this.module = module;
    this.samples = own.samples;
    this.seen = own.seen;
    this.evaluation = own.evaluation;
    this.evaluationLabels = own.labels;
    this.float = own.float;
    this.space = own.space;
    this.cost = new NetworkCost(own.space.graph);
    mkdirSync(FOLDER, { recursive: true });
  }

  static async open(
    name: SubjectName,
    sizes: Sizes,
    widths: { weights: readonly WeightWidth[]; activations: readonly ActivationBits[] },
    module: WebAssembly.Module,
  ): Promise<Study> {
    const subject = subjectNamed(name);
    const samples = calibrationOf(subject, 0).first(sizes.samples);
    const evaluation = subject.evaluation.first(sizes.evaluated);
    return new Study(name, sizes, module, {
      samples,
      seen: await calibrate(subject.graph, samples, module),
      evaluation,
      labels: subject.labels?.slice(0, sizes.evaluated),
      float: await floatLogits(subject.graph, evaluation, module),
      space: searchSpace(subject.graph, widths.weights, widths.activations),
    });
  }

  /** Losses by class and choice; with the classes of the calibration pictures for providers that take them. */
  async losses(provider: SensitivityProvider, isLabelled = false): Promise<readonly (readonly number[])[]> {
    return (await this.measured(provider, { isLabelled })).losses;
  }

  /** With what layers lose together, by a provider that goes by pairs; kept, or measured whatever is known. */
  measured(
    provider: SensitivityProvider,
    { isLabelled = false, keeps = true }: { isLabelled?: boolean; keeps?: boolean } = {},
  ): Promise<MeasuredLosses> {
    const { space, seen, cost, samples, module } = this;
    const labels = isLabelled && subjectNamed(this.name).calibrationLabels?.(0).slice(0, samples.length);
    const evidence = { graph: space.graph, samples, module: async () => module, ...(labels && { labels }) };
    const store = keeps ? new LossFile(join(FOLDER, `${this.name}.losses`)) : undefined;
    return measureLosses(evidence, seen, space, cost, { provider, store, ...this.ranges() });
  }

  /** What these widths lose on the engine, rounded as the compiler rounds them; in an arena of so many bytes. */
  async measure(widths: Widths, ram?: number): Promise<Measured> {
    const policy = policyOf(this.space, widths);
    const { name, sizes, space, seen, samples, module } = this;
    const file = join(FOLDER, `${name}.jsonl`);
    const key = createHash("sha256")
      .update(JSON.stringify([sizes, formatPolicy(policy), ...(ram === undefined ? [] : [ram])]))
      .digest("hex");
    const lines = existsSync(file) ? readFileSync(file, "utf8").split("\n") : [];
    const known = lines.find((line) => line.startsWith(`{"key":"${key}"`) && line.endsWith("}"));
    if (known !== undefined) return JSON.parse(known).measured;
    const start = performance.now();
    const evidence = { seen, samples, module: async () => module };
    const { graph } = await quantizeByPolicy(decide(space.graph, policy), evidence, this.ranges());
    const { logits, fileBytes, peakBytes } = await engineLogits(graph, this.evaluation, ram);
    const losses = lossesOf(this.float, logits, fileBytes, this.evaluationLabels);
    const seconds = Math.round((performance.now() - start) / 1000);
    const measured: Measured = { ...losses, policy, peakBytes, seconds };
    appendFileSync(file, `${JSON.stringify({ key, measured })}\n`);
    return measured;
  }

  /** As in the table of quantizers: the input by its extremes, everything else by squared error. */
  private ranges() {
    const input = this.space.graph.inputs[0]!.tensor;
    return { inputRange: this.seen.ranges({ method: "minmax" }).get(input)! };
  }
}

/** Kendall's tau: concordant less discordant pairs, as a share of all. */
export function kendall(a: readonly number[], b: readonly number[]): number {
  let sum = 0;
  for (let i = 0; i < a.length; i++) {
    for (let j = 0; j < i; j++) sum += Math.sign(a[i]! - a[j]!) * Math.sign(b[i]! - b[j]!);
  }
  return sum / ((a.length * (a.length - 1)) / 2);
}
