/** Bytes of a picture, rows top to bottom, `channels` interleaved. */
export interface Picture {
  readonly width: number;
  readonly height: number;
  readonly channels: number;
  readonly bytes: Uint8Array;
}

/** The source pixels that make one target pixel: `weights` for those from `first` on, their sum is 1. */
interface Mix {
  readonly first: number;
  readonly weights: readonly number[];
}

/**
 * Stretches a picture to width x height; its aspect is not kept. Every target pixel is the triangle-weighted mean of
 * the source around its centre: reaching one source pixel when enlarging (bilinear), one target pixel when reducing, so
 * that fine strokes grow grey instead of vanishing. Only +, -, * and / of float64: the same bytes on every host.
 */
export function resize(picture: Picture, width: number, height: number): Picture {
  if (picture.width === width && picture.height === height) return picture;
  const { channels, bytes } = picture;
  const columns = mixes(picture.width, width);
  const rows = mixes(picture.height, height);
  const narrow = new Float64Array(picture.height * width * channels);
  for (let y = 0; y < picture.height; y++) {
    for (let x = 0; x < width; x++) {
      const { first, weights } = columns[x]!;
      for (let c = 0; c < channels; c++) {
        let sum = 0;
        for (let i = 0; i < weights.length; i++) {
          sum += weights[i]! * bytes[(y * picture.width + first + i) * channels + c]!;
        }
        narrow[(y * width + x) * channels + c] = sum;
      }
    }
  }
  const target = new Uint8Array(height * width * channels);
  const pitch = width * channels;
  for (let y = 0; y < height; y++) {
    const { first, weights } = rows[y]!;
    for (let x = 0; x < pitch; x++) {
      let sum = 0;
      for (let i = 0; i < weights.length; i++) sum += weights[i]! * narrow[(first + i) * pitch + x]!;
      target[y * pitch + x] = Math.floor(sum + 0.5);
    }
  }
  return { width, height, channels, bytes: target };
}

function mixes(from: number, to: number): Mix[] {
  const ratio = from / to;
  const reach = Math.max(1, ratio);
  return Array.from({ length: to }, (_, target) => {
    const centre = (target + 0.5) * ratio - 0.5;
    const first = Math.max(0, Math.ceil(centre - reach));
    const last = Math.min(from - 1, Math.floor(centre + reach));
    const raw: number[] = [];
    for (let i = first; i <= last; i++) raw.push(Math.max(0, 1 - Math.abs(i - centre) / reach));
    const sum = raw.reduce((a, b) => a + b, 0);
    return { first, weights: raw.map((weight) => weight / sum) };
  });
}
