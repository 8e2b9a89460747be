import jpeg from "jpeg-js";
import { PNG } from "pngjs";

/** A .npy file, format 1, of an array in C order. */
export function npyFile(descr: string, shape: readonly number[], data: ArrayBufferView): Uint8Array {
  const sizes = `(${shape.join(", ")}${shape.length === 1 ? "," : ""})`;
  const dict = `{'descr': '${descr}', 'fortran_order': False, 'shape': ${sizes}, }`;
  const header = `${dict.padEnd(Math.ceil((dict.length + 11) / 64) * 64 - 11)}\n`;
  const bytes = new Uint8Array(10 + header.length + data.byteLength);
  bytes.set([0x93, ...new TextEncoder().encode("NUMPY"), 1, 0, header.length & 0xff, header.length >> 8]);
  bytes.set(new TextEncoder().encode(header), 10);
  bytes.set(new Uint8Array(data.buffer, data.byteOffset, data.byteLength), 10 + header.length);
  return bytes;
}

/** A PNG with alpha; `pixel` gives red, green, blue, alpha of a place. */
export function pngFile(
  width: number,
  height: number,
  pixel: (x: number, y: number) => readonly [number, number, number, number],
): Uint8Array {
  const png = new PNG({ width, height });
  png.data.set(rgba(width, height, pixel));
  return new Uint8Array(PNG.sync.write(png));
}

/** A JPEG of one colour, of the best quality. */
export function jpgFile(
  width: number,
  height: number,
  colour: readonly [number, number, number],
): Uint8Array {
  const data = rgba(width, height, () => [...colour, 255]);
  return new Uint8Array(jpeg.encode({ width, height, data }, 100).data);
}

function rgba(
  width: number,
  height: number,
  pixel: (x: number, y: number) => readonly [number, number, number, number],
): Uint8Array {
  const data = new Uint8Array(4 * width * height);
  for (let i = 0; i < width * height; i++) data.set(pixel(i % width, Math.floor(i / width)), 4 * i);
  return data;
}
