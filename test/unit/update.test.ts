// A model is replaced while it serves: whatever is wrong with the new one, the old one goes on.
import { createServer, type Server } from "node:http";
import type { AddressInfo } from "node:net";
import { afterAll, beforeAll, expect, test } from "vitest";
import { FORMAT_MAJOR, PREFIX_DIGEST, PREFIX_MAJOR } from "../../assembly/abi.ts";
import { compileGraph } from "../../src/compile.ts";
import type { DyadicError } from "../../src/error.ts";
import { modelDigest } from "../../src/model/digest.ts";
import { InferenceSession } from "../../src/runtime/node.ts";
import { signModel, verifiedModel } from "../../src/runtime/signed.ts";
import { randomGraph } from "../cases/graphs.ts";

const good = compileGraph(randomGraph(1)).model;
const corrupted = good.with(good.length - 1, good.at(-1)! ^ 1);

/** A file of another major version, its digest right. */
function foreign(): Uint8Array {
  const file = good.slice();
  new DataView(file.buffer).setUint16(PREFIX_MAJOR, FORMAT_MAJOR + 1, true);
  file.fill(0, PREFIX_DIGEST, PREFIX_DIGEST + 32);
  file.set(modelDigest(file), PREFIX_DIGEST);
  return file;
}

let server: Server;
let base: string;
let keys: CryptoKeyPair;
let signature: Uint8Array;
beforeAll(async () => {
  keys = (await crypto.subtle.generateKey("Ed25519", true, ["sign", "verify"])) as CryptoKeyPair;
  signature = await signModel(foreign(), keys.privateKey);
  const files: Record<string, Uint8Array> = { "/good": good, "/corrupted": corrupted, "/foreign": foreign() };
  server = createServer((request, response) => {
    const file = files[request.url!] ?? good;
    response.writeHead(200, { "content-length": file.length });
    if (request.url === "/interrupted") response.write(file.subarray(0, 500), () => response.destroy());
    else response.end(file);
  });
  await new Promise<void>((resolve) => server.listen(0, "127.0.0.1", resolve));
  base = `http://127.0.0.1:${(server.address() as AddressInfo).port}`;
});
afterAll(() => void server.close());

test("interrupted, corrupted, of another major version, wrongly signed: a clear error each, the old model serves", async () => {
  let serving = await InferenceSession.create(`${base}/good`);
  const feeds = Object.fromEntries(
    serving.inputMetadata.map(({ name, type, shape }) => {
      const size = shape.reduce((product, dim) => product * dim, 1);
      return [name, type === "uint8" ? new Uint8Array(size) : new Int8Array(size)];
    }),
  );
  const answer = () => Object.values(serving.runSync(feeds)).map(({ data }) => Array.from(data));
  const expected = answer();
  const update = async (next: Promise<InferenceSession>) => {
    const session = await next; // throws before anything of the old one is given up
    serving.dispose();
    serving = session;
  };
  const signed = () => verifiedModel(good, signature, keys.publicKey, `${base}/good`);
  for (const [next, code, says] of [
    [() => InferenceSession.create(`${base}/interrupted`), "BAD_FILE", "broke off"],
    [() => InferenceSession.create(`${base}/corrupted`), "CORRUPT", "SHA-256"],
    [() => InferenceSession.create(`${base}/foreign`), "UNSUPPORTED_VERSION", "found: 2.0"],
    [async () => InferenceSession.create(await signed()), "BAD_SIGNATURE", "signature"],
  ] as const) {
    const error = await update(next()).catch((reason: DyadicError) => reason);
    expect(error).toMatchObject({ code, message: expect.stringContaining(says) });
    expect((error as DyadicError).message).toContain(base);
    expect(answer()).toEqual(expected);
  }
  await update(InferenceSession.create(`${base}/good`));
  expect(answer()).toEqual(expected);
});
