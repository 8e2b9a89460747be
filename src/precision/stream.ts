import type { Graph, Node, Tensor } from "../graph/graph.ts";
import type { ActivationBits } from "../numerics/pack.ts";
import { opNamed } from "../ops/index.ts";
import type { Policy, PolicyRow } from "./policy.ts";

/** A graph whose residual stream may have 16 bits. */
export interface Streamed {
  readonly graph: Graph;
  /** Of every tensor that was added, by its index: the tensor whose reals it holds, and its width. */
  readonly added: ReadonlyMap<number, { readonly of: number; readonly bits: ActivationBits }>;
}

/** What additions read and write: the residual stream. */
export function residualStream({ nodes, tensors }: Graph): ReadonlySet<number> {
  const additions = nodes.filter(({ op }) => op === "add");
  const read = additions.flatMap(({ inputs, outputs }) => [...inputs, ...outputs]);
  return new Set(read.filter((tensor) => tensors[tensor]!.data === undefined));
}

/**
 * Where the policy's residual stream has 16 bits, what reads it and takes bytes alone gets them from a requantize of its
 * own: layers of as many bits as they write themselves, so that weights, inputs and outputs of a layer are tied as in
 * HAWQ-V3 (Yao 2021, section 3.2), everything else of 8. Tensors are added behind the others.
 */
export function widenStream(graph: Graph, policy: Policy, rows: readonly PolicyRow[]): Streamed {
  if (policy.residualBits !== 16) return { graph, added: new Map() };
  const stream = residualStream(graph);
  const settings = new Map(layerNodes(graph).map((node, i) => [node, rows[i]!.settings]));
  const tensors: Tensor[] = [...graph.tensors];
  const added = new Map<number, { of: number; bits: ActivationBits }>();
  const made = new Map<string, number>();
  const nodes = graph.nodes.flatMap((node): Node[] => {
    const front: Node[] = [];
    const bits = Math.min(8, settings.get(node)?.activationBits ?? 8) as ActivationBits;
    const inputs = node.inputs.map((input) => {
      if (!stream.has(input) || readsWide(node, stream)) return input;
      const key = `${input} ${bits}`;
      const known = made.get(key);
      if (known !== undefined) return known;
      const { name, dtype, shape } = tensors[input]!;
      const output = tensors.push({ name: `${name}/${bits} bits`, dtype, shape }) - 1;
      const attributes = { activation: "none" };
      const own = `${name}/${bits} bits`;
      front.push({ name: own, op: "requantize", inputs: [input], outputs: [output], attributes });
      added.set(output, { of: input, bits });
      made.set(key, output);
      return output;
    });
    return [...front, { ...node, inputs }];
  });
  return { graph: { ...graph, tensors, nodes }, added };
}

function layerNodes({ nodes }: Graph): Node[] {
  return nodes.filter(({ op }) => opNamed(op).weightAxis !== undefined);
}

/** Whether a node takes 16 bits, and what it writes may have as many as it reads. */
function readsWide({ op, outputs }: Node, stream: ReadonlySet<number>): boolean {
  const { wide, keepsScale } = opNamed(op);
  return wide === "everywhere" && (!keepsScale || stream.has(outputs[0]!));
}
