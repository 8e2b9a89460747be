// docs/operators.md: what is supported, from the registry and the importers' tables. `npm run docs:operators` writes it.
import { FOLDERS } from "../../src/import/onnx/fold.ts";
import { OPERATORS as ONNX } from "../../src/import/onnx/operators.ts";
import { operatorName, OPERATORS as TFLITE } from "../../src/import/tflite/operators.ts";
import { FLOAT_OPS, OPS, type Op } from "../../src/ops/index.ts";
import { UNARY_FUNCTIONS } from "../../src/ops/unary.ts";

const row = (cells: readonly (string | number)[]) => `| ${cells.join(" | ")} |`;

function widths(op: Op): string {
  const narrow = op.packed ? "8, 4, 2, 1" : "8";
  if (op.wide === "everywhere") return `16, ${narrow}`;
  return op.wide === "output" ? `${narrow}; 16 out` : narrow;
}

/** What an op fixes about the scale of its output. */
function scaleRule({ keepsScale, outputAffine }: Op): string {
  if (keepsScale) return "that of the input";
  return outputAffine ? `${outputAffine.scale}, zero point ${outputAffine.zeroPoint}` : "any";
}

/** The page, as Markdown. */
export function operatorsPage(): string {
  const onnx = Object.keys(ONNX).sort();
  const standard = onnx.filter((name) => !name.includes("."));
  const folded = Object.keys(FOLDERS).filter((name) => !Object.hasOwn(ONNX, name));
  const tflite = TFLITE.map(({ code, version }) => row([operatorName(code), version]));
  return [
    "# Operators",
    "",
    "Written by `npm run docs:operators` from the registry (`src/ops`) and the importers' tables; a test compares.",
    "What a model needs of this, and what is wrong with it where: `npx dyadic check MODEL`.",
    "",
    `## The engine's ${OPS.length} ops`,
    "",
    "Every one runs in the scalar, the SIMD and the relaxed build with the same bits. Activation widths are bits of a code.",
    "",
    row(["op", "activations in", "widths", "scale of the output", "kernels"]),
    row(["---", "--:", "---", "---", "---"]),
    ...OPS.map((op) => {
      const inputs = Number.isFinite(op.activations) ? op.activations : "any";
      return row([
        op.name,
        inputs,
        widths(op),
        scaleRule(op),
        op.kernels.map((name) => `\`${name}\``).join(" "),
      ]);
    }),
    "",
    `In float graphs also: ${FLOAT_OPS.map(({ name }) => name).join(", ")}, which are folded before anything is quantized.`,
    "",
    `\`unary\` is a table of 256 codes made by the compiler, of one of: ${UNARY_FUNCTIONS.join(", ")}.`,
    "",
    `## ONNX: ${onnx.length} operators`,
    "",
    "Operator sets 7 to the newest, float, QDQ and QOperator (QLinear...) models; dynamically quantized ones enter as float models.",
    "Types of codes: int8, uint8, int4, uint4, int2, uint2. [What of ONNX's own tests passes](../test/conformance/results/README.md).",
    "",
    `${standard.join(", ")}.`,
    "",
    `Of com.microsoft: ${onnx
      .filter((name) => name.startsWith("com.microsoft."))
      .map((name) => name.slice("com.microsoft.".length))
      .join(", ")}.`,
    "",
    `Where all inputs are constants also: ${folded.sort().join(", ")}.`,
    "",
    `## TensorFlow Lite: ${TFLITE.length} operators`,
    "",
    row(["operator", "up to version"]),
    row(["---", "--:"]),
    ...tflite,
    "",
  ].join("\n");
}
