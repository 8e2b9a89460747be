// The walk over output pixels that conv and depthwise share: tiles of pixels, with window and output addresses of each.

/** Address of the window's first element, of every pixel of the tile. */
export const WINDOWS: usize = memory.data(6 * 4, 16);
/** Address of the output pixel, of every pixel of the tile. */
export const OUTPUTS: usize = memory.data(6 * 4, 16);

/** Pixels that no tile has taken yet. */
export let remaining: i32 = 0;
let column: i32 = 0;
let width: i32 = 0;
let windowRow: usize = 0;
let window: usize = 0;
let out: usize = 0;
let windowStep: usize = 0;
let windowRowStep: usize = 0;
let outStep: usize = 0;

/** How a window lies in the input: `rows` x `segments` runs of `run` bytes. */
export let rows: i32 = 0;
export let segments: i32 = 0;
export let run: usize = 0;
/** From the start of a run to the next one of the row, and from a row to the next. */
export let segmentPitch: usize = 0;
export let rowPitch: usize = 0;

export function shapeWindow(rowCount: i32, segmentCount: i32, bytes: usize, row: usize, segment: usize): void {
  rows = rowCount;
  segments = segmentCount;
  run = bytes;
  rowPitch = row;
  segmentPitch = segment;
}

/** Starts at the first pixel of `height` x `columns` outputs; steps are from a window to the next right and below. */
export function startWalk(input: usize, output: usize, height: i32, columns: i32, step: usize, rowStep: usize, pixel: usize): void {
  remaining = height * columns;
  column = 0;
  width = columns;
  windowRow = input;
  window = input;
  out = output;
  windowStep = step;
  windowRowStep = rowStep;
  outStep = pixel;
}

/** Fills WINDOWS and OUTPUTS for the next tile. Past the last pixel it repeats it: the same values are stored twice. */
export function nextTile(size: i32): void {
  for (let i = 0; i < size; i++) {
    store<usize>(WINDOWS + (i << 2), window);
    store<usize>(OUTPUTS + (i << 2), out);
    if (--remaining <= 0) continue;
    out += outStep;
    window += windowStep;
    if (++column == width) {
      column = 0;
      windowRow += windowRowStep;
      window = windowRow;
    }
  }
}
