import type { IoTensor } from "../model/io.ts";
import type { Description } from "../report/describe.ts";
import { kibibytes } from "./output.ts";

/** The sizes as lines of text. */
export function summary(description: Description): string {
  const { flashBytes, weightBytes, macs, plan } = description;
  const value = ({ name, dtype, shape, scale, zeroPoint }: IoTensor) =>
    `${name}: ${dtype}[${shape.join(", ")}], scale ${scale}, zero point ${zeroPoint}\n`;
  return [
    ...description.inputs.map((io) => `input   ${value(io)}`),
    ...description.outputs.map((io) => `output  ${value(io)}`),
    ...description.states.map((io) => `state   ${value(io)}`),
    ...description.notes.map((note) => `note    ${note}\n`),
    `flash   ${kibibytes(flashBytes)} (weights ${kibibytes(weightBytes)})\n`,
    `RAM     ${kibibytes(plan.peakBytes)} arena (lower bound ${kibibytes(plan.lowerBound)}, halos ${kibibytes(plan.haloBytes)} of it)\n`,
    `work    ${(macs / 1e6).toFixed(2)} million multiply-adds, ${plan.steps.length} steps\n`,
  ].join("");
}
