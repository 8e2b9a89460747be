// The model that serves, on disk and in memory: replaced whole or not at all, and the one before it kept for a rollback.
import { copyFile, mkdir, open, readFile, rename, rm } from "node:fs/promises";
import { dirname } from "node:path";
import { DyadicError, InferenceSession } from "dyadic";
import { verifiedModel } from "dyadic/signed";

const SIGNATURE_BYTES = 64;

export class ModelStore {
  #path;
  #publicKey;
  #session;
  #turn = Promise.resolve();

  /**
   * Opens the model at `path`, or the one before it where that does not load.
   *
   * @param publicKey 32 bytes of Ed25519; with it, updates must be signed
   */
  static async open(path, publicKey) {
    const store = new ModelStore();
    store.#path = path;
    store.#publicKey = publicKey;
    try {
      store.#session = await InferenceSession.create(path);
    } catch (error) {
      store.#session = await InferenceSession.create(store.previous).catch(() => {
        throw error;
      });
      await replaceFile(path, await readFile(store.previous));
    }
    return store;
  }

  get session() {
    return this.#session;
  }

  get previous() {
    return `${this.#path}.previous`;
  }

  /** Takes a new model: with a public key, 64 bytes of signature and the model behind them. Throws, and changes nothing. */
  update(payload) {
    return this.#inTurn(async () => {
      const model = this.#publicKey === undefined ? payload : await this.#verified(payload);
      const next = await tried(model);
      await copyFile(this.#path, this.previous);
      await replaceFile(this.#path, model);
      this.#swap(next);
    });
  }

  /** Goes back to the model before the last update. Throws where there is none, and changes nothing. */
  rollback() {
    return this.#inTurn(async () => {
      const model = await readFile(this.previous);
      const next = await tried(model);
      await replaceFile(this.#path, model);
      await rm(this.previous);
      this.#swap(next);
    });
  }

  async #verified(payload) {
    const [signature, model] = [payload.subarray(0, SIGNATURE_BYTES), payload.subarray(SIGNATURE_BYTES)];
    return verifiedModel(model, signature, this.#publicKey);
  }

  #swap(next) {
    this.#session.dispose(); // runs are synchronous: none is under way here
    this.#session = next;
  }

  /** One change after the other. */
  #inTurn(action) {
    const turn = this.#turn.then(action);
    this.#turn = turn.catch(() => {});
    return turn;
  }
}

/** A session of a model that has run once, on zeros. */
async function tried(model) {
  const session = await InferenceSession.create(model);
  const feeds = session.inputMetadata.map(({ name, type, shape }) => {
    const size = shape.reduce((product, dim) => product * dim, 1);
    return [name, type === "uint8" ? new Uint8Array(size) : new Int8Array(size)];
  });
  const outputs = session.runSync(Object.fromEntries(feeds));
  if (Object.keys(outputs).length > 0) return session;
  throw new DyadicError("BAD_FILE", "the model gives no output");
}

/** Writes beside the place, flushes to the disk, renames: whoever reads sees the old file or the new one. */
async function replaceFile(path, bytes) {
  await mkdir(dirname(path), { recursive: true });
  const partial = `${path}.partial`;
  const file = await open(partial, "w");
  try {
    await file.writeFile(bytes);
    await file.sync();
  } finally {
    await file.close();
  }
  await rename(partial, path);
}
