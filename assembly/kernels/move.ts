// Codes of any width from one pixel to another, as they are.

/**
 * `count` codes of `bits` bits, from channel `fromFirst` of the pixel at `from` to channel `toFirst` of the one at
 * `to`; bits around them stay.
 */
export function moveCodes(to: usize, toFirst: i32, from: usize, fromFirst: i32, count: i32, bits: i32): void {
  if (bits >= 8) {
    const shift = bits >> 4;
    memory.copy(to + (toFirst << shift), from + (fromFirst << shift), count << shift);
    return;
  }
  let i = 0;
  if (((toFirst * bits) | (fromFirst * bits)) % 8 == 0) {
    const bytes = (count * bits) >> 3;
    memory.copy(to + ((toFirst * bits) >> 3), from + ((fromFirst * bits) >> 3), bytes);
    i = (bytes << 3) / bits;
  }
  const mask = (1 << bits) - 1;
  for (; i < count; i++) {
    const source = (fromFirst + i) * bits;
    const target = (toFirst + i) * bits;
    const code = (<i32>load<u8>(from + (source >> 3)) >> (source & 7)) & mask;
    const at = to + (target >> 3);
    store<u8>(at, <u8>((load<u8>(at) & ~(mask << (target & 7))) | (code << (target & 7))));
  }
}

/** A pixel of equal codes, not of bytes; bits behind the last are 0. */
export function fillCodes(to: usize, channels: i32, code: i32, bits: i32): void {
  if (bits == 16) {
    for (let c = 0; c < channels; c++) store<i16>(to + (c << 1), <i16>code);
    return;
  }
  const mask = (1 << bits) - 1;
  const bytes = (channels * bits) >> 3;
  const pattern = (code & mask) * (0xff / mask);
  memory.fill(to, <u8>pattern, bytes);
  const rest = (channels * bits) & 7;
  if (rest) store<u8>(to + bytes, <u8>(pattern & ((1 << rest) - 1)));
}
