import type { Random } from "../../src/numerics/random.ts";
import { SIDE } from "./mnist.ts";

const CENTRE = (SIDE - 1) / 2;

/**
 * Varies one digit as people's own drawings vary: moved, scaled, turned and slanted, thicker or thinner, paler.
 * The result is 0..1 in `target`; `strength` 0 leaves the digit as it is.
 */
export function vary(pixels: Uint8Array, target: Float64Array, random: Random, strength: number): void {
  const within = (reach: number) => (2 * random() - 1) * reach * strength;
  const scale = 1 + within(0.22);
  const [a, b] = [scale * (1 + within(0.12)), within(0.25)];
  const [c, d] = [b * -0.6 + within(0.2), scale * (1 + within(0.12))];
  const [shiftX, shiftY] = [within(3.5), within(3.5)];
  const gain = (1 - Math.max(0, within(0.35))) / 255;
  for (let y = 0; y < SIDE; y++) {
    for (let x = 0; x < SIDE; x++) {
      const fromX = a * (x - CENTRE) + b * (y - CENTRE) + CENTRE + shiftX;
      const fromY = c * (x - CENTRE) + d * (y - CENTRE) + CENTRE + shiftY;
      target[y * SIDE + x] = gain * bilinear(pixels, fromX, fromY);
    }
  }
  const weight = within(1);
  if (weight !== 0) changeWeight(target, weight);
}

function bilinear(pixels: Uint8Array, x: number, y: number): number {
  const [left, top] = [Math.floor(x), Math.floor(y)];
  if (left < -1 || top < -1 || left >= SIDE || top >= SIDE) return 0;
  const [right, below] = [x - left, y - top];
  const at = (column: number, row: number) =>
    column >= 0 && column < SIDE && row >= 0 && row < SIDE ? pixels[row * SIDE + column]! : 0;
  return (
    (at(left, top) * (1 - right) + at(left + 1, top) * right) * (1 - below) +
    (at(left, top + 1) * (1 - right) + at(left + 1, top + 1) * right) * below
  );
}

const before = new Float64Array(SIDE * SIDE);

/** Mixes every pixel with the brightest (weight above 0) or darkest of its four neighbours and itself. */
function changeWeight(image: Float64Array, weight: number): void {
  before.set(image);
  const pick = weight > 0 ? Math.max : Math.min;
  const share = weight > 0 ? weight : -0.6 * weight; // thin strokes break when they lose a whole pixel
  for (let y = 1; y < SIDE - 1; y++) {
    for (let x = 1; x < SIDE - 1; x++) {
      const i = y * SIDE + x;
      const around = pick(before[i]!, before[i - 1]!, before[i + 1]!, before[i - SIDE]!, before[i + SIDE]!);
      image[i] = before[i]! + share * (around - before[i]!);
    }
  }
}
