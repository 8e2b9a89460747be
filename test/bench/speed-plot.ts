// Latencies of all subjects beside each other, as one SVG.
import { el } from "../../src/report/page/markup.ts";
import { line, RIGHT, rect, text, WIDTH } from "../../src/report/page/plot.ts";
import { milliseconds } from "./columns.ts";
import type { ModelResult, SubjectResult } from "./report.ts";
import { svgFile } from "./svg-file.ts";

const [ROW, HEAD, TOP, LABELS] = [20, 34, 30, 300];
const COLOURS = { dyadic: "#0b6e4f", int8: "#b3541e", float32: "#7a7a7a" };

/**
 * A group a model, a bar a subject: how many times the time of the first subject (Dyadic's fastest build) it takes, in
 * powers, from the least of the rounds to a mark at their median.
 */
export function speedPlot(models: readonly ModelResult[]): string {
  const times = ({ subjects }: ModelResult, ms: number) => ms / subjects[0]!.minimumMs;
  const all = models.flatMap((model) => model.subjects.map(({ medianMs }) => times(model, medianMs)));
  const most = Math.max(...all) * 2.2; // room for the figures behind the longest bar
  const least = 0.5;
  const x = (factor: number) =>
    LABELS + (Math.log(Math.max(factor, least) / least) / Math.log(most / least)) * (WIDTH - LABELS - RIGHT);
  let y = TOP;
  const groups = models.map((model) => {
    const bars = model.subjects.map((subject, i) => bar(subject, times(model, subject.minimumMs), i));
    const group = [text(8, y + 20, `${model.name}, ${(model.macs / 1e6).toFixed(2)} MMAC`), bars];
    y += HEAD + model.subjects.length * ROW;
    return group;

    function bar({ name, kind, minimumMs, medianMs }: SubjectResult, factor: number, i: number) {
      const top = y + HEAD + i * ROW;
      const label = `${milliseconds(minimumMs)} ms, ${factor.toFixed(2)}x`;
      const middle = x(times(model, medianMs));
      return el(
        "g",
        { fill: COLOURS[kind] },
        text(LABELS - 8, top + 13, name, "end", "tick"),
        rect(LABELS, top + 3, x(factor) - LABELS, ROW - 6, "bar", `${name}: ${label}`),
        el("line", { x1: middle, y1: top + 1, x2: middle, y2: top + ROW - 1, stroke: COLOURS[kind] }),
        text(Math.max(middle, x(factor)) + 6, top + 13, label, "start", "tick"),
      );
    }
  });
  const marks = [0.5, 1, 2, 5, 10, 20, 50, 100].filter((mark) => mark < most);
  return svgFile(
    [WIDTH, y + 20],
    "Time of a run, as a multiple of the fastest Dyadic build's",
    "Bars end at the least of the rounds, lines mark the median.",
    marks.flatMap((mark) => [
      line(x(mark), TOP, x(mark), y, "grid"),
      text(x(mark), TOP - 8, `${mark}x`, "middle", "tick"),
    ]),
    groups,
  );
}
