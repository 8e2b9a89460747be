// MQTT in, classes out. A message is acknowledged when its result is: what a broker or this process forgets, comes again.
import { EventEmitter } from "node:events";
import mqtt from "mqtt";

const SESSION = {
  protocolVersion: 5,
  clean: false, // the broker keeps what arrives while we are away
  properties: { sessionExpiryInterval: 24 * 60 * 60 },
  reconnectPeriod: 250,
};

/**
 * Subscribes to `<topic>/+/frame`, runs each payload (the raw bytes of one input) and publishes the result: to the
 * message's response topic with its correlation data, where it has these, else to `<topic>/<sensor>/class`.
 * `<topic>/model` takes a new model, `<topic>/rollback` goes back, `<topic>/status` tells (retained).
 */
export class Bridge extends EventEmitter {
  #store;
  #topic;
  #publisher;
  #subscriber;
  #granted;
  counts = { results: 0, errors: 0, updates: 0 };

  constructor(store, { url, topic, id = "dyadic" }) {
    super();
    this.#store = store;
    this.#topic = topic;
    const will = {
      topic: `${topic}/status`,
      payload: JSON.stringify({ online: false }),
      retain: true,
      qos: 1,
    };
    this.#publisher = mqtt.connect(url, { ...SESSION, clientId: `${id}-out`, will });
    this.#publisher.on("message", (at, payload) => void this.#control(at, payload));
    this.#publisher.on("connect", () => this.#tell());
    this.#publisher.subscribe([`${topic}/model`, `${topic}/rollback`], { qos: 1 });
    this.#subscriber = this.#receive(url, `${id}-in`);
    for (const client of [this.#publisher, this.#subscriber]) {
      client.on("error", (error) => this.emit("problem", error));
    }
  }

  /** Until both connections are made and the subscription is granted. */
  async ready() {
    await this.#granted;
  }

  async close() {
    await this.#subscriber.endAsync();
    await this.#publisher.endAsync();
  }

  /** A connection of its own: it hands over a message only when the one before is acknowledged, results must pass by. */
  #receive(url, clientId) {
    const client = mqtt.connect(url, { ...SESSION, clientId });
    let connection = 0;
    client.on("connect", () => connection++);
    client.handleMessage = (packet, acknowledge) => {
      const own = connection;
      this.#answer(packet).then(
        () => own === connection && acknowledge(), // else the broker sends the message again, to the new connection
        (error) => this.emit("problem", error),
      );
    };
    this.#granted = client.subscribeAsync(`${this.#topic}/+/frame`, { qos: 1 });
    return client;
  }

  async #answer({ topic, payload, properties }) {
    const { responseTopic = topic.replace(/frame$/, "class"), correlationData } = properties ?? {};
    const own = correlationData === undefined ? {} : { correlationData };
    const result = this.#classify(payload);
    await this.#publisher.publishAsync(responseTopic, JSON.stringify(result), { qos: 1, properties: own });
    this.counts[result.error === undefined ? "results" : "errors"]++;
  }

  /** The result of one frame; a frame that is none is answered too, or it would come again for ever. */
  #classify(payload) {
    const { session } = this.#store;
    const began = performance.now();
    try {
      const { name, type } = session.inputMetadata[0];
      const bytes = new Uint8Array(payload);
      const outputs = session.runSync({ [name]: type === "uint8" ? bytes : new Int8Array(bytes.buffer) });
      const [output] = Object.values(outputs);
      const top = output.data.indexOf(Math.max(...output.data));
      return {
        model: session.sha256,
        latencyMs: Number((performance.now() - began).toFixed(3)),
        top,
        label: output.labels?.[top],
        score: output.dequantize()[top],
      };
    } catch (error) {
      return { model: session.sha256, error: error.code ?? "INTERNAL", message: error.message };
    }
  }

  async #control(topic, payload) {
    try {
      if (topic.endsWith("/model")) await this.#store.update(new Uint8Array(payload));
      else await this.#store.rollback();
      this.counts.updates++;
      this.#tell();
    } catch (error) {
      this.#tell({ error: error.code ?? "INTERNAL", message: error.message });
    }
    this.emit("control");
  }

  /** The retained status: which model serves, and what went wrong with the last change. */
  #tell(problem = {}) {
    const { sha256, memoryBytes } = this.#store.session;
    const status = JSON.stringify({ online: true, model: sha256, memoryBytes, ...problem });
    this.#publisher.publish(`${this.#topic}/status`, status, { qos: 1, retain: true });
  }
}
