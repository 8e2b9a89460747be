// The bridge with a real mosquitto: results, errors, updates of the model, and a minute of messages over a broker that dies.
import assert from "node:assert/strict";
import { execFileSync, spawnSync } from "node:child_process";
import { createHash } from "node:crypto";
import { once } from "node:events";
import { mkdtempSync, readFileSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { after, before, test } from "node:test";
import { InferenceSession } from "dyadic";
import mqtt from "mqtt";
import { Broker } from "./broker.js";
import { memoryMax, residentPeak, startService } from "./service.js";

const RATE = Number(process.env.LOAD_RATE ?? 1000);
const SECONDS = Number(process.env.LOAD_SECONDS ?? 60);
const SAMPLES = 64;

const place = mkdtempSync(join(tmpdir(), "dyadic-bridge-"));
const original = readFileSync("model.dyad");
let broker;
let bridge;
let client;
let expected;

/** Frame i of a fixed set. */
const frame = (i) => Uint8Array.from({ length: 784 }, (_, at) => (at * (i + 3) + i * 31) % 256);

before(async () => {
  broker = await Broker.create();
  await broker.start();
  openssl("genpkey", "-algorithm", "ed25519", "-out", join(place, "key.pem"));
  const publicKey = openssl("pkey", "-in", join(place, "key.pem"), "-pubout", "-outform", "DER").subarray(
    -32,
  );
  writeFileSync(join(place, "publisher.pub"), publicKey);
  bridge = startService(place, broker.url);
  bridge.stderr.resume(); // connections that break are told there
  await once(bridge.stdout, "data");
  client = mqtt.connect(broker.url, {
    protocolVersion: 5,
    clientId: "test",
    clean: false,
    properties: { sessionExpiryInterval: 3600 }, // or the broker forgets who is away
    reconnectPeriod: 250,
  });
  client.on("error", () => {}); // while the broker is away
  client.setMaxListeners(0);
  await client.subscribeAsync(["results/test", "dyadic/+/class"], { qos: 1 });
  const session = await InferenceSession.create(original);
  expected = Array.from({ length: SAMPLES }, (_, i) => {
    const { probabilities } = session.runSync({ image: frame(i) });
    return probabilities.data.indexOf(Math.max(...probabilities.data));
  });
});

after(async () => {
  await client.endAsync(true);
  bridge.kill("SIGTERM");
  await once(bridge, "exit");
  await broker.remove();
  rmSync(place, { recursive: true });
});

/** The README's way to make keys and signatures; what it writes to stdout. */
function openssl(...args) {
  return execFileSync("openssl", args);
}

function signed(model) {
  writeFileSync(join(place, "update"), model);
  const key = join(place, "key.pem");
  return Buffer.concat([
    openssl("pkeyutl", "-sign", "-inkey", key, "-rawin", "-in", join(place, "update")),
    model,
  ]);
}

/** The next message on a topic. */
function next(topic) {
  return new Promise((resolve) => {
    const listener = (at, payload, packet) => {
      if (at !== topic) return;
      client.off("message", listener);
      resolve({ ...JSON.parse(payload), packet });
    };
    client.on("message", listener);
  });
}

const digestOf = (model) => model.subarray(32, 64).toString("hex");

test("the unit is what systemd reads without a complaint", (t) => {
  const { error, status, stdout, stderr } = spawnSync(
    "systemd-analyze",
    ["verify", "dyadic-bridge.service"],
    {
      encoding: "utf8",
      env: { ...process.env, SYSTEMD_LOG_LEVEL: "info" },
    },
  );
  if (error?.code === "ENOENT") return t.skip("no systemd-analyze");
  const complaints = `${stdout}${stderr}`
    .split("\n")
    .filter((line) => line.includes("dyadic-bridge.service"));
  const missing = /(node|main\.js) is not executable/; // where this machine has its Node elsewhere
  assert.deepEqual(
    complaints.filter((line) => !missing.test(line)),
    [],
  );
  assert.ok(status === 0 || complaints.length > 0);
});

test("a frame gets its class, the model's hash and the time that it took", async () => {
  const answer = next("dyadic/camera/class");
  await client.publishAsync("dyadic/camera/frame", Buffer.from(frame(5)), { qos: 1 });
  const { model, latencyMs, top, score } = await answer;
  assert.equal(model, digestOf(original));
  assert.equal(top, expected[5]);
  assert.ok(latencyMs > 0 && score > 0 && score <= 1);
});

test("a frame of the wrong size is answered with what was expected", async () => {
  const answer = next("dyadic/camera/class");
  await client.publishAsync("dyadic/camera/frame", Buffer.alloc(3), { qos: 1 });
  const { error, message } = await answer;
  assert.equal(error, "BAD_INPUT");
  assert.match(message, /expected: image: uint8\[1, 28, 28, 1\]/);
});

test("the model is updated whole or not at all, and rolled back", async () => {
  const retained = next("dyadic/status");
  await client.subscribeAsync("dyadic/status", { qos: 1 });
  assert.equal((await retained).model, digestOf(original));
  const send = async (topic, payload) => {
    const status = next("dyadic/status");
    await client.publishAsync(topic, Buffer.from(payload), { qos: 1 });
    return status;
  };
  const onDisk = () => digestOf(readFileSync(join(place, "model.dyad")));

  for (const [payload, code] of [
    [original, "BAD_SIGNATURE"],
    [signed(original).with(200, 1), "BAD_SIGNATURE"],
    [signed(original.subarray(0, 5000)), "CORRUPT"],
    [signed(original.with(4, 2)), "UNSUPPORTED_VERSION"],
    [signed(original.with(9000, original[9000] ^ 1)), "CORRUPT"],
  ]) {
    const status = await send("dyadic/model", payload);
    assert.deepEqual([status.error, status.model], [code, digestOf(original)]);
    assert.equal(onDisk(), digestOf(original));
  }

  const other = stripped(original);
  assert.equal((await send("dyadic/model", signed(other))).model, digestOf(other));
  assert.equal(onDisk(), digestOf(other));
  const answer = next("dyadic/camera/class");
  await client.publishAsync("dyadic/camera/frame", Buffer.from(frame(5)), { qos: 1 });
  const { model, top } = await answer;
  assert.deepEqual([model, top], [digestOf(other), expected[5]]);

  assert.equal((await send("dyadic/rollback", "")).model, digestOf(original));
  assert.equal(onDisk(), digestOf(original));
  const again = await send("dyadic/rollback", "");
  assert.equal(again.model, digestOf(original), "there is nothing more to go back to");
  assert.ok(again.error !== undefined);
});

/** The same model as another file: one reserved byte of no meaning would be refused, so its header's name is changed. */
function stripped(model) {
  const file = Buffer.from(model);
  const at = file.lastIndexOf("digits");
  file[at] = "D".charCodeAt(0);
  file.fill(0, 32, 64);
  return Buffer.from(file.fill(createHash("sha256").update(file).digest(), 32, 64));
}

test("a broker killed with -9 forgets: a sender that repeats what is not answered gets every answer", async () => {
  const answers = new Map();
  const listener = (topic, payload, { properties }) => {
    if (topic === "results/test") answers.set(Number(properties.correlationData), JSON.parse(payload).top);
  };
  client.on("message", listener);
  const ids = Array.from({ length: 1000 }, (_, i) => 1_000_000 + i);
  const repeats = [];
  const deadline = performance.now() + 60_000;
  while (answers.size < ids.length && performance.now() < deadline) {
    const open = ids.filter((id) => !answers.has(id));
    for (const id of open) publish(id);
    repeats.push(open.length);
    if (repeats.length <= 2) {
      await new Promise((resolve) => setTimeout(resolve, 100)); // in the middle of them
      await broker.kill();
      await broker.start();
    }
    await new Promise((resolve) => setTimeout(resolve, 1500));
  }
  client.off("message", listener);
  console.log(`sent over two kills: ${repeats.join(", then ")}`);
  assert.equal(answers.size, ids.length);
  for (const [id, top] of answers) assert.equal(top, expected[id % SAMPLES]);
});

/** Sends frame `id` with its number; `acknowledged` is called when the broker has it. */
function publish(id, acknowledged = () => {}) {
  const properties = { responseTopic: "results/test", correlationData: Buffer.from(`${id}`) };
  const payload = Buffer.from(frame(id % SAMPLES));
  client.publish("dyadic/load/frame", payload, { qos: 1, properties }, (error) => {
    if (!error) acknowledged();
  });
}

test(`${RATE} messages a second for ${SECONDS} s over a broker that ends and comes back: none that it acknowledged is lost`, async () => {
  const total = RATE * SECONDS;
  const answers = new Map();
  const sent = { acknowledged: new Set(), wrong: 0, repeated: 0, slowest: 0 };
  client.on("message", (topic, payload, { properties }) => {
    if (topic !== "results/test") return;
    const id = Number(properties.correlationData);
    if (id >= total) return; // of the test before
    const { top } = JSON.parse(payload);
    if (answers.has(id)) sent.repeated++;
    answers.set(id, top);
    if (top !== expected[id % SAMPLES]) sent.wrong++;
  });
  const began = performance.now();
  const outages = [SECONDS / 3, (2 * SECONDS) / 3].map((second) => setTimeout(outage, second * 1000));
  let id = 0;
  while (id < total) {
    const due = Math.min(total, Math.floor(((performance.now() - began) / 1000) * RATE));
    for (; id < due; id++) {
      const number = id;
      publish(number, () => sent.acknowledged.add(number));
    }
    await new Promise((resolve) => setTimeout(resolve, 5));
  }
  const sending = (performance.now() - began) / 1000;

  async function outage() {
    await broker.stop();
    await new Promise((resolve) => setTimeout(resolve, 1000));
    await broker.start();
  }

  const deadline = performance.now() + 120_000;
  while (answers.size < total && performance.now() < deadline) {
    await new Promise((resolve) => setTimeout(resolve, 100));
  }
  for (const timer of outages) clearTimeout(timer);
  const lost = [...sent.acknowledged].filter((number) => !answers.has(number));
  console.log(
    `${total} messages in ${sending.toFixed(1)} s, all answered ${((performance.now() - began) / 1000 - sending).toFixed(1)} s later; ` +
      `${sent.acknowledged.size} acknowledged, ${lost.length} of them lost, ${sent.repeated} answered twice, ${sent.wrong} wrong`,
  );
  const peak = residentPeak(bridge);
  console.log(`the bridge was resident with ${(peak / 2 ** 20).toFixed(0)} MiB at most`);
  assert.ok(peak < memoryMax(), "the unit's MemoryMax");
  assert.ok(sending < SECONDS * 1.05, "the sender kept its rate");
  assert.equal(sent.acknowledged.size, total);
  assert.deepEqual(lost, []);
  assert.equal(sent.wrong, 0);
});
