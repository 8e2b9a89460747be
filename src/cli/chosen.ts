// What a compilation chose, in few lines.
import type { Policy, PolicyRow } from "../precision/policy.ts";
import type { Adjusted } from "../precision/widths.ts";
import { table } from "./output.ts";

/** Names that a line has room for. */
const NAMED = 3;

/** Layers of equal settings a line, in the order of their first; then activations that are other than asked for. */
export function choiceTable(rows: readonly PolicyRow[], adjusted: readonly Adjusted[]): string {
  if (rows.length === 0) return "";
  const alike = new Map<string, PolicyRow[]>();
  for (const row of rows) {
    const key = JSON.stringify(row.settings);
    alike.set(key, [...(alike.get(key) ?? []), row]);
  }
  const lines = [...alike.values()].map((own) => {
    const { weightBits, activationBits, rounding, granularity } = own[0]!.settings;
    const more = own.length > NAMED ? ", ..." : "";
    const names = own.slice(0, NAMED).map(({ name }) => name);
    return [
      `${own.length}`,
      `${weightBits}`,
      `${activationBits}`,
      rounding,
      granularity,
      names.join(", ") + more,
    ];
  });
  return [
    table([["layers", "weights", "writes", "rounding", "scale by", "names"], ...lines]),
    ...adjusted.map(
      ({ tensor, wanted, bits, because }) =>
        `"${tensor}" has ${bits} bits instead of ${wanted}: ${because}\n`,
    ),
    "\n",
  ].join("");
}

/** The policy in one line; every layer's widths are in the table of steps. */
export function policyLine({ defaults, overrides = [], ...network }: Policy): string {
  const { weightBits, activationBits, rounding, granularity } = defaults ?? {};
  const { residualBits, biasCorrection, equalisation, reconstruction } = network;
  const parts = [
    `weights ${weightBits}`,
    `activations ${activationBits}`,
    ...(residualBits === undefined ? [] : [`residual stream ${residualBits}`]),
    `${rounding} by ${granularity}`,
    ...(biasCorrection ? ["biases corrected"] : []),
    ...(equalisation ? ["equalised"] : []),
    ...(reconstruction ? ["reconstructed"] : []),
    ...(overrides.length > 0 ? [`${overrides.length} nodes otherwise`] : []),
  ];
  return `policy  ${parts.join(", ")}\n`;
}
