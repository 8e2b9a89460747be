// A classifier whose model streams from R2 or from the Worker's assets, straight into the engine's memory.
import { DyadicError, InferenceSession } from "dyadic";
import { answer } from "./classify.ts";

interface Bindings {
  readonly ASSETS?: { fetch(url: string): Promise<Response> };
  readonly MODELS?: { get(key: string): Promise<{ readonly body: ReadableStream<Uint8Array> } | null> };
}

const FILE = "model.dyad";
let session: Promise<InferenceSession> | undefined;

/** Loads the model once an isolate; a load that failed is tried again by the next request. */
function loaded(bindings: Bindings): Promise<InferenceSession> {
  session ??= load(bindings).catch((error) => {
    session = undefined;
    throw error;
  });
  return session;
}

async function load({ ASSETS, MODELS }: Bindings): Promise<InferenceSession> {
  const object = await MODELS?.get(FILE);
  if (object) return InferenceSession.create(object.body, { file: `R2 ${FILE}` });
  if (ASSETS === undefined)
    throw new DyadicError("BAD_FILE", `no ${FILE} in the bucket MODELS, and no assets`);
  return InferenceSession.create(await ASSETS.fetch(`http://assets/${FILE}`), { file: FILE });
}

export default {
  fetch: (request: Request, bindings: Bindings) => answer(request, loaded(bindings)),
};
