import { DyadicError } from "../error.ts";
import type { InputShape } from "./metadata.ts";
import type { Preparation } from "./preparation.ts";
import { type Picture, resize } from "./resize.ts";

/** Largest picture that is decoded: a small file can claim any size. */
export const MAX_PIXELS = 50_000_000;

/** RGBA as a decoder gives it. */
export interface Decoded {
  readonly width: number;
  readonly height: number;
  readonly data: Uint8Array;
}

/** What `decode` makes of a file, as a picture. Throws BAD_INPUT for whatever it throws, and where pixels are missing. */
export function decodedPicture(expected: string, decode: () => Decoded): Picture {
  try {
    const { width, height, data } = decode();
    if (data.length !== 4 * width * height || data.length === 0) throw new Error("pixels are missing");
    return { width, height, channels: 4, bytes: data };
  } catch (error) {
    if (error instanceof DyadicError) throw error;
    throw new DyadicError(
      "BAD_INPUT",
      "the picture cannot be decoded",
      {
        expected,
        found: error instanceof Error ? error.message : `${error}`,
        hint: "open it in an image program and save it again",
      },
      error,
    );
  }
}

/** Throws BAD_INPUT for a picture of more than MAX_PIXELS. */
export function refuseLarge(width: number, height: number): void {
  if (width * height <= MAX_PIXELS) return;
  throw new DyadicError("BAD_INPUT", "the picture is too large", {
    expected: `at most ${MAX_PIXELS} pixels`,
    found: `${width} x ${height}`,
  });
}

/** A decoded picture in an input's size and channels. */
export function fittedPicture(
  rgba: Picture,
  [height, width, channels]: InputShape["canonicalShape"],
  { invert = false }: Preparation,
): Picture {
  return resize(toChannels(rgba, channels, invert), width, height);
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
