import { DyadicError } from "../../error.ts";
import { type Border, type Graph, type Node, type Tensor, validateGraph } from "../../graph/graph.ts";
import { missingOperator, type Survey } from "../survey.ts";
import { CheckedBuffer } from "./buffer.ts";
import { Builder, type Operator } from "./builder.ts";
import { OPERATORS, operatorName, type Row } from "./operators.ts";
import * as schema from "./schema.generated.ts";
import { Tensors, vector } from "./tensors.ts";

const VERSION = 3;
const MAX_OPERATORS = 1 << 16;
const MAX_BORDERS = 1 << 10;
const MAX_SIGNATURES = 64;
/** In messages: how many nodes of an unsupported operator are named, and how much of a name is shown. */
const SHOWN_NODES = 3;
const SHOWN_NAME = 60;

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
  const operators = readOperators(model, graph, tensors, survey);
  const builder = new Builder(tensors);
  for (const { row, operator } of operators) adapt(row, operator, builder, survey);
  survey?.end();
  return finish(graph.name() || "model", model, graph, builder);
}

/** With a survey, an operator that is refused is only noted: shapes are in the file, so that the others can go on. */
function adapt(row: Row, operator: Operator, builder: Builder, survey: Survey | undefined): void {
  try {
    row.adapt(operator, builder);
  } catch (error) {
    if (!(error instanceof DyadicError)) throw error;
    if (survey === undefined) throw error.at({ node: operator.name, op: operatorName(row.code) });
    survey.refuse(operatorName(row.code), operator.name, error);
  }
}

/** Pairs every operator with its row. Throws UNSUPPORTED_OP with all operators that have none. */
function readOperators(
  model: schema.Model,
  graph: schema.SubGraph,
  tensors: Tensors,
  survey: Survey | undefined,
) {
  const tables = vector("operators", graph.operatorsLength(), MAX_OPERATORS, (i) => graph.operators(i));
  const known: { row: Row; operator: Operator }[] = [];
  const unknown = new Map<string, string[]>();
  const codes = new Map<number, { name: string; row: Row | undefined }>();
  for (const table of tables) {
    const index = table.opcodeIndex();
    const code = codes.get(index) ?? readCode(model, index);
    codes.set(index, code);
    const operator = readOperator(table, tensors);
    survey?.saw(code.name);
    if (code.row !== undefined) {
      checkArity(code.row, operator);
      known.push({ row: code.row, operator });
    } else {
      const nodes = unknown.get(code.name) ?? [];
      unknown.set(code.name, nodes);
      nodes.push(operator.name);
      survey?.refuse(code.name, operator.name, missingOperator());
    }
  }
  if (unknown.size > 0 && survey === undefined) throw unsupportedOperators(unknown);
  return known;
}

/** What an operator code stands for; without a row when Dyadic does not import it in that version. */
function readCode(model: schema.Model, index: number): { name: string; row: Row | undefined } {
  const table = index < model.operatorCodesLength() ? model.operatorCodes(index) : null;
  if (table === null) throw new DyadicError("BAD_FILE", `operator code ${index} does not exist`);
  const code = Math.max(table.deprecatedBuiltinCode(), table.builtinCode());
  if (code === schema.BuiltinOperator.CUSTOM) {
    return { name: `custom operator "${clip(table.customCode() ?? "")}"`, row: undefined };
  }
  const row = OPERATORS.find((candidate) => candidate.code === code);
  const name = operatorName(code);
  if (row === undefined || table.version() <= row.version) return { name, row };
  return { name: `${name} version ${table.version()} (known up to ${row.version})`, row: undefined };
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
  if (present === required && operator.inputs.length <= allowed && outputs >= 1 && outputs <= most) return;
  throw new DyadicError("BAD_FILE", "wrong number of inputs or outputs", {
    node: operator.name,
    op: operatorName(row.code),
    expected: `${required === allowed ? required : `${required} to ${allowed}`} inputs, ${most === 1 ? "1 output" : "outputs"}`,
    found: `${operator.inputs.length} inputs, ${outputs} outputs`,
  });
}

function unsupportedOperators(unknown: ReadonlyMap<string, readonly string[]>): DyadicError {
  const lines = [...unknown].map(([name, nodes]) => {
    const shown = nodes.slice(0, SHOWN_NODES).map((node) => `"${clip(node)}"`);
    if (nodes.length > SHOWN_NODES) shown.push("...");
    return `${name} x${nodes.length} (${shown.join(", ")})`;
  });
  const s = lines.length === 1 ? "" : "s";
  return new DyadicError("UNSUPPORTED_OP", `the model uses ${lines.length} unsupported operator${s}`, {
    found: lines.join("; "),
    hint: `supported are ${OPERATORS.map((row) => operatorName(row.code)).join(", ")}`,
  });
}

function clip(name: string): string {
  return name.length > SHOWN_NAME ? `${name.slice(0, SHOWN_NAME)}...` : name;
}

/** Borders, and then the tensors that are in use, numbered anew in their order. */
function finish(name: string, model: schema.Model, graph: schema.SubGraph, builder: Builder): Graph {
  const { tensors } = builder;
  const signature = readSignature(model);
  const border = (index: number, names: ReadonlyMap<number, string>): Border => {
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
  const outputs = vector("model outputs", graph.outputsLength(), MAX_BORDERS, (i) => graph.outputs(i));
  if (inputs.length === 0 || outputs.length === 0) {
    throw new DyadicError("BAD_FILE", "the model needs at least one input and one output");
  }
  const result = compact(
    {
      name,
      tensors: [],
      nodes: builder.nodes,
      inputs: inputs.map((index) => border(index, signature.inputs)),
      outputs: outputs.map((index) => border(index, signature.outputs)),
    },
    (index) => tensors.get(index),
  );
  validateGraph(result);
  return result;
}

function compact(graph: Graph, tensor: (index: number) => Tensor): Graph {
  const borders = [...graph.inputs, ...graph.outputs].map((border) => border.tensor);
  const wired = graph.nodes.flatMap((node) => [...node.inputs, ...node.outputs]);
  const used = [...new Set([...borders, ...wired])].filter((index) => index !== -1).sort((a, b) => a - b);
  const renumbered = new Map([
    [-1, -1],
    ...used.map((index, position): [number, number] => [index, position]),
  ]);
  const moved = (index: number) => renumbered.get(index)!;
  return {
    name: graph.name,
    tensors: used.map(tensor),
    nodes: graph.nodes.map((node): Node => {
      return { ...node, inputs: node.inputs.map(moved), outputs: node.outputs.map(moved) };
    }),
    inputs: graph.inputs.map((border) => ({ ...border, tensor: moved(border.tensor) })),
    outputs: graph.outputs.map((border) => ({ ...border, tensor: moved(border.tensor) })),
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
