/** Equation (2): code = clamp(floor(real / scale + 1/2) + z), in float64. NaN becomes the zero point. */
export function quantizeValue(real: number, scale: number, z: number, min: number, max: number): number {
  const code = Math.floor(real / scale + 0.5) + z;
  return code >= max ? max : code <= min ? min : Number.isNaN(code) ? z : code;
}

/** Equation (1): real = scale * (code - z). */
export function dequantizeValue(code: number, scale: number, z: number): number {
  return scale * (code - z);
}
