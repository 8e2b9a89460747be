// Colours of a JPEG as libjpeg makes them, which is what models were trained on: jpeg-js repeats each sample of colour
// that covers several pixels, libjpeg interpolates (its "fancy upsampling").

/** Brightness and the two colours, interleaved, colours repeated over the pixels that share them. */
interface Planes {
  readonly width: number;
  readonly height: number;
  readonly data: Uint8Array;
}

type Sampling = readonly [across: number, down: number];

/** How many pixels of brightness share a colour, by the frame header; null for what is no usual colour picture. */
export function colourSampling(bytes: Uint8Array): Sampling | null {
  for (let at = 2; at + 4 <= bytes.length && bytes[at] === 0xff; ) {
    const marker = bytes[at + 1]!;
    const length = (bytes[at + 2]! << 8) | bytes[at + 3]!;
    if (marker === 0xee) return null; // Adobe's header: colours may be stored in another way
    const isFrame = marker >= 0xc0 && marker <= 0xc2;
    if (!isFrame) {
      at += 2 + length;
      continue;
    }
    const factors = [11, 14, 17].map((offset) => bytes[at + offset] ?? 0);
    const usual = bytes[at + 9] === 3 && factors[1] === 0x11 && factors[2] === 0x11;
    return usual ? [factors[0]! >> 4, factors[0]! & 15] : null;
  }
  return null;
}

/** RGBA of planes whose colours cover 2x1 or 2x2 pixels, or one. */
export function toRgba({ width, height, data }: Planes, [across, down]: Sampling): Uint8Array {
  const plane = (channel: 1 | 2) => {
    const [columns, rows] = [Math.ceil(width / across), Math.ceil(height / down)];
    const own = Int32Array.from({ length: columns * rows }, (_, i) => {
      const pixel = Math.floor(i / columns) * down * width + (i % columns) * across;
      return data[3 * pixel + channel]!;
    });
    return across === 2 ? interpolate(own, columns, rows, down, width, height) : own;
  };
  const [blue, red] = [plane(1), plane(2)];
  const rgba = new Uint8Array(4 * width * height).fill(255);
  for (let i = 0; i < width * height; i++) {
    const [y, cb, cr] = [data[3 * i]!, blue[i]! - 128, red[i]! - 128];
    // 1.402, 0.34414, 0.71414 and 1.772 in units of 2^-16, rounded.
    rgba[4 * i] = byte(y + ((91881 * cr + 32768) >> 16));
    rgba[4 * i + 1] = byte(y + ((-22554 * cb - 46802 * cr + 32768) >> 16));
    rgba[4 * i + 2] = byte(y + ((116130 * cb + 32768) >> 16));
  }
  return rgba;
}

function byte(value: number): number {
  return Math.min(255, Math.max(0, value));
}

/** Every new sample is three quarters its own and a quarter its neighbour, across and (for 2 x 2) down. */
function interpolate(
  own: Int32Array,
  columns: number,
  rows: number,
  down: number,
  width: number,
  height: number,
): Int32Array {
  const result = new Int32Array(width * height);
  for (let y = 0; y < height; y++) {
    const row = Math.floor(y / down);
    const beside = Math.min(rows - 1, Math.max(0, down === 1 ? row : row + (y % 2 === 0 ? -1 : 1)));
    const sum = (column: number) => 3 * own[row * columns + column]! + own[beside * columns + column]!;
    for (let x = 0; x < width; x++) {
      const column = x >> 1;
      const neighbour = Math.min(columns - 1, Math.max(0, column + (x % 2 === 0 ? -1 : 1)));
      // libjpeg rounds even and odd pixels the other way round, so that neither direction gains.
      if (down === 2) {
        result[y * width + x] = (3 * sum(column) + sum(neighbour) + (x % 2 === 0 ? 8 : 7)) >> 4;
      } else {
        const value = 3 * own[row * columns + column]! + own[row * columns + neighbour]!;
        result[y * width + x] = (value + (x % 2 === 0 ? 1 : 2)) >> 2;
      }
    }
  }
  return result;
}
