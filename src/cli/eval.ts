import { DyadicError } from "../error.ts";
import { readNpy } from "../import/npy.ts";
import { preparationOf } from "./calibration.ts";
import { readBytes } from "./files.ts";
import { readInputs } from "./inputs/index.ts";
import { topK } from "./labels.ts";
import { openModel, type RunOptions } from "./open.ts";
import { print, progress } from "./output.ts";

interface Options extends RunOptions {
  readonly inputs: string;
  readonly labels: string;
}

/** `dyadic eval`: the share of samples whose best class (the first of equals) is the label. */
export async function evaluate(path: string, options: Options): Promise<void> {
  const model = await openModel(path, options);
  const [input] = model.inputs;
  if (input === undefined || model.inputs.length !== 1) {
    throw new DyadicError("BAD_ARGUMENT", "eval takes models of one input", {
      file: path,
      found: `${model.inputs.length}`,
    });
  }
  const samples = readInputs(options.inputs, input, preparationOf(options));
  const labels = readNpy(readBytes(options.labels), options.labels).data;
  if (labels.length !== samples.length) {
    throw new DyadicError("BAD_INPUT", "not one label a sample", {
      file: options.labels,
      expected: `${samples.length}`,
      found: `${labels.length}`,
    });
  }
  let right = 0;
  samples.forEach((sample, i) => {
    if (i % 64 === 0) progress(`${i} of ${samples.length}`);
    const [output] = model.run([sample]);
    const [best] = topK(output!.data, output!.scale, output!.zeroPoint, undefined, 1);
    if (best?.index === Number(labels[i])) right++;
  });
  progress("");
  const n = samples.length;
  print(
    options.json === true,
    { metric: "top1", value: right / n, n },
    () => `top-1 ${((100 * right) / n).toFixed(2)} % of ${n}\n`,
  );
}
