import { type Graph, type Node, type Quantization, sameQuantization, type Tensor } from "../graph/graph.ts";
import { dequantizeValue, quantizeValue } from "../numerics/affine.ts";
import { rangeAffine } from "../numerics/range.ts";
import { OPS, opNamed } from "../ops/index.ts";
import { type Wiring, wiringOf } from "./wiring.ts";

/** Ops that only move codes, so that input and output share scale and zero point. */
const MOVING: readonly string[] = OPS.flatMap(({ name, keepsScale }) => (keepsScale ? [name] : []));
/** Ops whose output can have the scale and zero point of their input, or the other way round. */
const SPREADING = [...MOVING, "requantize"];
const isSpreading = ({ op, attributes }: Node) =>
  SPREADING.includes(op) || (op === "unary" && (attributes as { function: string }).function === "clip");

/** The quantization of an op's output where the op allows only one. */
function fixedQuantization({ op }: Node): Quantization | undefined {
  const fixed = opNamed(op).outputAffine;
  return fixed && { scale: [fixed.scale], zeroPoint: [fixed.zeroPoint], axis: null };
}

/** The quantization that loses nothing behind an op, or the only one that it allows; undefined where neither is known. */
function quantizationBehind(node: Node, x: Quantization): Quantization | undefined {
  if (isSpreading(node)) return x;
  const { function: name } = node.attributes as { function?: string };
  // -x under its own codes: the lowest becomes the highest.
  if (node.op === "unary" && name === "neg") return { ...x, zeroPoint: x.zeroPoint.map((zero) => -1 - zero) };
  return fixedQuantization(node);
}

const LAYERS = ["conv", "depthwise", "dense"];

/**
 * Turns a float graph in which every value is quantized and dequantized again (QDQ) into the quantized graph that it
 * describes: a node whose inputs and output all have codes computes on codes. Model inputs and outputs become codes,
 * too. Constants of codes that a float node still reads become floats.
 */
export function absorbQuantization(graph: Graph): Graph {
  const crosses = (node: Node) => isQuantize(graph, node) || isDequantize(graph, node);
  const weighted = (node: Node) =>
    node.inputs.some((input) => isCodes(graph.tensors[input]) && !crosses(node));
  if (!graph.nodes.some((node) => crosses(node) || (weighted(node) && isFloat(graph, node)))) return graph;
  return new Absorption(graph).run();
}

function isCodes(tensor: Tensor | undefined): boolean {
  return tensor?.quantization !== undefined && tensor.data !== undefined;
}

function isFloat(graph: Graph, node: Node): boolean {
  return graph.tensors[node.outputs[0]!]!.dtype === "float32";
}

const dtypeOf = (graph: Graph, index: number) => graph.tensors[index]!.dtype;

function isQuantize(graph: Graph, { op, inputs, outputs }: Node): boolean {
  return (
    op === "requantize" && dtypeOf(graph, inputs[0]!) === "float32" && dtypeOf(graph, outputs[0]!) === "int8"
  );
}

function isDequantize(graph: Graph, { op, inputs, outputs }: Node): boolean {
  return (
    op === "requantize" && dtypeOf(graph, inputs[0]!) === "int8" && dtypeOf(graph, outputs[0]!) === "float32"
  );
}

class Absorption {
  private readonly graph: Graph;
  private readonly wiring: Wiring;
  private readonly tensors: Tensor[];
  /** For a float tensor, the tensor of its codes. */
  private readonly codes = new Map<number, number>();
  /** Codes that a quantize node writes, and so has to go on writing while their float tensor is computed. */
  private readonly quantized = new Map<number, Node>();
  /** Codes that no node of the file writes. */
  private readonly invented = new Set<number>();

  constructor(graph: Graph) {
    this.graph = graph;
    this.wiring = wiringOf(graph);
    this.tensors = [...graph.tensors];
  }

  run(): Graph {
    this.findStated();
    this.spread();
    const nodes: Node[] = [];
    const real = new Set<number>();
    for (const node of this.graph.nodes) {
      if (isQuantize(this.graph, node)) this.emitQuantize(node, nodes);
      else if (isDequantize(this.graph, node) && node.inputs[0] === this.codes.get(node.outputs[0]!))
        continue;
      else if (this.isAbsorbed(node)) this.emitCodes(node, nodes);
      else this.emitReal(node, nodes, real);
    }
    const border = (declared: Graph["inputs"][number]) => {
      const codes = this.codes.get(declared.tensor);
      return codes === undefined ? declared : { ...declared, tensor: codes, dtype: "int8" as const };
    };
    const { inputs, outputs } = this.graph;
    return {
      ...this.graph,
      tensors: this.tensors,
      nodes,
      inputs: inputs.map(border),
      outputs: outputs.map(border),
    };
  }

  /** Codes that the file states: in front of a dequantize, or behind quantizes that are a value's only readers. */
  private findStated(): void {
    for (const node of this.graph.nodes) {
      if (isDequantize(this.graph, node)) this.codes.set(node.outputs[0]!, node.inputs[0]!);
    }
    for (const node of this.graph.nodes) {
      const [source, output] = [node.inputs[0]!, node.outputs[0]!];
      if (!isQuantize(this.graph, node) || this.codes.has(source)) continue;
      const readers = this.wiring.readers.get(source)!;
      if (!readers.every((reader) => isQuantize(this.graph, reader)) || this.wiring.outputs.has(source))
        continue;
      this.codes.set(source, output);
      this.quantized.set(source, node);
    }
  }

  /** Codes of values that nobody stated: those of the input behind an op that only moves or negates them, or a fixed scale. */
  private spread(): void {
    for (const node of this.graph.nodes) {
      const [x, y] = [node.inputs[0]!, node.outputs[0]!];
      const from = this.codes.get(x);
      if (from === undefined || this.codes.has(y) || !isFloat(this.graph, node)) continue;
      const behind = quantizationBehind(node, this.tensors[from]!.quantization!);
      if (behind !== undefined) this.invent(y, behind);
    }
    for (const node of this.graph.nodes.toReversed()) {
      const [x, y] = [node.inputs[0]!, node.outputs[0]!];
      const to = this.codes.get(y);
      const only = this.wiring.readers.get(x)?.length === 1 && !this.wiring.outputs.has(x);
      if (!isSpreading(node) || to === undefined || this.codes.has(x) || !only) continue;
      if (dtypeOf(this.graph, x) === "float32") this.invent(x, this.tensors[to]!.quantization!);
    }
  }

  private invent(value: number, quantization: Quantization): void {
    const { name, shape } = this.tensors[value]!;
    this.codes.set(
      value,
      this.tensors.push({ name: `${name}/codes`, dtype: "int8", shape, quantization }) - 1,
    );
  }

  private isAbsorbed(node: Node): boolean {
    const output = node.outputs[0]!;
    if (!isFloat(this.graph, node) || !this.codes.has(output)) return false;
    return node.inputs.every((input) => {
      const tensor = this.graph.tensors[input];
      return tensor === undefined || tensor.data !== undefined || this.codes.has(input);
    });
  }

  /** A quantize stays only where its value is still computed in float, or stated twice with different scales. */
  private emitQuantize(node: Node, nodes: Node[]): void {
    const [source, output] = [node.inputs[0]!, node.outputs[0]!];
    const codes = this.codes.get(source);
    const writer = this.wiring.writer.get(source);
    const isInput = this.graph.inputs.some((border) => border.tensor === source);
    const computed =
      writer !== undefined ? !this.isAbsorbed(writer) && !isDequantize(this.graph, writer) : !isInput;
    if (codes === undefined || (computed && this.quantized.get(source) === node)) nodes.push(node);
    else if (codes !== output) nodes.push({ ...node, inputs: [codes] });
  }

  private emitCodes(node: Node, nodes: Node[]): void {
    const inputs = node.inputs.map((input) => this.codes.get(input) ?? input);
    const output = this.codes.get(node.outputs[0]!)!;
    const [x, to] = [this.tensors[inputs[0]!]!, this.tensors[output]!];
    if (LAYERS.includes(node.op)) this.quantizeBias(node, inputs, x);
    else this.quantizeOperands(node, inputs);
    const own = fixedQuantization(node) ?? (MOVING.includes(node.op) ? x.quantization! : undefined);
    const stated = own === undefined ? to : { ...to, quantization: own };
    if (sameQuantization(stated, to)) {
      nodes.push({ ...node, inputs, outputs: [output] });
      return;
    }
    const between = this.tensors.push({ ...stated, name: `${to.name}/unscaled` }) - 1;
    const attributes = { activation: "none" };
    nodes.push({ ...node, inputs, outputs: [between] });
    nodes.push({
      name: `${node.name}/requantize`,
      op: "requantize",
      inputs: [between],
      outputs: [output],
      attributes,
    });
  }

  /** A bias has the scale of the accumulator: input scale times weight scale. */
  private quantizeBias(node: Node, inputs: number[], x: Tensor): void {
    const [weights, bias] = [this.tensors[inputs[1]!]!, this.tensors[inputs[2] ?? -1]];
    if (bias?.data === undefined || weights.quantization === undefined) return;
    const scale = weights.quantization.scale.map((s) => s * x.quantization!.scale[0]!);
    const stated = bias.quantization?.scale ?? [];
    const same = scale.every((s, i) => Math.abs(s - stated[stated.length === 1 ? 0 : i]!) <= 1e-6 * s);
    if (bias.dtype === "int32" && same) return;
    const data = Int32Array.from(realsOf(bias), (value, i) =>
      quantizeValue(value, scale[scale.length === 1 ? 0 : i]!, 0, -(2 ** 31), 2 ** 31 - 1),
    );
    const quantization = { scale, zeroPoint: scale.map(() => 0), axis: scale.length === 1 ? null : 0 };
    const name = bias.name || `${node.name}/bias`;
    inputs[2] = this.tensors.push({ name, dtype: "int32", shape: bias.shape, data, quantization }) - 1;
  }

  /** Constant operands of reals become codes of their own range. */
  private quantizeOperands(node: Node, inputs: number[]): void {
    inputs.slice(0, opNamed(node.op).activations).forEach((input, i) => {
      const tensor = this.tensors[input]!;
      if (tensor.data === undefined || tensor.quantization !== undefined) return;
      let [min, max] = [0, 0];
      for (const real of tensor.data) [min, max] = [Math.min(min, real), Math.max(max, real)];
      const { scale, zeroPoint } = rangeAffine({ min, max });
      const data = Int8Array.from(tensor.data, (real) => quantizeValue(real, scale, zeroPoint, -128, 127));
      const quantization = { scale: [scale], zeroPoint: [zeroPoint], axis: null };
      inputs[i] = this.tensors.push({ ...tensor, dtype: "int8", data, quantization }) - 1;
    });
  }

  /** A node that stays float: its inputs that became codes are dequantized, its constants of codes become floats. */
  private emitReal(node: Node, nodes: Node[], real: Set<number>): void {
    const isOwn = !isFloat(this.graph, node);
    const inputs = node.inputs.map((input) => {
      const tensor = this.graph.tensors[input];
      if (!isOwn && isCodes(tensor)) {
        const { name, shape } = tensor!;
        return this.tensors.push({ name, shape, dtype: "float32", data: realsOf(tensor!) }) - 1;
      }
      const codes = this.codes.get(input);
      if (codes === undefined || this.isComputed(input)) return input;
      if (!real.has(input)) {
        const name = `${this.tensors[input]!.name}/dequantize`;
        nodes.push({
          name,
          op: "requantize",
          inputs: [codes],
          outputs: [input],
          attributes: { activation: "none" },
        });
        real.add(input);
      }
      return input;
    });
    nodes.push({ ...node, inputs });
    const [output] = node.outputs as [number];
    const codes = this.codes.get(output);
    if (codes !== undefined && this.invented.has(codes)) {
      const name = `${node.name}/quantize`;
      nodes.push({
        name,
        op: "requantize",
        inputs: [output],
        outputs: [codes],
        attributes: { activation: "none" },
      });
    }
  }

  /** Whether a float tensor that has codes is written as float all the same. */
  private isComputed(tensor: number): boolean {
    const writer = this.wiring.writer.get(tensor);
    return writer !== undefined && !isDequantize(this.graph, writer) && !this.isAbsorbed(writer);
  }
}

function realsOf({ data, shape, quantization }: Tensor): Float32Array {
  if (quantization === undefined) return Float32Array.from(data!);
  const { scale, zeroPoint, axis } = quantization;
  const inner = axis === null ? 1 : shape.slice(axis + 1).reduce((product, size) => product * size, 1);
  return Float32Array.from(data!, (code, i) => {
    const channel = Math.floor(i / inner) % scale.length;
    return dequantizeValue(code, scale[channel]!, zeroPoint[channel]!);
  });
}
