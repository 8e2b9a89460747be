// The examples as a new user meets them: copied out of the repository, installed from the packed tarball, started.
import assert from "node:assert/strict";
import { spawn } from "node:child_process";
import { join } from "node:path";
import { after, before, describe, test } from "node:test";
import { assetsDirectory } from "../cases/assets.ts";
import { type BrowserPage, Browsers, violations } from "./browser.ts";
import { commandsOf, started } from "./readme.ts";
import { BUILD, execute, installed, ROOT } from "./tarball.ts";

const PYTHON = join(ROOT, "test/hosts/.venv/bin/python");
const WAZERO = join(ROOT, "test/hosts/.bin/wazero");

/** That so many tests ran, and none was skipped or failed. */
function passed(output: string, count: number): void {
  assert.match(output, new RegExp(`pass ${count}\\b`));
  assert.match(output, /skipped 0\b/);
}

test("Cloudflare Worker: npm start and the README's request; npm test", async () => {
  process.env.WRANGLER_SEND_METRICS = "false";
  const place = installed("cloudflare-worker");
  await started(place, {}, /Ready on (http:\/\/\S+:8787)/, async () => {
    const answer = execute("sh", ["-c", commandsOf(place)[1]!], place);
    assert.equal(JSON.parse(answer).classes.length, 3);
  });
  passed(execute("npm", ["test"], place), 3);
});

test("gateway: npm start; pipe, Go, Python, component, and a minute of MQTT", async () => {
  Object.assign(process.env, { PYTHON, WAZERO });
  const place = installed("wasi-gateway");
  const port = "18830";
  const broker = spawn("/usr/sbin/mosquitto", ["-p", port], { stdio: "ignore" });
  const environment = { MQTT_URL: `mqtt://127.0.0.1:${port}` };
  const ready = /bridge: dyadic\/\+\/frame on \S+, model [0-9a-f]{16}/;
  await started(place, environment, ready, async () => {}).finally(() => broker.kill());
  const output = execute("npm", ["test"], place);
  passed(output, 12);
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

  test("npm start serves it", () =>
    started(site, { BROWSER: "none" }, /Local:\s+(http:\S+)/, ([, url]) =>
      browsers.openPage(url!, async (page) => {
        await page.waitFor(`document.querySelector("#status").textContent === "Ready."`);
      }),
    ));

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

  const status = `document.querySelector("#status").textContent`;

  /** Frames of the browser's own test picture: started, classified frame after frame, stopped, all by keyboard. */
  async function expectCamera(page: BrowserPage): Promise<void> {
    const pixels = `document.querySelector("#preview").getContext("2d").getImageData(0, 0, 224, 224).data`;
    const sum = `${pixels}.reduce((total, value, i) => (total * 31 + value * i) % 65521, 0)`;
    await page.press("#camera", ["Enter"]);
    await page.waitFor(`document.querySelector("#camera").ariaPressed === "true"`);
    for (let frames = 0; frames < 3; frames++) {
      const before = await page.evaluate(sum);
      await page.evaluate(`${status} = ""`);
      await page.waitFor(`${sum} !== ${before}`);
      await page.waitFor(`/computed in/.test(${status})`);
    }
    await page.press("#camera", ["Enter"]);
    await page.waitFor(`document.querySelector("#camera").ariaPressed === "false"`);
    await new Promise((resolve) => setTimeout(resolve, 500)); // the frame under way
    await page.evaluate(`${status} = "stopped"`);
    await new Promise((resolve) => setTimeout(resolve, 500));
    assert.equal(await page.evaluate(status), "stopped");
  }

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
      if (name !== "chromium") return; // which has a camera of its own that moves
      await expectCamera(page);
      await page.screenshot(join(BUILD, `camera-${name}.png`));
      await page.upload("#model", picture);
      await page.waitFor(`/not a Dyadic model/.test(document.querySelector("#status").textContent)`);
    });
  });
});
