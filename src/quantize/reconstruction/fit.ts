import type { Graph } from "../../graph/graph.ts";
import { congruential, shuffle } from "../../numerics/random.ts";
import { placeLayer } from "../layer-weights.ts";
import type { Loss } from "./loss.ts";
import { LayerParameters, type Rates } from "./parameters.ts";
import type { Tape } from "./tape.ts";

/** One unit's calibration set: its quantized inputs and the float unit's outputs, a sample each. */
export interface Examples {
  readonly inputs: readonly Float32Array[];
  readonly targets: readonly Float32Array[];
}

export interface FitOptions {
  readonly steps: number;
  readonly batch: number;
  readonly rates: Rates;
}

/** The layers of one unit on their way to a smaller loss. */
export class Fit {
  private readonly tape: Tape;
  private readonly layers: readonly LayerParameters[];
  private readonly examples: Examples;
  private readonly loss: Loss;
  private readonly options: FitOptions;
  private readonly order: number[];
  private next: number;
  private readonly random = congruential(0x9e3779b9);

  /** @param base the quantized graph whose codes, scales and biases the tape starts from */
  constructor(tape: Tape, base: Graph, examples: Examples, loss: Loss, options: FitOptions) {
    this.tape = tape;
    this.examples = examples;
    this.loss = loss;
    this.options = options;
    this.order = Array.from(examples.inputs.keys());
    this.next = this.order.length;
    this.layers = tape.layers.map((layer) => new LayerParameters(layer, base, options.rates));
  }

  /** Mean loss over all examples. */
  total(): number {
    const { inputs, targets } = this.examples;
    const sum = inputs.reduce((sum, input, i) => sum + this.loss.of(this.tape.run(input), targets[i]!), 0);
    return sum / inputs.length;
  }

  /** One step of every parameter by the gradient over a batch; rates fall linearly to 0. */
  step(index: number): void {
    const { tape, layers, examples, options } = this;
    for (let i = 0; i < options.batch; i++) {
      const sample = this.draw();
      const output = tape.run(examples.inputs[sample]!);
      tape.back(this.loss.gradient(output, examples.targets[sample]!));
    }
    for (const layer of layers) {
      layer.step(1 - index / options.steps);
      layer.load();
    }
    tape.clear();
  }

  /** The graph with what the parameters stand for. */
  result(base: Graph, graph: Graph): Graph {
    const tensors = [...base.tensors];
    const nodes = [...base.nodes];
    this.layers.forEach((parameters, i) => {
      const { layer } = this.tape.layers[i]!;
      const input = tensors[layer.node.inputs[0]!]!;
      nodes[graph.nodes.indexOf(layer.node)] = placeLayer(layer, parameters.result(), input, tensors);
    });
    return { ...base, tensors, nodes };
  }

  /** The samples in one order after another, each as good as random: the same on every host. */
  private draw(): number {
    const { order } = this;
    if (this.next === order.length) {
      this.next = 0;
      shuffle(order, this.random);
    }
    return order[this.next++]!;
  }
}
