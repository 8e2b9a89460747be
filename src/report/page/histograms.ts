import type { Histogram } from "../histogram.ts";
import type { Report } from "../report.ts";
import { el, type Markup } from "./markup.ts";
import { percentText, realText, shortName } from "./numbers.ts";
import { line, picture, rect, text } from "./plot.ts";

const [WIDTH, HEIGHT, BASE] = [240, 96, 76];

/** One small picture a layer: how often values came, and which of them codes can say. */
export function histogramGrid({ layers }: Report): Markup {
  const figures = layers.flatMap(({ name, histogram, activationBits, scale }, i) =>
    histogram === null
      ? []
      : [
          el(
            "figure",
            {},
            histogramPicture(`histogram${i}`, name, histogram),
            el(
              "figcaption",
              {},
              el("strong", { title: name }, shortName(name)),
              el("br"),
              `${activationBits} bits, scale ${realText(scale!)}; seen ${reach(histogram)}`,
              histogram.clipped >= 5e-6 && `; ${percentText(histogram.clipped, 3)} beyond the codes`,
            ),
          ),
        ],
  );
  return el("div", { class: "figures" }, figures);
}

/** Extremes; what is nothing beside the other is 0. */
function reach({ min, max }: Histogram): string {
  const least = 1e-6 * Math.max(-min, max);
  return [min, max].map((end) => realText(Math.abs(end) < least ? 0 : end)).join(" to ");
}

function histogramPicture(id: string, name: string, histogram: Histogram): Markup {
  const { min, max, low, high, first, width, counts } = histogram;
  const last = first + width * counts.length;
  const [from, to] = [Math.min(first, low), Math.max(last, high)];
  const x = (value: number) => 4 + ((value - from) / (to - from)) * (WIDTH - 8);
  const most = Math.max(...counts);
  // Square roots: a spike at 0, as behind a relu, must not flatten the rest.
  const y = (count: number) => BASE - Math.sqrt(count / most) * (BASE - 6);
  return picture(
    id,
    [WIDTH, HEIGHT],
    `Values of ${shortName(name)}`,
    `From ${realText(min)} to ${realText(max)}; codes reach from ${realText(low)} to ${realText(high)}.`,
    rect(x(low), 2, x(high) - x(low), BASE - 2, "reach"),
    counts.map((count, i) => {
      const left = x(first + i * width);
      return (
        count > 0 &&
        rect(left, y(count), Math.max(1, x(first + (i + 1) * width) - left - 0.5), BASE - y(count), "bar")
      );
    }),
    line(4, BASE, WIDTH - 4, BASE, "axis"),
    from < 0 && to > 0 && line(x(0), BASE, x(0), BASE + 4, "axis"),
    text(4, HEIGHT - 6, realText(from), "start", "tick"),
    from < 0 && to > 0 && x(0) > 40 && x(0) < WIDTH - 40 && text(x(0), HEIGHT - 6, "0", "middle", "tick"),
    text(WIDTH - 4, HEIGHT - 6, realText(to), "end", "tick"),
  );
}
