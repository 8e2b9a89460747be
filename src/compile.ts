import { DyadicError } from "./error.ts";
import { canonicalShape, type Graph } from "./graph/graph.ts";
import type { IntegerGraph } from "./graph/integer.ts";
import { type ImportOptions, importModel } from "./import/index.ts";
import type { Header } from "./model/header.ts";
import { writeModel } from "./model/writer.ts";
import { sha256 } from "./numerics/sha256.ts";
import { simplify } from "./passes/index.ts";
import { type Layout, plan, verifyLayout } from "./plan/index.ts";
import { lower } from "./quantize/lower.ts";

/** Name and version of the compiler, as the header states them. */
export const PRODUCER = "dyadic 0.1.0";

export interface CompileOptions extends ImportOptions {
  /** Name of the source file, for messages and the header. */
  readonly file?: string;
  /** Leaves out the header: names of layers and provenance. */
  readonly strip?: boolean;
  /** One label per class, for the output that has as many channels. */
  readonly labels?: readonly string[];
}

/** The model file, and every stage on the way to it. */
export interface Compiled {
  readonly model: Uint8Array;
  readonly graph: Graph;
  readonly integer: IntegerGraph;
  readonly layout: Layout;
}

/**
 * Compiles an int8 model (.tflite, .onnx) to a `.dyad` file. Pure: the same input gives the same bytes.
 * Throws DyadicError: BAD_FILE, UNSUPPORTED_OP and so on, with file and node.
 */
export function compile(bytes: Uint8Array, options: CompileOptions = {}): Compiled {
  const { file } = options;
  try {
    return compileGraph(importModel(bytes, file, options), options, sha256(bytes));
  } catch (error) {
    throw error instanceof DyadicError && file !== undefined ? error.at({ file }) : error;
  }
}

/** The arrows behind `import`, for graphs that were made in memory; `source` is the SHA-256 of what they came from. */
export function compileGraph(
  imported: Graph,
  options: CompileOptions = {},
  source: Uint8Array = new Uint8Array(0),
): Compiled {
  const graph = withLabels(simplify(imported), options.labels);
  const integer = lower(graph);
  const layout = plan(integer);
  verifyLayout(integer, layout);
  const header = options.strip ? undefined : headerOf(integer, options.file ?? "", source);
  return { model: writeModel(integer, layout, header), graph, integer, layout };
}

function headerOf(graph: IntegerGraph, file: string, sourceSha256: Uint8Array): Header {
  return {
    model: graph.name,
    producer: PRODUCER,
    sourceFile: file.split(/[\\/]/).at(-1)!, // the folder is the machine's, not the model's
    sourceSha256,
    layers: graph.nodes.map(({ name, op }) => ({ name, op })),
    values: graph.tensors.map(({ name, scale }) => ({ name, scale })),
    policy: "",
    metadata: {},
  };
}

function withLabels(graph: Graph, labels: readonly string[] | undefined): Graph {
  if (labels === undefined) return graph;
  const channels = graph.outputs.map(({ tensor }) => {
    const { shape, name } = graph.tensors[tensor]!;
    return canonicalShape(shape, name)[2];
  });
  const labelled = channels.indexOf(labels.length);
  if (labelled < 0) {
    throw new DyadicError("BAD_ARGUMENT", "no output has as many channels as there are labels", {
      expected: `${channels.join(" or ")} labels`,
      found: `${labels.length}`,
    });
  }
  return {
    ...graph,
    outputs: graph.outputs.map((border, i) => (i === labelled ? { ...border, labels } : border)),
  };
}
