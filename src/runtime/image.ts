// Pictures of the browser as pixels of a model's input.
import { DyadicError } from "../error.ts";

/** A picture: ImageData as it is, anything else drawn on a canvas. */
export type ImageSource =
  | ImageData
  | ImageBitmap
  | VideoFrame
  | HTMLVideoElement
  | HTMLCanvasElement
  | OffscreenCanvas;

interface PictureInput {
  readonly name: string;
  readonly canonicalShape: readonly [height: number, width: number, channels: number];
}

/**
 * The middle of a picture in an input's size and channels, a byte each: RGB, RGBA, or for one channel luma
 * ((299 R + 587 G + 114 B) / 1000, Rec. 601). Throws BAD_INPUT where the input is no picture, UNSUPPORTED_HOST where
 * the picture must be scaled and there is no OffscreenCanvas.
 */
export function pixelBytes(source: ImageSource, { name, canonicalShape }: PictureInput): Uint8Array {
  const [height, width, channels] = canonicalShape;
  if (channels !== 1 && channels !== 3 && channels !== 4) {
    throw new DyadicError("BAD_INPUT", `input "${name}" does not take pictures`, {
      expected: "1, 3 or 4 channels",
      found: `${channels}`,
      hint: "give numbers instead",
    });
  }
  const { data } =
    isImageData(source) && source.width === width && source.height === height
      ? source
      : scaled(source, width, height);
  const bytes = new Uint8Array(width * height * channels);
  for (let from = 0, to = 0; from < data.length; from += 4) {
    if (channels === 1) {
      const luma = 299 * data[from]! + 587 * data[from + 1]! + 114 * data[from + 2]!;
      bytes[to++] = Math.floor(luma / 1000 + 0.5);
    } else {
      for (let channel = 0; channel < channels; channel++) bytes[to++] = data[from + channel]!;
    }
  }
  return bytes;
}

function isImageData(source: ImageSource): source is ImageData {
  return "data" in source && !("getContext" in source);
}

/** The largest part in the middle that has the wanted proportions, scaled by the canvas. */
function scaled(source: ImageSource, width: number, height: number): ImageData {
  if (typeof OffscreenCanvas === "undefined") {
    throw new DyadicError("UNSUPPORTED_HOST", "this host cannot scale pictures", {
      expected: `ImageData of ${width} x ${height}`,
      hint: "decode and scale the picture yourself, and give its bytes",
    });
  }
  const drawable = isImageData(source) ? onCanvas(source) : source;
  const [fullWidth, fullHeight] = sizeOf(drawable);
  const part = Math.min(fullWidth / width, fullHeight / height);
  const [left, top] = [(fullWidth - part * width) / 2, (fullHeight - part * height) / 2];
  const context = contextOf(new OffscreenCanvas(width, height));
  context.drawImage(drawable, left, top, part * width, part * height, 0, 0, width, height);
  return context.getImageData(0, 0, width, height);
}

function sizeOf(source: Exclude<ImageSource, ImageData>): [width: number, height: number] {
  if ("displayWidth" in source) return [source.displayWidth, source.displayHeight];
  if ("videoWidth" in source) return [source.videoWidth, source.videoHeight];
  return [source.width, source.height];
}

function onCanvas(pixels: ImageData): OffscreenCanvas {
  const canvas = new OffscreenCanvas(pixels.width, pixels.height);
  contextOf(canvas).putImageData(pixels, 0, 0);
  return canvas;
}

function contextOf(canvas: OffscreenCanvas): OffscreenCanvasRenderingContext2D {
  return canvas.getContext("2d", { willReadFrequently: true })!;
}
