import { DyadicError } from "../error.ts";
import { dumpGraph, type Graph } from "../graph/graph.ts";
import type { Ranges } from "../numerics/range.ts";
import { hex, sha256 } from "../numerics/sha256.ts";
import { chooseRange, type RangeOptions } from "./ranges.ts";
import { Statistics, type StatisticsJson } from "./statistics.ts";

const FORMAT = "dyadic-calibration";
const VERSION = 1;

interface CalibrationJson {
  readonly format: string;
  readonly version: number;
  readonly graph: string;
  readonly samples: readonly string[];
  readonly tensors: readonly ({ readonly tensor: number } & StatisticsJson)[];
}

/**
 * What a set of samples did to a graph: statistics of every activation, under the content hashes of both. Saved, it is
 * a cache; two of one graph merge, in any order and grouping, to what one run over both sets gives.
 */
export class Calibration {
  /** Content hash of the graph: structure and constants. */
  readonly graph: string;
  /** Content hashes of the samples, sorted. */
  readonly samples: readonly string[];
  /** By tensor index. */
  readonly statistics: ReadonlyMap<number, Statistics>;

  constructor(graph: string, samples: readonly string[], statistics: ReadonlyMap<number, Statistics>) {
    this.graph = graph;
    this.samples = [...samples].sort();
    this.statistics = statistics;
  }

  /** The range of every activation by one method. */
  ranges(options: RangeOptions = {}): Ranges {
    return new Map([...this.statistics].map(([tensor, seen]) => [tensor, chooseRange(seen, options)]));
  }

  /** Both together, as a new one. Throws BAD_ARGUMENT where they are of different graphs or share a sample. */
  merge(other: Calibration): Calibration {
    const own = new Set(this.samples);
    const shared = other.samples.find((sample) => own.has(sample));
    if (this.graph !== other.graph || shared !== undefined) {
      throw new DyadicError("BAD_ARGUMENT", "the two calibrations cannot be merged", {
        expected: "one graph, and no sample in both",
        found: shared === undefined ? "two graphs" : `sample ${shared} in both`,
      });
    }
    const merged = mergeStatistics([this.statistics, other.statistics]);
    return new Calibration(this.graph, [...this.samples, ...other.samples], merged);
  }

  toJSON(): CalibrationJson {
    const tensors = [...this.statistics]
      .sort(([a], [b]) => a - b)
      .map(([tensor, seen]) => ({ tensor, ...seen.toJSON() }));
    return { format: FORMAT, version: VERSION, graph: this.graph, samples: this.samples, tensors };
  }

  /**
   * Reads what JSON.stringify wrote. Throws BAD_FILE for anything else, and for a calibration of another graph than
   * the one given.
   */
  static parse(text: string, graph?: Graph): Calibration {
    const json = parsed(text);
    const bad = (problem: string, expected: string, found: string) =>
      new DyadicError("BAD_FILE", problem, { expected, found });
    if (json.format !== FORMAT || json.version !== VERSION) {
      throw bad("this is no calibration", `${FORMAT} ${VERSION}`, `${json.format} ${json.version}`);
    }
    const hash = graph && graphHash(graph);
    if (hash !== undefined && json.graph !== hash) {
      throw bad("the calibration is of another model", hash, `${json.graph}`);
    }
    const statistics = new Map<number, Statistics>();
    for (const entry of Array.isArray(json.tensors) ? json.tensors : []) {
      const seen = Statistics.fromJSON(entry ?? {});
      if (seen === undefined || !Number.isSafeInteger(entry.tensor)) {
        throw bad("the calibration is damaged", "statistics of every tensor", `tensor ${entry?.tensor}`);
      }
      statistics.set(entry.tensor, seen);
    }
    if (!Array.isArray(json.samples) || json.samples.length === 0 || statistics.size === 0) {
      throw bad("the calibration is damaged", "samples and tensors", "none");
    }
    return new Calibration(`${json.graph}`, json.samples.map(String), statistics);
  }
}

function parsed(text: string): Partial<CalibrationJson> {
  try {
    const value: unknown = JSON.parse(text);
    return typeof value === "object" && value !== null ? value : {};
  } catch (error) {
    throw new DyadicError("BAD_FILE", "the calibration is not JSON", { found: `${error}` }, error);
  }
}

/** Statistics of several shards as one. */
export function mergeStatistics(
  shards: readonly ReadonlyMap<number, Statistics>[],
): ReadonlyMap<number, Statistics> {
  const merged = new Map<number, Statistics>();
  for (const [tensor, seen] of shards.flatMap((shard) => [...shard])) {
    if (!merged.has(tensor)) merged.set(tensor, new Statistics());
    merged.get(tensor)!.merge(seen);
  }
  return merged;
}

/** Content hash of a graph: its text form and every constant. */
export function graphHash(graph: Graph): string {
  const constants = graph.tensors.map(({ data }) =>
    data === undefined ? "" : hex(sha256(new Uint8Array(data.buffer, data.byteOffset, data.byteLength))),
  );
  return hex(sha256(new TextEncoder().encode(`${dumpGraph(graph)}${constants.join("\n")}`)));
}
