// The page of what allocation gains, from its measurements.

/** A policy on the engine. */
export interface Row {
  readonly name: string;
  /** Bits of every layer's weights. */
  readonly weights: string;
  /** Bits of every group of activations; left out where all have 8. */
  readonly activations?: string;
  /** Bytes of codes, as a share of those at 8 bits. */
  readonly share: number;
  readonly fileBytes: number;
  readonly peakBytes: number;
  readonly kl: number;
  readonly top1: number;
  readonly n: number;
  /** At most so much KL, and what was hoped for. */
  readonly limit?: readonly [most: number, aim: number];
}

/** How predicted losses order random policies. */
export interface Order {
  readonly policies: readonly { readonly bits: string; readonly kl: number }[];
  /** Kendall's tau by provider. */
  readonly tau: Readonly<Record<string, number>>;
  readonly limit: readonly [least: number, aim: number];
}

export interface Results {
  readonly weights?: Order | undefined;
  readonly activations?: Order | undefined;
  readonly budgets?: readonly Row[] | undefined;
  readonly joint?: readonly Row[] | undefined;
  readonly pairs?: readonly Row[] | undefined;
}

const PAGE = `# What allocation gains

Written by \`DYADIC_FULL=1 npx vitest run test/model/allocator.test.ts\` from allocator.json; \`-t\` measures a part again. What a
policy loses is kept in DYADIC_STUDY (else in the temporary folder), so that a run that was stopped goes on.

KL is that of the softmax of engine.wasm's logits (8 bits) against those of the float network, mean over n test images.
Layers are rounded as \`compile\` rounds them, on 256 training images (500 for ResNet-8): coordinate descent, 8 bits to nearest. Losses are predicted on 256 training
images, one change at a time, with that rounding; calibration and evaluation share no image.
`;

function policyTable(rows: readonly Row[]): string {
  const lines = rows.map((row) => {
    const [most = "-", aim = "-"] = row.limit?.map((kl) => kl.toPrecision(3)) ?? [];
    const passes = row.limit === undefined ? "-" : row.kl <= row.limit[0] ? "yes" : "NO";
    const percent = (100 * row.share).toFixed(1);
    const cells = [row.name, row.weights, row.activations ?? "8", percent, row.fileBytes, row.peakBytes];
    return [...cells, row.kl.toFixed(4), most, aim, (100 * row.top1).toFixed(2), passes];
  });
  return tableOf(
    [
      "policy",
      "bits of weights",
      "bits of activations",
      "% of int8",
      "file",
      "arena",
      "KL",
      "limit",
      "aim",
      "top-1",
      "passes",
    ],
    lines,
  );
}

function orderTable(orders: readonly (readonly [string, Order | undefined])[]): string {
  const known = orders.flatMap(([name, own]) => (own === undefined ? [] : [[name, own] as const]));
  const names = [...new Set(known.flatMap(([, { tau }]) => Object.keys(tau)))];
  const lines = names.map((name) => [name, ...known.map(([, { tau }]) => tau[name]?.toFixed(3) ?? "-")]);
  const limits = known.map(([, { limit }]) => `${limit[0]} (${limit[1]})`);
  return tableOf(
    ["provider", ...known.map(([name]) => name)],
    [...lines, ["best at least (aim)", ...limits]],
  );
}

function tableOf(head: readonly string[], rows: readonly (readonly (string | number)[])[]): string {
  const line = (cells: readonly (string | number)[]) => `| ${cells.join(" | ")} |\n`;
  return [line(head), line(head.map(() => "---")), ...rows.map(line)].join("");
}

/** The page of results, as far as they are measured. */
export function allocationPage({ weights, activations, budgets, joint, pairs }: Results): string {
  const parts = [PAGE];
  if (budgets) {
    parts.push(`
## Budgets of weights, resnet20

Shares of the bytes of codes at 8 bits; activations at 8 bits. Uniform policies keep the first and the last layer at 8.

${policyTable(budgets)}`);
  }
  if (joint) {
    parts.push(`
## Weights and activations together, resnet20

At most the arena of uniform W4A4, and at most its file and a tenth more. Running layers by bands of rows is one of the
allocator's choices; the uniform policy is planned as \`compile\` plans it without a limit. Bits of activations are those of the
groups that may be narrow, in the order of the network.

${policyTable(joint)}`);
  }
  if (weights || activations) {
    const range = ({ policies }: Order) =>
      `${Math.min(...policies.map(({ kl }) => kl)).toFixed(4)} to ${Math.max(...policies.map(({ kl }) => kl)).toFixed(4)}`;
    const ranges = [
      ...(weights ? [`KL of the weights' policies ${range(weights)}`] : []),
      ...(activations ? [`of the activations' ${range(activations)}`] : []),
    ];
    parts.push(`
## Predicted against measured, resnet20

Kendall's tau between the sum of predicted losses and the measured KL of 30 random policies: weights of 8, 4 or 2 bits with
activations of 8 (n = 2,000), and activations of 8 or 4 bits with weights of 8 (rounded on 128 images, n = 1,000). ${ranges.join(", ")}.

${orderTable([
  ["weights {2, 4, 8}", weights],
  ["activations {4, 8}", activations],
])}`);
  }
  if (pairs) {
    parts.push(`
## Pairwise terms, ResNet-8

The same budgets with and without what two layers lose together (CLADO), both from the divergence of outputs.

${policyTable(pairs)}`);
  }
  return parts.join("");
}
