import { mkdtempSync, readFileSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { fileURLToPath } from "node:url";
import { afterAll, beforeAll, describe, expect, test, vi } from "vitest";
import { calibrationNpy } from "../../models/digits/samples.ts";
import { Statistics } from "../../src/calibrate/statistics.ts";
import { reportCommand } from "../../src/cli/report.ts";
import { accuracyOf } from "../../src/report/accuracy.ts";
import { describe as describeModel } from "../../src/report/describe.ts";
import { parseFrontier } from "../../src/report/frontier.ts";
import { histogramOf } from "../../src/report/histogram.ts";
import { pageOf } from "../../src/report/page/index.ts";
import { type Report, reportOf } from "../../src/report/report.ts";
import { npyFile } from "../cases/files.ts";

const digits = fileURLToPath(new URL("../../models/digits/digits.", import.meta.url));
const [model, source] = [`${digits}dyad`, `${digits}onnx`];
const bytes = new Uint8Array(readFileSync(model));
const folder = mkdtempSync(join(tmpdir(), "dyadic-report-"));
const [inputs, labels, output] = ["x.npy", "y.npy", "report.html"].map((name) => join(folder, name)) as [
  string,
  string,
  string,
];
const flags = { against: source, scale: 255, inputs, labels, count: 4 } as const;

beforeAll(() => {
  writeFileSync(inputs, calibrationNpy());
  writeFileSync(
    labels,
    npyFile(
      "<i4",
      [200],
      Int32Array.from({ length: 200 }, (_, i) => i % 10),
    ),
  );
});
afterAll(() => rmSync(folder, { recursive: true }));

async function reported(options: object): Promise<Report> {
  const print = vi.spyOn(process.stdout, "write").mockReturnValue(true);
  try {
    await reportCommand(model, { ...flags, ...options, json: true });
    return JSON.parse(`${print.mock.calls[0]![0]}`);
  } finally {
    print.mockRestore();
  }
}

/** Throws where a tag is not closed by its own; SVG and HTML alike. */
function checkTags(html: string): void {
  const open: string[] = [];
  for (const [, end, name] of html.matchAll(/<(\/?)([a-z]+)(?:\s[^<>]*)?>/g)) {
    if (name === "meta" || name === "br") continue;
    if (end === "") open.push(name!);
    else expect(open.pop()).toBe(name);
  }
  expect(open).toEqual([]);
}

describe("dyadic report", () => {
  test("says of the model what its file says, and what samples showed", async () => {
    const report = await reported({});
    const { plan, flashBytes, macs } = describeModel(bytes, model);
    expect(report).toMatchObject({ name: "digits", flashBytes, macs, evaluated: 200, traced: 4 });
    expect(report.arena.liveBytes).toEqual(plan.steps.map(({ liveBytes }) => liveBytes));
    expect(report.contenders.map(({ name }) => name)).toEqual(["float", "this model"]);
    const [float, own] = report.contenders;
    expect(float!.bytes).toBe(4 * 11_146);
    expect(own!.bytes).toBe(bytes.length);
    expect(own!.accuracy!.top1).toBeGreaterThan(0.9);
    expect(own!.accuracy!.drop).toBeCloseTo(float!.accuracy!.top1 - own!.accuracy!.top1, 12);
    expect(report.layers.map(({ op }) => op)).toEqual([
      "conv",
      "conv",
      "conv",
      "reshape",
      "dense",
      "softmax",
    ]);
    for (const { apart, histogram, weightBits } of report.layers) {
      expect(apart!.signalToNoise).toBeGreaterThan(20);
      expect(histogram!.counts.length).toBeLessThanOrEqual(48);
      expect([8, null]).toContain(weightBits);
    }
  });

  test("every allocation lies in the arena, and the live bytes of a step are no more than it", () => {
    const { plan } = describeModel(bytes, model);
    for (const { start, end, first, last, haloBytes } of plan.allocations) {
      expect(start >= 0 && start < end && end <= plan.peakBytes).toBe(true);
      expect(first <= last && last < plan.steps.length).toBe(true);
      expect(haloBytes).toBeLessThan(end - start);
    }
    expect(Math.max(...plan.steps.map(({ liveBytes }) => liveBytes))).toBe(plan.lowerBound);
  });

  test("writes one page that needs nothing else, whole and labelled", async () => {
    const frontier = join(folder, "f.json");
    const points = [
      { bytes: 100, loss: 2, accuracy: 0.5 },
      { bytes: 200, loss: 1, chosen: true },
    ];
    writeFileSync(frontier, JSON.stringify({ points }));
    await reported({ output, frontier });
    const html = readFileSync(output, "utf8");
    checkTags(html.replace(/^<!doctype html>/, "").replace(/<style>[^<]*<\/style>/, ""));
    expect(html).not.toMatch(/<script|<link|<iframe|https?:|url\((?!#)|@import/);
    const ids = Array.from(html.matchAll(/ id="([^"]*)"/g), ([, id]) => id);
    expect(new Set(ids).size).toBe(ids.length);
    for (const [, used] of html.matchAll(/aria-labelledby="([^"]*)"/g)) {
      for (const id of used!.split(" ")) expect(ids).toContain(id);
    }
    for (const name of ["conv1", "dense", "softmax", "99", "prefers-color-scheme", "@media print"]) {
      expect(html).toContain(name);
    }
    for (const heading of ["Accuracy and size", "The arena over time", "What bytes buy", "Ranges"]) {
      expect(html).toContain(heading);
    }
  });

  test("a stripped file, and one without samples, have a page too", () => {
    const html = pageOf(reportOf(bytes, "digits.dyad", { count: 1 }));
    checkTags(html.replace(/<style>[^<]*<\/style>/, ""));
    expect(html).not.toContain("Ranges");
  });

  test("names that are markup stay text", () => {
    const report = reportOf(bytes, "<img src=x onerror=alert(1)>.dyad", { count: 1 });
    const [layer, ...rest] = report.layers;
    const hostile = { ...layer!, name: `"><script>alert("1")</script>` };
    const html = pageOf({ ...report, layers: [hostile, ...rest] });
    expect(html).not.toMatch(/<script|<img/);
    checkTags(html.replace(/<style>[^<]*<\/style>/, ""));
  });

  test("says what is missing or does not fit", async () => {
    await expect(reportCommand(model, { count: 1 })).rejects.toThrow("nowhere to put");
    await expect(reported({ against: model })).rejects.toThrow();
    writeFileSync(join(folder, "short.npy"), npyFile("<i4", [3], Int32Array.of(1, 2, 3)));
    await expect(reported({ labels: join(folder, "short.npy") })).rejects.toThrow("one label a sample");
  });
});

test("a drop has the standard error of the paired differences", () => {
  const answers = (right: boolean[]) => ({ outputs: [], best: right.map(Number), right });
  const float = answers([true, true, true, false]);
  const own = answers([true, false, true, false]);
  const { top1, drop, dropError, agreement } = accuracyOf(own, float, false);
  expect({ top1, drop, agreement }).toEqual({ top1: 0.5, drop: 0.25, agreement: 0.75 });
  expect(dropError).toBeCloseTo(0.25, 12); // differences 0, 1, 0, 0: deviation 0.5, over the root of 4
});

test("the divergence is that of the softmax", () => {
  const answers = (logits: number[]) => ({ outputs: [Float32Array.from(logits)], best: [0], right: [true] });
  const { divergence } = accuracyOf(answers([0, 0]), answers([Math.log(3), 0]), true);
  expect(divergence).toBeCloseTo(0.75 * Math.log(0.75 / 0.5) + 0.25 * Math.log(0.25 / 0.5), 6);
});

test("a histogram keeps every value, and counts what no code comes near", () => {
  const seen = new Statistics();
  seen.observe(Float32Array.from({ length: 1000 }, (_, i) => i / 100));
  const { counts, first, width, clipped } = histogramOf(seen, 0, 8, 0.125);
  expect(counts.reduce((a, b) => a + b, 0)).toBe(1000);
  expect(first).toBe(0);
  expect(first + width * counts.length).toBeGreaterThanOrEqual(9.99);
  expect(clipped).toBeCloseTo(0.187, 2);
});

describe("a frontier", () => {
  test("is an array of points, or an object that holds one", () => {
    const points = [{ bytes: 3, loss: 0.5, accuracy: null, chosen: false }];
    expect(parseFrontier('[{"bytes": 3, "loss": 0.5, "policy": {}}]')).toEqual(points);
    expect(parseFrontier('{"version": 1, "points": [{"bytes": 3, "loss": 0.5}]}')).toEqual(points);
  });

  test.each(["", "{}", '[{"bytes": 3}]', "[null]", '{"points": 3}'])("%s is none", (text) => {
    expect(() => parseFrontier(text)).toThrow("this is no frontier");
  });
});
