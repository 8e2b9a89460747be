import { Builder, type Offset } from "flatbuffers";
import * as schema from "../../src/import/tflite/schema.generated.ts";

/** Writes a table of options and says which member of the union it is. */
export type WriteOptions = (builder: Builder) => readonly [type: number, table: Offset];

export interface TfliteTensor {
  readonly name?: string;
  readonly shape: readonly number[];
  readonly signature?: readonly number[];
  /** A schema.TensorType; INT8 when absent. */
  readonly type?: number;
  readonly scale?: readonly number[];
  readonly zeroPoint?: readonly number[];
  readonly axis?: number;
  readonly data?: ArrayBufferView;
  /** Index of the buffer where it is not the tensor's own: buffer 0 is empty, buffer i + 1 holds tensor i's data. */
  readonly buffer?: number;
  /** Where the data is in the file, behind the flatbuffer; instead of `data`. */
  readonly external?: { readonly offset: number; readonly size: number };
  readonly isVariable?: boolean;
}

export interface TfliteOperator {
  /** A schema.BuiltinOperator. */
  readonly code: number;
  readonly custom?: string;
  readonly version?: number;
  readonly inputs: readonly number[];
  readonly outputs: readonly number[];
  readonly options?: WriteOptions;
  /** Tensors between the operator's parts. */
  readonly intermediates?: readonly number[];
}

export interface TfliteModel {
  readonly tensors: readonly TfliteTensor[];
  readonly operators: readonly TfliteOperator[];
  readonly inputs: readonly number[];
  readonly outputs: readonly number[];
  readonly version?: number;
  /** Names that a signature gives to tensors. */
  readonly signature?: { readonly inputs: Record<string, number>; readonly outputs: Record<string, number> };
}

/** The bytes of a small TFLite file. Nothing is checked: tests write wrong ones on purpose. */
export function buildTflite(model: TfliteModel): Uint8Array {
  const b = new Builder(1024);
  const buffers = writeBuffers(b, model.tensors);
  const tensors = model.tensors.map((tensor, index) => writeTensor(b, tensor, index));
  const operators = model.operators.map((operator, index) => writeOperator(b, operator, index));
  const codes = model.operators.map((operator) => writeCode(b, operator));
  const graphFields = [
    schema.SubGraph.createTensorsVector(b, tensors),
    schema.SubGraph.createInputsVector(b, [...model.inputs]),
    schema.SubGraph.createOutputsVector(b, [...model.outputs]),
    schema.SubGraph.createOperatorsVector(b, operators),
    b.createString("main"),
  ] as const;
  const graph = schema.SubGraph.createSubGraph(b, ...graphFields);
  const signatures = model.signature === undefined ? [] : [writeSignature(b, model.signature)];
  const fields = {
    codes: schema.Model.createOperatorCodesVector(b, codes),
    graphs: schema.Model.createSubgraphsVector(b, [graph]),
    buffers: schema.Model.createBuffersVector(b, buffers),
    signatures: schema.Model.createSignatureDefsVector(b, signatures),
  };
  schema.Model.startModel(b);
  schema.Model.addVersion(b, model.version ?? 3);
  schema.Model.addOperatorCodes(b, fields.codes);
  schema.Model.addSubgraphs(b, fields.graphs);
  schema.Model.addBuffers(b, fields.buffers);
  schema.Model.addSignatureDefs(b, fields.signatures);
  schema.Model.finishModelBuffer(b, schema.Model.endModel(b));
  return b.asUint8Array().slice();
}

function writeBuffers(b: Builder, tensors: readonly TfliteTensor[]): Offset[] {
  const empty: Pick<TfliteTensor, "data" | "external"> = {};
  return [empty, ...tensors].map(({ data, external }) => {
    const bytes = data && new Uint8Array(data.buffer, data.byteOffset, data.byteLength);
    const vector = bytes && schema.Buffer.createDataVector(b, bytes);
    schema.Buffer.startBuffer(b);
    if (vector !== undefined) schema.Buffer.addData(b, vector);
    if (external !== undefined) {
      schema.Buffer.addOffset(b, BigInt(external.offset));
      schema.Buffer.addSize(b, BigInt(external.size));
    }
    return schema.Buffer.endBuffer(b);
  });
}

function writeTensor(b: Builder, tensor: TfliteTensor, index: number): Offset {
  const quantization = tensor.scale === undefined ? null : writeQuantization(b, tensor);
  const shape = schema.Tensor.createShapeVector(b, [...tensor.shape]);
  const signature = schema.Tensor.createShapeSignatureVector(b, [...(tensor.signature ?? [])]);
  const name = tensor.name === undefined ? null : b.createString(tensor.name);
  schema.Tensor.startTensor(b);
  schema.Tensor.addShape(b, shape);
  schema.Tensor.addType(b, tensor.type ?? schema.TensorType.INT8);
  schema.Tensor.addBuffer(b, tensor.buffer ?? ((tensor.data ?? tensor.external) ? index + 1 : 0));
  if (name !== null) schema.Tensor.addName(b, name);
  if (quantization !== null) schema.Tensor.addQuantization(b, quantization);
  schema.Tensor.addIsVariable(b, tensor.isVariable ?? false);
  if (tensor.signature !== undefined) schema.Tensor.addShapeSignature(b, signature);
  return schema.Tensor.endTensor(b);
}

function writeQuantization(b: Builder, tensor: TfliteTensor): Offset {
  const scale = schema.QuantizationParameters.createScaleVector(b, [...(tensor.scale ?? [])]);
  const zeros = (tensor.zeroPoint ?? tensor.scale?.map(() => 0) ?? []).map(BigInt);
  const zeroPoint = schema.QuantizationParameters.createZeroPointVector(b, zeros);
  schema.QuantizationParameters.startQuantizationParameters(b);
  schema.QuantizationParameters.addScale(b, scale);
  schema.QuantizationParameters.addZeroPoint(b, zeroPoint);
  schema.QuantizationParameters.addQuantizedDimension(b, tensor.axis ?? 0);
  return schema.QuantizationParameters.endQuantizationParameters(b);
}

function writeOperator(b: Builder, operator: TfliteOperator, index: number): Offset {
  const inputs = schema.Operator.createInputsVector(b, [...operator.inputs]);
  const outputs = schema.Operator.createOutputsVector(b, [...operator.outputs]);
  const [type, options] = operator.options?.(b) ?? [0, 0];
  const between = schema.Operator.createIntermediatesVector(b, [...(operator.intermediates ?? [])]);
  schema.Operator.startOperator(b);
  schema.Operator.addOpcodeIndex(b, index);
  schema.Operator.addInputs(b, inputs);
  schema.Operator.addOutputs(b, outputs);
  schema.Operator.addBuiltinOptionsType(b, type);
  if (options !== 0) schema.Operator.addBuiltinOptions(b, options);
  if (operator.intermediates !== undefined) schema.Operator.addIntermediates(b, between);
  return schema.Operator.endOperator(b);
}

/** Codes that fit a byte are written in both fields, as converters do. */
function writeCode(b: Builder, operator: TfliteOperator): Offset {
  const custom = b.createString(operator.custom ?? "");
  const old = Math.min(operator.code, 127);
  return schema.OperatorCode.createOperatorCode(b, old, custom, operator.version ?? 1, operator.code);
}

function writeSignature(b: Builder, signature: NonNullable<TfliteModel["signature"]>): Offset {
  const maps = (names: Record<string, number>) =>
    Object.entries(names).map(([name, tensor]) =>
      schema.TensorMap.createTensorMap(b, b.createString(name), tensor),
    );
  const inputs = schema.SignatureDef.createInputsVector(b, maps(signature.inputs));
  const outputs = schema.SignatureDef.createOutputsVector(b, maps(signature.outputs));
  const key = b.createString("serving_default");
  return schema.SignatureDef.createSignatureDef(b, inputs, outputs, key, b.createString(""), 0);
}
