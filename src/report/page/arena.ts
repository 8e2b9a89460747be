import type { Allocation } from "../describe.ts";
import type { Report } from "../report.ts";
import { el, type Markup } from "./markup.ts";
import { bytesText, shortName, ticks } from "./numbers.ts";
import { grid, LEFT, line, picture, RIGHT, rect, text, WIDTH } from "./plot.ts";

const HEIGHT = 400;
const TOP = 12;
const BOTTOM = 36;
/** Colours of tensors. */
const COLOURS = 6;
/** Less of a name says nothing. */
const LEAST_LETTERS = 7;
/** Width of a letter of a label in the picture's units, somewhat generous. */
const LETTER = 6.9;

/** The arena over time: steps from left to right, addresses upwards, a rectangle for everything that lies in it. */
export function arenaPicture({ arena, layers }: Report): Markup {
  const steps = arena.liveBytes.length;
  const x = (step: number) => LEFT + (step / steps) * (WIDTH - LEFT - RIGHT);
  const y = (address: number) => HEIGHT - BOTTOM - (address / arena.peakBytes) * (HEIGHT - TOP - BOTTOM);
  const every = Math.max(1, Math.ceil(steps / 24));
  const numbers = Array.from({ length: Math.ceil(steps / every) }, (_, i) => i * every);
  const peak = arena.liveBytes.indexOf(Math.max(...arena.liveBytes));
  const live = arena.liveBytes.flatMap((bytes, step) => [
    `${x(step).toFixed(1)},${y(bytes).toFixed(1)}`,
    `${x(step + 1).toFixed(1)},${y(bytes).toFixed(1)}`,
  ]);
  return picture(
    "arena",
    [WIDTH, HEIGHT],
    "The arena over time",
    `${steps} steps in ${bytesText(arena.peakBytes)}; step ${peak} needs the most. ` +
      `The table of layers has the live bytes of each of the ${layers.length} layers.`,
    el(
      "defs",
      {},
      el(
        "pattern",
        { id: "hatch", width: 5, height: 5, patternUnits: "userSpaceOnUse", patternTransform: "rotate(45)" },
        el("line", { x1: 0, y1: 0, x2: 0, y2: 5, class: "hatch" }),
      ),
    ),
    grid(ticks(arena.peakBytes, 2), y, bytesText),
    arena.allocations.map((allocation, i) => block(allocation, i, x, y)),
    el("polyline", { points: live.join(" "), class: "live" }),
    arena.allocations.map((allocation) => label(allocation, arena.allocations, x, y)),
    line(LEFT, y(arena.peakBytes), WIDTH - RIGHT, y(arena.peakBytes), "peak"),
    numbers.map((step) =>
      text((x(step) + x(step + 1)) / 2, HEIGHT - BOTTOM + 16, `${step}`, "middle", "tick"),
    ),
    text((LEFT + WIDTH - RIGHT) / 2, HEIGHT - 4, "step of the plan", "middle", "tick"),
  );
}

function block(
  { name, kind, start, end, haloBytes, first, last, shape }: Allocation,
  index: number,
  x: (step: number) => number,
  y: (address: number) => number,
): Markup {
  const [left, right, top, bottom] = [x(first) + 0.75, x(last + 1) - 0.75, y(end), y(start)];
  const bytes = `${bytesText(end - start)} from ${start}, steps ${first} to ${last}`;
  if (kind === "scratch") return rect(left, top, right - left, bottom - top, "scratch", `scratch, ${bytes}`);
  const title = `${shortName(name)} [${shape.join(" x ")}], ${bytes}, ${bytesText(haloBytes)} of it halo`;
  const halo = bottom - y(start + haloBytes);
  return el(
    "g",
    {},
    el("title", {}, title),
    rect(left, top, right - left, bottom - top, `tensor tensor${index % COLOURS}`),
    haloBytes > 0 && rect(left, bottom - halo, right - left, halo, "halo"),
  );
}

/** The name of a tensor, where there is room for its end, which tells more than its start. */
function label(
  own: Allocation,
  all: readonly Allocation[],
  x: (step: number) => number,
  y: (address: number) => number,
): Markup | null {
  // What is computed in place covers the last step of its operand.
  const covers = ({ kind, first, start, end }: Allocation) =>
    kind === "tensor" && first > own.first && first <= own.last && start < own.end && end > own.start;
  const end = Math.min(own.last + 1, ...all.filter(covers).map(({ first }) => first));
  const [left, right, top, bottom] = [x(own.first), x(end), y(own.end), y(own.start)];
  const letters = Math.floor((right - left - 8) / LETTER);
  const name = own.name.split(";")[0]!;
  const tells = letters >= Math.min(name.length, LEAST_LETTERS);
  if (own.kind === "scratch" || !tells || bottom - top < 14) return null;
  const shown = name.length > letters ? `…${name.slice(1 - letters)}` : name;
  return text(left + 6, (top + bottom) / 2 + 4, shown, "start", "inside");
}
