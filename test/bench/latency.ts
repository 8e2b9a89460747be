// `npm run latency`: how well a latency table tells the time of policies that it was not measured for. The table is made of
// the network at uniform widths; policies of mixed widths and equal bytes are predicted from it, then measured.
import { join } from "node:path";
import { parseArgs } from "node:util";
import { loadForSize } from "../../src/cli/model.ts";
import { middle, PROTOCOL } from "../../src/cli/table/job.ts";
import { measureModels } from "../../src/cli/table/measure.ts";
import { buildTimes } from "../../src/cli/table/record.ts";
import type { Compiled } from "../../src/compile.ts";
import { shapesOf } from "../../src/graph/integer.ts";
import { opNamed } from "../../src/ops/index.ts";
import { predict, StepTimes } from "../../src/precision/cost/latency.ts";
import type { Policy } from "../../src/precision/policy.ts";
import type { WeightWidth } from "../../src/quantize/rounding/index.ts";
import type { Build } from "../../src/runtime/builds.ts";
import { engineModule } from "../../src/runtime/node.ts";
import { assetsDirectory } from "../cases/assets.ts";
import { Random } from "../cases/random.ts";
import { table } from "./columns.ts";
import { saveIn } from "./report.ts";
import { beginRun, progress, RUN_OPTIONS, type Run, runHead } from "./run.ts";

const MODELS = [
  "onnx/resnet20_cifar10.onnx",
  "mlperf_tiny/models/pretrainedResnet_quant.tflite",
  "onnx/mobilenet_v2_1.0_224_float.onnx",
] as const;
const BUILDS: readonly Build[] = ["engine-relaxed", "engine"];
const WIDTHS: readonly WeightWidth[] = [8, 6, 5, 4, 3, 2];
/** Policies have the bytes of uniform 4 bits, within this share. */
const LIKE: WeightWidth = 4;
const EQUAL = 0.002;

interface PolicyResult {
  readonly bits: readonly WeightWidth[];
  readonly weightBytes: number;
  readonly predictedMs: number;
  readonly measuredMs: number;
}

interface ModelLatency {
  readonly model: string;
  readonly build: Build;
  /** Of all predictions, as shares of what was measured. */
  readonly medianError: number;
  readonly largestError: number;
  /** Times of the uniform networks that the table is made of. */
  readonly uniformMs: Readonly<Record<string, number>>;
  readonly policies: readonly PolicyResult[];
}

interface LatencyResults extends Run {
  readonly models: readonly ModelLatency[];
}

/** A layer's glob matches its own name alone. */
function policyOf(names: readonly string[], bits: readonly WeightWidth[]): Policy {
  const overrides = names.map((name, i) => {
    return { layers: name.replace(/[\\*?]/g, "\\$&"), weightBits: bits[i]! };
  });
  return { version: 1, overrides };
}

async function compiledAt(path: string, policy: Policy): Promise<Compiled> {
  const { compiled } = await loadForSize(join(assetsDirectory!, path), {}, undefined, policy);
  return compiled!;
}

/** Widths drawn at random, then changed layer by layer until their bytes are as many as wanted. */
function mixed(bytes: readonly (readonly number[])[], wanted: number, random: Random): WeightWidth[] {
  for (;;) {
    const choices = bytes.map((own) => random.integer(0, own.length - 1));
    const sum = () => choices.reduce((total, choice, layer) => total + bytes[layer]![choice]!, 0);
    for (let tries = 0; tries < 2000; tries++) {
      const excess = sum() - wanted;
      if (Math.abs(excess) <= EQUAL * wanted) return choices.map((choice) => WIDTHS[choice]!);
      const layer = random.integer(0, choices.length - 1);
      const choice = random.integer(0, WIDTHS.length - 1);
      const more = bytes[layer]![choice]! - bytes[layer]![choices[layer]!]!;
      if (Math.abs(excess + more) < Math.abs(excess)) choices[layer] = choice;
    }
  }
}

/** Bytes of every layer at every width. */
function layerBytes(uniform: readonly Compiled[]): number[][] {
  const bytes = uniform.map(({ integer }) =>
    integer.nodes.flatMap((node) => {
      const { weightAxis, cost } = opNamed(node.op);
      return weightAxis === undefined ? [] : [cost(node.parameters, shapesOf(integer, node)).weightBytes];
    }),
  );
  return bytes[0]!.map((_, layer) => bytes.map((own) => own[layer]!));
}

/** The table, the policies, and every network of both in one measurement. */
async function measure(path: string, build: Build, policies: number, rounds: number): Promise<ModelLatency> {
  const uniform: Compiled[] = [];
  for (const weightBits of WIDTHS) {
    uniform.push(await compiledAt(path, { version: 1, defaults: { weightBits } }));
  }
  const names = uniform[0]!.layers.map(({ name }) => name);
  const bytes = layerBytes(uniform);
  const wanted = bytes.reduce((sum, own) => sum + own[WIDTHS.indexOf(LIKE)]!, 0);
  const random = new Random(7);
  const chosen = Array.from({ length: policies }, () => mixed(bytes, wanted, random));
  const networks: Compiled[] = [];
  for (const bits of chosen) networks.push(await compiledAt(path, policyOf(names, bits)));
  const files = [...uniform, ...networks].map(({ model }) => model);
  const say = (what: string) => progress(`${path}, ${build}: ${what}`);
  const measured = await measureModels(await engineModule(build), files, { ...PROTOCOL, rounds }, say);
  progress("");
  const own = { ...measured, models: measured.models.slice(0, uniform.length) };
  const times = new StepTimes(
    buildTimes(uniform, own, { build, engine: "", method: "", roofline: 0, date: "" }),
  );
  const results = chosen.map((bits, i): PolicyResult => {
    const { integer, layout } = networks[i]!;
    const prediction = predict(
      times,
      integer,
      layout.scratch.map(({ bytes }) => bytes),
    );
    return {
      bits,
      weightBytes: bytes.reduce((sum, widths, layer) => sum + widths[WIDTHS.indexOf(bits[layer]!)]!, 0),
      predictedMs: prediction.nanoseconds / 1e6,
      measuredMs: middle(measured.models[uniform.length + i]!.whole) / 1e6,
    };
  });
  const errors = results.map(({ predictedMs, measuredMs }) => Math.abs(predictedMs / measuredMs - 1));
  const uniformMs = WIDTHS.map((bits, i) => [`${bits}`, middle(measured.models[i]!.whole) / 1e6] as const);
  return {
    model: path.split("/").at(-1)!,
    build,
    medianError: middle(errors),
    largestError: Math.max(...errors),
    uniformMs: Object.fromEntries(uniformMs),
    policies: results,
  };
}

const percent = (share: number) => `${(100 * share).toFixed(2)} %`;
const milliseconds = (value: number) => value.toPrecision(4);

function summary(models: readonly ModelLatency[]): string {
  const head = ["model", "build", "bytes", "predicted ms", "measured ms", "median error", "largest error"];
  return table([
    head,
    ...models.map(({ model, build, medianError, largestError, policies }) => {
      const range = (values: readonly number[]) =>
        `${milliseconds(Math.min(...values))} to ${milliseconds(Math.max(...values))}`;
      const sizes = policies.map(({ weightBytes }) => weightBytes);
      return [
        model,
        build,
        `${Math.min(...sizes)} to ${Math.max(...sizes)}`,
        range(policies.map(({ predictedMs }) => predictedMs)),
        range(policies.map(({ measuredMs }) => measuredMs)),
        percent(medianError),
        percent(largestError),
      ];
    }),
  ]);
}

const INTRODUCTION = `# Predicted and measured latency

Written by \`npm run latency -- --save\` in test/bench from the JSON files beside this page: do not edit.

A latency table (\`dyadic bench --table\`) holds the times of the steps of a network at uniform widths of weights: ${WIDTHS.join(", ")}
bits, activations of 8. Policies that draw the width of every layer at random, with as many bytes of weights as uniform ${LIKE} bits
(within ${percent(EQUAL)}), are predicted from it and measured, all in one process and in turns: medians of both. The error is that
of the whole run's time.
`;

function section({ models, ...run }: LatencyResults): string {
  const uniform = models.map(({ model, build, uniformMs }) => [
    model,
    build,
    ...WIDTHS.map((bits) => milliseconds(uniformMs[`${bits}`]!)),
  ]);
  return `${runHead(run)}

${summary(models)}

Measured ms of the uniform networks:

${table([["model", "build", ...WIDTHS.map((bits) => `${bits} bits`)], ...uniform])}
`;
}

const { values } = parseArgs({
  options: {
    models: { type: "string", default: MODELS.join(",") },
    policies: { type: "string", default: "10" },
    rounds: { type: "string", default: `${PROTOCOL.rounds}` },
    ...RUN_OPTIONS,
  },
});
const endRun = beginRun(values);
const models: ModelLatency[] = [];
for (const path of values.models.split(",")) {
  for (const build of BUILDS) {
    models.push(await measure(path, build, Number(values.policies), Number(values.rounds)));
  }
}
console.log(summary(models));
if (values.save) {
  const file = saveIn<LatencyResults>(
    new URL("results/latency/", import.meta.url),
    {
      ...endRun(),
      models,
    },
    INTRODUCTION,
    section,
  );
  console.log(`results/latency/${file} and results/latency/README.md written`);
}
