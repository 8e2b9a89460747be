import { DyadicError } from "../error.ts";
import { bandsText, describeBands } from "../report/bands.ts";
import { describe } from "../report/describe.ts";
import { allocationJson, allocationSummary, budgetOf, explanation, frontierJson } from "./budget.ts";
import type { FloatFlags } from "./calibration.ts";
import { choiceTable } from "./chosen.ts";
import { summary } from "./describe.ts";
import { readText } from "./files.ts";
import { loadModel } from "./model.ts";
import { print, writeWhole } from "./output.ts";
import { type TARGETS, targetBytes } from "./target.ts";

interface Options extends FloatFlags {
  readonly output: string;
  readonly labels?: string;
  readonly strip?: boolean;
  readonly stream?: number;
  readonly explain?: boolean;
  readonly frontier?: string;
  readonly target: (typeof TARGETS)[number];
  readonly json?: boolean;
}

/** Lines of a text file, without the last empty one. */
export function readLabels(path: string): string[] {
  return readText(path)
    .replace(/\r?\n$/, "")
    .split(/\r?\n/);
}

/** `dyadic compile`: import to write; the file appears whole or not at all. A module may hold a model compiled before. */
export async function compileCommand(path: string, options: Options): Promise<void> {
  const { output, labels, strip, stream, json, explain, frontier } = options;
  const allocating = budgetOf(options);
  if (allocating === undefined && (explain || frontier !== undefined)) {
    throw new DyadicError("BAD_ARGUMENT", "there is nothing to explain without a budget", {
      expected: "--flash, --ram or --latency",
    });
  }
  const additions = {
    ...(labels === undefined ? {} : { labels: readLabels(labels) }),
    ...(strip === undefined ? {} : { strip }),
    ...(stream === undefined ? {} : { stream }),
  };
  const { bytes, compiled } = await loadModel(path, options, additions, output);
  if (compiled === undefined && options.target === "dyad") {
    throw new DyadicError("BAD_ARGUMENT", "this model is compiled already", {
      file: path,
      expected: "a .tflite or .onnx model",
      hint: "run or inspect it as it is, or put it in a module with --target wasm",
    });
  }
  const { allocated, layers = [], adjusted = [] } = compiled ?? {};
  if (allocated !== undefined && frontier !== undefined && allocating !== undefined) {
    writeWhole(frontier, new TextEncoder().encode(await frontierJson(allocated, allocating)));
  }
  writeWhole(output, await targetBytes(bytes, options.target));
  const description = describe(bytes, output);
  const { peakBytes, lowerBound, haloBytes } = description.plan;
  const bands = compiled === undefined ? [] : describeBands(compiled.integer, compiled.layout);
  const result = {
    output,
    flashBytes: bytes.length,
    macs: description.macs,
    policy: compiled?.policy ?? null,
    layers: layers.map(({ name, op, settings }) => ({ name, op, ...settings })),
    adjusted,
    plan: { peakBytes, lowerBound, haloBytes, bands },
    ...(allocated && { allocation: allocationJson(allocated) }),
  };
  const spent = allocated === undefined ? "" : `${allocationSummary(allocated)}\n`;
  const details = allocated !== undefined && explain ? explanation(allocated) : "";
  const chosen = () => choiceTable(layers, adjusted);
  const inBands = bandsText(bands, compiled?.bandCost ?? 0, explain);
  print(
    json === true,
    result,
    () => `${output}\n${chosen()}${summary(description)}${inBands}${spent}${details}`,
  );
}
