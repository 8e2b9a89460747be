// Time against work, as one SVG.
import { el } from "../../src/report/page/markup.ts";
import { grid, LEFT, line, RIGHT, text, WIDTH } from "../../src/report/page/plot.ts";
import { svgFile } from "./svg-file.ts";

/** One network: what it does in a run, and how long that takes. */
export interface Point {
  readonly width: number;
  readonly size: number;
  readonly macs: number;
  readonly milliseconds: number;
}

const [HEIGHT, TOP, BOTTOM] = [520, 24, 56];
const COLOURS = ["#0b6e4f", "#b3541e"];

/** Powers of ten, and what lies between, from the least to the most. */
function marks(least: number, most: number): number[] {
  const all = Array.from({ length: 9 }, (_, i) => 10 ** (i - 4)).flatMap((ten) => [ten, 2 * ten, 5 * ten]);
  return all.filter((mark) => mark >= least && mark <= most);
}

/** Both axes in powers, so that time in proportion to work is a line at 45 degrees; a colour a build. */
export function growthPlot(
  builds: readonly { readonly build: string; readonly points: readonly Point[] }[],
): string {
  const all = builds.flatMap(({ points }) => points);
  const range = (values: readonly number[]) =>
    [Math.min(...values) / 1.3, Math.max(...values) * 1.3] as const;
  const [macs, times] = [range(all.map((p) => p.macs / 1e6)), range(all.map((p) => p.milliseconds))];
  const along = (value: number, [least, most]: readonly [number, number]) =>
    Math.log(value / least) / Math.log(most / least);
  const x = (mega: number) => LEFT + along(mega, macs) * (WIDTH - LEFT - RIGHT);
  const y = (ms: number) => HEIGHT - BOTTOM - along(ms, times) * (HEIGHT - TOP - BOTTOM);
  const series = builds.map(({ build, points }, i) => {
    const colour = COLOURS[i % COLOURS.length]!;
    const widths = [...new Set(points.map(({ width }) => width))];
    return [
      widths.map((width) =>
        el("polyline", {
          points: points
            .filter((point) => point.width === width)
            .map((point) => `${x(point.macs / 1e6).toFixed(1)},${y(point.milliseconds).toFixed(1)}`)
            .join(" "),
          fill: "none",
          stroke: colour,
        }),
      ),
      points.map((point) =>
        el(
          "circle",
          { cx: x(point.macs / 1e6), cy: y(point.milliseconds), r: 2 + 4 * point.width, fill: colour },
          el(
            "title",
            {},
            `${build}, width ${point.width}, input ${point.size}: ${point.milliseconds.toPrecision(3)} ms`,
          ),
        ),
      ),
      el("text", { x: LEFT + 24, y: TOP + 22 + 20 * i, fill: colour }, build),
    ];
  });
  const text45 = "Networks of one width are joined, larger dots are wider networks.";
  return svgFile(
    [WIDTH, HEIGHT],
    "Milliseconds of a run against millions of multiply-adds",
    `${all.length} networks of the shape of MobileNetV2. ${text45}`,
    grid(marks(...times), y, (ms) => `${ms} ms`),
    marks(...macs).flatMap((mega) => [
      line(x(mega), TOP, x(mega), HEIGHT - BOTTOM, "grid"),
      text(x(mega), HEIGHT - BOTTOM + 18, `${mega}`, "middle", "tick"),
    ]),
    series,
    text((LEFT + WIDTH - RIGHT) / 2, HEIGHT - 14, `million multiply-adds. ${text45}`, "middle", "tick"),
  );
}
