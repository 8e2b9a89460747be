// One row of the table of quantizers: a subject quantized as its configuration says, and measured on the engine.

import { calibrate } from "../../src/calibrate/calibrate.ts";
import type { Calibration } from "../../src/calibrate/calibration.ts";
import type { Graph } from "../../src/graph/graph.ts";
import type { Policy } from "../../src/precision/policy.ts";
import { decide, rangesFor } from "../../src/precision/quantize.ts";
import { reconstruct } from "../../src/quantize/reconstruction/index.ts";
import { quantizeSequentially, uniformChoice } from "../../src/quantize/sequential.ts";
import { engineLogits, floatLogits, lossesOf } from "./losses.ts";
import type { Configuration, Measurement } from "./quantizer-table.ts";
import { calibrationOf, type Pictures, type Subject, type SubjectName, subjectNamed } from "./subjects.ts";

/** Pictures of a calibration set where a configuration says nothing, of the subjects that have more. */
const SAMPLES = 500;

/** A subject with what its configurations share. */
export class Bench {
  readonly subject: Subject;
  private readonly module: WebAssembly.Module;
  private readonly float: Float32Array[];
  private readonly reference: Float32Array[];
  private readonly sets = new Map<string, { samples: Pictures; calibration: Calibration }>();

  private constructor(
    subject: Subject,
    module: WebAssembly.Module,
    float: Float32Array[],
    reference: Float32Array[],
  ) {
    this.subject = subject;
    this.module = module;
    this.float = float;
    this.reference = reference;
  }

  static async open(name: SubjectName, module: WebAssembly.Module): Promise<Bench> {
    const subject = subjectNamed(name);
    const float = await floatLogits(subject.graph, subject.evaluation, module);
    const { reference, evaluation } = subject;
    return new Bench(
      subject,
      module,
      float,
      reference ? (await engineLogits(reference, evaluation)).logits : float,
    );
  }

  async measure(configuration: Configuration): Promise<Measurement> {
    const start = performance.now();
    const graph = await this.quantize(configuration);
    const seconds = (performance.now() - start) / 1000;
    return { ...configuration, losses: await this.losses(graph), seconds };
  }

  async quantize(configuration: Configuration): Promise<Graph> {
    const {
      width,
      depthwise,
      method,
      damping,
      seed,
      samples: count = SAMPLES,
      reconstruction,
    } = configuration;
    const { graph } = this.subject;
    const { samples, calibration } = await this.calibrationSet(seed, count);
    const decision = decide(graph, activationPolicy(configuration));
    const ranges = rangesFor(calibration, decision);
    const input = graph.inputs[0]!.tensor;
    ranges.set(input, calibration.ranges({ method: "minmax" }).get(input)!);
    const rounded = await quantizeSequentially(graph, ranges, samples, this.module, {
      choose: uniformChoice(width, method, depthwise),
      activationBits: decision.widths.bits,
      ...(damping !== undefined && { damping }),
    });
    return reconstruction ? reconstruct(graph, rounded, samples, this.module, reconstruction) : rounded;
  }

  /** What the engine's logits lose on the evaluation set. */
  async losses(graph: Graph) {
    const { evaluation, labels } = this.subject;
    const { logits, fileBytes } = await engineLogits(graph, evaluation);
    return lossesOf(this.float, logits, fileBytes, labels, this.reference);
  }

  async calibrationSet(seed: number, count: number) {
    const key = `${seed} ${count}`;
    const known = this.sets.get(key);
    if (known !== undefined) return known;
    const samples = calibrationOf(this.subject, seed).first(count);
    const set = { samples, calibration: await calibrate(this.subject.graph, samples, this.module) };
    this.sets.set(key, set);
    return set;
  }
}

/** Hidden activations of the configuration's width; the last layer reads 8 bits, as it has 8-bit weights. */
function activationPolicy({ activations = 8, residual }: Configuration): Policy {
  return {
    version: 1,
    defaults: { activationBits: activations },
    overrides: [
      { op: "averagePool", activationBits: 8 },
      { op: "mean", activationBits: 8 },
    ],
    ...(residual !== undefined && { residualBits: residual }),
  };
}
