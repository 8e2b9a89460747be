// Models with the signature of who made them: Ed25519 over the whole file, by the host's WebCrypto.
import { DyadicError } from "../error.ts";

const ALGORITHM = "Ed25519";

/** A key as WebCrypto has it, or its bytes: 32 raw ones of a public key, PKCS #8 of a private key. */
export type SigningKey = CryptoKey | Uint8Array;

/** The 64 bytes that prove a model's origin; they are kept beside it, as `model.dyad.sig`. */
export async function signModel(model: Uint8Array, privateKey: SigningKey): Promise<Uint8Array> {
  const key =
    privateKey instanceof Uint8Array
      ? await crypto.subtle.importKey("pkcs8", own(privateKey), ALGORITHM, false, ["sign"])
      : privateKey;
  return new Uint8Array(await crypto.subtle.sign(ALGORITHM, key, own(model)));
}

/**
 * Returns the model where the signature is that of the key's owner over exactly these bytes; throws BAD_SIGNATURE
 * otherwise. `InferenceSession.create(await verifiedModel(model, signature, publicKey))`.
 *
 * @param file name of the model in messages
 */
export async function verifiedModel(
  model: Uint8Array,
  signature: Uint8Array,
  publicKey: SigningKey,
  file = "model",
): Promise<Uint8Array> {
  const key =
    publicKey instanceof Uint8Array
      ? await crypto.subtle.importKey("raw", own(publicKey), ALGORITHM, false, ["verify"])
      : publicKey;
  if (signature.length === 64 && (await crypto.subtle.verify(ALGORITHM, key, own(signature), own(model))))
    return model;
  throw new DyadicError("BAD_SIGNATURE", "the model's signature is not of the expected key", {
    file,
    expected: "64 bytes of Ed25519 over this very file",
    found: signature.length === 64 ? "a signature of another key or file" : `${signature.length} bytes`,
    hint: "do not run it: fetch model and signature again, or ask who publishes them",
  });
}

/** WebCrypto takes no views of shared memory; a view of anything else is passed as it is. */
function own(bytes: Uint8Array): Uint8Array<ArrayBuffer> {
  return bytes.buffer instanceof ArrayBuffer ? (bytes as Uint8Array<ArrayBuffer>) : Uint8Array.from(bytes);
}
