import jpeg from "jpeg-js";
import { colourSampling, toRgba } from "./chroma.ts";
import { decodedPicture, MAX_PIXELS } from "./picture.ts";
import type { Picture } from "./resize.ts";

const MEMORY_MB = 1024;

/** Decodes a JPEG to RGBA, the same bytes on every host. Throws BAD_INPUT. */
export function decodeJpeg(bytes: Uint8Array): Picture {
  return decodedPicture("a complete baseline or progressive JPEG", () => {
    const sampling = colourSampling(bytes);
    const isShared = sampling?.join() === "2,1" || sampling?.join() === "2,2";
    const decoded = jpeg.decode(bytes, {
      useTArray: true,
      formatAsRGBA: !isShared,
      ...(isShared && { colorTransform: false }),
      tolerantDecoding: false,
      maxResolutionInMP: MAX_PIXELS / 1e6,
      maxMemoryUsageInMB: MEMORY_MB,
    });
    return isShared ? { ...decoded, data: toRgba(decoded, sampling) } : decoded;
  });
}
