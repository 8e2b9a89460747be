import { DyadicError } from "../error.ts";
import { bandsText, describeBands } from "../report/bands.ts";
import { describe } from "../report/describe.ts";
import { type AccuracyFlags, accuracyJson, accuracySummary, gateOf } from "./accuracy.ts";
import { allocationJson, allocationSummary, budgetOf, explanation, frontierJson } from "./budget.ts";
import { choiceTable } from "./chosen.ts";
import { summary } from "./describe.ts";
import { readText } from "./files.ts";
import { loadModel } from "./model.ts";
import { print, writeWhole } from "./output.ts";
import { type TARGETS, targetBytes } from "./target.ts";

interface Options extends AccuracyFlags {
  readonly output: string;
  /** Class names; beside --inputs an .npy of classes, too. */
  readonly labels?: readonly string[];
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

/** Which of --labels are class names, and which the classes of --inputs. Throws BAD_ARGUMENT for more than one of each. */
function labelFiles({ labels = [], inputs, minAccuracy }: Options): { names?: string; classes?: string } {
  const classes = labels.filter((path) => path.endsWith(".npy"));
  const names = labels.filter((path) => !path.endsWith(".npy"));
  const isUsed = minAccuracy !== undefined || (inputs === undefined && classes.length === 0);
  if (names.length <= 1 && classes.length <= 1 && isUsed) {
    return { ...(names[0] && { names: names[0] }), ...(classes[0] && { classes: classes[0] }) };
  }
  throw new DyadicError("BAD_ARGUMENT", "these inputs and labels are of no use", {
    expected: "--labels names.txt; with --min-accuracy --inputs X.npy, and --labels Y.npy",
    found: [...(inputs ? [inputs] : []), ...labels].join(", "),
  });
}

/** `dyadic compile`: import to write; the file appears whole or not at all. A module may hold a model compiled before. */
export async function compileCommand(path: string, options: Options): Promise<void> {
  const { output, strip, stream, json, explain, frontier } = options;
  const { names, classes } = labelFiles(options);
  const allocating = budgetOf(options);
  if (allocating === undefined && (explain || frontier !== undefined)) {
    throw new DyadicError("BAD_ARGUMENT", "there is nothing to explain without a budget", {
      expected: "--flash, --ram, --latency or --min-accuracy",
    });
  }
  const gate = options.minAccuracy === undefined ? undefined : await gateOf(path, classes, options);
  const additions = {
    ...(names === undefined ? {} : { labels: readLabels(names) }),
    ...(strip === undefined ? {} : { strip }),
    ...(stream === undefined ? {} : { stream }),
  };
  const { bytes, compiled, smallest } = await loadModel(path, options, additions, output, gate);
  if (compiled === undefined && options.target === "dyad") {
    throw new DyadicError("BAD_ARGUMENT", "this model is compiled already", {
      file: path,
      expected: "a .tflite or .onnx model",
      hint: "run or inspect it as it is, or put it in a module with --target wasm",
    });
  }
  const { allocated, layers = [], adjusted = [] } = compiled ?? {};
  if (allocated !== undefined && frontier !== undefined && allocating !== undefined) {
    writeWhole(
      frontier,
      new TextEncoder().encode(await frontierJson(allocated, allocating, smallest?.trials)),
    );
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
    ...(gate && smallest && { accuracy: accuracyJson(smallest, gate) }),
  };
  const kept = gate && smallest ? accuracySummary(smallest, gate) : "";
  const spent = allocated === undefined ? "" : `${allocationSummary(allocated)}\n`;
  const details = allocated !== undefined && explain ? explanation(allocated) : "";
  const chosen = () => choiceTable(layers, adjusted);
  const inBands = bandsText(bands, compiled?.bandCost ?? 0, explain);
  print(
    json === true,
    result,
    () => `${output}\n${chosen()}${summary(description)}${inBands}${kept}${spent}${details}`,
  );
}
