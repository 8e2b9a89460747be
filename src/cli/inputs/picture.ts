import jpeg from "jpeg-js";
import { PNG } from "pngjs";
import { DyadicError } from "../../error.ts";
import { colourSampling, toRgba } from "./chroma.ts";
import type { Picture } from "./resize.ts";

/** Largest picture that is decoded: a small file can claim any size. */
const MAX_PIXELS = 50_000_000;
const JPEG_MEMORY_MB = 1024;

/** Decodes a PNG or JPEG to RGBA. Throws BAD_INPUT. */
export function decodePicture(bytes: Uint8Array, kind: "png" | "jpg"): Picture {
  try {
    const { width, height, data } = kind === "png" ? decodePng(bytes) : decodeJpeg(bytes);
    if (data.length !== 4 * width * height || data.length === 0) throw new Error("pixels are missing");
    return { width, height, channels: 4, bytes: data };
  } catch (error) {
    if (error instanceof DyadicError) throw error;
    throw new DyadicError(
      "BAD_INPUT",
      "the picture cannot be decoded",
      {
        expected: kind === "png" ? "a complete PNG" : "a complete baseline or progressive JPEG",
        found: error instanceof Error ? error.message : `${error}`,
        hint: "open it in an image program and save it again",
      },
      error,
    );
  }
}

function decodePng(bytes: Uint8Array) {
  // Width and height are the first words of the first chunk: known before anything is unpacked.
  const view = new DataView(bytes.buffer, bytes.byteOffset, bytes.byteLength);
  if (bytes.length < 33) throw new Error(`a file of ${bytes.length} bytes`);
  const [width, height] = [view.getUint32(16), view.getUint32(20)];
  if (width * height > MAX_PIXELS) throw tooLarge(width, height);
  return PNG.sync.read(Buffer.from(bytes.buffer, bytes.byteOffset, bytes.byteLength));
}

function decodeJpeg(bytes: Uint8Array) {
  const sampling = colourSampling(bytes);
  const isShared = sampling?.join() === "2,1" || sampling?.join() === "2,2";
  const decoded = jpeg.decode(bytes, {
    useTArray: true,
    formatAsRGBA: !isShared,
    ...(isShared && { colorTransform: false }),
    tolerantDecoding: false,
    maxResolutionInMP: MAX_PIXELS / 1e6,
    maxMemoryUsageInMB: JPEG_MEMORY_MB,
  });
  return isShared ? { ...decoded, data: toRgba(decoded, sampling) } : decoded;
}

function tooLarge(width: number, height: number): DyadicError {
  return new DyadicError("BAD_INPUT", "the picture is too large", {
    expected: `at most ${MAX_PIXELS} pixels`,
    found: `${width} x ${height}`,
  });
}

/**
 * RGBA as a model's channels: 1 is luma (299 R + 587 G + 114 B, as Rec. 601), 3 is RGB, 4 is RGBA. For 1 and 3, what
 * is transparent shows white behind it, as a page would. Throws BAD_INPUT for other channel counts.
 *
 * @param invert takes 255 - v of every value but alpha: for dark ink where the model wants light
 */
export function toChannels(rgba: Picture, channels: number, invert: boolean): Picture {
  if (channels !== 1 && channels !== 3 && channels !== 4) {
    throw new DyadicError("BAD_INPUT", "the model's input is not a picture", {
      expected: "1, 3 or 4 channels",
      found: `${channels}`,
      hint: "give the input as .npy",
    });
  }
  const pixels = rgba.width * rgba.height;
  const bytes = new Uint8Array(pixels * channels);
  const flip = invert ? 255 : 0;
  for (let i = 0; i < pixels; i++) {
    const alpha = rgba.bytes[4 * i + 3]!;
    const over = (c: number) => {
      const value = rgba.bytes[4 * i + c]!;
      if (channels === 4 || alpha === 255) return value;
      return Math.floor((value * alpha + 255 * (255 - alpha)) / 255 + 0.5);
    };
    const [red, green, blue] = [over(0), over(1), over(2)];
    if (channels === 1) {
      bytes[i] = flip ^ Math.floor((299 * red + 587 * green + 114 * blue) / 1000 + 0.5);
    } else {
      bytes.set([flip ^ red, flip ^ green, flip ^ blue], i * channels);
      if (channels === 4) bytes[4 * i + 3] = alpha;
    }
  }
  return { width: rgba.width, height: rgba.height, channels, bytes };
}
