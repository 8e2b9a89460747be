import { DyadicError } from "../error.ts";
import { dumpGraph } from "../graph/graph.ts";
import { dumpIntegerGraph } from "../graph/integer.ts";
import { importModel } from "../import/index.ts";
import { simplify } from "../passes/index.ts";
import { dumpLayout } from "../plan/index.ts";
import type { Policy } from "../precision/policy.ts";
import { describe } from "../report/describe.ts";
import type { FloatFlags } from "./calibration.ts";
import { policyLine } from "./chosen.ts";
import { summary } from "./describe.ts";
import { readBytes } from "./files.ts";
import { isCompiled, loadModel, siblingsOf } from "./model.ts";
import { print, table } from "./output.ts";

export const STAGES = ["import", "simplify", "quantize", "lower", "plan"] as const;

interface Options extends FloatFlags {
  readonly stage?: (typeof STAGES)[number];
  readonly json?: boolean;
}

/** `dyadic inspect`: the file's own records; with --stage, the text of a stage of the compilation. */
export async function inspect(path: string, options: Options): Promise<void> {
  const { stage, json } = options;
  if (stage !== undefined) {
    const text = await stageText(path, stage, options);
    print(json === true, { stage, text }, () => text);
    return;
  }
  const description = describe((await loadModel(path, options)).bytes, path);
  const policy = policyOf(description.header?.policy);
  print(json === true, { ...description, policy }, () =>
    [
      summary(description),
      policy === null ? "" : policyLine(policy),
      "\n",
      table([
        ["step", "op", "output", "bits", "weights", "macs", "live bytes", "name"],
        ...description.plan.steps.map(
          ({ op, output, activationBits, weightBits, macs, liveBytes, name }, i) =>
            [i, op, output.join("x"), activationBits, weightBits ?? "", macs, liveBytes, name] as const,
        ),
      ]),
    ].join(""),
  );
}

function policyOf(policy: string | undefined): Policy | null {
  return policy ? JSON.parse(policy) : null;
}

async function stageText(path: string, stage: (typeof STAGES)[number], options: Options): Promise<string> {
  const bytes = readBytes(path);
  if (isCompiled(bytes)) {
    throw new DyadicError("BAD_ARGUMENT", "a .dyad file holds only the last stage", {
      file: path,
      hint: "give the model that it was compiled from, or leave out --stage",
    });
  }
  if (stage === "import" || stage === "simplify") {
    const imported = importModel(bytes, path, { readExternal: siblingsOf(path) });
    return dumpGraph(stage === "import" ? imported : simplify(imported));
  }
  const { compiled } = await loadModel(path, options);
  if (compiled === undefined) throw new DyadicError("INTERNAL", "the model was not compiled", { file: path });
  if (stage === "quantize") return dumpGraph(compiled.graph);
  return stage === "lower"
    ? dumpIntegerGraph(compiled.integer)
    : dumpLayout(compiled.integer, compiled.layout);
}
