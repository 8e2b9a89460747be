import type { PlottedPoint } from "../frontier.ts";
import { el, type Markup, table } from "./markup.ts";
import { bytesText, grouped, percentText, realText, ticks } from "./numbers.ts";
import { grid, LEFT, picture, RIGHT, text, WIDTH } from "./plot.ts";

const [HEIGHT, TOP, BOTTOM] = [320, 16, 40];

/** Loss against bytes: every point is a policy, the line joins those that nothing beats in both. */
export function frontierPicture(points: readonly PlottedPoint[]): Markup {
  const [least, most] = [
    Math.min(...points.map(({ bytes }) => bytes)),
    Math.max(...points.map(({ bytes }) => bytes)),
  ];
  const worst = Math.max(...points.map(({ loss }) => loss), 1e-12);
  const span = Math.max(1, most - least);
  const x = (bytes: number) => LEFT + 16 + ((bytes - least) / span) * (WIDTH - LEFT - RIGHT - 32);
  const y = (loss: number) => HEIGHT - BOTTOM - (loss / worst) * (HEIGHT - TOP - BOTTOM);
  const best = efficient(points);
  const measured = points.some(({ accuracy }) => accuracy !== null);
  const marks = [0, 1, 2, 3, 4].map((i) => least + (i / 4) * span);
  return el(
    "div",
    {},
    picture(
      "frontier",
      [WIDTH, HEIGHT],
      "Loss against bytes",
      `${points.length} policies from ${bytesText(least)} to ${bytesText(most)}; the table below has each.`,
      grid(ticks(worst), y, realText),
      el("polyline", {
        points: best.map(({ bytes, loss }) => `${x(bytes).toFixed(1)},${y(loss).toFixed(1)}`).join(" "),
        class: "frontier",
      }),
      points.map(({ bytes, loss, accuracy, chosen }) =>
        el(
          "circle",
          { cx: x(bytes), cy: y(loss), r: chosen ? 7 : 4, class: chosen ? "point chosen" : "point" },
          el("title", {}, `${bytesText(bytes)}, loss ${realText(loss)}${accuracyText(accuracy)}`),
        ),
      ),
      marks.map((bytes) =>
        text(x(bytes), HEIGHT - BOTTOM + 18, bytesText(Math.round(bytes)), "middle", "tick"),
      ),
      text((LEFT + WIDTH - RIGHT) / 2, HEIGHT - 4, "bytes", "middle", "tick"),
      text(LEFT + 4, TOP - 4, "predicted loss", "start", "tick"),
    ),
    el(
      "details",
      {},
      el("summary", {}, "The points as a table"),
      table(
        "Policies by bytes",
        [
          { heading: "bytes", isNumber: true },
          { heading: "loss", isNumber: true },
          ...(measured ? [{ heading: "accuracy", isNumber: true }] : []),
          { heading: "choice" },
        ],
        [...points]
          .sort((a, b) => a.bytes - b.bytes)
          .map(({ bytes, loss, accuracy, chosen }) => [
            grouped(bytes),
            realText(loss),
            ...(measured ? [accuracy === null ? "" : percentText(accuracy)] : []),
            chosen ? "chosen" : "",
          ]),
      ),
    ),
  );
}

function accuracyText(accuracy: number | null): string {
  return accuracy === null ? "" : `, accuracy ${percentText(accuracy)}`;
}

/** Points that no smaller one equals or beats, by bytes. */
function efficient(points: readonly PlottedPoint[]): PlottedPoint[] {
  let least = Infinity;
  return [...points]
    .sort((a, b) => a.bytes - b.bytes || a.loss - b.loss)
    .filter(({ loss }) => {
      if (loss >= least) return false;
      least = loss;
      return true;
    });
}
