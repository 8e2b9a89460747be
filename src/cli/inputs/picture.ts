import { PNG } from "pngjs";
import { decodeJpeg } from "../../inputs/jpeg.ts";
import { decodedPicture, refuseLarge } from "../../inputs/picture.ts";
import type { Picture } from "../../inputs/resize.ts";

/** Decodes a PNG or JPEG to RGBA. Throws BAD_INPUT. */
export function decodePicture(bytes: Uint8Array, kind: "png" | "jpg"): Picture {
  return kind === "png" ? decodedPicture("a complete PNG", () => decodePng(bytes)) : decodeJpeg(bytes);
}

function decodePng(bytes: Uint8Array) {
  // Width and height are the first words of the first chunk: known before anything is unpacked.
  const view = new DataView(bytes.buffer, bytes.byteOffset, bytes.byteLength);
  if (bytes.length < 33) throw new Error(`a file of ${bytes.length} bytes`);
  refuseLarge(view.getUint32(16), view.getUint32(20));
  return PNG.sync.read(Buffer.from(bytes.buffer, bytes.byteOffset, bytes.byteLength));
}
