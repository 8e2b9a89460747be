import {
  DTYPE_INT8,
  DTYPE_INT16,
  DTYPE_INT32,
  DTYPE_UINT8,
  IO_BYTES,
  IO_CANONICAL_SHAPE,
  IO_DTYPE,
  IO_HEADER_BYTES,
  IO_LABELS_AT,
  IO_LABELS_BYTES,
  IO_LAYOUT,
  IO_MAX_RANK,
  IO_NAME_AT,
  IO_NAME_BYTES,
  IO_ORIGINAL_RANK,
  IO_ORIGINAL_SHAPE,
  IO_RECORD_BYTES,
  IO_ROLE,
  IO_SCALE,
  IO_TENSOR,
  IO_ZERO_POINT,
  IO_ZERO_POINTS_AT,
  IO_ZERO_POINTS_COUNT,
  LAYOUT_FLAT,
  LAYOUT_NCHW,
  LAYOUT_NHWC,
  ROLE_INPUT,
  ROLE_OUTPUT,
  ROLE_STATE,
} from "../../assembly/abi.ts";
import { DyadicError } from "../error.ts";
import { type Border, elements, type State } from "../graph/graph.ts";
import type { IntegerGraph } from "../graph/integer.ts";

const DTYPES = {
  int8: DTYPE_INT8,
  uint8: DTYPE_UINT8,
  int16: DTYPE_INT16,
  int32: DTYPE_INT32,
  float32: 0,
} as const;
const LAYOUTS = { flat: LAYOUT_FLAT, NHWC: LAYOUT_NHWC, NCHW: LAYOUT_NCHW } as const;

/** A state as tools see it: int8 codes of its canonical shape. */
function stateBorder({ name, tensor }: State, graph: IntegerGraph): Border {
  return { name, tensor, dtype: "int8", shape: [1, ...graph.tensors[tensor]!.shape], layout: "NHWC" };
}

/** The io section: one record per input, then per output, then per state, then their names and labels as UTF-8. */
export function encodeIo(graph: IntegerGraph): Uint8Array {
  const borders = [
    ...graph.inputs.map((border) => ({ border, role: ROLE_INPUT })),
    ...graph.outputs.map((border) => ({ border, role: ROLE_OUTPUT })),
    ...graph.states.map((state) => ({ border: stateBorder(state, graph), role: ROLE_STATE })),
  ];
  const blobAt = IO_HEADER_BYTES + borders.length * IO_RECORD_BYTES;
  const blob: number[] = [];
  const append = (bytes: Uint8Array): [at: number, bytes: number] => {
    const at = blobAt + blob.length;
    for (const byte of bytes) blob.push(byte);
    return [at, bytes.length];
  };
  const records = new DataView(new ArrayBuffer(blobAt));
  records.setUint32(0, borders.length, true);
  borders.forEach(({ border, role }, i) => {
    const record = new DataView(records.buffer, IO_HEADER_BYTES + i * IO_RECORD_BYTES, IO_RECORD_BYTES);
    encodeRecord(record, border, role, graph, append);
  });
  const section = new Uint8Array(blobAt + blob.length);
  section.set(new Uint8Array(records.buffer));
  section.set(blob, blobAt);
  return section;
}

function encodeRecord(
  record: DataView,
  border: Border,
  role: number,
  graph: IntegerGraph,
  append: (bytes: Uint8Array) => [at: number, bytes: number],
): void {
  const text = (value: string) => append(new TextEncoder().encode(value));
  const set = (at: number, value: number) => record.setInt32(at, value, true);
  const tensor = graph.tensors[border.tensor]!;
  if (border.shape.length > IO_MAX_RANK || border.name === "") {
    throw new DyadicError("UNSUPPORTED_OP", `"${border.name}" cannot be a model's border`, {
      expected: `a name, and at most ${IO_MAX_RANK} dimensions`,
      found: `[${border.shape.join(", ")}]`,
    });
  }
  set(IO_ROLE, role);
  set(IO_TENSOR, border.tensor);
  set(IO_DTYPE, DTYPES[border.dtype]);
  set(IO_BYTES, elements(tensor.shape));
  record.setFloat32(IO_SCALE, tensor.scale, true);
  set(IO_ZERO_POINT, border.dtype === "int32" ? 0 : tensor.zeroPoint + (border.dtype === "uint8" ? 128 : 0));
  const [nameAt, nameBytes] = text(border.name);
  set(IO_NAME_AT, nameAt);
  set(IO_NAME_BYTES, nameBytes);
  if (border.labels !== undefined && border.labels.length > 0) {
    const [labelsAt, labelsBytes] = text(joinLabels(border));
    set(IO_LABELS_AT, labelsAt);
    set(IO_LABELS_BYTES, labelsBytes);
  }
  if (tensor.zeroPoints !== undefined) {
    const offset = border.dtype === "uint8" ? 128 : 0;
    const points = new DataView(new ArrayBuffer(4 * tensor.zeroPoints.length));
    tensor.zeroPoints.forEach((point, channel) => {
      points.setInt32(4 * channel, point + offset, true);
    });
    const [at] = append(new Uint8Array(points.buffer));
    set(IO_ZERO_POINTS_AT, at);
    set(IO_ZERO_POINTS_COUNT, tensor.zeroPoints.length);
  }
  set(IO_LAYOUT, LAYOUTS[border.layout]);
  set(IO_ORIGINAL_RANK, border.shape.length);
  border.shape.forEach((size, axis) => {
    set(IO_ORIGINAL_SHAPE + 4 * axis, size);
  });
  // The bytes of an i32 are four channels in the arena.
  const [height, width, channels] = tensor.shape;
  [height, width, border.dtype === "int32" ? channels / 4 : channels].forEach((size, axis) => {
    set(IO_CANONICAL_SHAPE + 4 * axis, size);
  });
}

function joinLabels(border: Border): string {
  const broken = border.labels!.find((label) => label.includes("\n"));
  if (broken === undefined) return border.labels!.join("\n");
  throw new DyadicError("BAD_ARGUMENT", `a label of "${border.name}" contains a line break`, {
    found: JSON.stringify(broken),
  });
}
