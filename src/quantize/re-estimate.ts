import { forEachSample, type Progress, type Samples } from "../float/samples.ts";
import type { Graph } from "../graph/graph.ts";
import { type ChannelStatistics, ChannelSums, channelStatistics } from "./channel-statistics.ts";
import type { Layer } from "./layer.ts";
import { type LayerWeights, placeLayer } from "./layer-weights.ts";
import { onGrid } from "./reconstruction/grid.ts";
import { widthOf } from "./reconstruction/parameters.ts";
import { Tape } from "./reconstruction/tape.ts";
import { unitsOf } from "./reconstruction/unit.ts";

/** Each round meets layers whose inputs the round before has changed. */
const ROUNDS = 3;
/** Bounds of a round's factor: a channel that quantization has nearly silenced is not to be blown up. */
const MOST = 1.5;

/**
 * Batch-norm re-estimation on a network whose normalizations are folded: every channel of every layer gets the scale and
 * the bias with which its outputs, in front of the activation, have the mean and the standard deviation that they have in
 * the float network over the same samples. Codes and ranges stay. For what rounds without seeing inputs; least squares has the mean right already,
 * and a deviation that is smaller on purpose.
 * Throws what `reconstruct` does.
 *
 * @param quantized of quantizePostTraining or quantizeSequentially, node for node
 */
export async function reestimate(
  graph: Graph,
  quantized: Graph,
  samples: Samples,
  module: WebAssembly.Module,
  progress: Progress = {},
): Promise<Graph> {
  const wanted = await channelStatistics(graph, samples, module, progress);
  const [unit] = unitsOf(graph, Number.POSITIVE_INFINITY);
  let result = quantized;
  for (let round = 0; round < ROUNDS; round++) {
    const tape = await Tape.create(module, graph, result, unit!);
    const sums = tape.layers.map(({ layer }) => new ChannelSums(layer.output[2]));
    const input = result.tensors[unit!.input]!;
    await forEachSample(
      samples,
      ([values]) => {
        tape.run(onGrid(values!, input));
        tape.layers.forEach(({ layer }, i) => {
          sums[i]!.add(tape.raw(layer.node));
        });
      },
      progress,
    );
    const tensors = [...result.tensors];
    const nodes = [...result.nodes];
    tape.layers.forEach(({ layer }, i) => {
      const target = wanted.get(layer.node.outputs[0]!)!;
      const weights = matched(
        layer,
        result,
        nodes[graph.nodes.indexOf(layer.node)]!.inputs,
        target,
        sums[i]!.finish(),
      );
      const from = tensors[layer.node.inputs[0]!]!;
      nodes[graph.nodes.indexOf(layer.node)] = placeLayer(layer, weights, from, tensors);
    });
    result = { ...result, tensors, nodes };
  }
  return result;
}

/** The layer's integers under scales and biases that turn the statistics it has into those it should have. */
function matched(
  { at, taps }: Layer,
  { tensors }: Graph,
  inputs: readonly number[],
  wanted: ChannelStatistics,
  found: ChannelStatistics,
): LayerWeights {
  const [input, weights, bias] = inputs.map((index) => tensors[index]!);
  const from = input!.quantization!.scale[0]!;
  const width = widthOf(weights!);
  const channels = wanted.mean.length;
  const codes = new Int8Array(weights!.data!.length);
  for (let i = 0; i < codes.length; i++)
    codes[i] = Number(weights!.data![at(Math.floor(i / taps), i % taps)]);
  const scales: number[] = [];
  const biases = new Int32Array(channels);
  for (let n = 0; n < channels; n++) {
    const old = weights!.quantization!.scale[n]!;
    const spread = found.deviation[n]! > 0 ? wanted.deviation[n]! / found.deviation[n]! : 1;
    const factor = Math.min(MOST, Math.max(1 / MOST, spread));
    scales.push(Math.fround(old * factor));
    const real = Number(bias!.data![n]) * from * old * factor + wanted.mean[n]! - factor * found.mean[n]!;
    biases[n] = Math.floor(real / (from * scales[n]!) + 0.5);
  }
  return { width, codes, scales, bias: biases };
}
