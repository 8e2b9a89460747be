import type { LayerReport, Report } from "../report.ts";
import { el, type Markup } from "./markup.ts";
import { bytesText, countText, shortName, ticks } from "./numbers.ts";
import { grid, LEFT, line, picture, RIGHT, rect, text, WIDTH } from "./plot.ts";

const PANEL = 76;
const GAP = 34;
/** Below this the table marks a layer. */
export const LOW_DECIBELS = 20;

interface Panel {
  readonly title: string;
  readonly value: (layer: LayerReport) => number | null;
  readonly name: (value: number) => string;
  readonly most: number;
  readonly values: readonly number[];
  /** A line across each layer's column. */
  readonly line?: (layer: LayerReport) => number;
  /** Bars below this are marked. */
  readonly threshold?: number;
}

/** Bits, bytes, work and signal-to-noise of every layer above each other, in the order of the plan. */
export function profilePicture({ layers }: Report): Markup {
  const panels = panelsOf(layers);
  const height = panels.length * (PANEL + GAP) + 6;
  const column = (WIDTH - LEFT - RIGHT) / layers.length;
  return picture(
    "profile",
    [WIDTH, height],
    "Layer by layer",
    `${panels.map(({ title }) => title).join("; ")}, for ${layers.length} layers in the order of the plan. ` +
      "The table of layers has the same numbers.",
    panels.map((panel, i) => panelMarkup(panel, layers, column, i * (PANEL + GAP) + 24)),
  );
}

function panelsOf(layers: readonly LayerReport[]): Panel[] {
  const panel = (title: string, value: Panel["value"], name: Panel["name"], base: 2 | 10 = 10): Panel => {
    const values = layers.map(value).filter((found) => found !== null);
    const most = Math.max(...values, 1);
    return { title, value, name, most, values: ticks(most, base) };
  };
  const bits = panel(
    "bits of weights (bars) and of what is written (lines)",
    ({ weightBits }) => weightBits,
    String,
  );
  const noise = panel(
    "signal to noise in dB, float against integer",
    ({ apart }) => apart?.signalToNoise ?? null,
    (value) => `${Math.round(10 * value) / 10}`,
  );
  const most = Math.max(8, ...layers.map(({ activationBits }) => activationBits));
  return [
    { ...bits, most, values: [0, most / 2, most], line: ({ activationBits }) => activationBits },
    panel("bytes of weights", ({ weightBytes }) => weightBytes || null, bytesText, 2),
    panel("multiply-adds", ({ macs }) => macs || null, countText),
    ...(layers.some(({ apart }) => apart !== null) ? [{ ...noise, threshold: LOW_DECIBELS }] : []),
  ];
}

function panelMarkup(panel: Panel, layers: readonly LayerReport[], column: number, top: number): Markup {
  const y = (value: number) => top + PANEL - (Math.max(0, value) / panel.most) * PANEL;
  const { threshold = -Infinity } = panel;
  const gap = Math.min(4, column / 5);
  const bars = layers.map((layer, i) => {
    const value = panel.value(layer);
    const left = LEFT + i * column;
    const said = value === null ? "none" : panel.name(value);
    const across = panel.line?.(layer);
    const title = `${shortName(layer.name)} (${layer.op}): ${said}`;
    const low = value !== null && value < threshold ? " low" : "";
    return [
      value !== null &&
        rect(left + gap / 2, y(value), column - gap, top + PANEL - y(value), `bar${low}`, title),
      across !== undefined && line(left, y(across), left + column, y(across), "written"),
    ];
  });
  return el(
    "g",
    {},
    text(LEFT, top - 8, panel.title, "start", "label"),
    grid(panel.values, y, panel.name),
    bars,
    panel.most > threshold && threshold > 0 && line(LEFT, y(threshold), WIDTH - RIGHT, y(threshold), "peak"),
  );
}
