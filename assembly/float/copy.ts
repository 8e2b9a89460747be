/**
 * Copies `planes` x `rows` runs of `bytes`; pitches are from a plane and from a row to the next. Pads, concats, slices
 * and the padded inputs of windows are all made of it.
 */
export function copy_blocks(
  source: usize,
  target: usize,
  planes: i32,
  rows: i32,
  bytes: usize,
  sourcePlane: usize,
  sourceRow: usize,
  targetPlane: usize,
  targetRow: usize,
): void {
  for (let plane = 0; plane < planes; plane++) {
    if (sourceRow == bytes && targetRow == bytes) {
      memory.copy(target, source, rows * bytes);
    } else {
      let from = source;
      let to = target;
      for (let row = 0; row < rows; row++) {
        memory.copy(to, from, bytes);
        from += sourceRow;
        to += targetRow;
      }
    }
    source += sourcePlane;
    target += targetPlane;
  }
}

/** Zeros. */
export function clear(target: usize, bytes: usize): void {
  memory.fill(target, 0, bytes);
}
