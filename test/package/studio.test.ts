// The studio as a new user meets it, from the packed tarball: what it compiles is what the command line compiles.
import assert from "node:assert/strict";
import { cpSync, mkdirSync, readdirSync, readFileSync, writeFileSync } from "node:fs";
import { basename, join } from "node:path";
import { after, before, test } from "node:test";
import jpeg from "jpeg-js";
import { PNG } from "pngjs";
import { calibrationNpy } from "../../models/digits/samples.ts";
import { assetsDirectory } from "../cases/assets.ts";
import { buildOnnx, float } from "../cases/onnx.ts";
import { type BrowserPage, Browsers, violations } from "./browser.ts";
import { BUILD, execute, installed, ROOT } from "./tarball.ts";

const FILES = join(BUILD, "studio");
const DIGITS = join(ROOT, "models/digits");
const [MODEL, LABELS, SAMPLES] = [
  join(DIGITS, "digits.onnx"),
  join(DIGITS, "labels.txt"),
  join(FILES, "x.npy"),
];
const DRAWINGS = join(ROOT, "examples/digits");

let browsers: Browsers;
let site: string;

before(async () => {
  site = installed("studio");
  execute("npm", ["run", "build"], site);
  mkdirSync(join(FILES, "pictures"), { recursive: true });
  writeFileSync(SAMPLES, calibrationNpy());
  for (const [i, name] of readdirSync(DRAWINGS)
    .filter((file) => file.endsWith(".png"))
    .entries()) {
    if (i % 2 === 0) cpSync(join(DRAWINGS, name), join(FILES, "pictures", name));
    else writeFileSync(join(FILES, "pictures", name.replace("png", "jpg")), asJpeg(join(DRAWINGS, name)));
  }
  browsers = await Browsers.open();
});
after(() => browsers?.close());

function asJpeg(picture: string): Uint8Array {
  const { width, height, data } = PNG.sync.read(readFileSync(picture));
  return jpeg.encode({ width, height, data }, 80).data;
}

/** The file that the command line of the installed package makes. */
function compiled(model: string, ...options: readonly string[]): Uint8Array {
  const output = join(FILES, "expected.dyad");
  const dyadic = join(site, "node_modules/dyadic/dist/src/cli/main.js");
  execute(process.execPath, [dyadic, "compile", model, ...options, "-o", output], FILES);
  return readFileSync(output);
}

/** Does the same in both browsers, on a fresh page. */
async function inBoth(action: (page: BrowserPage, name: string) => Promise<void>): Promise<void> {
  await browsers.visit(join(site, "dist"), "index.html", action);
}

const text = async (page: BrowserPage, selector: string) =>
  String(await page.evaluate(`document.querySelector(${JSON.stringify(selector)}).textContent`));
const idle = `document.querySelector("#cancel").disabled`;

/** Enters a value as typing does. */
async function enter(page: BrowserPage, id: string, value: string): Promise<void> {
  const field = `document.querySelector("#${id}")`;
  await page.evaluate(
    `${field}.value = "${value}"; ${field}.dispatchEvent(new Event("input", { bubbles: true }))`,
  );
}

async function open(page: BrowserPage, model: string): Promise<void> {
  await page.upload("#model", model);
  await page.waitFor(`${idle} && !/Reading|Choose/.test(document.querySelector("#status").textContent)`);
}

/** The digit model with its samples and labels, ready to compile. */
async function openDigits(page: BrowserPage): Promise<void> {
  await open(page, MODEL);
  await page.upload("#samples", SAMPLES);
  await page.upload("#labels", LABELS);
  await enter(page, "numbers", "unit");
}

/** Presses a button that compiles, and waits for the model. */
async function compile(page: BrowserPage, button = "#compile"): Promise<void> {
  await page.evaluate(`document.querySelector("#result-text").textContent = ""`);
  await page.press(button, ["Enter"]);
  const ended = [
    `document.querySelector("#result-text").textContent !== ""`,
    `!document.querySelector("#problem").hidden`,
  ];
  await page.waitFor(`${idle} && (${ended.join(" || ")})`);
  assert.equal(
    await page.evaluate(`document.querySelector("#problem").hidden`),
    true,
    await text(page, "#problem"),
  );
}

async function expectModel(page: BrowserPage, expected: Uint8Array): Promise<void> {
  assert.deepEqual(Buffer.from(await page.download("#download")), Buffer.from(expected));
}

test("the digit model: the command line's file, byte for byte", async () => {
  const expected = compiled(MODEL, "--calibrate", SAMPLES, "--scale", "255", "--labels", LABELS);
  assert.deepEqual(Buffer.from(expected), readFileSync(join(DIGITS, "digits.dyad")));
  await inBoth(async (page, name) => {
    assert.deepEqual(await violations(page), []);
    await openDigits(page);
    assert.match(await text(page, "#facts"), /float.*1×1×28×28.*17\.\d KiB/);
    await compile(page);
    await expectModel(page, expected);
    await page.screenshot(join(BUILD, `studio-${name}.png`));
    assert.deepEqual(await violations(page), []);
  });
});

test("a budget: the same bits as the command line's, the frontier, and a step along it", async () => {
  const samples = ["--calibrate", SAMPLES, "--scale", "255", "--labels", LABELS];
  const expected = compiled(MODEL, ...samples, "--flash", "12KiB");
  const both = compiled(MODEL, ...samples, "--flash", "16KiB", "--ram", "5KiB");
  await inBoth(async (page, name) => {
    await openDigits(page);
    await enter(page, "flash", "12");
    await compile(page);
    await expectModel(page, expected);
    assert.match(await text(page, "#remarks"), /proven least.*flash: \d+ of 12288 bytes/s);
    assert.ok(Number(await page.evaluate(`document.querySelectorAll("#buys circle").length`)) > 10);
    const bits = await page.evaluate(
      `[...document.querySelectorAll("#layers tbody tr")].map(({ cells }) => cells[4].textContent).join()`,
    );
    assert.equal(bits, "5,8,4,,4,");
    assert.ok(await page.evaluate(`document.querySelector("#arena-section svg rect.tensor") !== null`));
    const report = Buffer.from(await page.download("#report")).toString();
    assert.match(report, /^<!doctype html>.*What bytes buy.*Ranges/s);
    await page.evaluate(`document.querySelector("#buys details").open = true`);
    await page.screenshot(join(BUILD, `studio-budget-${name}.png`));
    assert.deepEqual(await violations(page), []);
    const size = Number(
      await page.evaluate(`document.querySelector("#buys tbody th").textContent.replaceAll(",", "")`),
    );
    await compile(page, "#buys tbody button");
    assert.ok((await page.download("#download")).length <= size);
    await enter(page, "flash", "16");
    await enter(page, "ram", "5");
    await compile(page);
    await expectModel(page, both);
  });
});

test("pictures, png and jpg: decoded to the command line's bytes", async () => {
  const pictures = readdirSync(join(FILES, "pictures")).map((name) => join(FILES, "pictures", name));
  const expected = compiled(MODEL, "--calibrate", join(FILES, "pictures"), "--scale", "255");
  await inBoth(async (page) => {
    await open(page, MODEL);
    await page.upload("#samples", ...pictures.toReversed());
    await page.waitFor(`document.querySelector("#numbers").required`);
    await page.press("#compile", ["Enter"]);
    assert.equal(await page.evaluate(`document.querySelector("#form").checkValidity()`), false);
    await enter(page, "numbers", "unit");
    await compile(page);
    await expectModel(page, expected);
  });
});

test("a model, its samples and its labels, dropped on the page", async () => {
  const dropped = [MODEL, SAMPLES, LABELS].map((path) => [
    basename(path),
    readFileSync(path).toString("base64"),
  ]);
  await inBoth(async (page) => {
    await page.evaluate(`{
      const dataTransfer = new DataTransfer();
      for (const [name, base64] of ${JSON.stringify(dropped)})
        dataTransfer.items.add(new File([Uint8Array.from(atob(base64), (c) => c.charCodeAt(0))], name));
      document.body.dispatchEvent(new DragEvent("drop", { dataTransfer, bubbles: true, cancelable: true }));
    }`);
    await page.waitFor(`${idle} && /needs samples/.test(document.querySelector("#status").textContent)`);
    await enter(page, "numbers", "unit");
    await compile(page);
    await expectModel(page, readFileSync(join(DIGITS, "digits.dyad")));
  });
});

test("the example at hand", async () => {
  await inBoth(async (page) => {
    await page.press("#example", ["Enter"]);
    await page.waitFor(`${idle} && /needs samples/.test(document.querySelector("#status").textContent)`);
    await compile(page);
    assert.match(await text(page, "#ranges"), /over 100 samples/);
  });
});

test("cancelled at any moment, and gone on from there", async () => {
  await inBoth(async (page) => {
    await openDigits(page);
    await enter(page, "flash", "12");
    for (const stage of ["", "Rounding", "Measuring"]) {
      await page.press("#compile", ["Enter"]);
      await page.waitFor(`document.querySelector("#status").textContent.startsWith("${stage}")`);
      await page.press("#cancel", ["Enter"]);
      assert.match(await text(page, "#status"), /^Cancelled/);
      assert.equal(await page.evaluate(`${idle} && document.querySelector("#result").hidden`), true);
    }
    await compile(page);
    assert.match(await text(page, "#result-text"), /^11904 bytes/);
  });
});

test("an int8 model keeps its scales", {
  skip: assetsDirectory === null && "no assets: set DYADIC_ASSETS",
}, async () => {
  const model = join(assetsDirectory!, "mlperf_tiny/models/kws_ref_model.tflite");
  const expected = compiled(model);
  await inBoth(async (page) => {
    await open(page, model);
    assert.match(await text(page, "#facts"), /int8/);
    await compile(page);
    await expectModel(page, expected);
  });
});

/** A model of one convolution and one operator that nobody has. */
const STRANGE = buildOnnx({
  inputs: [{ name: "x", shape: [1, 1, 4, 4] }],
  outputs: [{ name: "y", shape: [1, 1, 4, 4] }],
  initializers: { w: float([1, 1, 1, 1]) },
  nodes: [
    { op: "Conv", inputs: ["x", "w"], outputs: ["c"] },
    { op: "Frobnicate", name: "<img src=x onerror=alert(1)>", inputs: ["c"], outputs: ["y"] },
  ],
});

test("what cannot be compiled is told, with its place, and the page goes on", async () => {
  const strange = join(FILES, "strange.onnx");
  const cut = join(FILES, "cut.onnx");
  writeFileSync(strange, STRANGE);
  writeFileSync(cut, readFileSync(MODEL).subarray(0, 30_000));
  await inBoth(async (page, name) => {
    const problem = async () => (await text(page, "#problem")).replace(/\s+/g, " ");
    await open(page, strange);
    assert.match(await problem(), /no such operator.*strange\.onnx.*node<img src=x.*opFrobnicate/);
    assert.equal(await page.evaluate(`document.querySelectorAll("img").length`), 0);
    assert.deepEqual(await violations(page), []);
    await page.screenshot(join(BUILD, `studio-problem-${name}.png`));
    await open(page, cut);
    assert.match(await problem(), /cut\.onnx/);
    await open(page, LABELS);
    assert.match(await problem(), /not a model that Dyadic knows.*labels\.txt.*expected/);
    await openDigits(page);
    assert.equal(await page.evaluate(`document.querySelector("#problem").hidden`), true);
    await enter(page, "flash", "1");
    await page.press("#compile", ["Enter"]);
    await page.waitFor(`!document.querySelector("#problem").hidden`);
    assert.match(await problem(), /1024.*found/);
    assert.equal(await text(page, "#status"), "Nothing fits these limits.");
    await enter(page, "flash", "");
    await page.upload("#samples", MODEL);
    await page.press("#compile", ["Enter"]);
    await page.waitFor(
      `/cannot be decoded.*${basename(MODEL)}/.test(document.querySelector("#problem").textContent)`,
    );
    await page.upload("#samples", SAMPLES);
    await compile(page);
  });
});
