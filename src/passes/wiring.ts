import type { Graph, Node, Tensor } from "../graph/graph.ts";

/** Who writes and who reads every tensor; for passes that rewrite chains of nodes. */
export interface Wiring {
  readonly writer: ReadonlyMap<number, Node>;
  readonly readers: ReadonlyMap<number, readonly Node[]>;
  readonly outputs: ReadonlySet<number>;
}

export function wiringOf(graph: Graph): Wiring {
  const readers = new Map<number, Node[]>();
  for (const node of graph.nodes) {
    for (const input of new Set(node.inputs)) {
      const known = readers.get(input);
      if (known === undefined) readers.set(input, [node]);
      else known.push(node);
    }
  }
  return {
    writer: new Map(graph.nodes.flatMap((node) => node.outputs.map((output) => [output, node]))),
    readers,
    outputs: new Set(graph.outputs.map((border) => border.tensor)),
  };
}

/** Whether one node alone reads the tensor, and no model output is it. */
export function isInterior(wiring: Wiring, tensor: number): boolean {
  return wiring.readers.get(tensor)?.length === 1 && !wiring.outputs.has(tensor);
}

/** A graph while a pass joins neighbours: what writes a tensor is up to date after every step. */
export class Rewriting {
  readonly tensors: Tensor[];
  private readonly graph: Graph;
  private readonly nodes: (Node | null)[];
  private readonly places = new Map<number, number>();
  private readonly wiring: Wiring;

  constructor(graph: Graph) {
    this.graph = graph;
    this.tensors = [...graph.tensors];
    this.nodes = [...graph.nodes];
    this.wiring = wiringOf(graph);
    graph.nodes.forEach((node, place) => {
      for (const output of node.outputs) this.places.set(output, place);
    });
  }

  /** The node that writes a tensor now. */
  writer(tensor: number): Node | undefined {
    return this.nodes[this.places.get(tensor) ?? -1] ?? undefined;
  }

  isInterior(tensor: number): boolean {
    return isInterior(this.wiring, tensor);
  }

  addConstant(name: string, shape: readonly number[], data: Float32Array): number {
    return this.tensors.push({ name, dtype: "float32", shape, data }) - 1;
  }

  /** `node` becomes another node with the same outputs. */
  replace(node: Node, by: Node): void {
    this.nodes[this.places.get(node.outputs[0]!)!] = by;
  }

  /** `node` disappears, and `merged` takes the place of the node in front of it and writes its outputs. */
  merge(source: Node, node: Node, merged: Node): void {
    const place = this.places.get(source.outputs[0]!)!;
    this.nodes[this.places.get(node.outputs[0]!)!] = null;
    this.nodes[place] = merged;
    for (const output of node.outputs) this.places.set(output, place);
  }

  finish(): Graph {
    return { ...this.graph, tensors: this.tensors, nodes: this.nodes.filter((node) => node !== null) };
  }
}

/** Numbers of a float constant; null for anything else. */
export function floatConstant(tensor: Tensor | undefined): Float32Array | null {
  return tensor?.data instanceof Float32Array ? tensor.data : null;
}

/** An operation on an activation and a constant: which is which. */
export function withConstant(
  graph: Graph,
  node: Node,
): { readonly x: number; readonly constant: Tensor & { readonly data: Float32Array } } | null {
  for (const [x, other] of [
    [node.inputs[0]!, node.inputs[1]!],
    [node.inputs[1]!, node.inputs[0]!],
  ] as const) {
    const constant = graph.tensors[other];
    const data = floatConstant(constant);
    if (data !== null && graph.tensors[x]?.data === undefined) return { x, constant: { ...constant!, data } };
  }
  return null;
}
