// Which steps of a plan run in bands, and what that costs.
import type { IntegerGraph } from "../graph/integer.ts";
import type { Layout } from "../plan/index.ts";

/** One group of a plan. */
export interface BandsDescription {
  /** Names of the first and the last step. */
  readonly first: string;
  readonly last: string;
  readonly bands: number;
  readonly steps: readonly {
    readonly name: string;
    readonly op: string;
    /** Output rows in a band, of how many. */
    readonly rows: number;
    readonly height: number;
    /** Rows that the buffer of its output holds; null where that is whole. */
    readonly window: number | null;
  }[];
}

/** The groups of a plan, in their order. */
export function describeBands({ nodes, tensors }: IntegerGraph, layout: Layout): BandsDescription[] {
  return layout.groups.map(({ first, bands, members }) => {
    const steps = members.map(({ perBand }, i) => {
      const { name, op, output } = nodes[first + i]!;
      const height = tensors[output]!.shape[0];
      const window = layout.placements[output]!.window ?? null;
      return { name, op, rows: Math.min(perBand, height), height, window };
    });
    return { first: steps[0]!.name, last: steps.at(-1)!.name, bands, steps };
  });
}

/** A line on the whole, with nanoseconds that bands cost; with details, one a group and one a step. Empty without groups. */
export function bandsText(groups: readonly BandsDescription[], nanoseconds: number, details = false): string {
  if (groups.length === 0) return "";
  const count = groups.reduce((sum, { steps }) => sum + steps.length, 0);
  const head = `bands   ${count} steps in ${groups.length} groups run band by band to fit the RAM; about ${Math.ceil(nanoseconds / 1000)} us more a run\n`;
  if (!details) return head;
  const lines = groups.flatMap(({ first, last, bands, steps }) => [
    `  ${first} to ${last}: ${bands} bands`,
    ...steps.map(({ name, op, rows, height, window }) => {
      const kept = window === null ? "" : `, ${window} kept`;
      return `    ${op} ${name}: ${rows} of ${height} rows${kept}`;
    }),
  ]);
  return `${head}${lines.join("\n")}\n`;
}
