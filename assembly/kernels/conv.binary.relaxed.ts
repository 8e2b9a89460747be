// Bits by bits on the byte swizzle: four bits of a window choose a table (bit-tables.ts), four of 32 channels' choose in it.
// Weights lie by groups of up to four blocks of eight channels: of every four taps, four bytes a block, whose low halves
// are channels 0 to 3, the high ones 4 to 7. Loads reach up to 12 bytes behind a group of fewer blocks.
import { SUMS } from "../numerics/bit-tables";
import { STRIP } from "../numerics/requantize.simd";
import { lookups1, lookups2, lookups3, lookups4 } from "./conv.binary.generated";

/** Blocks of a group: 32 channels, two accumulators of 16 bytes a window. */
export const GROUP_BLOCKS = 4;
/** Most windows of a strip, which has all the blocks of a group for each. */
const GROUP_WINDOWS = 12;
/** Most lookups that a byte can sum up: 63 times 4 is 252. They come in pairs. */
const MOST_LOOKUPS = 62;

/** Windows of the next strip, of so many: tiles of four as far as possible, and at the end three rather than less. */
export function groupWindows(left: i32): i32 {
  return left <= GROUP_WINDOWS ? left : left < GROUP_WINDOWS + 8 ? 8 : GROUP_WINDOWS;
}

/** Channel c of a group, taps from 4 * quad on, to its place: the high halves of bytes behind the low ones. */
export function storeQuads(group: usize, blocks: i32, c: i32, quad: i32, count: i32, bits: i32): void {
  let at = group + (quad * blocks + (c >> 3)) * 4 + (c & 3);
  for (; count > 0; count--) {
    store<u8>(at, c & 4 ? <i32>load<u8>(at) | ((bits & 15) << 4) : bits & 15);
    bits >>= 4;
    at += blocks * 4;
  }
}

/**
 * Windows, `stride` bytes apart, times the blocks of a group, to the strip: bias + 2^shift * sum, of four blocks
 * whatever the group has.
 */
export function groupSums(count: i32, windows: usize, stride: usize, quads: i32, w: usize, blocks: i32, bias: usize, shift: i32): void {
  const pitch: usize = count * 32;
  const factor = i16x8.splat(<i16>(<i32>1 << shift));
  const step: usize = blocks * 4;
  let strip = STRIP;
  let size = 0;
  for (; count > 0; count -= size) {
    size = count > 4 && count < 7 ? 3 : min(count, 4); // rather than one or two at the end
    for (let done = 0; done < quads; done += MOST_LOOKUPS) {
      lookups(size, windows + done, stride, min(quads - done, MOST_LOOKUPS), w + done * step, step);
      // The first sums are added to the biases, the others to what is there.
      if (done) addSums(strip, pitch, strip, 32, pitch, size, factor);
      else addSums(strip, pitch, bias, 0, 32, size, factor);
    }
    windows += size * stride;
    strip += size * 32;
  }
}

/** A tile of lookups. */
function lookups(size: i32, a: usize, stride: usize, quads: i32, w: usize, step: usize): void {
  switch (size) {
    case 1:
      lookups1(a, stride, quads, w, step);
      break;
    case 2:
      lookups2(a, stride, quads, w, step);
      break;
    case 3:
      lookups3(a, stride, quads, w, step);
      break;
    default:
      lookups4(a, stride, quads, w, step);
  }
}

/** SUMS of `size` windows, times the factor, added to what is at `from`; blocks there and in the strip by their pitches. */
function addSums(strip: usize, pitch: usize, from: usize, fromPixel: usize, fromPitch: usize, size: i32, factor: v128): void {
  for (let sums = SUMS; sums < SUMS + size * 32; sums += 32) {
    let to = strip;
    let at = from;
    for (let i: usize = 0; i < 16; i += 8) {
      const low = i16x8.mul(v128.load8x8_u(sums + i), factor);
      const high = i16x8.mul(v128.load8x8_u(sums + i, 16), factor);
      v128.store(to, i32x4.add(v128.load(at), i32x4.extend_low_i16x8_u(low)));
      v128.store(to, i32x4.add(v128.load(at, 16), i32x4.extend_low_i16x8_u(high)), 16);
      at += fromPitch;
      to += pitch;
      v128.store(to, i32x4.add(v128.load(at), i32x4.extend_high_i16x8_u(low)));
      v128.store(to, i32x4.add(v128.load(at, 16), i32x4.extend_high_i16x8_u(high)), 16);
      at += fromPitch;
      to += pitch;
    }
    strip += 32;
    from += fromPixel;
  }
}
