// What a report says, as data: the page and --json show the same.
import { Statistics } from "../calibrate/statistics.ts";
import type { Compiled } from "../compile.ts";
import { elements, type Graph } from "../graph/graph.ts";
import { readPlan } from "../model/plan-reader.ts";
import { readModel } from "../model/reader.ts";
import { activationRange } from "../numerics/pack.ts";
import { hex, sha256 } from "../numerics/sha256.ts";
import { settingsByLayer } from "../precision/layers.ts";
import type { LayerPolicy } from "../precision/policy.ts";
import { type Accuracy, type Answers, accuracyOf, answersOf } from "./accuracy.ts";
import { type Apart, Differences } from "./apart.ts";
import { type Allocation, type Description, describe, type StepDescription } from "./describe.ts";
import type { PlottedPoint } from "./frontier.ts";
import { type Histogram, histogramOf } from "./histogram.ts";
import type { Tracer } from "./trace.ts";

/** A model beside others. */
export interface Contender {
  readonly name: string;
  /** Of the weights as float32, or of the `.dyad` file. */
  readonly bytes: number;
  readonly arenaBytes: number | null;
  readonly accuracy: Accuracy | null;
}

export interface LayerReport extends StepDescription {
  /** Its step of the plan. */
  readonly step: number;
  readonly rounding: string | null;
  readonly granularity: string | null;
  /** The float network's values against the integer one's; null where nobody compared them. */
  readonly apart: Apart | null;
  /** Scale and zero point of what the layer writes. */
  readonly scale: number | null;
  readonly zeroPoint: number;
  readonly histogram: Histogram | null;
}

export interface Report {
  readonly file: string;
  readonly name: string;
  readonly sha256: string;
  readonly producer: string;
  readonly source: string;
  readonly flashBytes: number;
  readonly weightBytes: number;
  readonly macs: number;
  /** Labelled samples behind the accuracies, and samples behind signal-to-noise and histograms. */
  readonly evaluated: number;
  readonly traced: number;
  /** Whether histograms are of the float network, or of the codes. */
  readonly histogramsOf: "float" | "integer";
  readonly contenders: readonly Contender[];
  readonly layers: readonly LayerReport[];
  readonly arena: {
    readonly peakBytes: number;
    readonly lowerBound: number;
    readonly haloBytes: number;
    readonly liveBytes: readonly number[];
    readonly allocations: readonly Allocation[];
  };
  readonly policy: unknown;
  readonly metadata: Readonly<Record<string, string>>;
  readonly frontier: readonly PlottedPoint[];
}

/** A network on samples, and what its file weighs. */
export interface Traced {
  readonly tracer: Tracer;
  readonly bytes: number;
  readonly arenaBytes: number | null;
}

export interface Evidence {
  /** The network of `bytes` on samples. */
  readonly own?: Tracer;
  readonly float?: Traced;
  /** The same network at 8 bits, where the model itself is not. */
  readonly int8?: Traced;
  readonly labels?: readonly number[];
  /** What a calibration saw of the float network's layers; not with `own`. */
  readonly calibrated?: Pick<Seen, "count" | "statistics">;
  /** How many samples go through every layer. */
  readonly count: number;
  readonly frontier?: readonly PlottedPoint[];
  onProgress?(what: string): void;
}

/** Bytes of the constants that a float graph reads, as float32. */
export function floatBytes({ nodes, tensors }: Graph): number {
  const read = new Set(nodes.flatMap(({ inputs }) => inputs));
  return tensors.reduce(
    (sum, { data, shape }, i) => sum + (data && read.has(i) ? 4 * elements(shape) : 0),
    0,
  );
}

/** What the calibration of a model that was just compiled saw of its layers. */
export function calibratedBy({ graph, calibration }: Compiled): Evidence["calibrated"] {
  if (calibration === undefined) return undefined;
  const seen = graph.nodes.map(
    ({ name, outputs }) => [name, calibration.statistics.get(outputs[0]!)] as const,
  );
  const known = seen.filter((entry): entry is readonly [string, Statistics] => entry[1] !== undefined);
  return { count: calibration.samples.length, statistics: new Map(known) };
}

/** Everything that can be said of a `.dyad` file with the evidence there is. */
export function reportOf(bytes: Uint8Array, file: string, evidence: Evidence): Report {
  const { own, float, labels = [], calibrated } = evidence;
  const description = describe(bytes, file);
  const { flashBytes, weightBytes, macs, plan, header } = description;
  const known = calibrated && { ...calibrated, apart: new Map() };
  const seen = own === undefined ? known : traceLayers(own, float?.tracer, evidence);
  return {
    file,
    name: file
      .split(/[\\/]/)
      .at(-1)!
      .replace(/\.\w+$/, ""),
    sha256: hex(sha256(bytes)),
    producer: header?.producer ?? "",
    source: header?.sourceFile ?? "",
    flashBytes,
    weightBytes,
    macs,
    evaluated: own === undefined ? 0 : labels.length,
    traced: seen?.count ?? 0,
    histogramsOf: float === undefined && calibrated === undefined ? "integer" : "float",
    contenders: contendersOf(description, evidence),
    layers: layersOf(bytes, description, seen),
    arena: {
      peakBytes: plan.peakBytes,
      lowerBound: plan.lowerBound,
      haloBytes: plan.haloBytes,
      liveBytes: plan.steps.map(({ liveBytes }) => liveBytes),
      allocations: plan.allocations,
    },
    policy: header?.policy ? JSON.parse(header.policy) : null,
    metadata: header?.metadata ?? {},
    frontier: evidence.frontier ?? [],
  };
}

/** What samples did to the layers, by name. */
interface Seen {
  readonly count: number;
  readonly statistics: ReadonlyMap<string, Statistics>;
  readonly apart: ReadonlyMap<string, Apart>;
}

/** One walk over the samples: both networks side by side. */
function traceLayers(own: Tracer, float: Tracer | undefined, { count, onProgress }: Evidence): Seen {
  const statistics = new Map<string, Statistics>();
  const differences = new Differences();
  const samples = Math.min(count, own.samples, float?.samples ?? Infinity);
  for (let sample = 0; sample < samples; sample++) {
    onProgress?.(`layers ${sample} of ${samples}`);
    const codes = own.trace(sample);
    const reals = float?.trace(sample) ?? codes;
    if (float !== undefined) differences.take(reals, codes);
    for (const { name, values } of reals) {
      const state = statistics.get(name) ?? new Statistics();
      statistics.set(name, state);
      state.observe(values);
    }
  }
  return {
    count: samples,
    statistics,
    apart: new Map(differences.layers().map((layer) => [layer.name, layer])),
  };
}

function layersOf(bytes: Uint8Array, { plan, header }: Description, seen: Seen | undefined): LayerReport[] {
  const model = readModel(bytes);
  const { tensors, steps } = readPlan(model);
  const inputs = model.io.filter(({ role }) => role === "input").length;
  const layers = header?.layers ?? [];
  const settings = settingsByLayer(header?.policy ?? "", layers);
  const end = steps.length - model.io.filter(({ role }) => role === "output").length;
  return plan.steps.slice(inputs, end).map((step, i): LayerReport => {
    const output = steps[inputs + i]!.outputs[0]!;
    const scale = header?.values[output]?.scale ?? null;
    const { zeroPoint } = tensors[output]!;
    const own: LayerPolicy | undefined = settings.get(step.name);
    return {
      ...step,
      step: inputs + i,
      rounding: own?.rounding ?? null,
      granularity: own?.granularity ?? null,
      apart: seen?.apart.get(step.name) ?? null,
      scale,
      zeroPoint,
      histogram: histogram(seen?.statistics.get(step.name), step.activationBits, scale, zeroPoint),
    };
  });
}

function histogram(seen: Statistics | undefined, bits: number, scale: number | null, zeroPoint: number) {
  if (seen === undefined || scale === null || seen.samples === 0) return null;
  const [min, max] = activationRange(bits as 8);
  return histogramOf(seen, scale * (min - zeroPoint), scale * (max - zeroPoint), scale);
}

function contendersOf({ flashBytes, plan }: Description, evidence: Evidence): Contender[] {
  const { own, float, int8, labels, onProgress } = evidence;
  const answers = (name: string, tracer: Tracer | undefined): Answers | undefined =>
    tracer && labels && answersOf(tracer, labels, (i) => onProgress?.(`${name} ${i} of ${labels.length}`));
  const reference = answers("float", float?.tracer);
  const isSum = (output: Float32Array) => Math.abs(output.reduce((a, b) => a + b, 0) - 1) > 0.02;
  const logits = reference?.outputs.some(isSum) ?? false;
  const contender = (name: string, traced: Omit<Traced, "tracer">, given: Answers | undefined) => ({
    name,
    bytes: traced.bytes,
    arenaBytes: traced.arenaBytes,
    accuracy: given ? accuracyOf(given, name === "float" ? undefined : reference, logits) : null,
  });
  const self = { bytes: flashBytes, arenaBytes: plan.peakBytes };
  return [
    ...(float ? [contender("float", float, reference)] : []),
    ...(int8 ? [contender("int8", int8, answers("int8", int8.tracer))] : []),
    contender("this model", self, answers("this model", own)),
  ];
}
