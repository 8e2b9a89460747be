// The gateway: settings from the environment, one bridge, an end on SIGTERM.
import { readFile } from "node:fs/promises";
import { Bridge } from "./bridge.js";
import { ModelStore } from "./model-store.js";

const {
  MQTT_URL = "mqtt://127.0.0.1:1883",
  MODEL = "model.dyad",
  TOPIC = "dyadic",
  PUBLIC_KEY,
  CLIENT_ID,
} = process.env;

const key = PUBLIC_KEY === undefined ? undefined : new Uint8Array(await readFile(PUBLIC_KEY));
const store = await ModelStore.open(MODEL, key);
const bridge = new Bridge(store, { url: MQTT_URL, topic: TOPIC, ...(CLIENT_ID && { id: CLIENT_ID }) });
bridge.on("problem", (error) => console.error(`bridge: ${error.message || error.code}`));
await bridge.ready();
console.log(`bridge: ${TOPIC}/+/frame on ${MQTT_URL}, model ${store.session.sha256.slice(0, 16)}`);

for (const signal of ["SIGTERM", "SIGINT"]) {
  process.once(signal, async () => {
    await bridge.close();
    console.log(`bridge: ${JSON.stringify(bridge.counts)}`);
  });
}
