// What an activation's codes mean: the scale, zero point and width that every op reads before it is lowered.
import { DyadicError } from "../error.ts";
import type { Tensor } from "../graph/graph.ts";
import type { ActivationBits } from "../numerics/pack.ts";

/** The scale and zero point of a per-tensor quantized activation; throws where there is none. */
export function affineOf(
  tensor: Tensor,
  role: string,
): { scale: number; zeroPoint: number; bits: ActivationBits } {
  const { zeroPoints, ...affine } = affineByChannel(tensor, role);
  if (zeroPoints.length === 1) return { ...affine, zeroPoint: zeroPoints[0]! };
  throw new DyadicError("UNSUPPORTED_OP", `${role} "${tensor.name}" has a zero point per channel`, {
    expected: "one zero point; several are for convolutions only",
  });
}

/** Bits of an activation's codes, undefined where there is no such width. */
export function activationBits({ dtype, quantization }: Tensor): ActivationBits | undefined {
  const { bits = dtype === "int16" ? 16 : 8 } = quantization ?? {};
  const widths: readonly number[] = dtype === "int16" ? [16] : [8, 4, 2, 1];
  return widths.includes(bits) ? (bits as ActivationBits) : undefined;
}

/** As affineOf, of a tensor that may have a zero point per channel: a model input with mean and deviation folded in. */
export function affineByChannel(
  tensor: Tensor,
  role: string,
): { scale: number; zeroPoints: readonly number[]; bits: ActivationBits } {
  const q = tensor.quantization;
  const wide = tensor.dtype === "int16";
  if ((tensor.dtype !== "int8" && !wide) || q === undefined || q.scale.length !== 1) {
    throw new DyadicError(
      "UNSUPPORTED_OP",
      `${role} "${tensor.name}" is not an 8-bit or 16-bit tensor with one scale`,
      {
        found: q ? `${tensor.dtype} with ${q.scale.length} scales` : `${tensor.dtype} without quantization`,
        hint: "float models must be calibrated and quantized first",
      },
    );
  }
  const bits = activationBits(tensor);
  if (bits === undefined) {
    throw new DyadicError("UNSUPPORTED_OP", `${role} "${tensor.name}" has no such width`, {
      expected: wide ? "16 bits" : "8, 4, 2 or 1 bits",
      found: `${q.bits}`,
    });
  }
  const channels = tensor.shape.at(-1);
  if (q.zeroPoint.length > 1 && (q.zeroPoint.length !== channels || q.axis !== tensor.shape.length - 1)) {
    throw new DyadicError("BAD_FILE", `${role} "${tensor.name}" has the wrong number of zero points`, {
      expected: `1 or ${channels}`,
      found: `${q.zeroPoint.length}`,
    });
  }
  return { scale: q.scale[0]!, zeroPoints: q.zeroPoint, bits };
}
