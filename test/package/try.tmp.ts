import { Browsers } from "./browser.ts";
const b = await Browsers.open();
const T = "/tmp/studio-try/";
const idle = `document.querySelector("#cancel").disabled`;
try {
  await b.visit("/tmp/studio-site/dist", "index.html", async (page, name) => {
    if (name === "firefox") return;
    await page.upload("#model", T + "digits.onnx");
    await page.waitFor(`!document.querySelector("#facts").hidden`);
    await page.upload("#samples", T + "samples.npy");
    await page.upload("#labels", T + "labels.txt");
    await page.evaluate(`document.querySelector("#numbers").value = "unit"`);
    for (const [f, r] of [["14","5"]]) {
    await page.evaluate(`document.querySelector("#flash").value = "${f}"; document.querySelector("#ram").value = "${r}"; document.querySelector("#flash").dispatchEvent(new Event("input", {bubbles: true}))`);
    await page.press("#compile", ["Enter"]);
    await page.waitFor("!" + idle);
    await page.waitFor(idle);
    console.log(f, r, await page.evaluate(`document.querySelector("#problem").innerText + document.querySelector("#result-text").textContent + document.querySelector("#status").textContent+ document.querySelector("#remarks").innerText`));
    }
  });
} finally { await b.close(); }
