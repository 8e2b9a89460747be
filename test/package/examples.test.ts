// The examples as a new user meets them: copied out of the repository, installed from the packed tarball, started.
import assert from "node:assert/strict";
import { join } from "node:path";
import { after, before, describe, test } from "node:test";
import { assetsDirectory } from "../cases/assets.ts";
import { type BrowserPage, Browsers, violations } from "./browser.ts";
import { BUILD, execute, installed, ROOT } from "./tarball.ts";

const PYTHON = join(ROOT, "test/hosts/.venv/bin/python");
const WAZERO = join(ROOT, "test/hosts/.bin/wazero");

/** That so many tests ran, and none was skipped or failed. */
function passed(output: string, count: number): void {
  assert.match(output, new RegExp(`pass ${count}\\b`));
  assert.match(output, /skipped 0\b/);
}

test("Cloudflare Worker", () => {
  process.env.WRANGLER_SEND_METRICS = "false";
  passed(execute("npm", ["test"], installed("cloudflare-worker")), 3);
});

test("gateway: pipe, Go, Python, component, and a minute of MQTT", () => {
  Object.assign(process.env, { PYTHON, WAZERO });
  const place = installed("wasi-gateway");
  const output = execute("npm", ["test"], place);
  passed(output, 11);
  for (const figure of [/messages in/, /resident with/])
    console.log(output.split("\n").find((line) => figure.test(line)));
  execute("npm", ["install", "--no-audit", "--no-fund"], join(place, "component"));
  passed(execute("npm", ["test"], join(place, "component")), 2);
});

describe("browser", () => {
  let browsers: Browsers;
  let site: string;
  before(async () => {
    site = installed("browser");
    execute("npm", ["run", "build"], site);
    browsers = await Browsers.open(["--use-fake-device-for-media-stream", "--use-fake-ui-for-media-stream"]);
  });
  after(() => browsers.close());

  /** Does the same in both browsers. */
  async function inBoth(
    path: string,
    action: (page: BrowserPage, name: string) => Promise<void>,
  ): Promise<void> {
    await browsers.visit(join(site, "dist"), path, action);
  }

  test("a drawn digit is classified, with the mouse and with the keyboard", async () => {
    await inBoth("index.html", async (page, name) => {
      await page.waitFor(`document.querySelector("#status").textContent !== "Loading the model…"`);
      await page.draw("#paper", [
        [80, 60],
        [200, 60],
        [130, 230],
      ]);
      await page.waitFor(`document.querySelector("#answer").textContent === "7"`);
      await page.screenshot(join(BUILD, `digits-${name}.png`));
      assert.deepEqual(await violations(page), []);
      await page.press("#clear", ["Enter"]);
      await page.waitFor(`document.querySelector("#answer").textContent === "–"`);
      await page.press("#paper", [" ", ...Array(14).fill("ArrowDown"), " "]);
      await page.waitFor(`document.querySelector("#answer").textContent === "1"`);
      assert.match(
        String(await page.evaluate(`document.querySelector("#status").textContent`)),
        /Pen lifted/,
      );
    });
  });

  const noAssets = assetsDirectory === null ? "no assets: set DYADIC_ASSETS" : false;
  test("a MobileNetV2 of the user's, on a picture and on the camera", { skip: noAssets }, async () => {
    const model = join(BUILD, "mobilenet.dyad");
    const dyadic = join(site, "node_modules/dyadic/dist/src/cli/main.js");
    const source = join(assetsDirectory!, "coral/tf2_mobilenet_v2_1.0_224_ptq.tflite");
    execute(process.execPath, [dyadic, "compile", source, "-o", model]);
    const picture = join(assetsDirectory!, "coral/cat_720p.jpg");
    await inBoth("pictures.html", async (page, name) => {
      await page.upload("#model", model);
      await page.waitFor(`document.querySelector("#status").textContent.includes("takes 1 × 224 × 224 × 3")`);
      await page.upload("#picture", picture);
      await page.waitFor(`document.querySelectorAll("#classes tr").length === 5`);
      const best = await page.evaluate(`document.querySelector("#classes th").textContent`);
      console.log(
        `${name}: ${best}; ${await page.evaluate(`document.querySelector("#status").textContent`)}`,
      );
      assert.match(String(best), /class 28[2-7]/); // cats: 281 to 285 of ImageNet, behind one class of background
      await page.screenshot(join(BUILD, `pictures-${name}.png`));
      assert.deepEqual(await violations(page), []);
      if (name !== "chromium") return; // which has a camera that is a picture of one
      await page.press("#camera", ["Enter"]);
      await page.waitFor(`document.querySelector("#camera").ariaPressed === "true"`);
      await page.waitFor(`/computed in/.test(document.querySelector("#status").textContent)`);
      await page.press("#camera", ["Enter"]);
      await page.upload("#model", picture);
      await page.waitFor(`/not a Dyadic model/.test(document.querySelector("#status").textContent)`);
    });
  });
});
