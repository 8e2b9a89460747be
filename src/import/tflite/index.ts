import { DyadicError } from "../../error.ts";
import { type Border, type Graph, type Node, type Tensor, validateGraph } from "../../graph/graph.ts";
import type { Survey } from "../survey.ts";
import { CheckedBuffer } from "./buffer.ts";
import { Builder, type Operator } from "./builder.ts";
import { adaptCore, type Candidate, type Core, clip } from "./core.ts";
import { OPERATORS, operatorName, type Row } from "./operators.ts";
import { assignStates } from "./recurrent.ts";
import * as schema from "./schema.generated.ts";
import { Tensors, vector } from "./tensors.ts";

const VERSION = 3;
const MAX_OPERATORS = 1 << 16;
const MAX_BORDERS = 1 << 10;
const MAX_SIGNATURES = 64;

/**
 * Reads a TFLite model (subgraph 0) as a Graph. Activations and constants that are uint8 in the file become int8,
 * codes and zero points 128 lower; a Border keeps the file's dtype. Tensors that no node uses are dropped.
 * Throws BAD_FILE for a damaged file and UNSUPPORTED_OP, which lists every operator that Dyadic does not have.
 */
export function importTflite(bytes: Uint8Array, file?: string, survey?: Survey): Graph {
  try {
    return readModel(bytes, survey);
  } catch (error) {
    const place = file === undefined ? {} : { file };
    if (error instanceof DyadicError) throw error.at(place);
    throw new DyadicError("INTERNAL", "the TFLite importer failed; please report this file", place, error);
  }
}

function readModel(bytes: Uint8Array, survey: Survey | undefined): Graph {
  const buffer = new CheckedBuffer(bytes);
  if (bytes.length < 8 || !schema.Model.bufferHasIdentifier(buffer)) {
    throw new DyadicError("BAD_FILE", "this is not a TFLite model", {
      expected: '"TFL3" at byte 4',
      hint: "give a .tflite file as the converter wrote it",
    });
  }
  const model = schema.Model.getRootAsModel(buffer);
  if (model.version() !== VERSION) {
    throw new DyadicError("BAD_FILE", "unknown version of the TFLite format", {
      expected: `${VERSION}`,
      found: `${model.version()}`,
    });
  }
  const graph = model.subgraphsLength() > 0 ? model.subgraphs(0) : null;
  if (graph === null) throw new DyadicError("BAD_FILE", "the model has no subgraph");
  const tensors = new Tensors(buffer, model, graph);
  const builder = new Builder(tensors);
  const outputs = vector("model outputs", graph.outputsLength(), MAX_BORDERS, (i) => graph.outputs(i));
  const core = adaptCore(readOperators(model, graph, tensors), outputs, builder, survey);
  assignStates(builder);
  return finish(model, graph, builder, { ...core, outputs });
}

/** Pairs every operator with its row, where it has one. */
function readOperators(model: schema.Model, graph: schema.SubGraph, tensors: Tensors): Candidate[] {
  const tables = vector("operators", graph.operatorsLength(), MAX_OPERATORS, (i) => graph.operators(i));
  const codes = new Map<number, Omit<Candidate, "operator">>();
  return tables.map((table) => {
    const index = table.opcodeIndex();
    const code = codes.get(index) ?? readCode(model, index);
    codes.set(index, code);
    const operator = readOperator(table, tensors);
    if (code.row !== undefined) checkArity(code.row, operator);
    return { ...code, operator };
  });
}

/** What an operator code stands for; without a row when Dyadic does not import it in that version. */
function readCode(model: schema.Model, index: number): Omit<Candidate, "operator"> {
  const table = index < model.operatorCodesLength() ? model.operatorCodes(index) : null;
  if (table === null) throw new DyadicError("BAD_FILE", `operator code ${index} does not exist`);
  const code = Math.max(table.deprecatedBuiltinCode(), table.builtinCode());
  if (code === schema.BuiltinOperator.CUSTOM) {
    return { code, name: `custom operator "${clip(table.customCode() ?? "")}"`, row: undefined };
  }
  const row = OPERATORS.find((candidate) => candidate.code === code);
  const name = operatorName(code);
  if (row === undefined || table.version() <= row.version) return { code, name, row };
  return { code, name: `${name} version ${table.version()} (known up to ${row.version})`, row: undefined };
}

function readOperator(table: schema.Operator, tensors: Tensors): Operator {
  const inputs = vector("inputs of an operator", table.inputsLength(), MAX_BORDERS, (i) => table.inputs(i));
  const outputs = vector("outputs of an operator", table.outputsLength(), MAX_BORDERS, (i) =>
    table.outputs(i),
  );
  const output = outputs[0] ?? -1;
  return { name: output === -1 ? "(no output)" : tensors.name(output), inputs, output, outputs, table };
}

function checkArity(row: Row, operator: Operator): void {
  const outputs = operator.outputs.length;
  const [required, allowed] = row.inputs;
  const most = row.outputs ?? 1;
  const present = operator.inputs.slice(0, required).filter((index) => index !== -1).length;
  if (
    present === required &&
    operator.inputs.length <= allowed &&
    outputs >= Math.min(1, most) &&
    outputs <= most
  )
    return;
  throw new DyadicError("BAD_FILE", "wrong number of inputs or outputs", {
    node: operator.name,
    op: operatorName(row.code),
    expected: `${required === allowed ? required : `${required} to ${allowed}`} inputs, ${most === 1 ? "1 output" : "outputs"}`,
    found: `${operator.inputs.length} inputs, ${outputs} outputs`,
  });
}

/** Borders, and then the tensors that are in use, numbered anew in their order. */
function finish(
  model: schema.Model,
  graph: schema.SubGraph,
  builder: Builder,
  { cut, notes, outputs }: Core & { readonly outputs: readonly number[] },
): Graph {
  const { tensors } = builder;
  const signature = readSignature(model);
  const border = (index: number, names: ReadonlyMap<number, string>): Border => {
    const bytes = builder.indices.get(index);
    if (bytes !== undefined) {
      const { name, shape } = tensors.declared(index);
      return { name: names.get(index) ?? name, tensor: bytes, dtype: "int32", shape, layout: "flat" };
    }
    const { name, dtype, shape } = builder.value(index);
    return {
      name: names.get(index) ?? name,
      tensor: index,
      dtype: tensors.isUint8(index) ? "uint8" : dtype,
      shape,
      layout: shape.length === 4 ? "NHWC" : "flat",
    };
  };
  const inputs = vector("model inputs", graph.inputsLength(), MAX_BORDERS, (i) => graph.inputs(i));
  if (inputs.length === 0 || outputs.length === 0) {
    throw new DyadicError("BAD_FILE", "the model needs at least one input and one output");
  }
  const result = compact(
    {
      name: graph.name() || "model",
      tensors: [],
      nodes: builder.nodes,
      inputs: inputs.map((index) => border(index, signature.inputs)),
      outputs: (cut ?? outputs).map((index) => border(index, signature.outputs)),
      ...(builder.states.length > 0 && { states: builder.states }),
      ...(notes.length > 0 && { notes }),
    },
    (index) => tensors.get(index),
  );
  validateGraph(result);
  return result;
}

function compact(graph: Graph, tensor: (index: number) => Tensor): Graph {
  const { states = [] } = graph;
  const borders = [...graph.inputs, ...graph.outputs, ...states].map((border) => border.tensor);
  const wired = graph.nodes.flatMap((node) => [...node.inputs, ...node.outputs]);
  const used = [...new Set([...borders, ...wired])].filter((index) => index !== -1).sort((a, b) => a - b);
  const renumbered = new Map([
    [-1, -1],
    ...used.map((index, position): [number, number] => [index, position]),
  ]);
  const moved = (index: number) => renumbered.get(index)!;
  return {
    ...graph,
    tensors: used.map(tensor),
    nodes: graph.nodes.map((node): Node => {
      return { ...node, inputs: node.inputs.map(moved), outputs: node.outputs.map(moved) };
    }),
    inputs: graph.inputs.map((border) => ({ ...border, tensor: moved(border.tensor) })),
    outputs: graph.outputs.map((border) => ({ ...border, tensor: moved(border.tensor) })),
    ...(states.length > 0 && { states: states.map((state) => ({ ...state, tensor: moved(state.tensor) })) }),
  };
}

/** Names that the author's signature of subgraph 0 gives to tensors. */
function readSignature(model: schema.Model) {
  const inputs = new Map<number, string>();
  const outputs = new Map<number, string>();
  const all = vector("signatures", model.signatureDefsLength(), MAX_SIGNATURES, (i) =>
    model.signatureDefs(i),
  );
  const signature = all.find((candidate) => candidate.subgraphIndex() === 0);
  if (signature !== undefined) {
    const ins = vector("signature inputs", signature.inputsLength(), MAX_BORDERS, (i) => signature.inputs(i));
    const outs = vector("signature outputs", signature.outputsLength(), MAX_BORDERS, (i) =>
      signature.outputs(i),
    );
    for (const [maps, names] of [
      [ins, inputs],
      [outs, outputs],
    ] as const) {
      for (const map of maps) names.set(map.tensorIndex(), map.name() || `tensor_${map.tensorIndex()}`);
    }
  }
  return { inputs, outputs };
}
