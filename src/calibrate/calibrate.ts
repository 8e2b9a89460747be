import { DyadicError } from "../error.ts";
import { FloatNetwork } from "../float/network.ts";
import { forEachSample, type Progress, type Samples } from "../float/samples.ts";
import type { Graph } from "../graph/graph.ts";
import { Calibration, graphHash } from "./calibration.ts";
import { Observer } from "./observer.ts";

/**
 * Runs samples through a float graph and keeps what every activation did. One thread, any host.
 * Throws BAD_ARGUMENT for an empty set, BAD_INPUT naming the sample for NaN, infinity and wrong sizes.
 *
 * @param module assembly/build/calibrator.wasm, compiled
 */
export async function calibrate(
  graph: Graph,
  samples: Samples,
  module: WebAssembly.Module,
  progress: Progress = {},
): Promise<Calibration> {
  refuseEmpty(samples);
  const observer = new Observer(await FloatNetwork.create(graph, module));
  await forEachSample(samples, (sample, index) => observer.take(sample, index), progress);
  return new Calibration(graphHash(graph), observer.samples, observer.statistics);
}

export function refuseEmpty(samples: Samples): void {
  if (samples.length > 0) return;
  throw new DyadicError("BAD_ARGUMENT", "the calibration set is empty", {
    expected: "real samples of what the model will see; some 100 are enough",
  });
}
