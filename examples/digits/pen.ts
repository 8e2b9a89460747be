import type { Point, Stroke } from "./strokes.ts";

const SIDE = 28;
const PIECES = 12;

/** How a picture is drawn: size in pixels, pen radius in the strokes' units, and what its paper and ink are. */
export interface Style {
  readonly side: number;
  readonly radius: number;
  readonly paper: number;
  readonly ink: number;
}

/** As MNIST has digits: light ink on dark. */
export const SMALL: Style = { side: SIDE, radius: 1.25, paper: 0, ink: 255 };
export const ON_PAPER: Style = { side: 280, radius: 1.1, paper: 255, ink: 0 };

/** The points of a stroke close enough to join by straight lines: Catmull and Rom's spline through a smooth one. */
function flatten({ smooth, points }: Stroke): readonly Point[] {
  if (!smooth) return points;
  const flat: Point[] = [points[0]!];
  for (let i = 0; i + 1 < points.length; i++) {
    const [before, from, to, after] = [
      points[i - 1] ?? points[i]!,
      points[i]!,
      points[i + 1]!,
      points[i + 2] ?? points[i + 1]!,
    ];
    for (let piece = 1; piece <= PIECES; piece++) {
      const t = piece / PIECES;
      const along = (axis: 0 | 1) => {
        const slope0 = (to[axis] - before[axis]) / 2;
        const slope1 = (after[axis] - from[axis]) / 2;
        const rise = to[axis] - from[axis];
        return (
          from[axis] + t * (slope0 + t * (3 * rise - 2 * slope0 - slope1 + t * (slope0 + slope1 - 2 * rise)))
        );
      };
      flat.push([along(0), along(1)]);
    }
  }
  return flat;
}

function distanceToSegment([x, y]: Point, [x0, y0]: Point, [x1, y1]: Point): number {
  const [dx, dy] = [x1 - x0, y1 - y0];
  const t = Math.max(0, Math.min(1, ((x - x0) * dx + (y - y0) * dy) / (dx * dx + dy * dy || 1)));
  const [offX, offY] = [x - x0 - t * dx, y - y0 - t * dy];
  return Math.sqrt(offX * offX + offY * offY);
}

/** A pixel's share of ink is 1 inside the pen's track, 0 outside, and falls over one pixel at its edge. */
export function draw(strokes: readonly Stroke[], { side, radius, paper, ink }: Style): Uint8Array {
  const lines = strokes.map(flatten);
  const unit = SIDE / side;
  return Uint8Array.from({ length: side * side }, (_, i) => {
    const pixel: Point = [((i % side) + 0.5) * unit, (Math.floor(i / side) + 0.5) * unit];
    let distance = Infinity;
    for (const points of lines) {
      for (let k = 1; k < points.length; k++) {
        distance = Math.min(distance, distanceToSegment(pixel, points[k - 1]!, points[k]!));
      }
    }
    const share = Math.max(0, Math.min(1, (radius - distance) / unit + 0.5));
    return Math.round(paper + share * (ink - paper));
  });
}
