import { DyadicError } from "../error.ts";
import { type Border, elements, type Graph, type Node, type State, type Tensor } from "../graph/graph.ts";
import { opNamed } from "../ops/index.ts";

/** A tensor of which every run has the newest rows alone. */
interface Flow {
  readonly tensor: number;
  /** Dimension that is time. */
  readonly axis: number;
  /** Rows a run, and in the whole window. */
  readonly rows: number;
  readonly total: number;
  /** Row m of the stream, counted from the first run, is row m - lag of the whole window. */
  readonly lag: number;
}

interface WindowAttributes {
  readonly stride: readonly [number, number];
  readonly dilation?: readonly [number, number];
  readonly kernel?: readonly [number, number];
  readonly padding: readonly [number, number, number, number];
}

const WINDOWS = ["conv", "depthwise", "averagePool", "maxPool"];
const BY_ELEMENT = ["unary", "requantize", "add", "sub", "mul", "minimum", "maximum", "prelu"];
/** Ops that look at all channels of a pixel. */
const BY_PIXEL = ["softmax", "l2Normalization", "argMax"];

/**
 * Turns a quantized graph over a whole window of time (height, or width where the height is 1, of its one input) into
 * one that takes `frames` rows a run and keeps what it needs of those before in states. After as many runs from reset as
 * make up the window, what is computed of the whole window is equal to the whole graph's, code for code; windows that
 * start later are those of a graph without padding in time. Layers that see one run alone stay as they are, layers with
 * a kernel in time read a state of the rows under it, and the first layer that needs all rows at once gets them from one.
 * Throws UNSUPPORTED_OP where a layer looks into the future, or where `frames` does not fit window and strides.
 */
export function stream(graph: Graph, frames: number): Graph {
  return new Streaming(graph, frames).graph();
}

class Streaming {
  private readonly source: Graph;
  private readonly tensors: Tensor[];
  private readonly nodes: Node[] = [];
  private readonly states: State[];
  private readonly flows = new Map<number, Flow>();
  /** Runs that make up the window. */
  private readonly runs: number;
  private readonly input: Border;

  constructor(source: Graph, frames: number) {
    this.source = source;
    this.tensors = [...source.tensors];
    this.states = [...(source.states ?? [])];
    const [border] = source.inputs;
    const windows = source.nodes.filter(({ op }) => opNamed(op).intoState).length;
    if (border === undefined || source.inputs.length !== 1 || windows > 0) {
      throw new DyadicError("UNSUPPORTED_OP", "only a model of one input that is no stream becomes one", {
        found: `${source.inputs.length} inputs, ${windows} states that it assigns itself`,
      });
    }
    const { shape } = source.tensors[border.tensor]!;
    const axis = shape.findIndex((size, dimension) => size > 1 && dimension < shape.length - 1);
    const total = shape[axis] ?? 0;
    if (axis < 0 || !Number.isInteger(frames) || frames < 1 || total % frames !== 0) {
      throw new DyadicError("BAD_ARGUMENT", "the frames of a run do not divide the window", {
        expected: `a divisor of ${total}`,
        found: `${frames} of [${shape.join(", ")}]`,
      });
    }
    this.runs = total / frames;
    this.flows.set(border.tensor, this.resized({ tensor: border.tensor, axis, rows: frames, total, lag: 0 }));
    this.input = this.border(border);
  }

  graph(): Graph {
    for (const node of this.source.nodes) {
      try {
        this.node(node);
      } catch (error) {
        throw error instanceof DyadicError ? error.at({ node: node.name, op: node.op }) : error;
      }
    }
    const outputs = this.source.outputs.map((border) => this.border(border));
    const { source, tensors, nodes, states } = this;
    return { ...source, tensors, nodes, states, inputs: [this.input], outputs };
  }

  /** The flow's tensor gets its rows a run. */
  private resized(flow: Flow): Flow {
    const tensor = this.tensors[flow.tensor]!;
    const shape = tensor.shape.map((size, dimension) => (dimension === flow.axis ? flow.rows : size));
    this.tensors[flow.tensor] = { ...tensor, shape };
    return flow;
  }

  private border(border: Border): Border {
    const flow = this.flows.get(border.tensor);
    if (flow === undefined) return border;
    const { shape } = this.source.tensors[border.tensor]!;
    const moved = border.layout === "NCHW" && flow.axis > 0 ? flow.axis + 1 : undefined;
    const axis = moved ?? sameDimension(shape, flow.axis, border.shape);
    if (axis === undefined)
      throw new DyadicError("UNSUPPORTED_OP", "time is not a dimension of the model's border");
    const own = border.shape.map((size, dimension) => (dimension === axis ? flow.rows : size));
    return { ...border, tensor: flow.tensor, shape: own };
  }

  private node(node: Node): void {
    const flowing = node.inputs.filter((input) => this.flows.has(input));
    if (flowing.length === 0) this.nodes.push(node);
    else if (!this.streamed(node)) this.whole(node);
  }

  /** Emits the node for the rows of one run; false where it needs the whole window. */
  private streamed(node: Node): boolean {
    const flow = this.flows.get(node.inputs[0]!) ?? this.flows.get(node.inputs[1]!)!;
    const { axis } = flow;
    const rank = this.source.tensors[flow.tensor]?.shape.length ?? 0;
    if (WINDOWS.includes(node.op) && (axis === 1 || axis === 2)) return this.window(node, flow);
    if (BY_ELEMENT.includes(node.op)) return this.together(node);
    if (BY_PIXEL.includes(node.op)) return axis < rank - 1 && this.together(node);
    if (node.op === "dense") return axis === 0 && this.together(node);
    if (node.op === "concat")
      return (node.attributes as { axis: number }).axis !== axis && this.together(node);
    if (node.op === "lstm") return this.recurrent(node, flow);
    if (node.op === "reshape") return this.reshape(node, flow);
    if (node.op === "slice") return this.slice(node, flow);
    if (node.op === "pad") return this.pad(node, flow);
    return false;
  }

  /** A node that works row by row; its operands are brought to one lag. */
  private together(node: Node): boolean {
    const flows = node.inputs.flatMap((input) => this.flows.get(input) ?? []);
    const first = flows[0]!;
    const rank = this.source.tensors[node.outputs[0]!]!.shape.length;
    const fits = node.inputs.every((input) => {
      const flow = this.flows.get(input);
      if (flow !== undefined)
        return flow.axis === first.axis && flow.rows === first.rows && flow.total === first.total;
      const { shape = [] } = this.source.tensors[input] ?? {};
      return node.op === "dense" || (shape[first.axis - (rank - shape.length)] ?? 1) === 1;
    });
    if (!fits) return false;
    const lag = Math.max(...flows.map((flow) => flow.lag));
    const inputs = node.inputs.map((input) => {
      const flow = this.flows.get(input);
      return flow === undefined ? input : this.delayed(flow, lag - flow.lag).tensor;
    });
    this.emit({ ...node, inputs }, { ...first, lag });
    return true;
  }

  /** A kernel over time: the state holds the rows that the windows of one run touch. */
  private window(node: Node, flow: Flow): boolean {
    const at = (flow.axis - 1) as 0 | 1;
    const attributes = node.attributes as WindowAttributes;
    const kernel =
      attributes.kernel ?? (this.source.tensors[node.inputs[1]!]!.shape.slice(1, 3) as [number, number]);
    const [stride, before] = [attributes.stride[at], attributes.padding[at]];
    const reach = (attributes.dilation?.[at] ?? 1) * (kernel[at] - 1) + 1;
    const total = this.source.tensors[node.outputs[0]!]!.shape[flow.axis]!;
    if ((total - 1) * stride - before + reach > flow.total)
      throw future((total - 1) * stride - before + reach - flow.total);
    // Rows of the past that are padding are a state's first codes; behind rows that are no result yet, they are not.
    const isPool = node.op !== "conv" && node.op !== "depthwise";
    if (before > 0 && (isPool || flow.lag > 0)) return false;
    if (flow.rows % stride !== 0) {
      throw new DyadicError("BAD_ARGUMENT", "a run has too few frames for the strides", {
        expected: `${stride} times as many, or a multiple`,
        found: `${flow.rows} rows in front of a stride of ${stride}`,
      });
    }
    const older = (((stride - reach - flow.lag + before) % stride) + stride) % stride;
    const source = this.windowed(flow, flow.rows - stride + reach + older);
    const padding = attributes.padding.map((size, side) => (side % 2 === at ? 0 : size));
    const lag = (flow.lag + reach + older - stride - before) / stride;
    const inputs = [source, ...node.inputs.slice(1)];
    this.emit(
      { ...node, inputs, attributes: { ...attributes, padding } },
      { ...flow, rows: flow.rows / stride, total, lag },
    );
    return true;
  }

  /** Time steps of an LSTM are its pixels; its states go on by themselves, once the rows are results. */
  private recurrent(node: Node, flow: Flow): boolean {
    const channels = this.source.tensors[node.inputs[0]!]!.shape.length - 1;
    if (flow.lag === 0 && flow.axis < channels) {
      this.emit({ ...node, inputs: [flow.tensor, ...node.inputs.slice(1)] }, flow);
      return true;
    }
    throw new DyadicError(
      "UNSUPPORTED_OP",
      "an LSTM behind layers that take several runs to fill cannot stream",
    );
  }

  private reshape(node: Node, flow: Flow): boolean {
    const [from, to] = [node.inputs[0]!, node.outputs[0]!].map(
      (tensor) => this.source.tensors[tensor]!.shape,
    );
    const axis = sameDimension(from!, flow.axis, to!);
    if (axis === undefined || axis === to!.length - 1) return false;
    const shape = to!.map((size, dimension) => (dimension === axis ? flow.rows : size));
    this.emit({ ...node, inputs: [flow.tensor], attributes: { shape } }, { ...flow, axis });
    return true;
  }

  /** A slice of time is a lag; what is left is a slice of every row. */
  private slice(node: Node, flow: Flow): boolean {
    const { begin, size, strides } = node.attributes as Record<
      "begin" | "size" | "strides",
      readonly number[]
    >;
    if (strides[flow.axis] !== 1) return false;
    const own = (values: readonly number[], value: number) =>
      values.map((other, dimension) => (dimension === flow.axis ? value : other));
    const attributes = { begin: own(begin, 0), size: own(size, flow.rows), strides };
    const after = { ...flow, total: size[flow.axis]!, lag: flow.lag + begin[flow.axis]! };
    this.emit({ ...node, inputs: [flow.tensor], attributes }, after);
    return true;
  }

  /** Padding in front of time is a state's first codes: the rows stay, counted from further back. */
  private pad(node: Node, flow: Flow): boolean {
    const attributes = node.attributes as {
      padding: readonly number[];
      stride?: readonly number[];
      value?: number;
    };
    const [at, padding] = [flow.axis - 1, attributes.padding];
    const isZero = (attributes.value ?? 0) === 0;
    if (at < 0 || at > 1 || padding[at + 2] !== 0 || (attributes.stride?.[at] ?? 1) !== 1) return false;
    if (padding[at]! > 0 && (flow.lag !== 0 || !isZero)) return false;
    const left = padding.map((size, side) => (side % 2 === at ? 0 : size));
    const total = flow.total + padding[at]!;
    const after = { ...flow, total, lag: flow.lag - padding[at]! };
    this.emit({ ...node, inputs: [flow.tensor], attributes: { ...attributes, padding: left } }, after);
    return true;
  }

  /** A node that needs every row of the window at once. */
  private whole(node: Node): void {
    const inputs = node.inputs.map((input) => {
      const flow = this.flows.get(input);
      if (flow === undefined) return input;
      const newest = this.runs * flow.rows - flow.lag;
      if (newest < flow.total) throw future(flow.total - newest);
      const state = this.windowed(flow, newest);
      return this.first({ ...flow, tensor: state }, flow.total);
    });
    this.nodes.push({ ...node, inputs });
  }

  /** The rows from `lag` rows earlier. */
  private delayed(flow: Flow, lag: number): Flow {
    if (lag === 0) return flow;
    const state = this.windowed(flow, flow.rows + lag);
    return { ...flow, tensor: this.first({ ...flow, tensor: state }, flow.rows), lag: flow.lag + lag };
  }

  /** A state of the newest `extent` rows; the rows themselves where that is all. */
  private windowed(flow: Flow, extent: number): number {
    if (extent === flow.rows) return flow.tensor;
    const name = `${this.tensors[flow.tensor]!.name}/window`;
    const state = this.like(flow, extent, name);
    this.states.push({ name, tensor: state });
    const attributes = { axis: flow.axis, extent };
    this.nodes.push({ name, op: "push", inputs: [flow.tensor], outputs: [state], attributes });
    return state;
  }

  /** The first `extent` rows of a tensor. */
  private first(flow: Flow, extent: number): number {
    const { name, shape } = this.tensors[flow.tensor]!;
    if (shape[flow.axis] === extent) return flow.tensor;
    const output = this.like(flow, extent, `${name}/first`);
    const size = this.tensors[output]!.shape;
    const attributes = { begin: shape.map(() => 0), size, strides: shape.map(() => 1) };
    this.nodes.push({
      name: `${name}/first`,
      op: "slice",
      inputs: [flow.tensor],
      outputs: [output],
      attributes,
    });
    return output;
  }

  private like(flow: Flow, extent: number, name: string): number {
    const tensor = this.tensors[flow.tensor]!;
    const shape = tensor.shape.map((size, dimension) => (dimension === flow.axis ? extent : size));
    return this.tensors.push({ ...tensor, name, shape }) - 1;
  }

  private emit(node: Node, flow: Omit<Flow, "tensor">): void {
    const tensor = node.outputs[0]!;
    this.nodes.push(node);
    this.flows.set(tensor, this.resized({ ...flow, tensor }));
    const inputs = node.inputs.map((input) => this.tensors[input]?.shape ?? []);
    const shape = opNamed(node.op).shape(inputs, node.attributes);
    if (shape.join() === this.tensors[tensor]!.shape.join()) return;
    throw new DyadicError("INTERNAL", "a layer of the stream has another shape than its rows", {
      expected: `[${shape.join(", ")}]`,
      found: `[${this.tensors[tensor]!.shape.join(", ")}]`,
    });
  }
}

/** The dimension of `to` that is dimension `axis` of `from` when the elements keep their order. */
function sameDimension(from: readonly number[], axis: number, to: readonly number[]): number | undefined {
  const outer = elements(from.slice(0, axis));
  const found = to.findIndex((size, at) => size === from[axis] && elements(to.slice(0, at)) === outer);
  return found < 0 ? undefined : found;
}

function future(rows: number): DyadicError {
  return new DyadicError("UNSUPPORTED_OP", "the layer looks into the future", {
    expected: "padding in front of time alone (causal), or none",
    found: `${rows} rows behind the newest frame`,
    hint: "train the model with causal or valid padding along time",
  });
}
