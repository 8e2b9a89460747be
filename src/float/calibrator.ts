// The exports of assembly/build/calibrator.wasm. Addresses and lengths are bytes; see assembly/float/.

type Bounds = [low: number, high: number];
export type PoolWindow = [
  height: number,
  width: number,
  channels: number,
  outHeight: number,
  outWidth: number,
  kernelHeight: number,
  kernelWidth: number,
  strideHeight: number,
  strideWidth: number,
  padTop: number,
  padLeft: number,
];

export interface CalibratorExports {
  readonly memory: WebAssembly.Memory;
  heap_base(): number;
  reserve(end: number): number;
  conv(
    ...operands: [
      input: number,
      weights: number,
      bias: number,
      output: number,
      height: number,
      width: number,
      channels: number,
      pixelBytes: number,
      rows: number,
      segments: number,
      runBytes: number,
      rowBytes: number,
      segmentBytes: number,
      windowStep: number,
      windowRowStep: number,
      ...Bounds,
    ]
  ): void;
  depthwise(
    ...operands: [
      input: number,
      weights: number,
      bias: number,
      output: number,
      height: number,
      width: number,
      channels: number,
      rows: number,
      columns: number,
      rowBytes: number,
      segmentBytes: number,
      windowStep: number,
      windowRowStep: number,
      ...Bounds,
    ]
  ): void;
  add(...operands: [a: number, b: number, output: number, count: number, ...Bounds]): void;
  clamp(...operands: [x: number, output: number, count: number, ...Bounds]): void;
  average_pool(...operands: [input: number, output: number, ...PoolWindow, ...Bounds]): void;
  average_pool_gradient(gradient: number, target: number, ...window: PoolWindow): void;
  max_pool(...operands: [input: number, output: number, ...PoolWindow, ...Bounds]): void;
  max_pool_gradient(gradient: number, input: number, target: number, ...window: PoolWindow): void;
  conv_weights(
    ...operands: [
      input: number,
      gradient: number,
      output: number,
      height: number,
      width: number,
      channels: number,
      pixelBytes: number,
      rows: number,
      segments: number,
      runBytes: number,
      rowBytes: number,
      segmentBytes: number,
      windowStep: number,
      windowRowStep: number,
    ]
  ): void;
  depthwise_weights(
    ...operands: [
      input: number,
      gradient: number,
      output: number,
      height: number,
      width: number,
      channels: number,
      rows: number,
      columns: number,
      rowBytes: number,
      columnBytes: number,
      windowStep: number,
      windowRowStep: number,
    ]
  ): void;
  channel_sums(gradient: number, output: number, pixels: number, channels: number): void;
  mask(gradient: number, output: number, target: number, count: number, ...bounds: Bounds): void;
  softmax(x: number, output: number, rows: number, channels: number, beta: number): void;
  moments(
    a: number,
    rowsA: number,
    b: number,
    rowsB: number,
    pitch: number,
    columns: number,
    out: number,
    outPitch: number,
    triangle: number,
  ): void;
  fake_quantize(
    x: number,
    output: number,
    count: number,
    inverse: number,
    scale: number,
    ...bounds: Bounds
  ): void;
  encode(
    x: number,
    count: number,
    wide: number,
    inverse: number,
    offset: number,
    span: number,
    low: number,
  ): void;
  decode(x: number, count: number, wide: number, scale: number, zero: number): void;
  extremes(x: number, count: number, out: number): void;
  count_bins(x: number, count: number, inverse: number, bins: number, counts: number): void;
  channel_totals(x: number, totals: number, pixels: number, channels: number): void;
  clear(target: number, bytes: number): void;
  copy_blocks(
    source: number,
    target: number,
    planes: number,
    rows: number,
    bytes: number,
    sourcePlane: number,
    sourceRow: number,
    targetPlane: number,
    targetRow: number,
  ): void;
}

/** A fresh instance with memory of its own. */
export async function instantiateCalibrator(module: WebAssembly.Module): Promise<CalibratorExports> {
  const { exports } = await WebAssembly.instantiate(module, {});
  return exports as unknown as CalibratorExports;
}
