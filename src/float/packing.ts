// Constants in the order of assembly/float: blocks of 8 output channels, the last one filled with zeros.
const BLOCK = 8;

function blocks(channels: number): number {
  return Math.ceil(channels / BLOCK) * BLOCK;
}

/** Rows of taps, one a channel, to [channels / 8][taps][8]. */
export function packRows(weights: Float32Array, channels: number): Float32Array {
  const taps = weights.length / channels;
  const packed = new Float32Array(blocks(channels) * taps);
  for (let channel = 0; channel < channels; channel++) {
    const block = Math.floor(channel / BLOCK) * taps;
    for (let k = 0; k < taps; k++) {
      packed[(block + k) * BLOCK + (channel % BLOCK)] = weights[channel * taps + k]!;
    }
  }
  return packed;
}

/** Depthwise weights [taps][channels] to [channels / 8][taps][8]. */
export function packDepthwise(weights: Float32Array, channels: number): Float32Array {
  const taps = weights.length / channels;
  const packed = new Float32Array(blocks(channels) * taps);
  for (let i = 0; i < weights.length; i++) {
    const [tap, channel] = [Math.floor(i / channels), i % channels];
    packed[(Math.floor(channel / BLOCK) * taps + tap) * BLOCK + (channel % BLOCK)] = weights[i]!;
  }
  return packed;
}

/** The bias, zeros where there is none, filled up to whole blocks. */
export function padBias(bias: Float32Array | undefined, channels: number): Float32Array {
  const padded = new Float32Array(blocks(channels));
  if (bias !== undefined) padded.set(bias);
  return padded;
}
