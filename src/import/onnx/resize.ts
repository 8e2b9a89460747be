import { DyadicError } from "../../error.ts";
import type { Adapter, Builder, Value } from "./builder.ts";
import { channelsLast, plain } from "./layout.ts";
import { emitGather } from "./moving.ts";
import { axisOf, type Operator } from "./operator.ts";

const MODES: Readonly<Record<string, "nearest" | "bilinear">> = {
  nearest: "nearest",
  linear: "bilinear",
  bilinear: "bilinear",
};

/** Where an output index of one axis lies on the input, before rounding; `scale` is the file's own. */
const POSITIONS: Readonly<Record<string, (i: number, scale: number, from: number, to: number) => number>> = {
  asymmetric: (i, scale) => i / scale,
  half_pixel: (i, scale) => (i + 0.5) / scale - 0.5,
  pytorch_half_pixel: (i, scale, _, to) => (to > 1 ? (i + 0.5) / scale - 0.5 : 0),
  align_corners: (i, scale, from, to) => (to > 1 ? (i * (from - 1)) / (lengthOf(from * scale, to) - 1) : 0),
};

/** The resized length, before it is rounded down to whole pixels: so ONNX's own reference has it. */
function lengthOf(exact: number, whole: number): number {
  return Math.abs(exact - whole) < TOLERANCE ? whole : exact;
}

const ROUNDINGS: Readonly<Record<string, (position: number) => number>> = {
  floor: Math.floor,
  ceil: Math.ceil,
  round_prefer_floor: (position) => Math.ceil(position - 0.5),
  round_prefer_ceil: (position) => Math.floor(position + 0.5),
};

/** Positions that differ by less than this are the same: exporters round scales to float32. */
const TOLERANCE = 1e-3;

/** The attributes of `resize`, and what they mean on one axis. */
function placement(operator: Operator, mode: "nearest" | "bilinear") {
  const old = operator.type === "Upsample" || operator.opset < 11;
  const transformation = old ? "asymmetric" : operator.string("coordinate_transformation_mode", "half_pixel");
  const rounding = old ? "floor" : operator.string("nearest_mode", "round_prefer_floor");
  const [position, round] = [POSITIONS[transformation], ROUNDINGS[rounding]];
  if (position === undefined || round === undefined) {
    throw new DyadicError("UNSUPPORTED_OP", `resize with ${transformation}, ${rounding} is not supported`, {
      expected: `${Object.keys(POSITIONS).join(", ")}; ${Object.keys(ROUNDINGS).join(", ")}`,
    });
  }
  const alignCorners = transformation === "align_corners";
  const halfPixelCenters = transformation.endsWith("half_pixel");
  const theirs = (i: number, scale: number, from: number, to: number) => {
    const at = Math.min(from - 1, Math.max(0, position(i, scale, from, to)));
    return mode === "nearest" ? Math.min(from - 1, Math.max(0, round(position(i, scale, from, to)))) : at;
  };
  const ours = (i: number, from: number, to: number) => {
    const scale = alignCorners && to > 1 ? (from - 1) / (to - 1) : from / to;
    const corner = (i + (halfPixelCenters ? 0.5 : 0)) * scale;
    const nearest = Math.floor(alignCorners ? corner + 0.5 : corner);
    const at = mode === "nearest" ? nearest : corner - (halfPixelCenters ? 0.5 : 0);
    return Math.min(from - 1, Math.max(0, at));
  };
  return { alignCorners, halfPixelCenters, theirs, ours, found: `${transformation}, ${rounding}` };
}

/** The output's shape and the scale of every axis, from whichever of sizes and scales the node has. */
function target(operator: Operator, builder: Builder, x: Value): { shape: number[]; scale: number[] } {
  const rank = x.shape.length;
  const isNew = operator.type === "Resize" && operator.opset >= 11;
  const scales = isNew
    ? builder.constant(operator, 2)?.data
    : (builder.constant(operator, 1)?.data ?? operator.floats("scales"));
  const sizes = isNew ? builder.constant(operator, 3)?.data : undefined;
  const axes = operator.has("axes") ? operator.ints("axes")!.map((axis) => axisOf(axis, rank)) : plain(rank);
  const scale = x.shape.map((size, axis) => {
    const at = axes.indexOf(axis);
    if (at === -1) return 1;
    return sizes?.length ? (sizes[at] ?? 0) / size : (scales?.[at] ?? 0);
  });
  const shape = x.shape.map((size, axis) => {
    return sizes?.length ? Math.round(size * scale[axis]!) : Math.floor(size * scale[axis]!);
  });
  return { shape, scale };
}

/** Resize and Upsample of height and width, to a size that is known at import. */
export const resize: Adapter = (operator, builder) => {
  const x = builder.value(operator);
  const mode = MODES[operator.string("mode", "nearest")];
  const policy = operator.string("keep_aspect_ratio_policy", "stretch");
  if (mode === undefined || operator.int("antialias", 0) !== 0 || policy !== "stretch") {
    throw new DyadicError("UNSUPPORTED_OP", "this resize is not supported", {
      expected: "nearest or linear, without antialias and aspect ratio policy",
      found: `${operator.string("mode", "nearest")}, ${policy}`,
    });
  }
  const { shape, scale } = target(operator, builder, x);
  const isImage = x.shape.length === 4 && shape.every((size) => size >= 1);
  if (!isImage || shape[0] !== x.shape[0] || shape[1] !== x.shape[1]) {
    throw new DyadicError("UNSUPPORTED_OP", "only height and width are resized", {
      expected: "an input (N, C, H, W) whose N and C stay",
      found: `[${x.shape.join(", ")}] to [${shape.join(", ")}]`,
    });
  }
  const { alignCorners, halfPixelCenters, theirs, ours, found } = placement(operator, mode);
  const taken = [2, 3].map((axis) => {
    const [from, to] = [x.shape[axis]!, shape[axis]!];
    builder.budget.claim(to);
    return Array.from({ length: to }, (_, i) => theirs(i, scale[axis]!, from, to));
  });
  const odd = [2, 3].find((axis) => {
    const [from, to] = [x.shape[axis]!, shape[axis]!];
    return taken[axis - 2]!.some((at, i) => !(Math.abs(at - ours(i, from, to)) <= TOLERANCE * from));
  });
  if (odd !== undefined && mode === "nearest") {
    const rows = emitGather(operator, builder, x, 2, taken[0]!);
    builder.set(operator.outputs[0]!, emitGather(operator, builder, rows, 3, taken[1]!));
    return;
  }
  if (odd !== undefined) {
    throw new DyadicError("UNSUPPORTED_OP", "this resize takes other pixels than Dyadic's", {
      expected: "a scale that divides evenly",
      found: `${x.shape[odd]} to ${shape[odd]} pixels, scale ${scale[odd]}, ${found}`,
    });
  }
  const size = shape.slice(2);
  builder.emit(
    operator,
    "resize",
    [builder.image(x)],
    { shape, order: channelsLast(4), format: builder.format(x) },
    { mode, size, alignCorners, halfPixelCenters, positions: "exact" },
  );
};
