// Pictures and arrays as samples, the same bytes as the command line makes of the same files.
import { DyadicError } from "dyadic/compiler";
import { arraySource, decodeJpeg, fittedPicture, pictureSource } from "dyadic/samples";

/** Opens one .npy file, or pictures in the order of their names. Throws BAD_INPUT naming the file. */
export async function openSamples(files, { canonicalShape }, preparation, onProgress) {
  const arrays = files.filter(({ name }) => /\.npy$/i.test(name));
  if (arrays.length > 0 && files.length > 1) {
    throw new DyadicError("BAD_INPUT", "the samples are of two kinds", {
      expected: "pictures, or one .npy file",
      found: `${arrays.length} of ${files.length} files are .npy`,
    });
  }
  if (arrays.length === 1) {
    const bytes = new Uint8Array(await arrays[0].arrayBuffer());
    return located(arrays[0], async () => arraySource(bytes, preparation));
  }
  const sorted = [...files].sort((a, b) => (a.name < b.name ? -1 : 1));
  const pictures = [];
  for (const file of sorted) {
    pictures.push(
      await located(file, async () => fittedPicture(await decoded(file), canonicalShape, preparation)),
    );
    onProgress(pictures.length);
  }
  return pictureSource(pictures.length, (index) => pictures[index], preparation);
}

/** RGBA: of a JPEG by the command line's own decoder, for decoders differ; of anything else as the browser sees it. */
async function decoded(file) {
  if (/\.jpe?g$/i.test(file.name)) return decodeJpeg(new Uint8Array(await file.arrayBuffer()));
  try {
    const bitmap = await createImageBitmap(file, { premultiplyAlpha: "none", colorSpaceConversion: "none" });
    const { width, height } = bitmap;
    const context = new OffscreenCanvas(width, height).getContext("2d", { willReadFrequently: true });
    context.drawImage(bitmap, 0, 0);
    bitmap.close();
    const { data } = context.getImageData(0, 0, width, height);
    return { width, height, channels: 4, bytes: new Uint8Array(data.buffer) };
  } catch (error) {
    throw new DyadicError("BAD_INPUT", "the picture cannot be decoded", {
      expected: "a picture that this browser shows",
      found: `${error}`,
    });
  }
}

async function located(file, action) {
  try {
    return await action();
  } catch (error) {
    throw error instanceof DyadicError ? error.at({ file: file.name }) : error;
  }
}
