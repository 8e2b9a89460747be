import { DyadicError } from "../error.ts";
import type { FrontierPoint } from "../precision/allocate/frontier.ts";

/** One way to spend bytes: what `compile --frontier` writes, as far as a picture needs it. */
export type PlottedPoint = Omit<FrontierPoint, "arenaBytes">;

/**
 * Reads points of bytes and loss: a JSON array of them, or an object that holds one as `points`. Other members are
 * left alone. Throws BAD_FILE.
 */
export function parseFrontier(text: string): PlottedPoint[] {
  const bad = (found: string) =>
    new DyadicError("BAD_FILE", "this is no frontier", {
      expected: "JSON: points with bytes and loss",
      found,
    });
  let value: unknown;
  try {
    value = JSON.parse(text);
  } catch (error) {
    throw bad(`${error}`);
  }
  const points = Array.isArray(value) ? value : (value as { points?: unknown } | null)?.points;
  if (!Array.isArray(points)) throw bad("no array of points");
  return points.map((point, i) => {
    const { bytes, loss, accuracy, chosen } = (point ?? {}) as Record<string, unknown>;
    if (!Number.isFinite(bytes) || !Number.isFinite(loss)) throw bad(`point ${i}: ${JSON.stringify(point)}`);
    return {
      bytes: bytes as number,
      loss: loss as number,
      accuracy: Number.isFinite(accuracy) ? (accuracy as number) : null,
      chosen: chosen === true,
    };
  });
}
