// The two built Workers in workerd: `wrangler dev` as the test starts it, no account and no network.
import assert from "node:assert/strict";
import { readFileSync } from "node:fs";
import { test } from "node:test";
import { unstable_startWorker } from "wrangler";

const model = readFileSync("model.dyad");
const digest = model.subarray(32, 64).toString("hex");

for (const config of ["wrangler.jsonc", "wrangler.streamed.jsonc"]) {
  test(config, async () => {
    const worker = await unstable_startWorker({
      config,
      dev: { server: { port: 0 }, inspector: false, logLevel: "error" },
    });
    try {
      const about = await (await worker.fetch("http://worker/")).json();
      assert.equal(about.sha256, digest);
      assert.ok(about.memoryBytes < 1 << 20);
      const size = about.inputs[0].shape.reduce((product, dim) => product * dim, 1);
      const good = await worker.fetch("http://worker/", { method: "POST", body: new Uint8Array(size) });
      const { model: used, classes } = await good.json();
      assert.equal(used, digest);
      assert.equal(classes.length, 3);
      assert.ok(classes[0].score >= classes[1].score);
      const bad = await worker.fetch("http://worker/", { method: "POST", body: new Uint8Array(size - 1) });
      assert.equal(bad.status, 400);
      assert.match((await bad.json()).message, /expected: image: uint8\[1, 28, 28, 1\]/);
    } finally {
      await worker.dispose();
    }
  });
}
