import { DyadicError } from "../../error.ts";
import type { Activation } from "../../ops/activation.ts";
import { type Adapter, activation, options, requiredOptions } from "./builder.ts";
import * as schema from "./schema.generated.ts";

/** ADD of two tensors of one shape. */
export const add: Adapter = (operator, builder) => {
  const { x, y } = builder.sameFormat(operator);
  const [a = -1, b = -1] = operator.inputs;
  const other = builder.value(b);
  if (other.dtype !== x.dtype || `${other.shape}` !== `${x.shape}` || `${y.shape}` !== `${x.shape}`) {
    throw new DyadicError("UNSUPPORTED_OP", "only tensors of one shape and format are added", {
      expected: `${x.dtype}[${x.shape.join(", ")}]`,
      found: `${other.dtype}[${other.shape.join(", ")}]`,
      hint: "broadcasting is not built yet; a bias belongs into the layer in front",
    });
  }
  const table = options(operator, schema.BuiltinOptions.AddOptions, new schema.AddOptions());
  const fused = activation(table?.fusedActivation() ?? schema.Fused.NONE);
  builder.emit(operator.name, "add", [a, b], operator.output, { activation: fused });
};

export const softmax: Adapter = (operator, builder) => {
  builder.sameFormat(operator);
  const table = requiredOptions(operator, schema.BuiltinOptions.SoftmaxOptions, new schema.SoftmaxOptions());
  const beta = table.beta();
  if (!(beta > 0 && beta < Infinity)) throw new DyadicError("BAD_FILE", `softmax with beta ${beta}`);
  builder.emit(operator.name, "softmax", [operator.inputs[0]!], operator.output, { beta });
};

/** QUANTIZE between 8-bit formats, and the RELU family on its own: new scale, then a clamp. */
export function requantize(fused: Activation): Adapter {
  return (operator, builder) => {
    const { x, y } = builder.sameFormat(operator);
    if (`${x.shape}` !== `${y.shape}`) {
      throw new DyadicError("BAD_FILE", "input and output differ in shape", {
        expected: `[${x.shape.join(", ")}]`,
        found: `[${y.shape.join(", ")}]`,
      });
    }
    builder.emit(operator.name, "requantize", [operator.inputs[0]!], operator.output, { activation: fused });
  };
}
