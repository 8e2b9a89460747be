import { DyadicError } from "../error.ts";
import type { Tensor } from "../runtime/node.ts";
import { preparationOf } from "./calibration.ts";
import { readLabels } from "./compile.ts";
import { readInputs } from "./inputs/index.ts";
import { topK } from "./labels.ts";
import { type OpenModel, openModel, type RunOptions } from "./open.ts";
import { print } from "./output.ts";

interface Options extends RunOptions {
  readonly input: readonly string[];
  readonly labels?: string;
  readonly top: number;
}

/** `dyadic run`: one result a sample; the best classes for people, everything for programs. */
export async function run(path: string, options: Options): Promise<void> {
  const model = await openModel(path, options);
  const labels = options.labels === undefined ? undefined : readLabels(options.labels);
  for (const samples of samplesOf(model, options)) {
    const outputs = model.run(samples);
    print(
      options.json === true,
      { outputs: outputs.map((output) => describe(output, labels, options.top)) },
      () => outputs.map((output) => text(output, labels, options.top)).join("\n"),
    );
  }
}

/** One list of inputs a run: files hold as many samples as each other. */
function samplesOf(model: OpenModel, options: Options) {
  if (options.input.length !== model.inputs.length) {
    throw new DyadicError("BAD_ARGUMENT", "not one file for each input of the model", {
      expected: `${model.inputs.length}: ${model.inputs.map(({ name }) => name).join(", ")}`,
      found: `${options.input.length}`,
      hint: "give --input once for each, in this order",
    });
  }
  const files = options.input.map((file, i) => readInputs(file, model.inputs[i]!, preparationOf(options)));
  const counts = new Set(files.map((samples) => samples.length));
  if (counts.size > 1) {
    throw new DyadicError("BAD_INPUT", "the input files hold different numbers of samples", {
      found: [...counts].join(" and "),
    });
  }
  return files[0]!.map((_, sample) => files.map((samples) => samples[sample]!));
}

function classes(output: Tensor, labels: readonly string[] | undefined, count: number) {
  return topK(output.data, output.scale, output.zeroPoint, labels ?? output.labels, count);
}

function describe(output: Tensor, labels: readonly string[] | undefined, count: number) {
  const { name, type, dims, scale, zeroPoint } = output;
  return {
    name,
    type,
    dims,
    scale,
    zeroPoint,
    data: Array.from(output.data),
    top: classes(output, labels, count),
  };
}

function text(output: Tensor, labels: readonly string[] | undefined, count: number): string {
  return classes(output, labels, count)
    .map(({ label, score }) => `${score.toFixed(4).padStart(9)}  ${label}\n`)
    .join("");
}
