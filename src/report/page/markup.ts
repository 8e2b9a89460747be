/** Markup that is safe to put in a page. */
export interface Markup {
  readonly html: string;
}

export type Content = Markup | string | number | null | undefined | false | readonly Content[];
export type Attributes = Readonly<Record<string, string | number | undefined>>;

/** Elements of HTML that have no end tag. */
const VOID = new Set(["meta", "br"]);

/** Text with what means something to a browser spelled out. */
export function escaped(text: string): string {
  return text.replace(/[&<>"']/g, (character) => `&#${character.charCodeAt(0)};`);
}

function render(content: Content): string {
  if (content === null || content === undefined || content === false) return "";
  if (Array.isArray(content)) return content.map(render).join("");
  if (typeof content === "object") return (content as Markup).html;
  return escaped(`${content}`);
}

/** An element of HTML or SVG; texts among its contents are escaped. */
export function el(name: string, attributes: Attributes = {}, ...contents: readonly Content[]): Markup {
  const given = Object.entries(attributes)
    .filter(([, value]) => value !== undefined)
    .map(([key, value]) => ` ${key}="${escaped(typeof value === "number" ? short(value) : value!)}"`);
  const end = VOID.has(name) ? "" : `${render(contents)}</${name}>`;
  return { html: `<${name}${given.join("")}>${end}` };
}

/** Text that is markup already: styles. */
export function raw(html: string): Markup {
  return { html };
}

/** A coordinate with as many decimals as a screen can show. */
function short(value: number): string {
  return `${Math.round(value * 100) / 100}`;
}

/** A column of a table: its heading, and whether it holds numbers. */
export interface Column {
  readonly heading: Content;
  readonly isNumber?: boolean;
}

/** A table; column `heading` heads the rows. */
export function table(
  caption: string,
  columns: readonly Column[],
  rows: readonly (readonly Content[])[],
  heading = 0,
): Markup {
  const classOf = (i: number) => (columns[i]!.isNumber ? "number" : undefined);
  const head = columns.map(({ heading }, i) => el("th", { scope: "col", class: classOf(i) }, heading));
  const body = rows.map((row) =>
    el(
      "tr",
      {},
      row.map((cell, i) =>
        i === heading
          ? el("th", { scope: "row", class: classOf(i) }, cell)
          : el("td", { class: classOf(i) }, cell),
      ),
    ),
  );
  return el(
    "div",
    { class: "scroll", tabindex: 0, role: "region", "aria-label": caption },
    el("table", {}, el("caption", {}, caption), el("thead", {}, el("tr", {}, head)), el("tbody", {}, body)),
  );
}
