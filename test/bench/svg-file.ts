// A picture as a file of its own, for pages of Markdown.
import { type Content, el, raw } from "../../src/report/page/markup.ts";
import { drawing } from "../../src/report/page/plot.ts";

const STYLE = `
  svg { font: 14px system-ui, sans-serif; background: #fff }
  .grid { stroke: #ddd } .tick, .label { fill: #333 } .tick { font-size: 12px }`;

/** The text of an SVG file, with a title and a longer description. */
export function svgFile(
  size: readonly [width: number, height: number],
  title: string,
  description: string,
  ...contents: readonly Content[]
): string {
  const { html } = drawing("picture", size, title, description, el("style", {}, raw(STYLE)), ...contents);
  return `${html.replace("<svg ", '<svg xmlns="http://www.w3.org/2000/svg" ')}\n`;
}
