// What the pictures share: frames with a title that screen readers say, axes, linear scales.
import { type Content, el, type Markup } from "./markup.ts";

export const WIDTH = 1000;
export const LEFT = 64;
export const RIGHT = 12;

/** An SVG that fills its column (a wide one no narrower than its text allows), with a title and a longer description. */
export function picture(
  id: string,
  size: readonly [width: number, height: number],
  title: string,
  description: string,
  ...contents: readonly Content[]
): Markup {
  const drawn = drawing(id, size, title, description, ...contents);
  if (size[0] < WIDTH) return drawn;
  // On a narrow screen it is scrolled, not shrunk until nobody can read it.
  return el(
    "div",
    { class: "scroll wide", tabindex: 0, role: "region", "aria-label": `Picture: ${title}` },
    drawn,
  );
}

/** The SVG alone. */
export function drawing(
  id: string,
  size: readonly [width: number, height: number],
  title: string,
  description: string,
  ...contents: readonly Content[]
): Markup {
  return el(
    "svg",
    {
      viewBox: `0 0 ${size[0]} ${size[1]}`,
      role: "img",
      "aria-labelledby": `${id}-title ${id}-text`,
      class: "plot",
    },
    el("title", { id: `${id}-title` }, title),
    el("desc", { id: `${id}-text` }, description),
    contents,
  );
}

export function text(x: number, y: number, content: string, anchor = "start", kind = "label"): Markup {
  return el("text", { x, y, "text-anchor": anchor, class: kind }, content);
}

export function line(x1: number, y1: number, x2: number, y2: number, kind: string): Markup {
  return el("line", { x1, y1, x2, y2, class: kind });
}

/** A rectangle that says what it is when the pointer rests on it. */
export function rect(
  x: number,
  y: number,
  width: number,
  height: number,
  kind: string,
  title?: string,
): Markup {
  return el(
    "rect",
    { x, y, width: Math.max(0, width), height: Math.max(0, height), class: kind },
    title === undefined ? null : el("title", {}, title),
  );
}

/** Horizontal lines of a grid with their values at the left. */
export function grid(
  values: readonly number[],
  y: (value: number) => number,
  name: (value: number) => string,
  right = WIDTH - RIGHT,
): Markup[] {
  return values.flatMap((value) => [
    line(LEFT, y(value), right, y(value), "grid"),
    text(LEFT - 8, y(value) + 4, name(value), "end", "tick"),
  ]);
}
