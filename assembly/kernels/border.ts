// What crosses the arena's border: halos, the host's dense canonical bytes, and copies between layouts.
import {
  TENSOR_CHANNELS,
  TENSOR_HALO_FILL_AT,
  TENSOR_HEIGHT,
  TENSOR_PIXEL_PITCH,
  TENSOR_ROW_PITCH,
  TENSOR_WIDTH,
  TENSOR_ZERO_POINT,
} from "../abi";
import { packPixels, widenPixels } from "../numerics/packed";
import {
  arenaPtr,
  bitsOf,
  denseBytes,
  extentBytes,
  extentStart,
  flip,
  isByte,
  isPacked,
  pixelBytes,
  pixels,
  planPtr,
  weightsPtr,
  word,
} from "../state";

/** Where the host writes a dense input: the end of the tensor's extent, so that rows only ever move down. */
export function inputStage(tensor: usize): usize {
  return arenaPtr + <usize>(extentStart(tensor) + extentBytes(tensor) - denseBytes(tensor));
}

/** Where the host reads a dense output: the start of the extent. */
export function outputStage(tensor: usize): usize {
  return arenaPtr + <usize>extentStart(tensor);
}

/** Fills everything of the extent that is not a pixel; every writer calls it, on every run. */
export function fillHalo(tensor: usize): void {
  // What writes a part of a tensor leaves the halo to what writes the whole; parts' records are below the plan.
  if (tensor < planPtr || !isByte(tensor)) return;
  const start = arenaPtr + <usize>extentStart(tensor);
  const end = start + <usize>extentBytes(tensor);
  const pitch: usize = word(tensor, TENSOR_ROW_PITCH);
  const row: usize = word(tensor, TENSOR_WIDTH) * word(tensor, TENSOR_PIXEL_PITCH);
  let pixel = pixels(tensor);
  fill(tensor, start, pixel);
  const last = pixel + pitch * (word(tensor, TENSOR_HEIGHT) - 1);
  // Left and right halos of neighbouring rows share the gap between their pixels.
  for (; pixel < last; pixel += pitch) fill(tensor, pixel + row, pixel + pitch);
  fill(tensor, last + row, end);
}

/** Real 0 everywhere, halo included: a state as it is before the first run. */
export function clear(tensor: usize): void {
  const start = arenaPtr + <usize>extentStart(tensor);
  fill(tensor, start, start + <usize>extentBytes(tensor));
}

/** What a state holds, for kernels that store activation bytes the other way from now on. */
export function flipState(tensor: usize): void {
  const end = arenaPtr + <usize>(extentStart(tensor) + extentBytes(tensor));
  for (let at = arenaPtr + <usize>extentStart(tensor); at < end; at++) store<u8>(at, load<u8>(at) ^ 0x80);
}

function fill(tensor: usize, from: usize, to: usize): void {
  if (to <= from) return;
  const fillAt = word(tensor, TENSOR_HALO_FILL_AT);
  if (fillAt < 0) {
    memory.fill(from, <u8>(word(tensor, TENSOR_ZERO_POINT) ^ flip), to - from);
    return;
  }
  // A pixel's worth of codes, in phase with the pixels: the gap behind a row starts a pixel.
  const channels: usize = word(tensor, TENSOR_CHANNELS);
  const pitch: usize = word(tensor, TENSOR_PIXEL_PITCH);
  for (let at = from; at < to; at++) {
    const channel = (at - from) % pitch;
    const code: i32 = channel < channels ? load<i8>(weightsPtr + fillAt + channel) : 0;
    store<u8>(at, <u8>(code ^ flip));
  }
}

/** Turns codes into stored bytes or back, in place. */
function flipBytes(ptr: usize, bytes: usize): void {
  if (flip != 0) turnSigns(ptr, bytes);
}

/** Unsigned bytes become signed ones, 128 less, or back, in place. */
export function turnSigns(ptr: usize, bytes: usize): void {
  const end = ptr + bytes;
  for (; ptr + 8 <= end; ptr += 8) store<u64>(ptr, load<u64>(ptr) ^ 0x8080808080808080);
  for (; ptr < end; ptr++) store<u8>(ptr, load<u8>(ptr) ^ 0x80);
}

/** Dense canonical codes at `source` into the tensor, halo included; `source` may be its own input stage. */
export function spread(tensor: usize, source: usize): void {
  if (isPacked(tensor)) {
    movePacked(tensor, source, true);
    return;
  }
  const channels: usize = pixelBytes(tensor);
  const pitch: usize = word(tensor, TENSOR_PIXEL_PITCH);
  const width: usize = word(tensor, TENSOR_WIDTH);
  let row = pixels(tensor);
  for (let y = word(tensor, TENSOR_HEIGHT); y > 0; y--) {
    if (pitch == channels) {
      memory.copy(row, source, width * channels);
    } else {
      for (let x: usize = 0; x < width; x++) memory.copy(row + x * pitch, source + x * channels, channels);
    }
    if (isByte(tensor)) flipBytes(row, width * pitch);
    row += word(tensor, TENSOR_ROW_PITCH);
    source += width * channels;
  }
  fillHalo(tensor);
}

/** Dense canonical codes to packed pixels, or back. */
function movePacked(tensor: usize, codes: usize, inwards: bool): void {
  const channels = word(tensor, TENSOR_CHANNELS);
  const pitch = word(tensor, TENSOR_PIXEL_PITCH);
  const width = word(tensor, TENSOR_WIDTH);
  let row = pixels(tensor);
  for (let y = word(tensor, TENSOR_HEIGHT); y > 0; y--) {
    if (inwards) {
      packPixels(row, codes, width, channels, pitch, bitsOf(tensor), 0);
    } else {
      widenPixels(codes, row, width, channels, pitch, bitsOf(tensor), 0);
    }
    row += word(tensor, TENSOR_ROW_PITCH);
    codes += width * channels;
  }
}

/** The tensor's dense canonical codes to `target`, which may be its own output stage. */
export function gather(tensor: usize, target: usize): void {
  if (isPacked(tensor)) {
    movePacked(tensor, target, false);
    return;
  }
  const channels: usize = pixelBytes(tensor);
  const pitch: usize = word(tensor, TENSOR_PIXEL_PITCH);
  const width: usize = word(tensor, TENSOR_WIDTH);
  let row = pixels(tensor);
  for (let y = word(tensor, TENSOR_HEIGHT); y > 0; y--) {
    if (pitch == channels) {
      memory.copy(target, row, width * channels);
    } else {
      for (let x: usize = 0; x < width; x++) memory.copy(target + x * channels, row + x * pitch, channels);
    }
    if (isByte(tensor)) flipBytes(target, width * channels);
    row += word(tensor, TENSOR_ROW_PITCH);
    target += width * channels;
  }
}
