// MatMulInteger and ConvInteger, whose int32 results a Cast and products with scales turn into reals: what
// onnxruntime's quantize_dynamic writes, and its static forms. Rewritten as MatMul and Conv of dequantized operands.
import type { AttributeProto, GraphProto, NodeProto, TensorProto } from "./messages.ts";

const PRODUCTS: Readonly<Record<string, { readonly op: string; readonly weightAxis: number }>> = {
  MatMulInteger: { op: "MatMul", weightAxis: -1 },
  ConvInteger: { op: "Conv", weightAxis: 0 },
};
const FLOAT = 1;
/** In front of every name that is made here: no exporter uses it. */
const MADE = "dyadic:";

/** Who writes and who reads a name, and which names are constants of the file. */
class Names {
  private readonly writers = new Map<string, NodeProto>();
  private readonly readers = new Map<string, NodeProto[]>();
  private readonly constants: ReadonlySet<string>;
  private readonly outputs: ReadonlySet<string>;

  constructor(graph: GraphProto) {
    for (const node of graph.nodes) {
      for (const output of node.outputs) this.writers.set(output, node);
      for (const input of new Set(node.inputs)) {
        const known = this.readers.get(input);
        if (known === undefined) this.readers.set(input, [node]);
        else known.push(node);
      }
    }
    this.constants = new Set(graph.initializers.map(({ name }) => name));
    this.outputs = new Set(graph.outputs.map(({ name }) => name));
  }

  writer(name: string | undefined): NodeProto | undefined {
    return this.writers.get(name ?? "");
  }

  /** The one node that reads a name that is no output of the model. */
  onlyReader(name: string): NodeProto | undefined {
    const readers = this.readers.get(name) ?? [];
    return readers.length === 1 && !this.outputs.has(name) ? readers[0] : undefined;
  }

  isConstant(name: string | undefined): boolean {
    return this.constants.has(name ?? "") || this.writer(name)?.opType === "Constant";
  }
}

/** A product as it is found: the scale of its first operand, and the constants that its result is multiplied by. */
interface Product {
  readonly node: NodeProto;
  /** The float that DynamicQuantizeLinear quantizes; undefined where the codes have a constant scale. */
  readonly dynamic: string | undefined;
  readonly inputScale: string | undefined;
  readonly factors: readonly string[];
  /** The nodes behind the product that become part of it. */
  readonly absorbed: readonly NodeProto[];
  readonly output: string;
}

/** The graph with such products as float operators; what does not follow the pattern stays as it is. */
export function rewriteIntegerProducts(graph: GraphProto): GraphProto {
  if (!graph.nodes.some(({ opType, domain }) => domain === "" && Object.hasOwn(PRODUCTS, opType)))
    return graph;
  const names = new Names(graph);
  const gone = new Set<NodeProto>();
  const replacements = new Map<NodeProto, readonly NodeProto[]>();
  const initializers = [...graph.initializers];
  for (const node of graph.nodes) {
    if (node.domain !== "" || !Object.hasOwn(PRODUCTS, node.opType)) continue;
    const product = find(node, names);
    if (product === undefined) continue;
    // At the place of the last node that it replaces, where the scales are known in any case.
    const last = product.absorbed.at(-1)!;
    for (const absorbed of [node, ...product.absorbed]) gone.add(absorbed);
    replacements.set(last, replacement(product, initializers));
  }
  const nodes = graph.nodes.flatMap((node) => replacements.get(node) ?? (gone.has(node) ? [] : [node]));
  return { ...graph, nodes, initializers };
}

function find(node: NodeProto, names: Names): Product | undefined {
  const [a, , zero = ""] = node.inputs;
  const quantizer = names.writer(a);
  const isDynamic = quantizer?.opType === "DynamicQuantizeLinear" && quantizer.outputs[0] === a;
  if (isDynamic && zero !== quantizer.outputs[2]) return undefined;
  const isStatic = quantizer?.opType === "QuantizeLinear" && (quantizer.inputs[2] ?? "") === zero;
  const inputScale = isStatic ? quantizer.inputs[1] : isDynamic ? quantizer.outputs[1] : undefined;
  const cast = names.onlyReader(node.outputs[0] ?? "");
  if (cast?.opType !== "Cast" || cast.attributes.get("to")?.i !== FLOAT) return undefined;
  const absorbed = [cast];
  const factors: string[] = [];
  let scaled = !isDynamic;
  for (let next = names.onlyReader(cast.outputs[0]!); next?.opType === "Mul"; ) {
    const other = next.inputs.find((name) => name !== absorbed.at(-1)!.outputs[0])!;
    const product = names.writer(other);
    const parts = product?.opType === "Mul" ? product.inputs : [other];
    const constants = parts.filter((name) => name !== inputScale || !isDynamic);
    const takesScale = constants.length < parts.length;
    if ((takesScale && scaled) || !constants.every((name) => names.isConstant(name))) break;
    scaled ||= takesScale;
    factors.push(...constants);
    absorbed.push(next);
    next = names.onlyReader(next.outputs[0]!);
  }
  if (!scaled) return undefined;
  const output = absorbed.at(-1)!.outputs[0]!;
  return {
    node,
    dynamic: isDynamic ? quantizer.inputs[0] : undefined,
    inputScale,
    factors,
    absorbed,
    output,
  };
}

/** Dequantized operands, their product in floats. */
function replacement(product: Product, initializers: TensorProto[]): NodeProto[] {
  const { node, dynamic, inputScale, factors, output } = product;
  const { op, weightAxis } = PRODUCTS[node.opType]!;
  const [a = "", b = "", aZero = "", bZero = ""] = node.inputs;
  const name = `${MADE}${output}`;
  const made: NodeProto[] = [];
  const add = (
    opType: string,
    inputs: readonly string[],
    out: string,
    attributes: NodeProto["attributes"] = new Map(),
  ) => {
    made.push({
      name: `${node.name || output}/${opType}`,
      opType,
      domain: "",
      inputs,
      outputs: [out],
      attributes,
    });
    return out;
  };
  const one = `${name}/one`;
  initializers.push(numberTensor(one, 1));
  let scale = factors.reduce((so, factor, i) => add("Mul", [so, factor], `${name}/scale${i}`), one);
  let x = dynamic;
  if (x === undefined) {
    if (inputScale !== undefined) scale = add("Div", [scale, inputScale], `${name}/scale`);
    x = add("DequantizeLinear", [a, inputScale ?? one, aZero], `${name}/a`);
  }
  const axis = new Map([["axis", integer(weightAxis)]]);
  const weights = add("DequantizeLinear", [b, scale, bZero], `${name}/b`, axis);
  made.push({ ...node, opType: op, inputs: [x, weights], outputs: [output] });
  return made;
}

function integer(i: number): AttributeProto {
  return { f: 0, i, s: null, t: null, floats: [], ints: [], strings: [] };
}

function numberTensor(name: string, value: number): TensorProto {
  const rest = { rawData: null, dataLocation: 0, external: new Map<string, string>() };
  return { name, dims: [], dataType: FLOAT, values: [value], ...rest };
}
