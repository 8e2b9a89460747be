import { DyadicError } from "../../error.ts";
import type { Adapter } from "./builder.ts";
import { channelsLast } from "./layout.ts";
import type { Operator } from "./operator.ts";

const MODES = new Map([
  ["nearest", "nearest"],
  ["linear", "bilinear"],
  ["bilinear", "bilinear"],
]);

/** How output pixels are placed over input pixels. Throws UNSUPPORTED_OP for what the engine has not. */
function placement(operator: Operator, mode: string) {
  const old = operator.type === "Upsample" || operator.opset < 11;
  const found = old ? "asymmetric" : operator.string("coordinate_transformation_mode", "half_pixel");
  const known = ["asymmetric", "half_pixel", "pytorch_half_pixel", "align_corners"];
  if (!known.includes(found)) {
    throw new DyadicError("UNSUPPORTED_OP", `resize with ${found} is not supported`, {
      expected: known.join(", "),
    });
  }
  const nearest = old ? "floor" : operator.string("nearest_mode", "round_prefer_floor");
  return {
    alignCorners: found === "align_corners",
    halfPixelCenters: found === "half_pixel" || found === "pytorch_half_pixel",
    ...(mode === "nearest" && { rounding: nearest }),
  };
}

/** Resize and Upsample of height and width, to a size that is known at import. */
export const resize: Adapter = (operator, builder) => {
  const x = builder.value(operator);
  const rank = x.shape.length;
  const mode = MODES.get(operator.string("mode", "nearest"));
  if (mode === undefined || operator.int("antialias", 0) !== 0 || operator.has("axes")) {
    throw new DyadicError("UNSUPPORTED_OP", "this resize is not supported", {
      expected: "nearest or linear, without antialias and axes",
      found: operator.string("mode", "nearest"),
    });
  }
  const isNew = operator.type === "Resize" && operator.opset >= 11;
  const scales = isNew
    ? builder.constant(operator, 2)?.data
    : (builder.constant(operator, 1)?.data ?? operator.floats("scales"));
  const sizes = isNew ? builder.constant(operator, 3)?.data : undefined;
  const shape = sizes?.length
    ? Array.from(sizes)
    : Array.from(scales ?? [], (scale, axis) => Math.floor((x.shape[axis] ?? 0) * scale));
  if (rank !== 4 || shape.length !== 4 || shape[0] !== x.shape[0] || shape[1] !== x.shape[1]) {
    throw new DyadicError("UNSUPPORTED_OP", "only height and width are resized", {
      expected: "an input (N, C, H, W) whose N and C stay",
      found: `[${x.shape.join(", ")}] to [${shape.join(", ")}]`,
    });
  }
  builder.emit(
    operator,
    "resize",
    [builder.image(x)],
    { shape, order: channelsLast(4), format: builder.format(x) },
    { mode, size: shape.slice(2), ...placement(operator, mode) },
  );
};
