// The backward kernels: every one adds to what its target holds, so that a value read twice gets both parts. The
// gradient in a convolution's input is a convolution itself (conv.ts, with the weights turned around).

/**
 * output[channel][tap] += sum over pixels of gradient[pixel][channel] * window(pixel)[tap]; operands as in `conv`.
 * Pixels are summed in one order, whatever tile an element falls into.
 */
export function conv_weights(
  input: usize,
  gradient: usize,
  output: usize,
  height: i32,
  width: i32,
  channels: i32,
  pixelBytes: usize,
  rowCount: i32,
  segmentCount: i32,
  runBytes: usize,
  rowBytes: usize,
  segmentBytes: usize,
  windowStep: usize,
  windowRowStep: usize,
): void {
  setWalk(height, width, pixelBytes, windowStep, windowRowStep);
  const taps = <usize>(rowCount * segmentCount) * runBytes;
  for (let y = 0; y < rowCount; y++) {
    for (let x = 0; x < segmentCount; x++) {
      const from = input + y * rowBytes + x * segmentBytes;
      const to = output + <usize>(y * segmentCount + x) * runBytes;
      for (let channel = 0; channel < channels; channel += 4) {
        const row = to + channel * taps;
        if (channel + 4 <= channels) fourRows(from, gradient + channel * 4, row, taps, runBytes);
        else for (let c = channel; c < channels; c++) oneRow(from, gradient + c * 4, to + c * taps, runBytes);
      }
    }
  }
}

let walkHeight: i32 = 0;
let walkWidth: i32 = 0;
let walkPixel: usize = 0;
let walkStep: usize = 0;
let walkRowStep: usize = 0;

function setWalk(height: i32, width: i32, pixelBytes: usize, windowStep: usize, windowRowStep: usize): void {
  walkHeight = height;
  walkWidth = width;
  walkPixel = pixelBytes;
  walkStep = windowStep;
  walkRowStep = windowRowStep;
}

/** Four channels: 8 taps at a time in 8 accumulators, what is left one by one. */
function fourRows(from: usize, gradient: usize, to: usize, pitch: usize, run: usize): void {
  let at: usize = 0;
  for (; at + 32 <= run; at += 32) tile4x8(from + at, gradient, to + at, pitch);
  for (; at < run; at += 4) tile4x1(from + at, gradient, to + at, pitch);
}

function oneRow(from: usize, gradient: usize, to: usize, run: usize): void {
  let at: usize = 0;
  for (; at + 16 <= run; at += 16) tile1x4(from + at, gradient, to + at);
  for (; at < run; at += 4) tile1x1(from + at, gradient, to + at);
}

function tile4x8(input: usize, gradient: usize, to: usize, pitch: usize): void {
  let l0 = f32x4.splat(0);
  let h0 = l0;
  let l1 = l0;
  let h1 = l0;
  let l2 = l0;
  let h2 = l0;
  let l3 = l0;
  let h3 = l0;
  const step = walkStep;
  const pixel = walkPixel;
  for (let y = 0; y < walkHeight; y++, input += walkRowStep) {
    let a = input;
    for (let x = 0; x < walkWidth; x++) {
      const l = v128.load(a);
      const h = v128.load(a, 16);
      let g = v128.load32_splat(gradient);
      l0 = f32x4.add(l0, f32x4.mul(g, l));
      h0 = f32x4.add(h0, f32x4.mul(g, h));
      g = v128.load32_splat(gradient, 4);
      l1 = f32x4.add(l1, f32x4.mul(g, l));
      h1 = f32x4.add(h1, f32x4.mul(g, h));
      g = v128.load32_splat(gradient, 8);
      l2 = f32x4.add(l2, f32x4.mul(g, l));
      h2 = f32x4.add(h2, f32x4.mul(g, h));
      g = v128.load32_splat(gradient, 12);
      l3 = f32x4.add(l3, f32x4.mul(g, l));
      h3 = f32x4.add(h3, f32x4.mul(g, h));
      a += step;
      gradient += pixel;
    }
  }
  addVector(to, l0);
  addVector(to + 16, h0);
  addVector(to + pitch, l1);
  addVector(to + pitch + 16, h1);
  addVector(to + 2 * pitch, l2);
  addVector(to + 2 * pitch + 16, h2);
  addVector(to + 3 * pitch, l3);
  addVector(to + 3 * pitch + 16, h3);
}

/** The four channels of one tap are neighbours in the gradient: one vector. */
function tile4x1(input: usize, gradient: usize, to: usize, pitch: usize): void {
  let sum = f32x4.splat(0);
  for (let y = 0; y < walkHeight; y++, input += walkRowStep) {
    let a = input;
    for (let x = 0; x < walkWidth; x++, a += walkStep, gradient += walkPixel) {
      sum = f32x4.add(sum, f32x4.mul(v128.load(gradient), v128.load32_splat(a)));
    }
  }
  addLane(to, f32x4.extract_lane(sum, 0));
  addLane(to + pitch, f32x4.extract_lane(sum, 1));
  addLane(to + 2 * pitch, f32x4.extract_lane(sum, 2));
  addLane(to + 3 * pitch, f32x4.extract_lane(sum, 3));
}

function tile1x4(input: usize, gradient: usize, to: usize): void {
  let sum = f32x4.splat(0);
  for (let y = 0; y < walkHeight; y++, input += walkRowStep) {
    let a = input;
    for (let x = 0; x < walkWidth; x++, a += walkStep, gradient += walkPixel) {
      sum = f32x4.add(sum, f32x4.mul(v128.load32_splat(gradient), v128.load(a)));
    }
  }
  addVector(to, sum);
}

function tile1x1(input: usize, gradient: usize, to: usize): void {
  let sum: f32 = 0;
  for (let y = 0; y < walkHeight; y++, input += walkRowStep) {
    let a = input;
    for (let x = 0; x < walkWidth; x++, a += walkStep, gradient += walkPixel) {
      sum += load<f32>(gradient) * load<f32>(a);
    }
  }
  addLane(to, sum);
}

/**
 * output[tap][channel] += sum over pixels of gradient[pixel][channel] * window(pixel)[tap][channel]; operands as in
 * `depthwise`. The input's pixels are padded to whole blocks of 8 channels; gradient and output are dense, with bytes
 * behind them that may be read.
 */
export function depthwise_weights(
  input: usize,
  gradient: usize,
  output: usize,
  height: i32,
  width: i32,
  channels: i32,
  rowCount: i32,
  columnCount: i32,
  rowBytes: usize,
  columnBytes: usize,
  windowStep: usize,
  windowRowStep: usize,
): void {
  const pixel = <usize>channels * 4;
  for (let y = 0; y < rowCount; y++) {
    for (let x = 0; x < columnCount; x++, output += pixel) {
      const tap = input + y * rowBytes + x * columnBytes;
      for (let c: usize = 0; c < pixel; c += 16) {
        let sum = f32x4.splat(0);
        let g = gradient + c;
        for (let row = 0; row < height; row++) {
          let a = tap + row * windowRowStep + c;
          for (let column = 0; column < width; column++, a += windowStep, g += pixel) {
            sum = f32x4.add(sum, f32x4.mul(v128.load(a), v128.load(g)));
          }
        }
        if (c + 16 <= pixel) addVector(output + c, sum);
        else addLanes(output + c, sum, <i32>(pixel - c) >> 2);
      }
    }
  }
}

/** output[channel] += sum over pixels: the gradient in a bias. */
export function channel_sums(gradient: usize, output: usize, pixels: i32, channels: i32): void {
  const pixel = <usize>channels * 4;
  for (let c: usize = 0; c < pixel; c += 4) {
    let sum: f32 = 0;
    let g = gradient + c;
    for (let i = 0; i < pixels; i++, g += pixel) sum += load<f32>(g);
    addLane(output + c, sum);
  }
}

/** target = gradient where low < output < high, else 0: a fused clamp lets nothing through where it holds. */
export function mask(gradient: usize, output: usize, target: usize, count: i32, low: f32, high: f32): void {
  let at: usize = 0;
  const end = <usize>count * 4;
  for (; at + 16 <= end; at += 16) {
    const y = v128.load(output + at);
    const inside = v128.and(f32x4.gt(y, f32x4.splat(low)), f32x4.lt(y, f32x4.splat(high)));
    v128.store(target + at, v128.and(v128.load(gradient + at), inside));
  }
  for (; at < end; at += 4) {
    const y = load<f32>(output + at);
    store<f32>(target + at, y > low && y < high ? load<f32>(gradient + at) : 0);
  }
}

// @ts-ignore: decorator
@inline
function addVector(at: usize, x: v128): void {
  v128.store(at, f32x4.add(v128.load(at), x));
}

// @ts-ignore: decorator
@inline
function addLane(at: usize, x: f32): void {
  store<f32>(at, load<f32>(at) + x);
}

/** The first 1 to 3 lanes. */
function addLanes(at: usize, x: v128, count: i32): void {
  addLane(at, f32x4.extract_lane(x, 0));
  if (count > 1) addLane(at + 4, f32x4.extract_lane(x, 1));
  if (count > 2) addLane(at + 8, f32x4.extract_lane(x, 2));
}
