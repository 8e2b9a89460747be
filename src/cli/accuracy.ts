// --min-accuracy: what a file is measured by, and what is said of it.
import { sampleHash } from "../calibrate/observer.ts";
import type { AccuracyGate, Smallest, Trial } from "../compile/smallest.ts";
import { isFloat } from "../compile.ts";
import { DyadicError } from "../error.ts";
import { evaluate } from "../float/evaluate.ts";
import type { Graph } from "../graph/graph.ts";
import { importModel } from "../import/index.ts";
import { readNpy } from "../import/npy.ts";
import { inputShape } from "../inputs/samples.ts";
import { readModel } from "../model/reader.ts";
import { simplify } from "../passes/index.ts";
import { dequantizeGraph } from "../quantize/dequantize.ts";
import { engineModule, InferenceSession } from "../runtime/node.ts";
import { type FloatFlags, preparationOf } from "./calibration.ts";
import { readBytes } from "./files.ts";
import { openFloats } from "./inputs/floats.ts";
import { readInputs } from "./inputs/index.ts";
import { siblingsOf } from "./model.ts";

export interface AccuracyFlags extends FloatFlags {
  readonly inputs?: string;
}

const NAMES = { top1: "top-1", agreement: "agreement with the float model" } as const;

/** A gate, and what it measures in words. */
export interface NamedGate extends AccuracyGate {
  /** "top1" by labels, or "agreement" with the float model. */
  readonly metric: "top1" | "agreement";
  readonly n: number;
}

/** A share of "0.785" or "78.5%". Throws BAD_ARGUMENT. */
export function parseShare(option: string, text: string): number {
  const [, number, percent] = /^(\d+(?:\.\d+)?)(%?)$/.exec(text) ?? [];
  const share = Number(number) / (percent === "%" ? 100 : 1);
  if (share > 0 && share <= 1) return share;
  throw new DyadicError("BAD_ARGUMENT", `${option} is no share`, {
    expected: "such as 0.785 or 78.5%",
    found: text,
  });
}

/**
 * What --min-accuracy measures: top-1 on --inputs by labels, or without labels how often the float model's class comes
 * out. Throws BAD_ARGUMENT without inputs, and where one of them is a calibration sample, by content.
 *
 * @param labels an .npy of one class a sample
 */
export async function gateOf(
  model: string,
  labels: string | undefined,
  flags: AccuracyFlags,
): Promise<NamedGate> {
  const { minAccuracy, inputs } = flags;
  const least = parseShare("--min-accuracy", minAccuracy!);
  if (inputs === undefined) {
    throw new DyadicError("BAD_ARGUMENT", "an accuracy is measured on data", {
      expected: "--inputs X.npy, and --labels Y.npy; without labels, agreement with the float model counts",
    });
  }
  const imported = simplify(importModel(readBytes(model), model, { readExternal: siblingsOf(model) }));
  const graph = isFloat(imported) ? imported : dequantizeGraph(imported);
  refuseShared(graph, inputs, flags);
  const wanted = labels === undefined ? await floatAnswers(graph, inputs, flags) : labelsIn(labels);
  const measure = async (bytes: Uint8Array) => {
    const answers = await integerAnswers(bytes, inputs, flags);
    if (answers.length !== wanted.length) {
      throw new DyadicError("BAD_INPUT", "not one label a sample", {
        file: labels ?? inputs,
        expected: `${answers.length}`,
        found: `${wanted.length}`,
      });
    }
    return answers.filter((answer, i) => answer === wanted[i]).length / answers.length;
  };
  const metric = labels === undefined ? "agreement" : "top1";
  const n = wanted.length;
  return { least, measure, metric, n, name: `${NAMES[metric]} on ${n} samples` };
}

/** The search, for programs. */
export function accuracyJson({ accuracy: value, trials }: Smallest, { metric, n, least }: NamedGate) {
  return { metric, n, value, least, trials };
}

/** The search in words: what was measured, what was found, and how near below it fails. */
export function accuracySummary({ accuracy, trials }: Smallest, { metric, n, least }: NamedGate): string {
  const percent = (share: number) => `${(100 * share).toFixed(2)} %`;
  const error = percent(Math.sqrt((accuracy * (1 - accuracy)) / n));
  const failed = trials.filter((trial) => trial.accuracy < least);
  const nearest = failed.reduce<Trial | undefined>(
    (most, trial) => (most === undefined || trial.fileBytes > most.fileBytes ? trial : most),
    undefined,
  );
  const below =
    nearest === undefined
      ? "; nothing smaller can be chosen"
      : `; of ${trials.length} files measured, the next smaller one has ${percent(nearest.accuracy)} in ${nearest.fileBytes} bytes`;
  return `${NAMES[metric]} ${percent(accuracy)} on ${n} samples (standard error ${error}; asked for ${percent(least)})${below}\n`;
}

function labelsIn(path: string): number[] {
  return Array.from(readNpy(readBytes(path), path).data, Number);
}

function samplesIn(path: string, graph: Graph, flags: FloatFlags) {
  const samples = openFloats(path, preparationOf(flags)).samples(inputShape(graph));
  return { length: samples.length, at: (index: number) => [samples.at(index)] };
}

function refuseShared(graph: Graph, inputs: string, flags: FloatFlags): void {
  if (flags.calibrate === undefined) return;
  const hashes = (path: string) => {
    const samples = samplesIn(path, graph, flags);
    return Array.from({ length: samples.length }, (_, i) => sampleHash(samples.at(i)));
  };
  const calibrated = new Set(hashes(flags.calibrate));
  const shared = hashes(inputs).filter((hash) => calibrated.has(hash)).length;
  if (shared === 0) return;
  throw new DyadicError("BAD_ARGUMENT", "samples that accuracy is measured on have been calibrated with", {
    file: inputs,
    expected: "none of them",
    found: `${shared}`,
    hint: "measure on other data: on what a model was fitted to it looks better than it is",
  });
}

async function floatAnswers(graph: Graph, inputs: string, flags: FloatFlags): Promise<number[]> {
  const outputs = await evaluate(graph, samplesIn(inputs, graph, flags));
  return outputs.map(([output]) => best(output!));
}

async function integerAnswers(bytes: Uint8Array, inputs: string, flags: FloatFlags): Promise<number[]> {
  const session = await InferenceSession.create(bytes, { module: await engineModule() });
  const [input] = readModel(bytes).io.filter(({ role }) => role === "input");
  return readInputs(inputs, input!, preparationOf(flags)).map((sample) => {
    const [output] = Object.values(session.runSync({ [input!.name]: sample }));
    return best(output!.data);
  });
}

/** The first of the largest. */
function best(values: ArrayLike<number>): number {
  let index = 0;
  for (let i = 1; i < values.length; i++) if (values[i]! > values[index]!) index = i;
  return index;
}
