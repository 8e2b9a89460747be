import { DyadicError } from "../error.ts";
import type { FloatNetwork } from "../float/network.ts";
import type { Sample } from "../float/samples.ts";
import { hex, sha256 } from "../numerics/sha256.ts";
import { networkScan, type Scan } from "./scan.ts";
import { BINS, Statistics } from "./statistics.ts";

/** Runs samples and keeps statistics of every activation. */
export class Observer {
  /** By tensor index. */
  readonly statistics = new Map<number, Statistics>();
  /** Content hashes of the samples, in the order they came. */
  readonly samples: string[] = [];
  private readonly network: FloatNetwork;
  private readonly scan: Scan;

  constructor(network: FloatNetwork) {
    this.network = network;
    this.scan = networkScan(network, BINS);
  }

  /** Throws BAD_INPUT, naming the sample, where it or an activation that it causes is NaN or infinite. */
  take(sample: Sample, index: number): void {
    const { graph } = this.network;
    try {
      this.network.run(sample, (tensor, values) => {
        const seen = this.statistics.get(tensor) ?? new Statistics();
        this.statistics.set(tensor, seen);
        const bad = seen.observe(values, this.scan);
        if (bad < 0) return;
        const input = graph.inputs.find((border) => border.tensor === tensor);
        throw new DyadicError("BAD_INPUT", `${input ? "a value" : "an activation"} is not a number`, {
          ...(input === undefined && { node: graph.tensors[tensor]!.name }),
          expected: "finite values",
          found: `${values[bad]} at element ${bad}${input ? ` of input "${input.name}"` : ""}`,
          hint: input ? "leave the sample out" : "the sample's values are far outside what the model knows",
        });
      });
    } catch (error) {
      throw error instanceof DyadicError ? error.at({ file: `sample ${index}` }) : error;
    }
    this.samples.push(sampleHash(sample));
  }
}

/** SHA-256 of a sample's values: what tells calibration and evaluation data apart. */
export function sampleHash(sample: Sample): string {
  const bytes = new Uint8Array(sample.reduce((size, values) => size + values.byteLength, 0));
  let at = 0;
  for (const { buffer, byteOffset, byteLength } of sample) {
    bytes.set(new Uint8Array(buffer, byteOffset, byteLength), at);
    at += byteLength;
  }
  return hex(sha256(bytes));
}
