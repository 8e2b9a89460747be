import { DyadicError } from "../error.ts";

export type DataType = "int8" | "uint8" | "int16" | "int32" | "float32";
export type TensorData = Int8Array | Uint8Array | Int16Array | Int32Array | Float32Array;

/** Affine quantization, equation (1): real = scale * (code - zeroPoint); one entry, or one per slice of `axis`. */
export interface Quantization {
  readonly scale: readonly number[];
  readonly zeroPoint: readonly number[];
  /** Dimension the entries run over; null when there is one entry for the whole tensor. */
  readonly axis: number | null;
  /** Bits that the codes take, where that is fewer than the dtype has. */
  readonly bits?: number;
}

/** A value of the graph. Activations are NHWC with N = 1; constants carry `data` in C order. */
export interface Tensor {
  readonly name: string;
  readonly dtype: DataType;
  readonly shape: readonly number[];
  readonly quantization?: Quantization;
  readonly data?: TensorData;
}

/** One operation. `op` names a definition in src/ops; `attributes` are that definition's. */
export interface Node<Attributes = unknown> {
  readonly name: string;
  readonly op: string;
  /** Indices into `Graph.tensors`; -1 stands for an absent optional input. */
  readonly inputs: readonly number[];
  readonly outputs: readonly number[];
  readonly attributes: Attributes;
}

/** A model input or output as its author declared it. */
export interface Border {
  readonly name: string;
  readonly tensor: number;
  /** The dtype that the host hands over or receives; uint8 is stored as int8 inside, code minus 128. */
  readonly dtype: DataType;
  readonly shape: readonly number[];
  readonly layout: "flat" | "NHWC" | "NCHW";
  readonly labels?: readonly string[];
}

/** A tensor that keeps its codes from one run to the next; real 0 before the first. */
export interface State {
  readonly name: string;
  readonly tensor: number;
}

/** A float or already-quantized network with foreign names gone; nodes are in execution order. */
export interface Graph {
  readonly name: string;
  readonly tensors: readonly Tensor[];
  readonly nodes: readonly Node[];
  readonly inputs: readonly Border[];
  readonly outputs: readonly Border[];
  readonly states?: readonly State[];
  /** What the importer did that its user should know, a sentence each. */
  readonly notes?: readonly string[];
  /** The policy that the model's author left in the file (JSON), where there is one. */
  readonly policy?: string;
}

/** Height, width and channels: what a kernel sees of a tensor. */
export type Shape = readonly [height: number, width: number, channels: number];

/**
 * Canonical shape of an activation: [1,h,w,c] -> [h,w,c], [1,w,c] -> [1,w,c], [m,k] -> [1,m,k], [c] -> [1,1,c].
 * Throws UNSUPPORTED_OP for a batch other than 1 in rank 4 and above rank 4.
 */
export function canonicalShape(shape: readonly number[], name: string): Shape {
  const [n = 1, h = 1, w = 1, c = 1] = [...Array(Math.max(0, 4 - shape.length)).fill(1), ...shape];
  if (shape.length > 4 || (shape.length >= 3 && n * (shape.length === 3 ? h : 1) !== 1)) {
    throw new DyadicError("UNSUPPORTED_OP", `tensor "${name}" has a shape that the engine cannot hold`, {
      expected: "[1, height, width, channels] or fewer dimensions, batch 1",
      found: `[${shape.join(", ")}]`,
      hint: "export the model with batch size 1; a larger batch is a loop outside",
    });
  }
  return [h, w, c];
}

export function elements(shape: readonly number[]): number {
  return shape.reduce((product, size) => product * size, 1);
}

/** Whether the same codes mean the same reals in both tensors. */
export function sameQuantization(a: Tensor, b: Tensor): boolean {
  const [p, q] = [a.quantization, b.quantization];
  const equal = p?.scale.join() === q?.scale.join() && p?.zeroPoint.join() === q?.zeroPoint.join();
  return equal && a.dtype === b.dtype && p?.axis === q?.axis && p?.bits === q?.bits;
}

/**
 * Checks the graph's own consistency: indices in range, every value written once and before it is read. A state is
 * there from the start, and may be written again.
 * Throws BAD_FILE naming the node.
 */
export function validateGraph(graph: Graph): void {
  const written = new Set<number>(graph.inputs.map((border) => border.tensor));
  const states = new Set(graph.states?.map((state) => state.tensor));
  for (const state of states) written.add(state);
  graph.tensors.forEach((tensor, index) => {
    if (tensor.data !== undefined) written.add(index);
    if (tensor.data !== undefined && tensor.data.length !== elements(tensor.shape)) {
      throw new DyadicError("BAD_FILE", `constant "${tensor.name}" does not fill its shape`, {
        expected: `${elements(tensor.shape)} elements for [${tensor.shape.join(", ")}]`,
        found: `${tensor.data.length}`,
      });
    }
  });
  for (const node of graph.nodes) {
    const place = { node: node.name, op: node.op };
    for (const input of node.inputs) {
      if (input === -1) continue;
      if (graph.tensors[input] === undefined) {
        throw new DyadicError("BAD_FILE", `input tensor ${input} does not exist`, place);
      }
      if (!written.has(input)) {
        throw new DyadicError(
          "BAD_FILE",
          `"${graph.tensors[input].name}" is read before it is written`,
          place,
        );
      }
    }
    for (const output of node.outputs) {
      if (graph.tensors[output] === undefined || (written.has(output) && !states.has(output))) {
        throw new DyadicError(
          "BAD_FILE",
          `output tensor ${output} does not exist or is written twice`,
          place,
        );
      }
      written.add(output);
    }
  }
  for (const border of graph.outputs) {
    if (!written.has(border.tensor)) {
      throw new DyadicError("BAD_FILE", `the model's output "${border.name}" is never written`);
    }
  }
}

/** Text form of a graph: one line a node. The golden form of `dyadic inspect --stage import`. */
export function dumpGraph(graph: Graph): string {
  const value = (index: number) => {
    const tensor = graph.tensors[index];
    if (tensor === undefined) return "-";
    const q = tensor.quantization;
    const affine = q
      ? ` ${q.axis === null ? `s=${q.scale[0]} z=${q.zeroPoint[0]}` : `s[${q.axis}]x${q.scale.length}`}`
      : "";
    return `%${index} ${tensor.dtype}[${tensor.shape.join("x")}]${affine}${tensor.data ? " const" : ""}`;
  };
  const lines = [`graph ${graph.name}`];
  for (const border of graph.inputs)
    lines.push(`  input  ${border.name}: ${value(border.tensor)} as ${border.dtype}`);
  for (const node of graph.nodes) {
    lines.push(`  ${node.outputs.map(value).join(", ")} = ${node.op}(${node.inputs.map(value).join(", ")})`);
    lines.push(`      ${JSON.stringify(node.attributes)}  # ${node.name}`);
  }
  for (const border of graph.outputs)
    lines.push(`  output ${border.name}: ${value(border.tensor)} as ${border.dtype}`);
  return `${lines.join("\n")}\n`;
}
