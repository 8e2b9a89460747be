// What onnxruntime-web and onnxruntime-node share: one API over two builds of one runtime.
import type { InferenceSession, Tensor, TypedTensor } from "onnxruntime-common";
import { exportOnnx } from "../../../src/export/onnx/index.ts";
import type { Graph } from "../../../src/graph/graph.ts";
import { dequantizeGraph } from "../../../src/quantize/dequantize.ts";
import type { BenchModel } from "../compiled.ts";
import type { Opened, Subject } from "./subject.ts";

/**
 * `int8`: u8 activations (code + 128) and u8 codes at the model's border, the form that onnxruntime runs best. `usual`
 * and `signed`: what its own quantize_static writes, QuantizeLinear and DequantizeLinear around every op and floats at
 * the border; with u8 activations, as its guide advises on x86, and with the s8 ones of its default. `float32`: the
 * same real values without any quantization.
 */
const FORMS = {
  int8: (graph: Graph) => exportOnnx(graph, { activations: "uint8", borders: "codes" }),
  usual: (graph: Graph) => exportOnnx(graph, { activations: "uint8", borders: "float32" }),
  signed: (graph: Graph) => exportOnnx(graph, { activations: "int8", borders: "float32" }),
  float32: (graph: Graph) => exportOnnx(dequantizeGraph(graph)),
};
type OnnxForm = keyof typeof FORMS;

const FORM_NAMES: Readonly<Record<OnnxForm, string>> = {
  int8: "int8",
  usual: "int8, float borders, u8 (quantize_static)",
  signed: "int8, float borders, s8 (quantize_static)",
  float32: "float32",
};

export interface OnnxRuntime {
  readonly InferenceSession: {
    create(bytes: Uint8Array, options: InferenceSession.SessionOptions): Promise<InferenceSession>;
  };
  readonly Tensor: new (
    type: "uint8" | "float32",
    data: Uint8Array | Float32Array,
    dims: readonly number[],
  ) => Tensor;
}

/** The quantized forms and the float form of the network, a subject each. */
export function onnxRuntimeSubjects(
  name: string,
  version: string,
  ort: OnnxRuntime,
  options: InferenceSession.SessionOptions,
): Subject[] {
  return (Object.keys(FORMS) as OnnxForm[]).map((form) => ({
    name: `${name} ${FORM_NAMES[form]}`,
    version,
    kind: form === "int8" ? "int8" : "float32", // of its outputs
    open: (model) => open(ort, { ...options, graphOptimizationLevel: "all" }, model, form),
  }));
}

async function open(
  ort: OnnxRuntime,
  options: InferenceSession.SessionOptions,
  model: BenchModel,
  form: OnnxForm,
): Promise<Opened> {
  const session = await ort.InferenceSession.create(FORMS[form](model.graph), options);
  const [inputName, outputName] = [session.inputNames[0]!, session.outputNames[0]!];
  const feeds = model.samples.map((sample) => ({ [inputName]: inputTensor(ort, model, form, sample) }));
  let results: InferenceSession.OnnxValueMapType = {};
  return {
    async run(sample) {
      results = await session.run(feeds[sample]!);
    },
    output: () => (results[outputName] as TypedTensor<"uint8"> | TypedTensor<"float32">).data.slice(),
    close: () => session.release(),
  };
}

/** NHWC codes as the exported model takes them: NCHW, and code + 128 or the real. */
function inputTensor(ort: OnnxRuntime, model: BenchModel, form: OnnxForm, sample: Int8Array): Tensor {
  const { shape, quantization } = model.graph.tensors[model.graph.inputs[0]!.tensor]!;
  const [scale, zeroPoint] = [quantization!.scale[0]!, quantization!.zeroPoint[0]!];
  const channels = shape.length === 4 ? shape[3]! : 1;
  const pixels = sample.length / channels;
  const at = (i: number) => sample[(i % pixels) * channels + Math.floor(i / pixels)]!;
  const dims = shape.length === 4 ? [1, channels, shape[1]!, shape[2]!] : [...shape];
  return form === "int8"
    ? new ort.Tensor(
        "uint8",
        Uint8Array.from(sample, (_, i) => at(i) + 128),
        dims,
      )
    : new ort.Tensor(
        "float32",
        Float32Array.from(sample, (_, i) => scale * (at(i) - zeroPoint)),
        dims,
      );
}
