import { expect, test } from "vitest";
import type { DyadicError } from "../../src/error.ts";
import { signModel, verifiedModel } from "../../src/runtime/signed.ts";

const model = Uint8Array.from({ length: 1000 }, (_, i) => i);

async function keys() {
  return (await crypto.subtle.generateKey("Ed25519", true, ["sign", "verify"])) as CryptoKeyPair;
}

test("a signed model is given back, by key objects and by their bytes", async () => {
  const { privateKey, publicKey } = await keys();
  const signature = await signModel(model, privateKey);
  expect(signature.length).toBe(64);
  expect(await verifiedModel(model, signature, publicKey)).toBe(model);
  const [pkcs8, raw] = [
    new Uint8Array(await crypto.subtle.exportKey("pkcs8", privateKey)),
    new Uint8Array(await crypto.subtle.exportKey("raw", publicKey)),
  ];
  expect(await signModel(model, pkcs8)).toEqual(signature);
  expect(await verifiedModel(model, signature, raw)).toBe(model);
});

test("a changed model, a foreign key and a cut signature are refused", async () => {
  const { privateKey, publicKey } = await keys();
  const signature = await signModel(model, privateKey);
  const changed = model.with(500, 0);
  const foreign = (await keys()).publicKey;
  for (const [file, bytes, key] of [
    [changed, signature, publicKey],
    [model, signature, foreign],
    [model, signature.subarray(1), publicKey],
  ] as const) {
    const refused = await verifiedModel(file, bytes, key, "net.dyad").catch((error: DyadicError) => error);
    expect(refused).toMatchObject({ code: "BAD_SIGNATURE", message: expect.stringContaining("net.dyad: ") });
  }
});
