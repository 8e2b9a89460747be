// The built Workers in workerd: `wrangler dev` as the test starts it, no account and no network.
import assert from "node:assert/strict";
import { execFileSync } from "node:child_process";
import { mkdtempSync, readFileSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { after, test } from "node:test";
import { unstable_startWorker } from "wrangler";

const model = readFileSync("model.dyad");
const digest = model.subarray(32, 64).toString("hex");
const place = mkdtempSync(join(tmpdir(), "dyadic-worker-"));
after(() => rmSync(place, { recursive: true }));

/** Runs `action` with a Worker's `fetch` while it is served; buckets lie in `place`. */
async function serving(config, action) {
  const worker = await unstable_startWorker({
    config,
    dev: { server: { port: 0 }, inspector: false, logLevel: "error", persist: place },
  });
  try {
    await action((options) => worker.fetch("http://worker/", options));
  } finally {
    await worker.dispose();
  }
}

async function expectClassifier(ask) {
  const about = await (await ask()).json();
  assert.equal(about.sha256, digest);
  assert.ok(about.memoryBytes < 1 << 20);
  const size = about.inputs[0].shape.reduce((product, dim) => product * dim, 1);
  const good = await ask({ method: "POST", body: new Uint8Array(size) });
  const { model: used, classes } = await good.json();
  assert.equal(used, digest);
  assert.equal(classes.length, 3);
  assert.ok(classes[0].score >= classes[1].score);
  const bad = await ask({ method: "POST", body: new Uint8Array(size - 1) });
  assert.equal(bad.status, 400);
  assert.match((await bad.json()).message, /expected: image: uint8\[1, 28, 28, 1\]/);
}

for (const config of ["wrangler.jsonc", "wrangler.streamed.jsonc"]) {
  test(config, () => serving(config, expectClassifier));
}

/** Puts a file into the bucket of this machine, as `npm run start:r2` does. */
function put(bytes) {
  const file = join(place, "upload");
  writeFileSync(file, bytes);
  const object = "dyadic-models/model.dyad";
  execFileSync("npx", [
    "wrangler",
    "r2",
    "object",
    "put",
    object,
    "--file",
    file,
    "--local",
    "--persist-to",
    place,
  ]);
}

test("wrangler.r2.jsonc: an empty bucket, a damaged model, and the model, which the next request finds", () =>
  serving("wrangler.r2.jsonc", async (ask) => {
    for (const [bytes, code, message] of [
      [undefined, "BAD_FILE", /no model\.dyad in the bucket MODELS/],
      [model.subarray(0, 5000), "CORRUPT", /^R2 model\.dyad: .* cut short/],
      [Buffer.from(model).fill(1, 6000, 6004), "CORRUPT", /^R2 model\.dyad: .*SHA-256/],
    ]) {
      if (bytes !== undefined) put(bytes);
      const answer = await ask();
      assert.equal(answer.status, 500);
      const problem = await answer.json();
      assert.equal(problem.code, code);
      assert.match(problem.message, message);
    }
    put(model);
    await expectClassifier(ask);
  }));
