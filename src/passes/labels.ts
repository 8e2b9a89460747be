import { DyadicError } from "../error.ts";
import { canonicalShape, type Graph } from "../graph/graph.ts";

/** The graph with one label per class, on the output that has as many channels. Throws BAD_ARGUMENT where none has. */
export function withLabels(graph: Graph, labels: readonly string[] | undefined): Graph {
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
