// What export.py wrote: the models, and the numbers that go in and must come out.
import { readFileSync } from "node:fs";
import { join } from "node:path";

/** A tensor of the test, as reals in C order, in the file's own layout. */
export interface Value {
  readonly shape: readonly number[];
  readonly data: Float64Array;
}

export interface Case {
  readonly name: string;
  readonly suite: string;
  readonly operators: readonly string[];
  readonly inputNames: readonly string[];
  /** Null where something is not a tensor of numbers. */
  readonly inputs: readonly Value[] | null;
  readonly outputs: readonly Value[] | null;
  readonly rtol: number;
  readonly atol: number;
  /** The file as ONNX has it, and the one with all inputs but the first as constants, where there are several. */
  readonly models: readonly Uint8Array[];
}

interface StoredValue {
  readonly at: number;
  readonly shape: readonly number[];
}

interface StoredCase extends Omit<Case, "inputs" | "outputs" | "models"> {
  readonly inputs: readonly StoredValue[] | null;
  readonly outputs: readonly StoredValue[] | null;
  readonly constants: boolean;
}

/** Every case of a folder, and the version of ONNX that it is from. */
export function readCases(directory: string): { readonly onnx: string; readonly cases: Case[] } {
  const { onnx, cases } = JSON.parse(readFileSync(join(directory, "cases.json"), "utf8")) as {
    onnx: string;
    cases: StoredCase[];
  };
  const bytes = new Uint8Array(readFileSync(join(directory, "data.bin")));
  const value = ({ at, shape }: StoredValue): Value => {
    const count = shape.reduce((product, size) => product * size, 1);
    return { shape, data: new Float64Array(bytes.buffer.slice(8 * at, 8 * (at + count))) };
  };
  const model = (name: string) => new Uint8Array(readFileSync(join(directory, `${name}.onnx`)));
  return {
    onnx,
    cases: cases.map(({ constants, inputs, outputs, ...rest }) => ({
      ...rest,
      inputs: inputs?.map(value) ?? null,
      outputs: outputs?.map(value) ?? null,
      models: [model(rest.name), ...(constants ? [model(`${rest.name}.constants`)] : [])],
    })),
  };
}
