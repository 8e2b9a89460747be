import type { Contender, LayerReport, Report } from "../report.ts";
import { arenaPicture } from "./arena.ts";
import { frontierPicture } from "./frontier.ts";
import { histogramGrid } from "./histograms.ts";
import { type Content, el, type Markup, raw, table } from "./markup.ts";
import { bytesText, countText, grouped, percentText, realText, shortName } from "./numbers.ts";
import { LOW_DECIBELS, profilePicture } from "./profile.ts";
import { STYLE } from "./style.ts";

/** A report as one HTML file that needs nothing else: no script, no font, no network. */
export function pageOf(report: Report): string {
  const { file, producer, sha256 } = report;
  const page = el(
    "html",
    { lang: "en" },
    el(
      "head",
      {},
      el("meta", { charset: "utf-8" }),
      el("meta", { name: "viewport", content: "width=device-width, initial-scale=1" }),
      el("title", {}, `${report.name}: report of a compiled model`),
      el("style", {}, raw(STYLE)),
    ),
    el(
      "body",
      {},
      el(
        "header",
        {},
        el("h1", {}, report.name),
        el("p", { class: "verdict" }, verdict(report)),
        keyFigures(report),
      ),
      el("main", {}, sections(report)),
      el(
        "footer",
        {},
        `${file}, SHA-256 `,
        el("code", {}, sha256),
        producer && `, compiled by ${producer}`,
        report.source && ` from ${report.source}`,
        ".",
      ),
    ),
  );
  return `<!doctype html>\n${page.html}\n`;
}

/** The report's figures and sections as markup, for a page that has its own head: the studio's. Its style is STYLE. */
export function bodyOf(report: Report): string {
  return el("div", {}, keyFigures(report), sections(report)).html;
}

function section(id: string, title: string, ...contents: readonly Content[]): Markup {
  const long = id === "layers" || id === "ranges";
  return el(
    "section",
    { id, "aria-labelledby": `${id}-heading`, class: long ? "long" : undefined },
    el("h2", { id: `${id}-heading` }, title),
    contents,
  );
}

function sections(report: Report): Content {
  const { contenders, layers, frontier, policy, traced } = report;
  const hasHistograms = layers.some(({ histogram }) => histogram !== null);
  const from = report.histogramsOf === "float" ? "the float network" : "the integer network";
  return [
    contenders.length > 1 || contenders.some(({ accuracy }) => accuracy !== null)
      ? section("accuracy", "Accuracy and size", el("p", {}, accuracyNote(report)), contenderTable(report))
      : null,
    section("profile-section", "Layer by layer", profilePicture(report)),
    section(
      "arena-section",
      "The arena over time",
      el(
        "p",
        {},
        `Every byte of the ${bytesText(report.arena.peakBytes)} that the engine works in was given out when the model was compiled. ` +
          "The line is what is alive at each step; rest the pointer on a rectangle to see whose it is.",
      ),
      arenaLegend(),
      arenaPicture(report),
    ),
    frontier.length > 0 && section("frontier-section", "What bytes buy", frontierPicture(frontier)),
    section("layers", "Layers", layerTable(layers)),
    hasHistograms &&
      section(
        "ranges",
        "Ranges",
        el(
          "p",
          {},
          `Values of ${from} over ${traced} samples; counts are drawn as their square roots. The shaded band is what the codes reach.`,
        ),
        histogramGrid(report),
      ),
    section(
      "policy",
      "Policy",
      el(
        "p",
        {},
        policy === null
          ? "None: the model was quantized already."
          : "What the compiler followed; it can be given back with --policy.",
      ),
      policy !== null &&
        el(
          "details",
          { open: "" },
          el("summary", {}, "JSON"),
          el("pre", {}, el("code", {}, JSON.stringify(policy, null, 2))),
        ),
      metadataTable(report.metadata),
    ),
  ];
}

function verdict({ contenders, layers, flashBytes }: Report): string {
  const own = contenders.at(-1)!;
  const float = contenders.find(({ name }) => name === "float");
  const widths = [...new Set(layers.flatMap(({ weightBits }) => weightBits ?? []))].sort((a, b) => b - a);
  const bits = widths.length === 0 ? "" : `, weights of ${widths.join(", ")} bits`;
  const accuracy = own.accuracy ? `${percentText(own.accuracy.top1)} of the answers right` : "";
  const against = float?.accuracy && own.accuracy ? ` (float ${percentText(float.accuracy.top1)})` : "";
  const size = float
    ? `${bytesText(flashBytes)}, ${(float.bytes / flashBytes).toFixed(1)} times less than in float`
    : bytesText(flashBytes);
  return [accuracy + against, `${size}${bits}.`].filter((part) => part !== "").join(" in ");
}

function keyFigures({ flashBytes, weightBytes, macs, arena, layers }: Report): Markup {
  const figure = (name: string, value: string, note: string) =>
    el("div", {}, el("dt", {}, name), el("dd", {}, value, el("small", {}, note)));
  return el(
    "dl",
    { class: "figures-key" },
    figure("flash", bytesText(flashBytes), `${bytesText(weightBytes)} of it constants`),
    figure(
      "RAM",
      bytesText(arena.peakBytes),
      `lower bound ${bytesText(arena.lowerBound)}; halos ${bytesText(arena.haloBytes)}`,
    ),
    figure("work", countText(macs), "multiply-adds an inference"),
    figure("steps", `${arena.liveBytes.length}`, `${layers.length} layers`),
  );
}

function accuracyNote({ evaluated, contenders }: Report): string {
  if (evaluated === 0) return "Float is the weights as float32, without what a runtime needs besides.";
  const paired = contenders.some(({ accuracy }) => accuracy?.drop != null);
  const errors = paired ? " Errors are standard errors; that of the drop is paired, sample by sample." : "";
  return `Top-1 over ${grouped(evaluated)} labelled samples, integers on the engine itself.${errors}`;
}

function contenderTable({ contenders }: Report): Markup {
  const first = contenders[0]!;
  const has = (key: "drop" | "agreement" | "divergence") =>
    contenders.some(({ accuracy }) => accuracy !== null && accuracy[key] !== null);
  const measured = contenders.some(({ accuracy }) => accuracy !== null);
  const number = (heading: string) => ({ heading, isNumber: true });
  const columns = [
    { heading: "model" },
    number("bytes"),
    ...(contenders.length > 1 ? [number("share")] : []),
    number("arena"),
    ...(measured ? [number("top-1")] : []),
    ...(has("drop") ? [number("drop in points")] : []),
    ...(has("agreement") ? [number("same answer")] : []),
    ...(has("divergence") ? [number("KL of softmax")] : []),
  ];
  const row = ({ name, bytes, arenaBytes, accuracy }: Contender): Content[] => [
    name,
    grouped(bytes),
    ...(contenders.length > 1 ? [percentText(bytes / first.bytes, 1)] : []),
    arenaBytes === null ? "" : grouped(arenaBytes),
    ...(measured
      ? [accuracy ? `${percentText(accuracy.top1)} ± ${(100 * accuracy.standardError).toFixed(2)}` : ""]
      : []),
    ...(has("drop")
      ? [
          accuracy?.drop == null
            ? ""
            : `${(100 * accuracy.drop).toFixed(2)} ± ${(100 * accuracy.dropError!).toFixed(2)}`,
        ]
      : []),
    ...(has("agreement") ? [accuracy?.agreement == null ? "" : percentText(accuracy.agreement)] : []),
    ...(has("divergence") ? [accuracy?.divergence == null ? "" : accuracy.divergence.toFixed(4)] : []),
  ];
  return table("Models", columns, contenders.map(row));
}

function arenaLegend(): Markup {
  const sample = (kind: string) =>
    el(
      "svg",
      { viewBox: "0 0 17 9", "aria-hidden": "true" },
      kind === "live"
        ? el("line", { x1: 0, y1: 5, x2: 17, y2: 5, class: "live" })
        : [
            el("rect", { width: 17, height: 9, class: kind === "halo" ? "tensor0" : kind }),
            kind === "halo" && el("rect", { width: 17, height: 9, class: "halo" }),
          ],
    );
  const entry = (kind: string, name: string) => el("li", {}, sample(kind), name);
  return el(
    "ul",
    { class: "legend" },
    entry("tensor0", "a tensor, one colour after the other"),
    entry("halo", "its halo (spread among its rows)"),
    entry("scratch", "scratch of a step"),
    entry("live", "bytes alive"),
  );
}

function layerTable(layers: readonly LayerReport[]): Markup {
  const number = (heading: string) => ({ heading, isNumber: true });
  const compared = layers.some(({ apart }) => apart !== null);
  const methods = layers.some(({ rounding }) => rounding !== null);
  const columns = [
    number("step"),
    { heading: "layer" },
    { heading: "op" },
    { heading: "output" },
    number("weight bits"),
    number("output bits"),
    ...(methods ? [{ heading: "rounding" }] : []),
    number("multiply-adds"),
    number("weight bytes"),
    number("live bytes"),
    ...(compared ? [number("SNR dB")] : []),
  ];
  const row = (layer: LayerReport): Content[] => [
    layer.step,
    el("span", { title: layer.name }, shortName(layer.name)),
    layer.op,
    layer.output.join(" × "),
    layer.weightBits ?? "",
    layer.activationBits,
    ...(methods ? [roundingText(layer)] : []),
    layer.macs === 0 ? "" : grouped(layer.macs),
    layer.weightBytes === 0 ? "" : grouped(layer.weightBytes),
    grouped(layer.liveBytes),
    ...(compared ? [noiseCell(layer)] : []),
  ];
  return table("Layers in the order of the plan", columns, layers.map(row), 1);
}

function roundingText({ rounding, granularity }: LayerReport): string {
  return rounding === null ? "" : `${rounding}${granularity === "tensor" ? ", per tensor" : ""}`;
}

function noiseCell({ apart }: LayerReport): Content {
  if (apart === null) return "";
  const { signalToNoise } = apart;
  if (signalToNoise === null) return "exact";
  const shown = signalToNoise.toFixed(1);
  return signalToNoise < LOW_DECIBELS ? el("span", { class: "low" }, "▾ ", shown) : shown;
}

function metadataTable(metadata: Readonly<Record<string, string>>): Content {
  const rows = Object.entries(metadata);
  if (rows.length === 0) return null;
  const shown = (value: string) => (/^-?\d+\.\d+$/.test(value) ? realText(Number(value)) : value);
  return table(
    "Provenance",
    [{ heading: "what" }, { heading: "value" }],
    rows.map(([key, value]) => [key, el("code", {}, shown(value))]),
  );
}
