import { draw, SMALL } from "../../examples/digits/pen.ts";
import { DIGITS } from "../../examples/digits/strokes.ts";
import { seeded } from "../../src/numerics/random.ts";
import { vary } from "./augment.ts";
import { PIXELS, SIDE } from "./mnist.ts";

const COUNT = 200;
const SEED = 7;
/** With the ten bytes in front of it, a multiple of 64. */
const HEADER_BYTES = 118;

/** Pictures that calibrate the model, drawn and varied here, as an .npy file: nobody needs MNIST to compile it. */
export function calibrationNpy(): Uint8Array {
  const shape = `(${COUNT}, ${SIDE}, ${SIDE}, 1)`;
  const header = `{'descr': '|u1', 'fortran_order': False, 'shape': ${shape}, }`;
  const preamble = Buffer.from("\x93NUMPY\x01\x00\0\0", "latin1");
  preamble.writeUInt16LE(HEADER_BYTES, preamble.length - 2);
  return Buffer.concat([preamble, Buffer.from(header.padEnd(HEADER_BYTES - 1)), Buffer.from("\n"), pixels()]);
}

function pixels(): Uint8Array {
  const drawn = DIGITS.map((strokes) => draw(strokes, SMALL));
  const random = seeded(SEED);
  const pixels = new Uint8Array(COUNT * PIXELS);
  const picture = new Float64Array(PIXELS);
  for (let i = 0; i < COUNT; i++) {
    vary(drawn[i % drawn.length]!, picture, random, random());
    pixels.set(
      picture.map((value) => Math.floor(255 * value + 0.5)),
      i * PIXELS,
    );
  }
  return pixels;
}
