import { DyadicError } from "../error.ts";
import { dumpGraph } from "../graph/graph.ts";
import { dumpIntegerGraph } from "../graph/integer.ts";
import { importModel } from "../import/index.ts";
import { dumpLayout } from "../plan/index.ts";
import { describe, summary } from "./describe.ts";
import { loadModel, readBytes, siblingsOf } from "./model.ts";
import { print, table } from "./output.ts";

export const STAGES = ["import", "simplify", "lower", "plan"] as const;

/** `dyadic inspect`: the file's own records; with --stage, the text of a stage of the compilation. */
export function inspect(path: string, options: { stage?: (typeof STAGES)[number]; json?: boolean }): void {
  const { stage, json } = options;
  if (stage !== undefined) {
    const text = stageText(path, stage);
    print(json === true, { stage, text }, () => text);
    return;
  }
  const description = describe(loadModel(path).bytes, path);
  print(json === true, { ...description, policy: policyOf(description.header?.policy) }, () =>
    [
      summary(description),
      "\n",
      table([
        ["step", "op", "output", "macs", "live bytes", "name"],
        ...description.plan.steps.map(
          (step, i) => [i, step.op, step.output.join("x"), step.macs, step.liveBytes, step.name] as const,
        ),
      ]),
    ].join(""),
  );
}

function policyOf(policy: string | undefined): unknown {
  return policy ? JSON.parse(policy) : null;
}

function stageText(path: string, stage: (typeof STAGES)[number]): string {
  if (stage === "import")
    return dumpGraph(importModel(readBytes(path), path, { readExternal: siblingsOf(path) }));
  const { compiled } = loadModel(path);
  if (compiled === undefined) {
    throw new DyadicError("BAD_ARGUMENT", "a .dyad file holds only the last stage", {
      file: path,
      hint: "give the .tflite model that it was compiled from, or leave out --stage",
    });
  }
  if (stage === "simplify") return dumpGraph(compiled.graph);
  return stage === "lower"
    ? dumpIntegerGraph(compiled.integer)
    : dumpLayout(compiled.integer, compiled.layout);
}
