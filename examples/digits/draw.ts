// Draws the example pictures from their strokes: `npm run draw:digits`.
import { writeFileSync } from "node:fs";
import { PNG } from "pngjs";
import { draw, ON_PAPER, SMALL } from "./pen.ts";
import { DIGITS } from "./strokes.ts";

const FOLDER = "examples/digits";

/** Writes a picture as a grey PNG of 8 bits. */
function write(name: string, pixels: Uint8Array, side: number): void {
  const png = new PNG({ width: side, height: side });
  pixels.forEach((value, i) => {
    png.data.set([value, value, value, 255], 4 * i);
  });
  writeFileSync(`${FOLDER}/${name}.png`, PNG.sync.write(png, { colorType: 0 }));
}

DIGITS.forEach((strokes, digit) => {
  write(`${digit}`, draw(strokes, SMALL), SMALL.side);
});
for (const digit of [3, 7]) write(`${digit}-on-paper`, draw(DIGITS[digit]!, ON_PAPER), ON_PAPER.side);
