import type { Graph } from "../../graph/graph.ts";
import { encodeOnnx } from "./encode.ts";
import { Exporter, type OnnxForm } from "./exporter.ts";
import { exportNode } from "./operators.ts";

export type { OnnxForm } from "./exporter.ts";

const STANDARD: OnnxForm = { activations: "int8", borders: "float32" };

/**
 * A graph as an ONNX file (opset 21, images NCHW). A float graph stays one. Of a quantized graph every op stands
 * between DequantizeLinear and QuantizeLinear with its own scales: any runtime computes nearly what Dyadic computes.
 * Throws UNSUPPORTED_OP, naming the node, for what has no form in ONNX.
 */
export function exportOnnx(graph: Graph, form: OnnxForm = STANDARD): Uint8Array {
  const exporter = new Exporter(graph, form);
  const inputs = graph.inputs.map(({ tensor }) => exporter.input(tensor));
  for (const node of graph.nodes) exportNode(exporter, node);
  const outputs = graph.outputs.map(({ tensor }) => exporter.output(tensor));
  const { nodes, initializers } = exporter;
  return encodeOnnx({ name: graph.name, producer: "dyadic", nodes, initializers, inputs, outputs });
}
