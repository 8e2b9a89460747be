// Operators that move elements: concatenation, slices, permutations, resizes.
import { DyadicError } from "../../error.ts";
import { elements } from "../../graph/graph.ts";
import {
  type Adapter,
  activation,
  type Builder,
  dimension,
  type Operator,
  options,
  requiredOptions,
} from "./builder.ts";
import * as schema from "./schema.generated.ts";

const { BuiltinOptions } = schema;
/** Indices of a gather that are believed. */
const MAX_INDICES = 1 << 16;

export const concatenation: Adapter = (operator, builder) => {
  const table = requiredOptions(
    operator,
    BuiltinOptions.ConcatenationOptions,
    new schema.ConcatenationOptions(),
  );
  if (activation(table.fusedActivation()) !== "none") {
    throw new DyadicError("UNSUPPORTED_OP", "a concatenation with a fused activation is not supported");
  }
  const { y } = builder.sameFormat(operator);
  for (const input of operator.inputs) builder.value(input, y.shape.length);
  const axis = dimension(table.axis(), y.shape.length);
  builder.emit(operator.name, "concat", operator.inputs, operator.output, { axis });
};

/** PACK: every input gets a dimension of 1, along which they are joined. */
export const pack: Adapter = (operator, builder) => {
  const { y } = builder.sameFormat(operator);
  const table = requiredOptions(operator, BuiltinOptions.PackOptions, new schema.PackOptions());
  const axis = dimension(table.axis(), y.shape.length);
  const shape = y.shape.map((size, i) => (i === axis ? 1 : size));
  const inputs = operator.inputs.map((input, i) =>
    builder.reshape(input, shape, `${operator.name}/input${i}`),
  );
  builder.emit(operator.name, "concat", inputs, operator.output, { axis });
};

/** Cuts the input along one dimension into the outputs; `sizes` are their extents. */
function cut(
  operator: Operator,
  builder: Builder,
  source: number,
  axis: number,
  sizes: readonly number[],
): void {
  const { shape } = builder.value(source);
  let start = 0;
  operator.outputs.forEach((output, i) => {
    const size = shape.map((extent, at) => (at === axis ? sizes[i]! : extent));
    const begin = shape.map((_, at) => (at === axis ? start : 0));
    const attributes = { begin, size, strides: shape.map(() => 1) };
    builder.emitAs(size, builder.tensors.name(output), "slice", [source], output, attributes);
    start += sizes[i]!;
  });
}

/** SPLIT into equal parts: the axis comes first. */
export const split: Adapter = (operator, builder) => {
  const [axisAt = -1, source = -1] = operator.inputs;
  const { shape } = builder.value(source);
  const axis = dimension(builder.tensors.integers(axisAt)[0] ?? NaN, shape.length);
  const part = shape[axis]! / operator.outputs.length;
  cut(
    operator,
    builder,
    source,
    axis,
    operator.outputs.map(() => part),
  );
};

/** SPLIT_V into parts of given sizes. */
export const splitV: Adapter = (operator, builder) => {
  const [source = -1, , axisAt = -1] = operator.inputs;
  const { shape } = builder.value(source);
  const axis = dimension(builder.tensors.integers(axisAt)[0] ?? NaN, shape.length);
  const sizes = operator.outputs.map((output) => builder.value(output, shape.length).shape[axis]!);
  cut(operator, builder, source, axis, sizes);
};

/** UNPACK: slices of extent 1, whose dimension goes. */
export const unpack: Adapter = (operator, builder) => {
  const [source = -1] = operator.inputs;
  const { shape } = builder.value(source);
  const table = requiredOptions(operator, BuiltinOptions.UnpackOptions, new schema.UnpackOptions());
  cut(
    operator,
    builder,
    source,
    dimension(table.axis(), shape.length),
    operator.outputs.map(() => 1),
  );
};

/** SLICE: a begin and a size (-1: the rest) by dimension. */
export const slice: Adapter = (operator, builder) => {
  const { x } = builder.sameFormat(operator);
  const [source = -1, beginAt = -1, sizeAt = -1] = operator.inputs;
  const begin = builder.tensors.integers(beginAt);
  const sizes = builder.tensors.integers(sizeAt);
  checkRank(x.shape, begin, sizes);
  const size = x.shape.map((extent, axis) => (sizes[axis] === -1 ? extent - begin[axis]! : sizes[axis]!));
  const attributes = { begin, size, strides: x.shape.map(() => 1) };
  builder.emit(operator.name, "slice", [source], operator.output, attributes);
};

function checkRank(shape: readonly number[], ...lists: readonly (readonly number[])[]): void {
  if (lists.every((list) => list.length === shape.length)) return;
  throw new DyadicError("BAD_FILE", "the slice does not fit its input", {
    expected: `${shape.length} values each`,
    found: lists.map((list) => `[${list.join(", ")}]`).join(" and "),
  });
}

/** STRIDED_SLICE with begin, end and shrink masks. */
export const stridedSlice: Adapter = (operator, builder) => {
  const { x } = builder.sameFormat(operator);
  const [source = -1, ...bounds] = operator.inputs;
  const [begins = [], ends = [], strides = []] = bounds.map((index) => builder.tensors.integers(index));
  checkRank(x.shape, begins, ends, strides);
  const table = requiredOptions(
    operator,
    BuiltinOptions.StridedSliceOptions,
    new schema.StridedSliceOptions(),
  );
  if (table.ellipsisMask() !== 0 || table.newAxisMask() !== 0 || table.offset() || strides.includes(0)) {
    throw new DyadicError("UNSUPPORTED_OP", "this form of strided slice is not supported", {
      expected: "begin, end and strides for every dimension, without ellipsis or new dimensions",
    });
  }
  const walks = x.shape.map((extent, axis) => {
    const bit = 1 << axis;
    const stride = strides[axis]!;
    const [low, high] = stride > 0 ? [0, extent] : [-1, extent - 1];
    const inside = (at: number) => Math.min(high, Math.max(low, at < 0 ? at + extent : at));
    const first = table.beginMask() & bit ? (stride > 0 ? low : high) : inside(begins[axis]!);
    if (table.shrinkAxisMask() & bit) return { begin: first, size: 1, stride: 1 };
    const last = table.endMask() & bit ? (stride > 0 ? high : low) : inside(ends[axis]!);
    return { begin: first, size: Math.ceil((last - first) / stride), stride };
  });
  const size = walks.map((walk) => walk.size);
  const attributes = {
    begin: walks.map((walk) => walk.begin),
    size,
    strides: walks.map((walk) => walk.stride),
  };
  builder.emitAs(size, operator.name, "slice", [source], operator.output, attributes);
};

export const transpose: Adapter = (operator, builder) => {
  builder.sameFormat(operator);
  const [source = -1, orderAt = -1] = operator.inputs;
  const permutation = builder.tensors.integers(orderAt);
  builder.emit(operator.name, "transpose", [source], operator.output, { permutation });
};

/** GATHER of constant indices along any dimension, which becomes the width of a row of pixels. */
export const gather: Adapter = (operator, builder) => {
  const { x } = builder.sameFormat(operator);
  const [source = -1, indicesAt = -1] = operator.inputs;
  const table = options(operator, BuiltinOptions.GatherOptions, new schema.GatherOptions());
  if ((table?.batchDims() ?? 0) !== 0) {
    throw new DyadicError("UNSUPPORTED_OP", "a gather with batch dimensions is not supported");
  }
  const axis = dimension(table?.axis() ?? 0, x.shape.length);
  const indices = builder.tensors.integers(indicesAt, MAX_INDICES);
  const outer = elements(x.shape.slice(0, axis));
  const inner = elements(x.shape.slice(axis + 1));
  const input = builder.reshape(source, [1, outer, x.shape[axis]!, inner], `${operator.name}/rows`);
  const shape = [1, outer, indices.length, inner];
  builder.emitAs(shape, operator.name, "gather", [input], operator.output, { axis: 2, indices });
};

/** Emits a gather along one dimension; returns its tensor. */
export function gatherAlong(
  source: number,
  axis: number,
  indices: readonly number[],
  name: string,
  builder: Builder,
): number {
  const { shape } = builder.tensors.get(source);
  const output = builder.reshaped(
    source,
    shape.map((size, i) => (i === axis ? indices.length : size)),
    name,
  );
  if (shape.length === 4 && (axis === 1 || axis === 2)) {
    builder.emit(name, "gather", [source], output, { axis, indices });
    return output;
  }
  const [outer, inner] = [elements(shape.slice(0, axis)), elements(shape.slice(axis + 1))];
  const input = builder.reshape(source, [1, outer, shape[axis]!, inner], `${name}/rows`);
  builder.emitAs([1, outer, indices.length, inner], name, "gather", [input], output, { axis: 2, indices });
  return output;
}

interface ResizeOptions {
  alignCorners(): boolean;
  halfPixelCenters(): boolean;
}

function emitResize(operator: Operator, builder: Builder, mode: string, table: ResizeOptions): void {
  const { y } = builder.sameFormat(operator, 4);
  const attributes = {
    mode,
    size: y.shape.slice(1, 3),
    alignCorners: table.alignCorners(),
    halfPixelCenters: table.halfPixelCenters(),
    // TensorFlow Lite's uint8 kernel computes positions in floats, its int8 kernel with a scale of 10 bits.
    positions: builder.tensors.isUint8(operator.output) ? "exact" : "tenBits",
  };
  builder.emit(operator.name, "resize", [operator.inputs[0]!], operator.output, attributes);
}

export const resizeBilinear: Adapter = (operator, builder) => {
  const table = new schema.ResizeBilinearOptions();
  emitResize(
    operator,
    builder,
    "bilinear",
    requiredOptions(operator, BuiltinOptions.ResizeBilinearOptions, table),
  );
};

export const resizeNearest: Adapter = (operator, builder) => {
  const type = BuiltinOptions.ResizeNearestNeighborOptions;
  const table = requiredOptions(operator, type, new schema.ResizeNearestNeighborOptions());
  emitResize(operator, builder, "nearest", table);
};

export const spaceToDepth: Adapter = (operator, builder) => {
  builder.sameFormat(operator, 4);
  const table = requiredOptions(
    operator,
    BuiltinOptions.SpaceToDepthOptions,
    new schema.SpaceToDepthOptions(),
  );
  const block = { block: table.blockSize() };
  builder.emit(operator.name, "spaceToDepth", [operator.inputs[0]!], operator.output, block);
};

export const depthToSpace: Adapter = (operator, builder) => {
  builder.sameFormat(operator, 4);
  const table = requiredOptions(
    operator,
    BuiltinOptions.DepthToSpaceOptions,
    new schema.DepthToSpaceOptions(),
  );
  const block = { block: table.blockSize() };
  builder.emit(operator.name, "depthToSpace", [operator.inputs[0]!], operator.output, block);
};
