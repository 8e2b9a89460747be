// Layers against their kernels: what a layer reaches in its network, as a share of what its kernel reaches by itself.
import { CONV_KERNEL_H, CONV_KERNEL_W, CONV_STRIDE_W } from "../../assembly/abi.ts";
import { compileGraph } from "../../src/compile.ts";
import { readPlan } from "../../src/model/plan-reader.ts";
import { readModel } from "../../src/model/reader.ts";
import { describe } from "../../src/report/describe.ts";
import { singleLayer } from "../cases/networks.ts";

/** Kernels that loop differently. */
export type Kind = "product" | "one row" | "depthwise" | "depthwise by 2";
/** GMAC/s by kind. */
export type Rates = Readonly<Record<Kind, number>>;

interface Reference {
  readonly kind: Kind;
  readonly text: string;
  readonly macs: number;
  readonly graph: () => ReturnType<typeof singleLayer>;
}

/** Shapes that fill tiles, with long sums and operands in near caches. */
export const REFERENCES: readonly Reference[] = [
  {
    kind: "product",
    text: "8x12 pixels of 2048 channels to 64",
    macs: 96 * 2048 * 64,
    graph: () => singleLayer("conv", [1, 8, 12, 2048], 64),
  },
  {
    kind: "one row",
    text: "512 numbers to 256",
    macs: 512 * 256,
    graph: () => singleLayer("dense", [1, 512], 256),
  },
  {
    kind: "depthwise",
    text: "3x3 on 28x28x96",
    macs: 28 * 28 * 96 * 9,
    graph: () => singleLayer("depthwise", [1, 28, 28, 96], 96),
  },
  {
    kind: "depthwise by 2",
    text: "3x3 with stride 2 on 56x56x96",
    macs: 28 * 28 * 96 * 9,
    graph: () => singleLayer("depthwise", [1, 56, 56, 96], 96, 2),
  },
];

export function referenceModels(): Uint8Array[] {
  return REFERENCES.map(({ graph }) => compileGraph(graph()).model);
}

/** A layer with weights, in its network. */
export interface LayerRate {
  readonly model: string;
  readonly layer: string;
  readonly output: readonly number[];
  readonly kind: Kind;
  /** Products that each output is a sum of. */
  readonly depth: number;
  readonly nanoseconds: number;
  readonly macs: number;
  /** Of what the kernel reaches by itself. */
  readonly share: number;
}

/** @param medians nanoseconds of every step */
export function layerRates(
  model: string,
  bytes: Uint8Array,
  medians: readonly number[],
  rates: Rates,
): LayerRate[] {
  const { steps } = readPlan(readModel(bytes, model));
  return describe(bytes, model).plan.steps.flatMap(({ name, op, output, macs, weightBits }, i) => {
    if (weightBits === null || macs === 0) return [];
    const { words } = steps[i]!;
    const [height, width, channels] = output as [number, number, number];
    const isDepthwise = op === "depthwise";
    const kind: Kind = isDepthwise
      ? words[CONV_STRIDE_W / 4] === 2
        ? "depthwise by 2"
        : "depthwise"
      : height * width === 1
        ? "one row"
        : "product";
    const taps = words[CONV_KERNEL_H / 4]! * words[CONV_KERNEL_W / 4]!;
    const depth = isDepthwise ? taps : macs / (height * width * channels);
    const nanoseconds = medians[i]!;
    const share = macs / nanoseconds / rates[kind];
    return [{ model, layer: `${i} ${name}`, output, kind, depth, nanoseconds, macs, share }];
  });
}

/** Below it a sum is over before its requantisation pays: the epilogue takes as long as some 64 products. */
const SHORT_SUM = 64;
/** A step that takes less has hardly begun: reading its record and setting up a tile takes some 50 ns. */
const SHORT_STEP = 500;

/** Bytes of weights that no near cache holds beside the activations. */
const FAR_WEIGHTS = 500_000;

function reason({ kind, depth, nanoseconds, output }: LayerRate): string {
  const [height, width, channels] = output as [number, number, number];
  if (kind === "product" && depth <= SHORT_SUM) return "short sums: most of the time goes into requantising";
  if (nanoseconds < SHORT_STEP) return "a step so short that starting it counts";
  if (height * width < 50 && depth * channels > FAR_WEIGHTS)
    return "weights come from far caches, for few pixels";
  if (kind === "one row" && channels % 8 !== 0) return "the last block of eight channels is not full";
  if (kind.startsWith("depthwise") && width <= 8)
    return `rows of ${width} pixels: a column serves fewer outputs`;
  return "no known reason";
}

/** What stays below half of its kernel, as rows of a table. */
export function exceptionsOf(layers: readonly LayerRate[]): string[][] {
  const found = layers.filter(({ share }) => share < 0.5);
  return found.map((layer) => [
    `${layer.model} ${layer.layer.length > 40 ? `${layer.layer.slice(0, 37)}...` : layer.layer}`,
    layer.output.join("x"),
    `${layer.depth}`,
    (layer.nanoseconds / 1000).toPrecision(3),
    (layer.macs / layer.nanoseconds).toFixed(1),
    `${(100 * layer.share).toFixed(0)} % of ${layer.kind}`,
    reason(layer),
  ]);
}
