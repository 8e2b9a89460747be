import { DyadicError } from "../error.ts";
import { describe, summary } from "./describe.ts";
import { loadModel, readBytes } from "./model.ts";
import { print, writeWhole } from "./output.ts";

interface Options {
  readonly output: string;
  readonly labels?: string;
  readonly strip?: boolean;
  readonly json?: boolean;
}

/** Lines of a text file, without the last empty one. */
export function readLabels(path: string): string[] {
  return new TextDecoder()
    .decode(readBytes(path))
    .replace(/\r?\n$/, "")
    .split(/\r?\n/);
}

/** `dyadic compile`: import to write; the file appears whole or not at all. */
export function compileCommand(path: string, { output, labels, strip, json }: Options): void {
  const { bytes, compiled } = loadModel(path, {
    ...(labels === undefined ? {} : { labels: readLabels(labels) }),
    ...(strip === undefined ? {} : { strip }),
  });
  if (compiled === undefined) {
    throw new DyadicError("BAD_ARGUMENT", "this model is compiled already", {
      file: path,
      expected: "a .tflite model",
      hint: "run or inspect it as it is",
    });
  }
  writeWhole(output, bytes);
  const description = describe(bytes, output);
  const { peakBytes, lowerBound, haloBytes } = description.plan;
  const result = {
    output,
    flashBytes: bytes.length,
    macs: description.macs,
    plan: { peakBytes, lowerBound, haloBytes },
  };
  print(json === true, result, () => `${output}\n${summary(description)}`);
}
