// Generated from schema.fbs by generate.mjs; do not edit.

import * as flatbuffers from 'flatbuffers';

export type TensorType = number;
export const TensorType = {
  FLOAT32: 0,
  FLOAT16: 1,
  INT32: 2,
  UINT8: 3,
  INT64: 4,
  STRING: 5,
  BOOL: 6,
  INT16: 7,
  COMPLEX64: 8,
  INT8: 9,
  FLOAT64: 10,
  COMPLEX128: 11,
  UINT64: 12,
  RESOURCE: 13,
  VARIANT: 14,
  UINT32: 15,
  UINT16: 16,
  INT4: 17
} as const;

export type BuiltinOperator = number;
export const BuiltinOperator = {
  ADD: 0,
  AVERAGE_POOL_2D: 1,
  CONCATENATION: 2,
  CONV_2D: 3,
  DEPTHWISE_CONV_2D: 4,
  DEPTH_TO_SPACE: 5,
  DEQUANTIZE: 6,
  EMBEDDING_LOOKUP: 7,
  FLOOR: 8,
  FULLY_CONNECTED: 9,
  HASHTABLE_LOOKUP: 10,
  L2_NORMALIZATION: 11,
  L2_POOL_2D: 12,
  LOCAL_RESPONSE_NORMALIZATION: 13,
  LOGISTIC: 14,
  LSH_PROJECTION: 15,
  LSTM: 16,
  MAX_POOL_2D: 17,
  MUL: 18,
  RELU: 19,
  RELU_N1_TO_1: 20,
  RELU6: 21,
  RESHAPE: 22,
  RESIZE_BILINEAR: 23,
  RNN: 24,
  SOFTMAX: 25,
  SPACE_TO_DEPTH: 26,
  SVDF: 27,
  TANH: 28,
  CONCAT_EMBEDDINGS: 29,
  SKIP_GRAM: 30,
  CALL: 31,
  CUSTOM: 32,
  EMBEDDING_LOOKUP_SPARSE: 33,
  PAD: 34,
  UNIDIRECTIONAL_SEQUENCE_RNN: 35,
  GATHER: 36,
  BATCH_TO_SPACE_ND: 37,
  SPACE_TO_BATCH_ND: 38,
  TRANSPOSE: 39,
  MEAN: 40,
  SUB: 41,
  DIV: 42,
  SQUEEZE: 43,
  UNIDIRECTIONAL_SEQUENCE_LSTM: 44,
  STRIDED_SLICE: 45,
  BIDIRECTIONAL_SEQUENCE_RNN: 46,
  EXP: 47,
  TOPK_V2: 48,
  SPLIT: 49,
  LOG_SOFTMAX: 50,
  DELEGATE: 51,
  BIDIRECTIONAL_SEQUENCE_LSTM: 52,
  CAST: 53,
  PRELU: 54,
  MAXIMUM: 55,
  ARG_MAX: 56,
  MINIMUM: 57,
  LESS: 58,
  NEG: 59,
  PADV2: 60,
  GREATER: 61,
  GREATER_EQUAL: 62,
  LESS_EQUAL: 63,
  SELECT: 64,
  SLICE: 65,
  SIN: 66,
  TRANSPOSE_CONV: 67,
  SPARSE_TO_DENSE: 68,
  TILE: 69,
  EXPAND_DIMS: 70,
  EQUAL: 71,
  NOT_EQUAL: 72,
  LOG: 73,
  SUM: 74,
  SQRT: 75,
  RSQRT: 76,
  SHAPE: 77,
  POW: 78,
  ARG_MIN: 79,
  FAKE_QUANT: 80,
  REDUCE_PROD: 81,
  REDUCE_MAX: 82,
  PACK: 83,
  LOGICAL_OR: 84,
  ONE_HOT: 85,
  LOGICAL_AND: 86,
  LOGICAL_NOT: 87,
  UNPACK: 88,
  REDUCE_MIN: 89,
  FLOOR_DIV: 90,
  REDUCE_ANY: 91,
  SQUARE: 92,
  ZEROS_LIKE: 93,
  FILL: 94,
  FLOOR_MOD: 95,
  RANGE: 96,
  RESIZE_NEAREST_NEIGHBOR: 97,
  LEAKY_RELU: 98,
  SQUARED_DIFFERENCE: 99,
  MIRROR_PAD: 100,
  ABS: 101,
  SPLIT_V: 102,
  UNIQUE: 103,
  CEIL: 104,
  REVERSE_V2: 105,
  ADD_N: 106,
  GATHER_ND: 107,
  COS: 108,
  WHERE: 109,
  RANK: 110,
  ELU: 111,
  REVERSE_SEQUENCE: 112,
  MATRIX_DIAG: 113,
  QUANTIZE: 114,
  MATRIX_SET_DIAG: 115,
  ROUND: 116,
  HARD_SWISH: 117,
  IF: 118,
  WHILE: 119,
  NON_MAX_SUPPRESSION_V4: 120,
  NON_MAX_SUPPRESSION_V5: 121,
  SCATTER_ND: 122,
  SELECT_V2: 123,
  DENSIFY: 124,
  SEGMENT_SUM: 125,
  BATCH_MATMUL: 126,
  PLACEHOLDER: 127,
  CUMSUM: 128,
  CALL_ONCE: 129,
  BROADCAST_TO: 130,
  RFFT2D: 131,
  CONV_3D: 132,
  IMAG: 133,
  REAL: 134,
  COMPLEX_ABS: 135,
  HASHTABLE: 136,
  HASHTABLE_FIND: 137,
  HASHTABLE_IMPORT: 138,
  HASHTABLE_SIZE: 139,
  REDUCE_ALL: 140,
  CONV_3D_TRANSPOSE: 141,
  VAR_HANDLE: 142,
  READ_VARIABLE: 143,
  ASSIGN_VARIABLE: 144,
  BROADCAST_ARGS: 145,
  RANDOM_STANDARD_NORMAL: 146,
  BUCKETIZE: 147,
  RANDOM_UNIFORM: 148,
  MULTINOMIAL: 149,
  GELU: 150,
  DYNAMIC_UPDATE_SLICE: 151,
  RELU_0_TO_1: 152,
  UNSORTED_SEGMENT_PROD: 153,
  UNSORTED_SEGMENT_MAX: 154,
  UNSORTED_SEGMENT_SUM: 155,
  ATAN2: 156,
  UNSORTED_SEGMENT_MIN: 157,
  SIGN: 158,
  BITCAST: 159,
  BITWISE_XOR: 160,
  RIGHT_SHIFT: 161
} as const;

export type Padding = number;
export const Padding = {
  SAME: 0,
  VALID: 1
} as const;

export type Fused = number;
export const Fused = {
  NONE: 0,
  RELU: 1,
  RELU_N1_TO_1: 2,
  RELU6: 3,
  TANH: 4,
  SIGN_BIT: 5
} as const;

export type MirrorPadMode = number;
export const MirrorPadMode = {
  REFLECT: 0,
  SYMMETRIC: 1
} as const;

export type BuiltinOptions = number;
export const BuiltinOptions = {
  NONE: 0,
  Conv2DOptions: 1,
  DepthwiseConv2DOptions: 2,
  Pool2DOptions: 5,
  FullyConnectedOptions: 8,
  SoftmaxOptions: 9,
  ConcatenationOptions: 10,
  AddOptions: 11,
  L2NormOptions: 12,
  ResizeBilinearOptions: 15,
  SpaceToDepthOptions: 19,
  MulOptions: 21,
  GatherOptions: 23,
  ReducerOptions: 27,
  SubOptions: 28,
  StridedSliceOptions: 32,
  SplitOptions: 35,
  TransposeConvOptions: 49,
  PackOptions: 59,
  UnpackOptions: 64,
  UnidirectionalSequenceLSTMOptions: 71,
  ResizeNearestNeighborOptions: 74,
  LeakyReluOptions: 75,
  MirrorPadOptions: 77,
  DepthToSpaceOptions: 94,
  BatchMatMulOptions: 101,
  CallOnceOptions: 103,
  VarHandleOptions: 111,
  GeluOptions: 116
} as const;

export class Opaque {
  bb: flatbuffers.ByteBuffer|null = null;
  bb_pos = 0;
  __init(i:number, bb:flatbuffers.ByteBuffer):Opaque {
  this.bb_pos = i;
  this.bb = bb;
  return this;
}

static getRootAsOpaque(bb:flatbuffers.ByteBuffer, obj?:Opaque):Opaque {
  return (obj || new Opaque()).__init(bb.readInt32(bb.position()) + bb.position(), bb);
}

static startOpaque(builder:flatbuffers.Builder) {
  builder.startObject(0);
}

static endOpaque(builder:flatbuffers.Builder):flatbuffers.Offset {
  const offset = builder.endObject();
  return offset;
}

static createOpaque(builder:flatbuffers.Builder):flatbuffers.Offset {
  Opaque.startOpaque(builder);
  return Opaque.endOpaque(builder);
}
}

export class Conv2DOptions {
  bb: flatbuffers.ByteBuffer|null = null;
  bb_pos = 0;
  __init(i:number, bb:flatbuffers.ByteBuffer):Conv2DOptions {
  this.bb_pos = i;
  this.bb = bb;
  return this;
}

static getRootAsConv2DOptions(bb:flatbuffers.ByteBuffer, obj?:Conv2DOptions):Conv2DOptions {
  return (obj || new Conv2DOptions()).__init(bb.readInt32(bb.position()) + bb.position(), bb);
}

padding():Padding {
  const offset = this.bb!.__offset(this.bb_pos, 4);
  return offset ? this.bb!.readInt8(this.bb_pos + offset) : Padding.SAME;
}

strideW():number {
  const offset = this.bb!.__offset(this.bb_pos, 6);
  return offset ? this.bb!.readInt32(this.bb_pos + offset) : 0;
}

strideH():number {
  const offset = this.bb!.__offset(this.bb_pos, 8);
  return offset ? this.bb!.readInt32(this.bb_pos + offset) : 0;
}

fusedActivation():Fused {
  const offset = this.bb!.__offset(this.bb_pos, 10);
  return offset ? this.bb!.readInt8(this.bb_pos + offset) : Fused.NONE;
}

dilationW():number {
  const offset = this.bb!.__offset(this.bb_pos, 12);
  return offset ? this.bb!.readInt32(this.bb_pos + offset) : 1;
}

dilationH():number {
  const offset = this.bb!.__offset(this.bb_pos, 14);
  return offset ? this.bb!.readInt32(this.bb_pos + offset) : 1;
}

static startConv2DOptions(builder:flatbuffers.Builder) {
  builder.startObject(6);
}

static addPadding(builder:flatbuffers.Builder, padding:Padding) {
  builder.addFieldInt8(0, padding, Padding.SAME);
}

static addStrideW(builder:flatbuffers.Builder, strideW:number) {
  builder.addFieldInt32(1, strideW, 0);
}

static addStrideH(builder:flatbuffers.Builder, strideH:number) {
  builder.addFieldInt32(2, strideH, 0);
}

static addFusedActivation(builder:flatbuffers.Builder, fusedActivation:Fused) {
  builder.addFieldInt8(3, fusedActivation, Fused.NONE);
}

static addDilationW(builder:flatbuffers.Builder, dilationW:number) {
  builder.addFieldInt32(4, dilationW, 1);
}

static addDilationH(builder:flatbuffers.Builder, dilationH:number) {
  builder.addFieldInt32(5, dilationH, 1);
}

static endConv2DOptions(builder:flatbuffers.Builder):flatbuffers.Offset {
  const offset = builder.endObject();
  return offset;
}

static createConv2DOptions(builder:flatbuffers.Builder, padding:Padding, strideW:number, strideH:number, fusedActivation:Fused, dilationW:number, dilationH:number):flatbuffers.Offset {
  Conv2DOptions.startConv2DOptions(builder);
  Conv2DOptions.addPadding(builder, padding);
  Conv2DOptions.addStrideW(builder, strideW);
  Conv2DOptions.addStrideH(builder, strideH);
  Conv2DOptions.addFusedActivation(builder, fusedActivation);
  Conv2DOptions.addDilationW(builder, dilationW);
  Conv2DOptions.addDilationH(builder, dilationH);
  return Conv2DOptions.endConv2DOptions(builder);
}
}

export class DepthwiseConv2DOptions {
  bb: flatbuffers.ByteBuffer|null = null;
  bb_pos = 0;
  __init(i:number, bb:flatbuffers.ByteBuffer):DepthwiseConv2DOptions {
  this.bb_pos = i;
  this.bb = bb;
  return this;
}

static getRootAsDepthwiseConv2DOptions(bb:flatbuffers.ByteBuffer, obj?:DepthwiseConv2DOptions):DepthwiseConv2DOptions {
  return (obj || new DepthwiseConv2DOptions()).__init(bb.readInt32(bb.position()) + bb.position(), bb);
}

padding():Padding {
  const offset = this.bb!.__offset(this.bb_pos, 4);
  return offset ? this.bb!.readInt8(this.bb_pos + offset) : Padding.SAME;
}

strideW():number {
  const offset = this.bb!.__offset(this.bb_pos, 6);
  return offset ? this.bb!.readInt32(this.bb_pos + offset) : 0;
}

strideH():number {
  const offset = this.bb!.__offset(this.bb_pos, 8);
  return offset ? this.bb!.readInt32(this.bb_pos + offset) : 0;
}

depthMultiplier():number {
  const offset = this.bb!.__offset(this.bb_pos, 10);
  return offset ? this.bb!.readInt32(this.bb_pos + offset) : 0;
}

fusedActivation():Fused {
  const offset = this.bb!.__offset(this.bb_pos, 12);
  return offset ? this.bb!.readInt8(this.bb_pos + offset) : Fused.NONE;
}

dilationW():number {
  const offset = this.bb!.__offset(this.bb_pos, 14);
  return offset ? this.bb!.readInt32(this.bb_pos + offset) : 1;
}

dilationH():number {
  const offset = this.bb!.__offset(this.bb_pos, 16);
  return offset ? this.bb!.readInt32(this.bb_pos + offset) : 1;
}

static startDepthwiseConv2DOptions(builder:flatbuffers.Builder) {
  builder.startObject(7);
}

static addPadding(builder:flatbuffers.Builder, padding:Padding) {
  builder.addFieldInt8(0, padding, Padding.SAME);
}

static addStrideW(builder:flatbuffers.Builder, strideW:number) {
  builder.addFieldInt32(1, strideW, 0);
}

static addStrideH(builder:flatbuffers.Builder, strideH:number) {
  builder.addFieldInt32(2, strideH, 0);
}

static addDepthMultiplier(builder:flatbuffers.Builder, depthMultiplier:number) {
  builder.addFieldInt32(3, depthMultiplier, 0);
}

static addFusedActivation(builder:flatbuffers.Builder, fusedActivation:Fused) {
  builder.addFieldInt8(4, fusedActivation, Fused.NONE);
}

static addDilationW(builder:flatbuffers.Builder, dilationW:number) {
  builder.addFieldInt32(5, dilationW, 1);
}

static addDilationH(builder:flatbuffers.Builder, dilationH:number) {
  builder.addFieldInt32(6, dilationH, 1);
}

static endDepthwiseConv2DOptions(builder:flatbuffers.Builder):flatbuffers.Offset {
  const offset = builder.endObject();
  return offset;
}

static createDepthwiseConv2DOptions(builder:flatbuffers.Builder, padding:Padding, strideW:number, strideH:number, depthMultiplier:number, fusedActivation:Fused, dilationW:number, dilationH:number):flatbuffers.Offset {
  DepthwiseConv2DOptions.startDepthwiseConv2DOptions(builder);
  DepthwiseConv2DOptions.addPadding(builder, padding);
  DepthwiseConv2DOptions.addStrideW(builder, strideW);
  DepthwiseConv2DOptions.addStrideH(builder, strideH);
  DepthwiseConv2DOptions.addDepthMultiplier(builder, depthMultiplier);
  DepthwiseConv2DOptions.addFusedActivation(builder, fusedActivation);
  DepthwiseConv2DOptions.addDilationW(builder, dilationW);
  DepthwiseConv2DOptions.addDilationH(builder, dilationH);
  return DepthwiseConv2DOptions.endDepthwiseConv2DOptions(builder);
}
}

export class Pool2DOptions {
  bb: flatbuffers.ByteBuffer|null = null;
  bb_pos = 0;
  __init(i:number, bb:flatbuffers.ByteBuffer):Pool2DOptions {
  this.bb_pos = i;
  this.bb = bb;
  return this;
}

static getRootAsPool2DOptions(bb:flatbuffers.ByteBuffer, obj?:Pool2DOptions):Pool2DOptions {
  return (obj || new Pool2DOptions()).__init(bb.readInt32(bb.position()) + bb.position(), bb);
}

padding():Padding {
  const offset = this.bb!.__offset(this.bb_pos, 4);
  return offset ? this.bb!.readInt8(this.bb_pos + offset) : Padding.SAME;
}

strideW():number {
  const offset = this.bb!.__offset(this.bb_pos, 6);
  return offset ? this.bb!.readInt32(this.bb_pos + offset) : 0;
}

strideH():number {
  const offset = this.bb!.__offset(this.bb_pos, 8);
  return offset ? this.bb!.readInt32(this.bb_pos + offset) : 0;
}

filterW():number {
  const offset = this.bb!.__offset(this.bb_pos, 10);
  return offset ? this.bb!.readInt32(this.bb_pos + offset) : 0;
}

filterH():number {
  const offset = this.bb!.__offset(this.bb_pos, 12);
  return offset ? this.bb!.readInt32(this.bb_pos + offset) : 0;
}

fusedActivation():Fused {
  const offset = this.bb!.__offset(this.bb_pos, 14);
  return offset ? this.bb!.readInt8(this.bb_pos + offset) : Fused.NONE;
}

static startPool2DOptions(builder:flatbuffers.Builder) {
  builder.startObject(6);
}

static addPadding(builder:flatbuffers.Builder, padding:Padding) {
  builder.addFieldInt8(0, padding, Padding.SAME);
}

static addStrideW(builder:flatbuffers.Builder, strideW:number) {
  builder.addFieldInt32(1, strideW, 0);
}

static addStrideH(builder:flatbuffers.Builder, strideH:number) {
  builder.addFieldInt32(2, strideH, 0);
}

static addFilterW(builder:flatbuffers.Builder, filterW:number) {
  builder.addFieldInt32(3, filterW, 0);
}

static addFilterH(builder:flatbuffers.Builder, filterH:number) {
  builder.addFieldInt32(4, filterH, 0);
}

static addFusedActivation(builder:flatbuffers.Builder, fusedActivation:Fused) {
  builder.addFieldInt8(5, fusedActivation, Fused.NONE);
}

static endPool2DOptions(builder:flatbuffers.Builder):flatbuffers.Offset {
  const offset = builder.endObject();
  return offset;
}

static createPool2DOptions(builder:flatbuffers.Builder, padding:Padding, strideW:number, strideH:number, filterW:number, filterH:number, fusedActivation:Fused):flatbuffers.Offset {
  Pool2DOptions.startPool2DOptions(builder);
  Pool2DOptions.addPadding(builder, padding);
  Pool2DOptions.addStrideW(builder, strideW);
  Pool2DOptions.addStrideH(builder, strideH);
  Pool2DOptions.addFilterW(builder, filterW);
  Pool2DOptions.addFilterH(builder, filterH);
  Pool2DOptions.addFusedActivation(builder, fusedActivation);
  return Pool2DOptions.endPool2DOptions(builder);
}
}

export class FullyConnectedOptions {
  bb: flatbuffers.ByteBuffer|null = null;
  bb_pos = 0;
  __init(i:number, bb:flatbuffers.ByteBuffer):FullyConnectedOptions {
  this.bb_pos = i;
  this.bb = bb;
  return this;
}

static getRootAsFullyConnectedOptions(bb:flatbuffers.ByteBuffer, obj?:FullyConnectedOptions):FullyConnectedOptions {
  return (obj || new FullyConnectedOptions()).__init(bb.readInt32(bb.position()) + bb.position(), bb);
}

fusedActivation():Fused {
  const offset = this.bb!.__offset(this.bb_pos, 4);
  return offset ? this.bb!.readInt8(this.bb_pos + offset) : Fused.NONE;
}

weightsFormat():number {
  const offset = this.bb!.__offset(this.bb_pos, 6);
  return offset ? this.bb!.readInt8(this.bb_pos + offset) : 0;
}

keepNumDims():boolean {
  const offset = this.bb!.__offset(this.bb_pos, 8);
  return offset ? !!this.bb!.readInt8(this.bb_pos + offset) : false;
}

static startFullyConnectedOptions(builder:flatbuffers.Builder) {
  builder.startObject(3);
}

static addFusedActivation(builder:flatbuffers.Builder, fusedActivation:Fused) {
  builder.addFieldInt8(0, fusedActivation, Fused.NONE);
}

static addWeightsFormat(builder:flatbuffers.Builder, weightsFormat:number) {
  builder.addFieldInt8(1, weightsFormat, 0);
}

static addKeepNumDims(builder:flatbuffers.Builder, keepNumDims:boolean) {
  builder.addFieldInt8(2, +keepNumDims, +false);
}

static endFullyConnectedOptions(builder:flatbuffers.Builder):flatbuffers.Offset {
  const offset = builder.endObject();
  return offset;
}

static createFullyConnectedOptions(builder:flatbuffers.Builder, fusedActivation:Fused, weightsFormat:number, keepNumDims:boolean):flatbuffers.Offset {
  FullyConnectedOptions.startFullyConnectedOptions(builder);
  FullyConnectedOptions.addFusedActivation(builder, fusedActivation);
  FullyConnectedOptions.addWeightsFormat(builder, weightsFormat);
  FullyConnectedOptions.addKeepNumDims(builder, keepNumDims);
  return FullyConnectedOptions.endFullyConnectedOptions(builder);
}
}

export class SoftmaxOptions {
  bb: flatbuffers.ByteBuffer|null = null;
  bb_pos = 0;
  __init(i:number, bb:flatbuffers.ByteBuffer):SoftmaxOptions {
  this.bb_pos = i;
  this.bb = bb;
  return this;
}

static getRootAsSoftmaxOptions(bb:flatbuffers.ByteBuffer, obj?:SoftmaxOptions):SoftmaxOptions {
  return (obj || new SoftmaxOptions()).__init(bb.readInt32(bb.position()) + bb.position(), bb);
}

beta():number {
  const offset = this.bb!.__offset(this.bb_pos, 4);
  return offset ? this.bb!.readFloat32(this.bb_pos + offset) : 0.0;
}

static startSoftmaxOptions(builder:flatbuffers.Builder) {
  builder.startObject(1);
}

static addBeta(builder:flatbuffers.Builder, beta:number) {
  builder.addFieldFloat32(0, beta, 0.0);
}

static endSoftmaxOptions(builder:flatbuffers.Builder):flatbuffers.Offset {
  const offset = builder.endObject();
  return offset;
}

static createSoftmaxOptions(builder:flatbuffers.Builder, beta:number):flatbuffers.Offset {
  SoftmaxOptions.startSoftmaxOptions(builder);
  SoftmaxOptions.addBeta(builder, beta);
  return SoftmaxOptions.endSoftmaxOptions(builder);
}
}

export class AddOptions {
  bb: flatbuffers.ByteBuffer|null = null;
  bb_pos = 0;
  __init(i:number, bb:flatbuffers.ByteBuffer):AddOptions {
  this.bb_pos = i;
  this.bb = bb;
  return this;
}

static getRootAsAddOptions(bb:flatbuffers.ByteBuffer, obj?:AddOptions):AddOptions {
  return (obj || new AddOptions()).__init(bb.readInt32(bb.position()) + bb.position(), bb);
}

fusedActivation():Fused {
  const offset = this.bb!.__offset(this.bb_pos, 4);
  return offset ? this.bb!.readInt8(this.bb_pos + offset) : Fused.NONE;
}

static startAddOptions(builder:flatbuffers.Builder) {
  builder.startObject(1);
}

static addFusedActivation(builder:flatbuffers.Builder, fusedActivation:Fused) {
  builder.addFieldInt8(0, fusedActivation, Fused.NONE);
}

static endAddOptions(builder:flatbuffers.Builder):flatbuffers.Offset {
  const offset = builder.endObject();
  return offset;
}

static createAddOptions(builder:flatbuffers.Builder, fusedActivation:Fused):flatbuffers.Offset {
  AddOptions.startAddOptions(builder);
  AddOptions.addFusedActivation(builder, fusedActivation);
  return AddOptions.endAddOptions(builder);
}
}

export class ReducerOptions {
  bb: flatbuffers.ByteBuffer|null = null;
  bb_pos = 0;
  __init(i:number, bb:flatbuffers.ByteBuffer):ReducerOptions {
  this.bb_pos = i;
  this.bb = bb;
  return this;
}

static getRootAsReducerOptions(bb:flatbuffers.ByteBuffer, obj?:ReducerOptions):ReducerOptions {
  return (obj || new ReducerOptions()).__init(bb.readInt32(bb.position()) + bb.position(), bb);
}

keepDims():boolean {
  const offset = this.bb!.__offset(this.bb_pos, 4);
  return offset ? !!this.bb!.readInt8(this.bb_pos + offset) : false;
}

static startReducerOptions(builder:flatbuffers.Builder) {
  builder.startObject(1);
}

static addKeepDims(builder:flatbuffers.Builder, keepDims:boolean) {
  builder.addFieldInt8(0, +keepDims, +false);
}

static endReducerOptions(builder:flatbuffers.Builder):flatbuffers.Offset {
  const offset = builder.endObject();
  return offset;
}

static createReducerOptions(builder:flatbuffers.Builder, keepDims:boolean):flatbuffers.Offset {
  ReducerOptions.startReducerOptions(builder);
  ReducerOptions.addKeepDims(builder, keepDims);
  return ReducerOptions.endReducerOptions(builder);
}
}

export class ConcatenationOptions {
  bb: flatbuffers.ByteBuffer|null = null;
  bb_pos = 0;
  __init(i:number, bb:flatbuffers.ByteBuffer):ConcatenationOptions {
  this.bb_pos = i;
  this.bb = bb;
  return this;
}

static getRootAsConcatenationOptions(bb:flatbuffers.ByteBuffer, obj?:ConcatenationOptions):ConcatenationOptions {
  return (obj || new ConcatenationOptions()).__init(bb.readInt32(bb.position()) + bb.position(), bb);
}

axis():number {
  const offset = this.bb!.__offset(this.bb_pos, 4);
  return offset ? this.bb!.readInt32(this.bb_pos + offset) : 0;
}

fusedActivation():Fused {
  const offset = this.bb!.__offset(this.bb_pos, 6);
  return offset ? this.bb!.readInt8(this.bb_pos + offset) : Fused.NONE;
}

static startConcatenationOptions(builder:flatbuffers.Builder) {
  builder.startObject(2);
}

static addAxis(builder:flatbuffers.Builder, axis:number) {
  builder.addFieldInt32(0, axis, 0);
}

static addFusedActivation(builder:flatbuffers.Builder, fusedActivation:Fused) {
  builder.addFieldInt8(1, fusedActivation, Fused.NONE);
}

static endConcatenationOptions(builder:flatbuffers.Builder):flatbuffers.Offset {
  const offset = builder.endObject();
  return offset;
}

static createConcatenationOptions(builder:flatbuffers.Builder, axis:number, fusedActivation:Fused):flatbuffers.Offset {
  ConcatenationOptions.startConcatenationOptions(builder);
  ConcatenationOptions.addAxis(builder, axis);
  ConcatenationOptions.addFusedActivation(builder, fusedActivation);
  return ConcatenationOptions.endConcatenationOptions(builder);
}
}

export class L2NormOptions {
  bb: flatbuffers.ByteBuffer|null = null;
  bb_pos = 0;
  __init(i:number, bb:flatbuffers.ByteBuffer):L2NormOptions {
  this.bb_pos = i;
  this.bb = bb;
  return this;
}

static getRootAsL2NormOptions(bb:flatbuffers.ByteBuffer, obj?:L2NormOptions):L2NormOptions {
  return (obj || new L2NormOptions()).__init(bb.readInt32(bb.position()) + bb.position(), bb);
}

fusedActivation():Fused {
  const offset = this.bb!.__offset(this.bb_pos, 4);
  return offset ? this.bb!.readInt8(this.bb_pos + offset) : Fused.NONE;
}

static startL2NormOptions(builder:flatbuffers.Builder) {
  builder.startObject(1);
}

static addFusedActivation(builder:flatbuffers.Builder, fusedActivation:Fused) {
  builder.addFieldInt8(0, fusedActivation, Fused.NONE);
}

static endL2NormOptions(builder:flatbuffers.Builder):flatbuffers.Offset {
  const offset = builder.endObject();
  return offset;
}

static createL2NormOptions(builder:flatbuffers.Builder, fusedActivation:Fused):flatbuffers.Offset {
  L2NormOptions.startL2NormOptions(builder);
  L2NormOptions.addFusedActivation(builder, fusedActivation);
  return L2NormOptions.endL2NormOptions(builder);
}
}

export class ResizeBilinearOptions {
  bb: flatbuffers.ByteBuffer|null = null;
  bb_pos = 0;
  __init(i:number, bb:flatbuffers.ByteBuffer):ResizeBilinearOptions {
  this.bb_pos = i;
  this.bb = bb;
  return this;
}

static getRootAsResizeBilinearOptions(bb:flatbuffers.ByteBuffer, obj?:ResizeBilinearOptions):ResizeBilinearOptions {
  return (obj || new ResizeBilinearOptions()).__init(bb.readInt32(bb.position()) + bb.position(), bb);
}

alignCorners():boolean {
  const offset = this.bb!.__offset(this.bb_pos, 8);
  return offset ? !!this.bb!.readInt8(this.bb_pos + offset) : false;
}

halfPixelCenters():boolean {
  const offset = this.bb!.__offset(this.bb_pos, 10);
  return offset ? !!this.bb!.readInt8(this.bb_pos + offset) : false;
}

static startResizeBilinearOptions(builder:flatbuffers.Builder) {
  builder.startObject(4);
}

static addAlignCorners(builder:flatbuffers.Builder, alignCorners:boolean) {
  builder.addFieldInt8(2, +alignCorners, +false);
}

static addHalfPixelCenters(builder:flatbuffers.Builder, halfPixelCenters:boolean) {
  builder.addFieldInt8(3, +halfPixelCenters, +false);
}

static endResizeBilinearOptions(builder:flatbuffers.Builder):flatbuffers.Offset {
  const offset = builder.endObject();
  return offset;
}

static createResizeBilinearOptions(builder:flatbuffers.Builder, alignCorners:boolean, halfPixelCenters:boolean):flatbuffers.Offset {
  ResizeBilinearOptions.startResizeBilinearOptions(builder);
  ResizeBilinearOptions.addAlignCorners(builder, alignCorners);
  ResizeBilinearOptions.addHalfPixelCenters(builder, halfPixelCenters);
  return ResizeBilinearOptions.endResizeBilinearOptions(builder);
}
}

export class ResizeNearestNeighborOptions {
  bb: flatbuffers.ByteBuffer|null = null;
  bb_pos = 0;
  __init(i:number, bb:flatbuffers.ByteBuffer):ResizeNearestNeighborOptions {
  this.bb_pos = i;
  this.bb = bb;
  return this;
}

static getRootAsResizeNearestNeighborOptions(bb:flatbuffers.ByteBuffer, obj?:ResizeNearestNeighborOptions):ResizeNearestNeighborOptions {
  return (obj || new ResizeNearestNeighborOptions()).__init(bb.readInt32(bb.position()) + bb.position(), bb);
}

alignCorners():boolean {
  const offset = this.bb!.__offset(this.bb_pos, 4);
  return offset ? !!this.bb!.readInt8(this.bb_pos + offset) : false;
}

halfPixelCenters():boolean {
  const offset = this.bb!.__offset(this.bb_pos, 6);
  return offset ? !!this.bb!.readInt8(this.bb_pos + offset) : false;
}

static startResizeNearestNeighborOptions(builder:flatbuffers.Builder) {
  builder.startObject(2);
}

static addAlignCorners(builder:flatbuffers.Builder, alignCorners:boolean) {
  builder.addFieldInt8(0, +alignCorners, +false);
}

static addHalfPixelCenters(builder:flatbuffers.Builder, halfPixelCenters:boolean) {
  builder.addFieldInt8(1, +halfPixelCenters, +false);
}

static endResizeNearestNeighborOptions(builder:flatbuffers.Builder):flatbuffers.Offset {
  const offset = builder.endObject();
  return offset;
}

static createResizeNearestNeighborOptions(builder:flatbuffers.Builder, alignCorners:boolean, halfPixelCenters:boolean):flatbuffers.Offset {
  ResizeNearestNeighborOptions.startResizeNearestNeighborOptions(builder);
  ResizeNearestNeighborOptions.addAlignCorners(builder, alignCorners);
  ResizeNearestNeighborOptions.addHalfPixelCenters(builder, halfPixelCenters);
  return ResizeNearestNeighborOptions.endResizeNearestNeighborOptions(builder);
}
}

export class SpaceToDepthOptions {
  bb: flatbuffers.ByteBuffer|null = null;
  bb_pos = 0;
  __init(i:number, bb:flatbuffers.ByteBuffer):SpaceToDepthOptions {
  this.bb_pos = i;
  this.bb = bb;
  return this;
}

static getRootAsSpaceToDepthOptions(bb:flatbuffers.ByteBuffer, obj?:SpaceToDepthOptions):SpaceToDepthOptions {
  return (obj || new SpaceToDepthOptions()).__init(bb.readInt32(bb.position()) + bb.position(), bb);
}

blockSize():number {
  const offset = this.bb!.__offset(this.bb_pos, 4);
  return offset ? this.bb!.readInt32(this.bb_pos + offset) : 0;
}

static startSpaceToDepthOptions(builder:flatbuffers.Builder) {
  builder.startObject(1);
}

static addBlockSize(builder:flatbuffers.Builder, blockSize:number) {
  builder.addFieldInt32(0, blockSize, 0);
}

static endSpaceToDepthOptions(builder:flatbuffers.Builder):flatbuffers.Offset {
  const offset = builder.endObject();
  return offset;
}

static createSpaceToDepthOptions(builder:flatbuffers.Builder, blockSize:number):flatbuffers.Offset {
  SpaceToDepthOptions.startSpaceToDepthOptions(builder);
  SpaceToDepthOptions.addBlockSize(builder, blockSize);
  return SpaceToDepthOptions.endSpaceToDepthOptions(builder);
}
}

export class DepthToSpaceOptions {
  bb: flatbuffers.ByteBuffer|null = null;
  bb_pos = 0;
  __init(i:number, bb:flatbuffers.ByteBuffer):DepthToSpaceOptions {
  this.bb_pos = i;
  this.bb = bb;
  return this;
}

static getRootAsDepthToSpaceOptions(bb:flatbuffers.ByteBuffer, obj?:DepthToSpaceOptions):DepthToSpaceOptions {
  return (obj || new DepthToSpaceOptions()).__init(bb.readInt32(bb.position()) + bb.position(), bb);
}

blockSize():number {
  const offset = this.bb!.__offset(this.bb_pos, 4);
  return offset ? this.bb!.readInt32(this.bb_pos + offset) : 0;
}

static startDepthToSpaceOptions(builder:flatbuffers.Builder) {
  builder.startObject(1);
}

static addBlockSize(builder:flatbuffers.Builder, blockSize:number) {
  builder.addFieldInt32(0, blockSize, 0);
}

static endDepthToSpaceOptions(builder:flatbuffers.Builder):flatbuffers.Offset {
  const offset = builder.endObject();
  return offset;
}

static createDepthToSpaceOptions(builder:flatbuffers.Builder, blockSize:number):flatbuffers.Offset {
  DepthToSpaceOptions.startDepthToSpaceOptions(builder);
  DepthToSpaceOptions.addBlockSize(builder, blockSize);
  return DepthToSpaceOptions.endDepthToSpaceOptions(builder);
}
}

export class SubOptions {
  bb: flatbuffers.ByteBuffer|null = null;
  bb_pos = 0;
  __init(i:number, bb:flatbuffers.ByteBuffer):SubOptions {
  this.bb_pos = i;
  this.bb = bb;
  return this;
}

static getRootAsSubOptions(bb:flatbuffers.ByteBuffer, obj?:SubOptions):SubOptions {
  return (obj || new SubOptions()).__init(bb.readInt32(bb.position()) + bb.position(), bb);
}

fusedActivation():Fused {
  const offset = this.bb!.__offset(this.bb_pos, 4);
  return offset ? this.bb!.readInt8(this.bb_pos + offset) : Fused.NONE;
}

static startSubOptions(builder:flatbuffers.Builder) {
  builder.startObject(1);
}

static addFusedActivation(builder:flatbuffers.Builder, fusedActivation:Fused) {
  builder.addFieldInt8(0, fusedActivation, Fused.NONE);
}

static endSubOptions(builder:flatbuffers.Builder):flatbuffers.Offset {
  const offset = builder.endObject();
  return offset;
}

static createSubOptions(builder:flatbuffers.Builder, fusedActivation:Fused):flatbuffers.Offset {
  SubOptions.startSubOptions(builder);
  SubOptions.addFusedActivation(builder, fusedActivation);
  return SubOptions.endSubOptions(builder);
}
}

export class MulOptions {
  bb: flatbuffers.ByteBuffer|null = null;
  bb_pos = 0;
  __init(i:number, bb:flatbuffers.ByteBuffer):MulOptions {
  this.bb_pos = i;
  this.bb = bb;
  return this;
}

static getRootAsMulOptions(bb:flatbuffers.ByteBuffer, obj?:MulOptions):MulOptions {
  return (obj || new MulOptions()).__init(bb.readInt32(bb.position()) + bb.position(), bb);
}

fusedActivation():Fused {
  const offset = this.bb!.__offset(this.bb_pos, 4);
  return offset ? this.bb!.readInt8(this.bb_pos + offset) : Fused.NONE;
}

static startMulOptions(builder:flatbuffers.Builder) {
  builder.startObject(1);
}

static addFusedActivation(builder:flatbuffers.Builder, fusedActivation:Fused) {
  builder.addFieldInt8(0, fusedActivation, Fused.NONE);
}

static endMulOptions(builder:flatbuffers.Builder):flatbuffers.Offset {
  const offset = builder.endObject();
  return offset;
}

static createMulOptions(builder:flatbuffers.Builder, fusedActivation:Fused):flatbuffers.Offset {
  MulOptions.startMulOptions(builder);
  MulOptions.addFusedActivation(builder, fusedActivation);
  return MulOptions.endMulOptions(builder);
}
}

export class SplitOptions {
  bb: flatbuffers.ByteBuffer|null = null;
  bb_pos = 0;
  __init(i:number, bb:flatbuffers.ByteBuffer):SplitOptions {
  this.bb_pos = i;
  this.bb = bb;
  return this;
}

static getRootAsSplitOptions(bb:flatbuffers.ByteBuffer, obj?:SplitOptions):SplitOptions {
  return (obj || new SplitOptions()).__init(bb.readInt32(bb.position()) + bb.position(), bb);
}

numSplits():number {
  const offset = this.bb!.__offset(this.bb_pos, 4);
  return offset ? this.bb!.readInt32(this.bb_pos + offset) : 0;
}

static startSplitOptions(builder:flatbuffers.Builder) {
  builder.startObject(1);
}

static addNumSplits(builder:flatbuffers.Builder, numSplits:number) {
  builder.addFieldInt32(0, numSplits, 0);
}

static endSplitOptions(builder:flatbuffers.Builder):flatbuffers.Offset {
  const offset = builder.endObject();
  return offset;
}

static createSplitOptions(builder:flatbuffers.Builder, numSplits:number):flatbuffers.Offset {
  SplitOptions.startSplitOptions(builder);
  SplitOptions.addNumSplits(builder, numSplits);
  return SplitOptions.endSplitOptions(builder);
}
}

export class StridedSliceOptions {
  bb: flatbuffers.ByteBuffer|null = null;
  bb_pos = 0;
  __init(i:number, bb:flatbuffers.ByteBuffer):StridedSliceOptions {
  this.bb_pos = i;
  this.bb = bb;
  return this;
}

static getRootAsStridedSliceOptions(bb:flatbuffers.ByteBuffer, obj?:StridedSliceOptions):StridedSliceOptions {
  return (obj || new StridedSliceOptions()).__init(bb.readInt32(bb.position()) + bb.position(), bb);
}

beginMask():number {
  const offset = this.bb!.__offset(this.bb_pos, 4);
  return offset ? this.bb!.readInt32(this.bb_pos + offset) : 0;
}

endMask():number {
  const offset = this.bb!.__offset(this.bb_pos, 6);
  return offset ? this.bb!.readInt32(this.bb_pos + offset) : 0;
}

ellipsisMask():number {
  const offset = this.bb!.__offset(this.bb_pos, 8);
  return offset ? this.bb!.readInt32(this.bb_pos + offset) : 0;
}

newAxisMask():number {
  const offset = this.bb!.__offset(this.bb_pos, 10);
  return offset ? this.bb!.readInt32(this.bb_pos + offset) : 0;
}

shrinkAxisMask():number {
  const offset = this.bb!.__offset(this.bb_pos, 12);
  return offset ? this.bb!.readInt32(this.bb_pos + offset) : 0;
}

offset():boolean {
  const offset = this.bb!.__offset(this.bb_pos, 14);
  return offset ? !!this.bb!.readInt8(this.bb_pos + offset) : false;
}

static startStridedSliceOptions(builder:flatbuffers.Builder) {
  builder.startObject(6);
}

static addBeginMask(builder:flatbuffers.Builder, beginMask:number) {
  builder.addFieldInt32(0, beginMask, 0);
}

static addEndMask(builder:flatbuffers.Builder, endMask:number) {
  builder.addFieldInt32(1, endMask, 0);
}

static addEllipsisMask(builder:flatbuffers.Builder, ellipsisMask:number) {
  builder.addFieldInt32(2, ellipsisMask, 0);
}

static addNewAxisMask(builder:flatbuffers.Builder, newAxisMask:number) {
  builder.addFieldInt32(3, newAxisMask, 0);
}

static addShrinkAxisMask(builder:flatbuffers.Builder, shrinkAxisMask:number) {
  builder.addFieldInt32(4, shrinkAxisMask, 0);
}

static addOffset(builder:flatbuffers.Builder, offset:boolean) {
  builder.addFieldInt8(5, +offset, +false);
}

static endStridedSliceOptions(builder:flatbuffers.Builder):flatbuffers.Offset {
  const offset = builder.endObject();
  return offset;
}

static createStridedSliceOptions(builder:flatbuffers.Builder, beginMask:number, endMask:number, ellipsisMask:number, newAxisMask:number, shrinkAxisMask:number, offset:boolean):flatbuffers.Offset {
  StridedSliceOptions.startStridedSliceOptions(builder);
  StridedSliceOptions.addBeginMask(builder, beginMask);
  StridedSliceOptions.addEndMask(builder, endMask);
  StridedSliceOptions.addEllipsisMask(builder, ellipsisMask);
  StridedSliceOptions.addNewAxisMask(builder, newAxisMask);
  StridedSliceOptions.addShrinkAxisMask(builder, shrinkAxisMask);
  StridedSliceOptions.addOffset(builder, offset);
  return StridedSliceOptions.endStridedSliceOptions(builder);
}
}

export class LeakyReluOptions {
  bb: flatbuffers.ByteBuffer|null = null;
  bb_pos = 0;
  __init(i:number, bb:flatbuffers.ByteBuffer):LeakyReluOptions {
  this.bb_pos = i;
  this.bb = bb;
  return this;
}

static getRootAsLeakyReluOptions(bb:flatbuffers.ByteBuffer, obj?:LeakyReluOptions):LeakyReluOptions {
  return (obj || new LeakyReluOptions()).__init(bb.readInt32(bb.position()) + bb.position(), bb);
}

alpha():number {
  const offset = this.bb!.__offset(this.bb_pos, 4);
  return offset ? this.bb!.readFloat32(this.bb_pos + offset) : 0.0;
}

static startLeakyReluOptions(builder:flatbuffers.Builder) {
  builder.startObject(1);
}

static addAlpha(builder:flatbuffers.Builder, alpha:number) {
  builder.addFieldFloat32(0, alpha, 0.0);
}

static endLeakyReluOptions(builder:flatbuffers.Builder):flatbuffers.Offset {
  const offset = builder.endObject();
  return offset;
}

static createLeakyReluOptions(builder:flatbuffers.Builder, alpha:number):flatbuffers.Offset {
  LeakyReluOptions.startLeakyReluOptions(builder);
  LeakyReluOptions.addAlpha(builder, alpha);
  return LeakyReluOptions.endLeakyReluOptions(builder);
}
}

export class GeluOptions {
  bb: flatbuffers.ByteBuffer|null = null;
  bb_pos = 0;
  __init(i:number, bb:flatbuffers.ByteBuffer):GeluOptions {
  this.bb_pos = i;
  this.bb = bb;
  return this;
}

static getRootAsGeluOptions(bb:flatbuffers.ByteBuffer, obj?:GeluOptions):GeluOptions {
  return (obj || new GeluOptions()).__init(bb.readInt32(bb.position()) + bb.position(), bb);
}

approximate():boolean {
  const offset = this.bb!.__offset(this.bb_pos, 4);
  return offset ? !!this.bb!.readInt8(this.bb_pos + offset) : false;
}

static startGeluOptions(builder:flatbuffers.Builder) {
  builder.startObject(1);
}

static addApproximate(builder:flatbuffers.Builder, approximate:boolean) {
  builder.addFieldInt8(0, +approximate, +false);
}

static endGeluOptions(builder:flatbuffers.Builder):flatbuffers.Offset {
  const offset = builder.endObject();
  return offset;
}

static createGeluOptions(builder:flatbuffers.Builder, approximate:boolean):flatbuffers.Offset {
  GeluOptions.startGeluOptions(builder);
  GeluOptions.addApproximate(builder, approximate);
  return GeluOptions.endGeluOptions(builder);
}
}

export class GatherOptions {
  bb: flatbuffers.ByteBuffer|null = null;
  bb_pos = 0;
  __init(i:number, bb:flatbuffers.ByteBuffer):GatherOptions {
  this.bb_pos = i;
  this.bb = bb;
  return this;
}

static getRootAsGatherOptions(bb:flatbuffers.ByteBuffer, obj?:GatherOptions):GatherOptions {
  return (obj || new GatherOptions()).__init(bb.readInt32(bb.position()) + bb.position(), bb);
}

axis():number {
  const offset = this.bb!.__offset(this.bb_pos, 4);
  return offset ? this.bb!.readInt32(this.bb_pos + offset) : 0;
}

batchDims():number {
  const offset = this.bb!.__offset(this.bb_pos, 6);
  return offset ? this.bb!.readInt32(this.bb_pos + offset) : 0;
}

static startGatherOptions(builder:flatbuffers.Builder) {
  builder.startObject(2);
}

static addAxis(builder:flatbuffers.Builder, axis:number) {
  builder.addFieldInt32(0, axis, 0);
}

static addBatchDims(builder:flatbuffers.Builder, batchDims:number) {
  builder.addFieldInt32(1, batchDims, 0);
}

static endGatherOptions(builder:flatbuffers.Builder):flatbuffers.Offset {
  const offset = builder.endObject();
  return offset;
}

static createGatherOptions(builder:flatbuffers.Builder, axis:number, batchDims:number):flatbuffers.Offset {
  GatherOptions.startGatherOptions(builder);
  GatherOptions.addAxis(builder, axis);
  GatherOptions.addBatchDims(builder, batchDims);
  return GatherOptions.endGatherOptions(builder);
}
}

export class UnidirectionalSequenceLSTMOptions {
  bb: flatbuffers.ByteBuffer|null = null;
  bb_pos = 0;
  __init(i:number, bb:flatbuffers.ByteBuffer):UnidirectionalSequenceLSTMOptions {
  this.bb_pos = i;
  this.bb = bb;
  return this;
}

static getRootAsUnidirectionalSequenceLSTMOptions(bb:flatbuffers.ByteBuffer, obj?:UnidirectionalSequenceLSTMOptions):UnidirectionalSequenceLSTMOptions {
  return (obj || new UnidirectionalSequenceLSTMOptions()).__init(bb.readInt32(bb.position()) + bb.position(), bb);
}

fusedActivation():Fused {
  const offset = this.bb!.__offset(this.bb_pos, 4);
  return offset ? this.bb!.readInt8(this.bb_pos + offset) : Fused.NONE;
}

cellClip():number {
  const offset = this.bb!.__offset(this.bb_pos, 6);
  return offset ? this.bb!.readFloat32(this.bb_pos + offset) : 0.0;
}

projClip():number {
  const offset = this.bb!.__offset(this.bb_pos, 8);
  return offset ? this.bb!.readFloat32(this.bb_pos + offset) : 0.0;
}

timeMajor():boolean {
  const offset = this.bb!.__offset(this.bb_pos, 10);
  return offset ? !!this.bb!.readInt8(this.bb_pos + offset) : false;
}

static startUnidirectionalSequenceLSTMOptions(builder:flatbuffers.Builder) {
  builder.startObject(4);
}

static addFusedActivation(builder:flatbuffers.Builder, fusedActivation:Fused) {
  builder.addFieldInt8(0, fusedActivation, Fused.NONE);
}

static addCellClip(builder:flatbuffers.Builder, cellClip:number) {
  builder.addFieldFloat32(1, cellClip, 0.0);
}

static addProjClip(builder:flatbuffers.Builder, projClip:number) {
  builder.addFieldFloat32(2, projClip, 0.0);
}

static addTimeMajor(builder:flatbuffers.Builder, timeMajor:boolean) {
  builder.addFieldInt8(3, +timeMajor, +false);
}

static endUnidirectionalSequenceLSTMOptions(builder:flatbuffers.Builder):flatbuffers.Offset {
  const offset = builder.endObject();
  return offset;
}

static createUnidirectionalSequenceLSTMOptions(builder:flatbuffers.Builder, fusedActivation:Fused, cellClip:number, projClip:number, timeMajor:boolean):flatbuffers.Offset {
  UnidirectionalSequenceLSTMOptions.startUnidirectionalSequenceLSTMOptions(builder);
  UnidirectionalSequenceLSTMOptions.addFusedActivation(builder, fusedActivation);
  UnidirectionalSequenceLSTMOptions.addCellClip(builder, cellClip);
  UnidirectionalSequenceLSTMOptions.addProjClip(builder, projClip);
  UnidirectionalSequenceLSTMOptions.addTimeMajor(builder, timeMajor);
  return UnidirectionalSequenceLSTMOptions.endUnidirectionalSequenceLSTMOptions(builder);
}
}

export class MirrorPadOptions {
  bb: flatbuffers.ByteBuffer|null = null;
  bb_pos = 0;
  __init(i:number, bb:flatbuffers.ByteBuffer):MirrorPadOptions {
  this.bb_pos = i;
  this.bb = bb;
  return this;
}

static getRootAsMirrorPadOptions(bb:flatbuffers.ByteBuffer, obj?:MirrorPadOptions):MirrorPadOptions {
  return (obj || new MirrorPadOptions()).__init(bb.readInt32(bb.position()) + bb.position(), bb);
}

mode():MirrorPadMode {
  const offset = this.bb!.__offset(this.bb_pos, 4);
  return offset ? this.bb!.readInt8(this.bb_pos + offset) : MirrorPadMode.REFLECT;
}

static startMirrorPadOptions(builder:flatbuffers.Builder) {
  builder.startObject(1);
}

static addMode(builder:flatbuffers.Builder, mode:MirrorPadMode) {
  builder.addFieldInt8(0, mode, MirrorPadMode.REFLECT);
}

static endMirrorPadOptions(builder:flatbuffers.Builder):flatbuffers.Offset {
  const offset = builder.endObject();
  return offset;
}

static createMirrorPadOptions(builder:flatbuffers.Builder, mode:MirrorPadMode):flatbuffers.Offset {
  MirrorPadOptions.startMirrorPadOptions(builder);
  MirrorPadOptions.addMode(builder, mode);
  return MirrorPadOptions.endMirrorPadOptions(builder);
}
}

export class BatchMatMulOptions {
  bb: flatbuffers.ByteBuffer|null = null;
  bb_pos = 0;
  __init(i:number, bb:flatbuffers.ByteBuffer):BatchMatMulOptions {
  this.bb_pos = i;
  this.bb = bb;
  return this;
}

static getRootAsBatchMatMulOptions(bb:flatbuffers.ByteBuffer, obj?:BatchMatMulOptions):BatchMatMulOptions {
  return (obj || new BatchMatMulOptions()).__init(bb.readInt32(bb.position()) + bb.position(), bb);
}

adjX():boolean {
  const offset = this.bb!.__offset(this.bb_pos, 4);
  return offset ? !!this.bb!.readInt8(this.bb_pos + offset) : false;
}

adjY():boolean {
  const offset = this.bb!.__offset(this.bb_pos, 6);
  return offset ? !!this.bb!.readInt8(this.bb_pos + offset) : false;
}

static startBatchMatMulOptions(builder:flatbuffers.Builder) {
  builder.startObject(2);
}

static addAdjX(builder:flatbuffers.Builder, adjX:boolean) {
  builder.addFieldInt8(0, +adjX, +false);
}

static addAdjY(builder:flatbuffers.Builder, adjY:boolean) {
  builder.addFieldInt8(1, +adjY, +false);
}

static endBatchMatMulOptions(builder:flatbuffers.Builder):flatbuffers.Offset {
  const offset = builder.endObject();
  return offset;
}

static createBatchMatMulOptions(builder:flatbuffers.Builder, adjX:boolean, adjY:boolean):flatbuffers.Offset {
  BatchMatMulOptions.startBatchMatMulOptions(builder);
  BatchMatMulOptions.addAdjX(builder, adjX);
  BatchMatMulOptions.addAdjY(builder, adjY);
  return BatchMatMulOptions.endBatchMatMulOptions(builder);
}
}

export class CallOnceOptions {
  bb: flatbuffers.ByteBuffer|null = null;
  bb_pos = 0;
  __init(i:number, bb:flatbuffers.ByteBuffer):CallOnceOptions {
  this.bb_pos = i;
  this.bb = bb;
  return this;
}

static getRootAsCallOnceOptions(bb:flatbuffers.ByteBuffer, obj?:CallOnceOptions):CallOnceOptions {
  return (obj || new CallOnceOptions()).__init(bb.readInt32(bb.position()) + bb.position(), bb);
}

initSubgraphIndex():number {
  const offset = this.bb!.__offset(this.bb_pos, 4);
  return offset ? this.bb!.readInt32(this.bb_pos + offset) : 0;
}

static startCallOnceOptions(builder:flatbuffers.Builder) {
  builder.startObject(1);
}

static addInitSubgraphIndex(builder:flatbuffers.Builder, initSubgraphIndex:number) {
  builder.addFieldInt32(0, initSubgraphIndex, 0);
}

static endCallOnceOptions(builder:flatbuffers.Builder):flatbuffers.Offset {
  const offset = builder.endObject();
  return offset;
}

static createCallOnceOptions(builder:flatbuffers.Builder, initSubgraphIndex:number):flatbuffers.Offset {
  CallOnceOptions.startCallOnceOptions(builder);
  CallOnceOptions.addInitSubgraphIndex(builder, initSubgraphIndex);
  return CallOnceOptions.endCallOnceOptions(builder);
}
}

export class VarHandleOptions {
  bb: flatbuffers.ByteBuffer|null = null;
  bb_pos = 0;
  __init(i:number, bb:flatbuffers.ByteBuffer):VarHandleOptions {
  this.bb_pos = i;
  this.bb = bb;
  return this;
}

static getRootAsVarHandleOptions(bb:flatbuffers.ByteBuffer, obj?:VarHandleOptions):VarHandleOptions {
  return (obj || new VarHandleOptions()).__init(bb.readInt32(bb.position()) + bb.position(), bb);
}

container():string|null
container(optionalEncoding:flatbuffers.Encoding):string|Uint8Array|null
container(optionalEncoding?:any):string|Uint8Array|null {
  const offset = this.bb!.__offset(this.bb_pos, 4);
  return offset ? this.bb!.__string(this.bb_pos + offset, optionalEncoding) : null;
}

sharedName():string|null
sharedName(optionalEncoding:flatbuffers.Encoding):string|Uint8Array|null
sharedName(optionalEncoding?:any):string|Uint8Array|null {
  const offset = this.bb!.__offset(this.bb_pos, 6);
  return offset ? this.bb!.__string(this.bb_pos + offset, optionalEncoding) : null;
}

static startVarHandleOptions(builder:flatbuffers.Builder) {
  builder.startObject(2);
}

static addContainer(builder:flatbuffers.Builder, containerOffset:flatbuffers.Offset) {
  builder.addFieldOffset(0, containerOffset, 0);
}

static addSharedName(builder:flatbuffers.Builder, sharedNameOffset:flatbuffers.Offset) {
  builder.addFieldOffset(1, sharedNameOffset, 0);
}

static endVarHandleOptions(builder:flatbuffers.Builder):flatbuffers.Offset {
  const offset = builder.endObject();
  return offset;
}

static createVarHandleOptions(builder:flatbuffers.Builder, containerOffset:flatbuffers.Offset, sharedNameOffset:flatbuffers.Offset):flatbuffers.Offset {
  VarHandleOptions.startVarHandleOptions(builder);
  VarHandleOptions.addContainer(builder, containerOffset);
  VarHandleOptions.addSharedName(builder, sharedNameOffset);
  return VarHandleOptions.endVarHandleOptions(builder);
}
}

export class PackOptions {
  bb: flatbuffers.ByteBuffer|null = null;
  bb_pos = 0;
  __init(i:number, bb:flatbuffers.ByteBuffer):PackOptions {
  this.bb_pos = i;
  this.bb = bb;
  return this;
}

static getRootAsPackOptions(bb:flatbuffers.ByteBuffer, obj?:PackOptions):PackOptions {
  return (obj || new PackOptions()).__init(bb.readInt32(bb.position()) + bb.position(), bb);
}

valuesCount():number {
  const offset = this.bb!.__offset(this.bb_pos, 4);
  return offset ? this.bb!.readInt32(this.bb_pos + offset) : 0;
}

axis():number {
  const offset = this.bb!.__offset(this.bb_pos, 6);
  return offset ? this.bb!.readInt32(this.bb_pos + offset) : 0;
}

static startPackOptions(builder:flatbuffers.Builder) {
  builder.startObject(2);
}

static addValuesCount(builder:flatbuffers.Builder, valuesCount:number) {
  builder.addFieldInt32(0, valuesCount, 0);
}

static addAxis(builder:flatbuffers.Builder, axis:number) {
  builder.addFieldInt32(1, axis, 0);
}

static endPackOptions(builder:flatbuffers.Builder):flatbuffers.Offset {
  const offset = builder.endObject();
  return offset;
}

static createPackOptions(builder:flatbuffers.Builder, valuesCount:number, axis:number):flatbuffers.Offset {
  PackOptions.startPackOptions(builder);
  PackOptions.addValuesCount(builder, valuesCount);
  PackOptions.addAxis(builder, axis);
  return PackOptions.endPackOptions(builder);
}
}

export class UnpackOptions {
  bb: flatbuffers.ByteBuffer|null = null;
  bb_pos = 0;
  __init(i:number, bb:flatbuffers.ByteBuffer):UnpackOptions {
  this.bb_pos = i;
  this.bb = bb;
  return this;
}

static getRootAsUnpackOptions(bb:flatbuffers.ByteBuffer, obj?:UnpackOptions):UnpackOptions {
  return (obj || new UnpackOptions()).__init(bb.readInt32(bb.position()) + bb.position(), bb);
}

num():number {
  const offset = this.bb!.__offset(this.bb_pos, 4);
  return offset ? this.bb!.readInt32(this.bb_pos + offset) : 0;
}

axis():number {
  const offset = this.bb!.__offset(this.bb_pos, 6);
  return offset ? this.bb!.readInt32(this.bb_pos + offset) : 0;
}

static startUnpackOptions(builder:flatbuffers.Builder) {
  builder.startObject(2);
}

static addNum(builder:flatbuffers.Builder, num:number) {
  builder.addFieldInt32(0, num, 0);
}

static addAxis(builder:flatbuffers.Builder, axis:number) {
  builder.addFieldInt32(1, axis, 0);
}

static endUnpackOptions(builder:flatbuffers.Builder):flatbuffers.Offset {
  const offset = builder.endObject();
  return offset;
}

static createUnpackOptions(builder:flatbuffers.Builder, num:number, axis:number):flatbuffers.Offset {
  UnpackOptions.startUnpackOptions(builder);
  UnpackOptions.addNum(builder, num);
  UnpackOptions.addAxis(builder, axis);
  return UnpackOptions.endUnpackOptions(builder);
}
}

export class TransposeConvOptions {
  bb: flatbuffers.ByteBuffer|null = null;
  bb_pos = 0;
  __init(i:number, bb:flatbuffers.ByteBuffer):TransposeConvOptions {
  this.bb_pos = i;
  this.bb = bb;
  return this;
}

static getRootAsTransposeConvOptions(bb:flatbuffers.ByteBuffer, obj?:TransposeConvOptions):TransposeConvOptions {
  return (obj || new TransposeConvOptions()).__init(bb.readInt32(bb.position()) + bb.position(), bb);
}

padding():Padding {
  const offset = this.bb!.__offset(this.bb_pos, 4);
  return offset ? this.bb!.readInt8(this.bb_pos + offset) : Padding.SAME;
}

strideW():number {
  const offset = this.bb!.__offset(this.bb_pos, 6);
  return offset ? this.bb!.readInt32(this.bb_pos + offset) : 0;
}

strideH():number {
  const offset = this.bb!.__offset(this.bb_pos, 8);
  return offset ? this.bb!.readInt32(this.bb_pos + offset) : 0;
}

fusedActivation():Fused {
  const offset = this.bb!.__offset(this.bb_pos, 10);
  return offset ? this.bb!.readInt8(this.bb_pos + offset) : Fused.NONE;
}

static startTransposeConvOptions(builder:flatbuffers.Builder) {
  builder.startObject(4);
}

static addPadding(builder:flatbuffers.Builder, padding:Padding) {
  builder.addFieldInt8(0, padding, Padding.SAME);
}

static addStrideW(builder:flatbuffers.Builder, strideW:number) {
  builder.addFieldInt32(1, strideW, 0);
}

static addStrideH(builder:flatbuffers.Builder, strideH:number) {
  builder.addFieldInt32(2, strideH, 0);
}

static addFusedActivation(builder:flatbuffers.Builder, fusedActivation:Fused) {
  builder.addFieldInt8(3, fusedActivation, Fused.NONE);
}

static endTransposeConvOptions(builder:flatbuffers.Builder):flatbuffers.Offset {
  const offset = builder.endObject();
  return offset;
}

static createTransposeConvOptions(builder:flatbuffers.Builder, padding:Padding, strideW:number, strideH:number, fusedActivation:Fused):flatbuffers.Offset {
  TransposeConvOptions.startTransposeConvOptions(builder);
  TransposeConvOptions.addPadding(builder, padding);
  TransposeConvOptions.addStrideW(builder, strideW);
  TransposeConvOptions.addStrideH(builder, strideH);
  TransposeConvOptions.addFusedActivation(builder, fusedActivation);
  return TransposeConvOptions.endTransposeConvOptions(builder);
}
}

export class QuantizationParameters {
  bb: flatbuffers.ByteBuffer|null = null;
  bb_pos = 0;
  __init(i:number, bb:flatbuffers.ByteBuffer):QuantizationParameters {
  this.bb_pos = i;
  this.bb = bb;
  return this;
}

static getRootAsQuantizationParameters(bb:flatbuffers.ByteBuffer, obj?:QuantizationParameters):QuantizationParameters {
  return (obj || new QuantizationParameters()).__init(bb.readInt32(bb.position()) + bb.position(), bb);
}

min(index: number):number|null {
  const offset = this.bb!.__offset(this.bb_pos, 4);
  return offset ? this.bb!.readFloat32(this.bb!.__vector(this.bb_pos + offset) + index * 4) : 0;
}

minLength():number {
  const offset = this.bb!.__offset(this.bb_pos, 4);
  return offset ? this.bb!.__vector_len(this.bb_pos + offset) : 0;
}

max(index: number):number|null {
  const offset = this.bb!.__offset(this.bb_pos, 6);
  return offset ? this.bb!.readFloat32(this.bb!.__vector(this.bb_pos + offset) + index * 4) : 0;
}

maxLength():number {
  const offset = this.bb!.__offset(this.bb_pos, 6);
  return offset ? this.bb!.__vector_len(this.bb_pos + offset) : 0;
}

scale(index: number):number|null {
  const offset = this.bb!.__offset(this.bb_pos, 8);
  return offset ? this.bb!.readFloat32(this.bb!.__vector(this.bb_pos + offset) + index * 4) : 0;
}

scaleLength():number {
  const offset = this.bb!.__offset(this.bb_pos, 8);
  return offset ? this.bb!.__vector_len(this.bb_pos + offset) : 0;
}

zeroPoint(index: number):bigint|null {
  const offset = this.bb!.__offset(this.bb_pos, 10);
  return offset ? this.bb!.readInt64(this.bb!.__vector(this.bb_pos + offset) + index * 8) : BigInt(0);
}

zeroPointLength():number {
  const offset = this.bb!.__offset(this.bb_pos, 10);
  return offset ? this.bb!.__vector_len(this.bb_pos + offset) : 0;
}

detailsKind():number {
  const offset = this.bb!.__offset(this.bb_pos, 12);
  return offset ? this.bb!.readUint8(this.bb_pos + offset) : 0;
}

details(obj?:Opaque):Opaque|null {
  const offset = this.bb!.__offset(this.bb_pos, 14);
  return offset ? (obj || new Opaque()).__init(this.bb!.__indirect(this.bb_pos + offset), this.bb!) : null;
}

quantizedDimension():number {
  const offset = this.bb!.__offset(this.bb_pos, 16);
  return offset ? this.bb!.readInt32(this.bb_pos + offset) : 0;
}

static startQuantizationParameters(builder:flatbuffers.Builder) {
  builder.startObject(7);
}

static addMin(builder:flatbuffers.Builder, minOffset:flatbuffers.Offset) {
  builder.addFieldOffset(0, minOffset, 0);
}

static createMinVector(builder:flatbuffers.Builder, data:number[]|Float32Array):flatbuffers.Offset;
/**
 * @deprecated This Uint8Array overload will be removed in the future.
 */
static createMinVector(builder:flatbuffers.Builder, data:number[]|Uint8Array):flatbuffers.Offset;
static createMinVector(builder:flatbuffers.Builder, data:number[]|Float32Array|Uint8Array):flatbuffers.Offset {
  builder.startVector(4, data.length, 4);
  for (let i = data.length - 1; i >= 0; i--) {
    builder.addFloat32(data[i]!);
  }
  return builder.endVector();
}

static startMinVector(builder:flatbuffers.Builder, numElems:number) {
  builder.startVector(4, numElems, 4);
}

static addMax(builder:flatbuffers.Builder, maxOffset:flatbuffers.Offset) {
  builder.addFieldOffset(1, maxOffset, 0);
}

static createMaxVector(builder:flatbuffers.Builder, data:number[]|Float32Array):flatbuffers.Offset;
/**
 * @deprecated This Uint8Array overload will be removed in the future.
 */
static createMaxVector(builder:flatbuffers.Builder, data:number[]|Uint8Array):flatbuffers.Offset;
static createMaxVector(builder:flatbuffers.Builder, data:number[]|Float32Array|Uint8Array):flatbuffers.Offset {
  builder.startVector(4, data.length, 4);
  for (let i = data.length - 1; i >= 0; i--) {
    builder.addFloat32(data[i]!);
  }
  return builder.endVector();
}

static startMaxVector(builder:flatbuffers.Builder, numElems:number) {
  builder.startVector(4, numElems, 4);
}

static addScale(builder:flatbuffers.Builder, scaleOffset:flatbuffers.Offset) {
  builder.addFieldOffset(2, scaleOffset, 0);
}

static createScaleVector(builder:flatbuffers.Builder, data:number[]|Float32Array):flatbuffers.Offset;
/**
 * @deprecated This Uint8Array overload will be removed in the future.
 */
static createScaleVector(builder:flatbuffers.Builder, data:number[]|Uint8Array):flatbuffers.Offset;
static createScaleVector(builder:flatbuffers.Builder, data:number[]|Float32Array|Uint8Array):flatbuffers.Offset {
  builder.startVector(4, data.length, 4);
  for (let i = data.length - 1; i >= 0; i--) {
    builder.addFloat32(data[i]!);
  }
  return builder.endVector();
}

static startScaleVector(builder:flatbuffers.Builder, numElems:number) {
  builder.startVector(4, numElems, 4);
}

static addZeroPoint(builder:flatbuffers.Builder, zeroPointOffset:flatbuffers.Offset) {
  builder.addFieldOffset(3, zeroPointOffset, 0);
}

static createZeroPointVector(builder:flatbuffers.Builder, data:bigint[]):flatbuffers.Offset {
  builder.startVector(8, data.length, 8);
  for (let i = data.length - 1; i >= 0; i--) {
    builder.addInt64(data[i]!);
  }
  return builder.endVector();
}

static startZeroPointVector(builder:flatbuffers.Builder, numElems:number) {
  builder.startVector(8, numElems, 8);
}

static addDetailsKind(builder:flatbuffers.Builder, detailsKind:number) {
  builder.addFieldInt8(4, detailsKind, 0);
}

static addDetails(builder:flatbuffers.Builder, detailsOffset:flatbuffers.Offset) {
  builder.addFieldOffset(5, detailsOffset, 0);
}

static addQuantizedDimension(builder:flatbuffers.Builder, quantizedDimension:number) {
  builder.addFieldInt32(6, quantizedDimension, 0);
}

static endQuantizationParameters(builder:flatbuffers.Builder):flatbuffers.Offset {
  const offset = builder.endObject();
  return offset;
}

}

export class Tensor {
  bb: flatbuffers.ByteBuffer|null = null;
  bb_pos = 0;
  __init(i:number, bb:flatbuffers.ByteBuffer):Tensor {
  this.bb_pos = i;
  this.bb = bb;
  return this;
}

static getRootAsTensor(bb:flatbuffers.ByteBuffer, obj?:Tensor):Tensor {
  return (obj || new Tensor()).__init(bb.readInt32(bb.position()) + bb.position(), bb);
}

shape(index: number):number|null {
  const offset = this.bb!.__offset(this.bb_pos, 4);
  return offset ? this.bb!.readInt32(this.bb!.__vector(this.bb_pos + offset) + index * 4) : 0;
}

shapeLength():number {
  const offset = this.bb!.__offset(this.bb_pos, 4);
  return offset ? this.bb!.__vector_len(this.bb_pos + offset) : 0;
}

type():TensorType {
  const offset = this.bb!.__offset(this.bb_pos, 6);
  return offset ? this.bb!.readInt8(this.bb_pos + offset) : TensorType.FLOAT32;
}

buffer():number {
  const offset = this.bb!.__offset(this.bb_pos, 8);
  return offset ? this.bb!.readUint32(this.bb_pos + offset) : 0;
}

name():string|null
name(optionalEncoding:flatbuffers.Encoding):string|Uint8Array|null
name(optionalEncoding?:any):string|Uint8Array|null {
  const offset = this.bb!.__offset(this.bb_pos, 10);
  return offset ? this.bb!.__string(this.bb_pos + offset, optionalEncoding) : null;
}

quantization(obj?:QuantizationParameters):QuantizationParameters|null {
  const offset = this.bb!.__offset(this.bb_pos, 12);
  return offset ? (obj || new QuantizationParameters()).__init(this.bb!.__indirect(this.bb_pos + offset), this.bb!) : null;
}

isVariable():boolean {
  const offset = this.bb!.__offset(this.bb_pos, 14);
  return offset ? !!this.bb!.readInt8(this.bb_pos + offset) : false;
}

sparsity(obj?:Opaque):Opaque|null {
  const offset = this.bb!.__offset(this.bb_pos, 16);
  return offset ? (obj || new Opaque()).__init(this.bb!.__indirect(this.bb_pos + offset), this.bb!) : null;
}

shapeSignature(index: number):number|null {
  const offset = this.bb!.__offset(this.bb_pos, 18);
  return offset ? this.bb!.readInt32(this.bb!.__vector(this.bb_pos + offset) + index * 4) : 0;
}

shapeSignatureLength():number {
  const offset = this.bb!.__offset(this.bb_pos, 18);
  return offset ? this.bb!.__vector_len(this.bb_pos + offset) : 0;
}

static startTensor(builder:flatbuffers.Builder) {
  builder.startObject(8);
}

static addShape(builder:flatbuffers.Builder, shapeOffset:flatbuffers.Offset) {
  builder.addFieldOffset(0, shapeOffset, 0);
}

static createShapeVector(builder:flatbuffers.Builder, data:number[]|Int32Array):flatbuffers.Offset;
/**
 * @deprecated This Uint8Array overload will be removed in the future.
 */
static createShapeVector(builder:flatbuffers.Builder, data:number[]|Uint8Array):flatbuffers.Offset;
static createShapeVector(builder:flatbuffers.Builder, data:number[]|Int32Array|Uint8Array):flatbuffers.Offset {
  builder.startVector(4, data.length, 4);
  for (let i = data.length - 1; i >= 0; i--) {
    builder.addInt32(data[i]!);
  }
  return builder.endVector();
}

static startShapeVector(builder:flatbuffers.Builder, numElems:number) {
  builder.startVector(4, numElems, 4);
}

static addType(builder:flatbuffers.Builder, type:TensorType) {
  builder.addFieldInt8(1, type, TensorType.FLOAT32);
}

static addBuffer(builder:flatbuffers.Builder, buffer:number) {
  builder.addFieldInt32(2, buffer, 0);
}

static addName(builder:flatbuffers.Builder, nameOffset:flatbuffers.Offset) {
  builder.addFieldOffset(3, nameOffset, 0);
}

static addQuantization(builder:flatbuffers.Builder, quantizationOffset:flatbuffers.Offset) {
  builder.addFieldOffset(4, quantizationOffset, 0);
}

static addIsVariable(builder:flatbuffers.Builder, isVariable:boolean) {
  builder.addFieldInt8(5, +isVariable, +false);
}

static addSparsity(builder:flatbuffers.Builder, sparsityOffset:flatbuffers.Offset) {
  builder.addFieldOffset(6, sparsityOffset, 0);
}

static addShapeSignature(builder:flatbuffers.Builder, shapeSignatureOffset:flatbuffers.Offset) {
  builder.addFieldOffset(7, shapeSignatureOffset, 0);
}

static createShapeSignatureVector(builder:flatbuffers.Builder, data:number[]|Int32Array):flatbuffers.Offset;
/**
 * @deprecated This Uint8Array overload will be removed in the future.
 */
static createShapeSignatureVector(builder:flatbuffers.Builder, data:number[]|Uint8Array):flatbuffers.Offset;
static createShapeSignatureVector(builder:flatbuffers.Builder, data:number[]|Int32Array|Uint8Array):flatbuffers.Offset {
  builder.startVector(4, data.length, 4);
  for (let i = data.length - 1; i >= 0; i--) {
    builder.addInt32(data[i]!);
  }
  return builder.endVector();
}

static startShapeSignatureVector(builder:flatbuffers.Builder, numElems:number) {
  builder.startVector(4, numElems, 4);
}

static endTensor(builder:flatbuffers.Builder):flatbuffers.Offset {
  const offset = builder.endObject();
  return offset;
}

}

export class Operator {
  bb: flatbuffers.ByteBuffer|null = null;
  bb_pos = 0;
  __init(i:number, bb:flatbuffers.ByteBuffer):Operator {
  this.bb_pos = i;
  this.bb = bb;
  return this;
}

static getRootAsOperator(bb:flatbuffers.ByteBuffer, obj?:Operator):Operator {
  return (obj || new Operator()).__init(bb.readInt32(bb.position()) + bb.position(), bb);
}

opcodeIndex():number {
  const offset = this.bb!.__offset(this.bb_pos, 4);
  return offset ? this.bb!.readUint32(this.bb_pos + offset) : 0;
}

inputs(index: number):number|null {
  const offset = this.bb!.__offset(this.bb_pos, 6);
  return offset ? this.bb!.readInt32(this.bb!.__vector(this.bb_pos + offset) + index * 4) : 0;
}

inputsLength():number {
  const offset = this.bb!.__offset(this.bb_pos, 6);
  return offset ? this.bb!.__vector_len(this.bb_pos + offset) : 0;
}

outputs(index: number):number|null {
  const offset = this.bb!.__offset(this.bb_pos, 8);
  return offset ? this.bb!.readInt32(this.bb!.__vector(this.bb_pos + offset) + index * 4) : 0;
}

outputsLength():number {
  const offset = this.bb!.__offset(this.bb_pos, 8);
  return offset ? this.bb!.__vector_len(this.bb_pos + offset) : 0;
}

builtinOptionsType():BuiltinOptions {
  const offset = this.bb!.__offset(this.bb_pos, 10);
  return offset ? this.bb!.readUint8(this.bb_pos + offset) : BuiltinOptions.NONE;
}

builtinOptions<T extends {bb:flatbuffers.ByteBuffer|null; bb_pos:number}>(obj:T):T|null {
  const offset = this.bb!.__offset(this.bb_pos, 12);
  return offset ? this.bb!.__union(obj as flatbuffers.Table, this.bb_pos + offset) as unknown as T : null;
}

static startOperator(builder:flatbuffers.Builder) {
  builder.startObject(5);
}

static addOpcodeIndex(builder:flatbuffers.Builder, opcodeIndex:number) {
  builder.addFieldInt32(0, opcodeIndex, 0);
}

static addInputs(builder:flatbuffers.Builder, inputsOffset:flatbuffers.Offset) {
  builder.addFieldOffset(1, inputsOffset, 0);
}

static createInputsVector(builder:flatbuffers.Builder, data:number[]|Int32Array):flatbuffers.Offset;
/**
 * @deprecated This Uint8Array overload will be removed in the future.
 */
static createInputsVector(builder:flatbuffers.Builder, data:number[]|Uint8Array):flatbuffers.Offset;
static createInputsVector(builder:flatbuffers.Builder, data:number[]|Int32Array|Uint8Array):flatbuffers.Offset {
  builder.startVector(4, data.length, 4);
  for (let i = data.length - 1; i >= 0; i--) {
    builder.addInt32(data[i]!);
  }
  return builder.endVector();
}

static startInputsVector(builder:flatbuffers.Builder, numElems:number) {
  builder.startVector(4, numElems, 4);
}

static addOutputs(builder:flatbuffers.Builder, outputsOffset:flatbuffers.Offset) {
  builder.addFieldOffset(2, outputsOffset, 0);
}

static createOutputsVector(builder:flatbuffers.Builder, data:number[]|Int32Array):flatbuffers.Offset;
/**
 * @deprecated This Uint8Array overload will be removed in the future.
 */
static createOutputsVector(builder:flatbuffers.Builder, data:number[]|Uint8Array):flatbuffers.Offset;
static createOutputsVector(builder:flatbuffers.Builder, data:number[]|Int32Array|Uint8Array):flatbuffers.Offset {
  builder.startVector(4, data.length, 4);
  for (let i = data.length - 1; i >= 0; i--) {
    builder.addInt32(data[i]!);
  }
  return builder.endVector();
}

static startOutputsVector(builder:flatbuffers.Builder, numElems:number) {
  builder.startVector(4, numElems, 4);
}

static addBuiltinOptionsType(builder:flatbuffers.Builder, builtinOptionsType:BuiltinOptions) {
  builder.addFieldInt8(3, builtinOptionsType, BuiltinOptions.NONE);
}

static addBuiltinOptions(builder:flatbuffers.Builder, builtinOptionsOffset:flatbuffers.Offset) {
  builder.addFieldOffset(4, builtinOptionsOffset, 0);
}

static endOperator(builder:flatbuffers.Builder):flatbuffers.Offset {
  const offset = builder.endObject();
  return offset;
}

static createOperator(builder:flatbuffers.Builder, opcodeIndex:number, inputsOffset:flatbuffers.Offset, outputsOffset:flatbuffers.Offset, builtinOptionsType:BuiltinOptions, builtinOptionsOffset:flatbuffers.Offset):flatbuffers.Offset {
  Operator.startOperator(builder);
  Operator.addOpcodeIndex(builder, opcodeIndex);
  Operator.addInputs(builder, inputsOffset);
  Operator.addOutputs(builder, outputsOffset);
  Operator.addBuiltinOptionsType(builder, builtinOptionsType);
  Operator.addBuiltinOptions(builder, builtinOptionsOffset);
  return Operator.endOperator(builder);
}
}

export class SubGraph {
  bb: flatbuffers.ByteBuffer|null = null;
  bb_pos = 0;
  __init(i:number, bb:flatbuffers.ByteBuffer):SubGraph {
  this.bb_pos = i;
  this.bb = bb;
  return this;
}

static getRootAsSubGraph(bb:flatbuffers.ByteBuffer, obj?:SubGraph):SubGraph {
  return (obj || new SubGraph()).__init(bb.readInt32(bb.position()) + bb.position(), bb);
}

tensors(index: number, obj?:Tensor):Tensor|null {
  const offset = this.bb!.__offset(this.bb_pos, 4);
  return offset ? (obj || new Tensor()).__init(this.bb!.__indirect(this.bb!.__vector(this.bb_pos + offset) + index * 4), this.bb!) : null;
}

tensorsLength():number {
  const offset = this.bb!.__offset(this.bb_pos, 4);
  return offset ? this.bb!.__vector_len(this.bb_pos + offset) : 0;
}

inputs(index: number):number|null {
  const offset = this.bb!.__offset(this.bb_pos, 6);
  return offset ? this.bb!.readInt32(this.bb!.__vector(this.bb_pos + offset) + index * 4) : 0;
}

inputsLength():number {
  const offset = this.bb!.__offset(this.bb_pos, 6);
  return offset ? this.bb!.__vector_len(this.bb_pos + offset) : 0;
}

outputs(index: number):number|null {
  const offset = this.bb!.__offset(this.bb_pos, 8);
  return offset ? this.bb!.readInt32(this.bb!.__vector(this.bb_pos + offset) + index * 4) : 0;
}

outputsLength():number {
  const offset = this.bb!.__offset(this.bb_pos, 8);
  return offset ? this.bb!.__vector_len(this.bb_pos + offset) : 0;
}

operators(index: number, obj?:Operator):Operator|null {
  const offset = this.bb!.__offset(this.bb_pos, 10);
  return offset ? (obj || new Operator()).__init(this.bb!.__indirect(this.bb!.__vector(this.bb_pos + offset) + index * 4), this.bb!) : null;
}

operatorsLength():number {
  const offset = this.bb!.__offset(this.bb_pos, 10);
  return offset ? this.bb!.__vector_len(this.bb_pos + offset) : 0;
}

name():string|null
name(optionalEncoding:flatbuffers.Encoding):string|Uint8Array|null
name(optionalEncoding?:any):string|Uint8Array|null {
  const offset = this.bb!.__offset(this.bb_pos, 12);
  return offset ? this.bb!.__string(this.bb_pos + offset, optionalEncoding) : null;
}

static startSubGraph(builder:flatbuffers.Builder) {
  builder.startObject(5);
}

static addTensors(builder:flatbuffers.Builder, tensorsOffset:flatbuffers.Offset) {
  builder.addFieldOffset(0, tensorsOffset, 0);
}

static createTensorsVector(builder:flatbuffers.Builder, data:flatbuffers.Offset[]):flatbuffers.Offset {
  builder.startVector(4, data.length, 4);
  for (let i = data.length - 1; i >= 0; i--) {
    builder.addOffset(data[i]!);
  }
  return builder.endVector();
}

static startTensorsVector(builder:flatbuffers.Builder, numElems:number) {
  builder.startVector(4, numElems, 4);
}

static addInputs(builder:flatbuffers.Builder, inputsOffset:flatbuffers.Offset) {
  builder.addFieldOffset(1, inputsOffset, 0);
}

static createInputsVector(builder:flatbuffers.Builder, data:number[]|Int32Array):flatbuffers.Offset;
/**
 * @deprecated This Uint8Array overload will be removed in the future.
 */
static createInputsVector(builder:flatbuffers.Builder, data:number[]|Uint8Array):flatbuffers.Offset;
static createInputsVector(builder:flatbuffers.Builder, data:number[]|Int32Array|Uint8Array):flatbuffers.Offset {
  builder.startVector(4, data.length, 4);
  for (let i = data.length - 1; i >= 0; i--) {
    builder.addInt32(data[i]!);
  }
  return builder.endVector();
}

static startInputsVector(builder:flatbuffers.Builder, numElems:number) {
  builder.startVector(4, numElems, 4);
}

static addOutputs(builder:flatbuffers.Builder, outputsOffset:flatbuffers.Offset) {
  builder.addFieldOffset(2, outputsOffset, 0);
}

static createOutputsVector(builder:flatbuffers.Builder, data:number[]|Int32Array):flatbuffers.Offset;
/**
 * @deprecated This Uint8Array overload will be removed in the future.
 */
static createOutputsVector(builder:flatbuffers.Builder, data:number[]|Uint8Array):flatbuffers.Offset;
static createOutputsVector(builder:flatbuffers.Builder, data:number[]|Int32Array|Uint8Array):flatbuffers.Offset {
  builder.startVector(4, data.length, 4);
  for (let i = data.length - 1; i >= 0; i--) {
    builder.addInt32(data[i]!);
  }
  return builder.endVector();
}

static startOutputsVector(builder:flatbuffers.Builder, numElems:number) {
  builder.startVector(4, numElems, 4);
}

static addOperators(builder:flatbuffers.Builder, operatorsOffset:flatbuffers.Offset) {
  builder.addFieldOffset(3, operatorsOffset, 0);
}

static createOperatorsVector(builder:flatbuffers.Builder, data:flatbuffers.Offset[]):flatbuffers.Offset {
  builder.startVector(4, data.length, 4);
  for (let i = data.length - 1; i >= 0; i--) {
    builder.addOffset(data[i]!);
  }
  return builder.endVector();
}

static startOperatorsVector(builder:flatbuffers.Builder, numElems:number) {
  builder.startVector(4, numElems, 4);
}

static addName(builder:flatbuffers.Builder, nameOffset:flatbuffers.Offset) {
  builder.addFieldOffset(4, nameOffset, 0);
}

static endSubGraph(builder:flatbuffers.Builder):flatbuffers.Offset {
  const offset = builder.endObject();
  return offset;
}

static createSubGraph(builder:flatbuffers.Builder, tensorsOffset:flatbuffers.Offset, inputsOffset:flatbuffers.Offset, outputsOffset:flatbuffers.Offset, operatorsOffset:flatbuffers.Offset, nameOffset:flatbuffers.Offset):flatbuffers.Offset {
  SubGraph.startSubGraph(builder);
  SubGraph.addTensors(builder, tensorsOffset);
  SubGraph.addInputs(builder, inputsOffset);
  SubGraph.addOutputs(builder, outputsOffset);
  SubGraph.addOperators(builder, operatorsOffset);
  SubGraph.addName(builder, nameOffset);
  return SubGraph.endSubGraph(builder);
}
}

export class OperatorCode {
  bb: flatbuffers.ByteBuffer|null = null;
  bb_pos = 0;
  __init(i:number, bb:flatbuffers.ByteBuffer):OperatorCode {
  this.bb_pos = i;
  this.bb = bb;
  return this;
}

static getRootAsOperatorCode(bb:flatbuffers.ByteBuffer, obj?:OperatorCode):OperatorCode {
  return (obj || new OperatorCode()).__init(bb.readInt32(bb.position()) + bb.position(), bb);
}

deprecatedBuiltinCode():number {
  const offset = this.bb!.__offset(this.bb_pos, 4);
  return offset ? this.bb!.readInt8(this.bb_pos + offset) : 0;
}

customCode():string|null
customCode(optionalEncoding:flatbuffers.Encoding):string|Uint8Array|null
customCode(optionalEncoding?:any):string|Uint8Array|null {
  const offset = this.bb!.__offset(this.bb_pos, 6);
  return offset ? this.bb!.__string(this.bb_pos + offset, optionalEncoding) : null;
}

version():number {
  const offset = this.bb!.__offset(this.bb_pos, 8);
  return offset ? this.bb!.readInt32(this.bb_pos + offset) : 1;
}

builtinCode():BuiltinOperator {
  const offset = this.bb!.__offset(this.bb_pos, 10);
  return offset ? this.bb!.readInt32(this.bb_pos + offset) : BuiltinOperator.ADD;
}

static startOperatorCode(builder:flatbuffers.Builder) {
  builder.startObject(4);
}

static addDeprecatedBuiltinCode(builder:flatbuffers.Builder, deprecatedBuiltinCode:number) {
  builder.addFieldInt8(0, deprecatedBuiltinCode, 0);
}

static addCustomCode(builder:flatbuffers.Builder, customCodeOffset:flatbuffers.Offset) {
  builder.addFieldOffset(1, customCodeOffset, 0);
}

static addVersion(builder:flatbuffers.Builder, version:number) {
  builder.addFieldInt32(2, version, 1);
}

static addBuiltinCode(builder:flatbuffers.Builder, builtinCode:BuiltinOperator) {
  builder.addFieldInt32(3, builtinCode, BuiltinOperator.ADD);
}

static endOperatorCode(builder:flatbuffers.Builder):flatbuffers.Offset {
  const offset = builder.endObject();
  return offset;
}

static createOperatorCode(builder:flatbuffers.Builder, deprecatedBuiltinCode:number, customCodeOffset:flatbuffers.Offset, version:number, builtinCode:BuiltinOperator):flatbuffers.Offset {
  OperatorCode.startOperatorCode(builder);
  OperatorCode.addDeprecatedBuiltinCode(builder, deprecatedBuiltinCode);
  OperatorCode.addCustomCode(builder, customCodeOffset);
  OperatorCode.addVersion(builder, version);
  OperatorCode.addBuiltinCode(builder, builtinCode);
  return OperatorCode.endOperatorCode(builder);
}
}

export class Buffer {
  bb: flatbuffers.ByteBuffer|null = null;
  bb_pos = 0;
  __init(i:number, bb:flatbuffers.ByteBuffer):Buffer {
  this.bb_pos = i;
  this.bb = bb;
  return this;
}

static getRootAsBuffer(bb:flatbuffers.ByteBuffer, obj?:Buffer):Buffer {
  return (obj || new Buffer()).__init(bb.readInt32(bb.position()) + bb.position(), bb);
}

data(index: number):number|null {
  const offset = this.bb!.__offset(this.bb_pos, 4);
  return offset ? this.bb!.readUint8(this.bb!.__vector(this.bb_pos + offset) + index) : 0;
}

dataLength():number {
  const offset = this.bb!.__offset(this.bb_pos, 4);
  return offset ? this.bb!.__vector_len(this.bb_pos + offset) : 0;
}

dataArray():Uint8Array|null {
  const offset = this.bb!.__offset(this.bb_pos, 4);
  return offset ? new Uint8Array(this.bb!.bytes().buffer, this.bb!.bytes().byteOffset + this.bb!.__vector(this.bb_pos + offset), this.bb!.__vector_len(this.bb_pos + offset)) : null;
}

offset():bigint {
  const offset = this.bb!.__offset(this.bb_pos, 6);
  return offset ? this.bb!.readUint64(this.bb_pos + offset) : BigInt('0');
}

size():bigint {
  const offset = this.bb!.__offset(this.bb_pos, 8);
  return offset ? this.bb!.readUint64(this.bb_pos + offset) : BigInt('0');
}

static startBuffer(builder:flatbuffers.Builder) {
  builder.startObject(3);
}

static addData(builder:flatbuffers.Builder, dataOffset:flatbuffers.Offset) {
  builder.addFieldOffset(0, dataOffset, 0);
}

static createDataVector(builder:flatbuffers.Builder, data:number[]|Uint8Array):flatbuffers.Offset {
  builder.startVector(1, data.length, 1);
  for (let i = data.length - 1; i >= 0; i--) {
    builder.addInt8(data[i]!);
  }
  return builder.endVector();
}

static startDataVector(builder:flatbuffers.Builder, numElems:number) {
  builder.startVector(1, numElems, 1);
}

static addOffset(builder:flatbuffers.Builder, offset:bigint) {
  builder.addFieldInt64(1, offset, BigInt('0'));
}

static addSize(builder:flatbuffers.Builder, size:bigint) {
  builder.addFieldInt64(2, size, BigInt('0'));
}

static endBuffer(builder:flatbuffers.Builder):flatbuffers.Offset {
  const offset = builder.endObject();
  return offset;
}

static createBuffer(builder:flatbuffers.Builder, dataOffset:flatbuffers.Offset, offset:bigint, size:bigint):flatbuffers.Offset {
  Buffer.startBuffer(builder);
  Buffer.addData(builder, dataOffset);
  Buffer.addOffset(builder, offset);
  Buffer.addSize(builder, size);
  return Buffer.endBuffer(builder);
}
}

export class Metadata {
  bb: flatbuffers.ByteBuffer|null = null;
  bb_pos = 0;
  __init(i:number, bb:flatbuffers.ByteBuffer):Metadata {
  this.bb_pos = i;
  this.bb = bb;
  return this;
}

static getRootAsMetadata(bb:flatbuffers.ByteBuffer, obj?:Metadata):Metadata {
  return (obj || new Metadata()).__init(bb.readInt32(bb.position()) + bb.position(), bb);
}

name():string|null
name(optionalEncoding:flatbuffers.Encoding):string|Uint8Array|null
name(optionalEncoding?:any):string|Uint8Array|null {
  const offset = this.bb!.__offset(this.bb_pos, 4);
  return offset ? this.bb!.__string(this.bb_pos + offset, optionalEncoding) : null;
}

buffer():number {
  const offset = this.bb!.__offset(this.bb_pos, 6);
  return offset ? this.bb!.readUint32(this.bb_pos + offset) : 0;
}

static startMetadata(builder:flatbuffers.Builder) {
  builder.startObject(2);
}

static addName(builder:flatbuffers.Builder, nameOffset:flatbuffers.Offset) {
  builder.addFieldOffset(0, nameOffset, 0);
}

static addBuffer(builder:flatbuffers.Builder, buffer:number) {
  builder.addFieldInt32(1, buffer, 0);
}

static endMetadata(builder:flatbuffers.Builder):flatbuffers.Offset {
  const offset = builder.endObject();
  return offset;
}

static createMetadata(builder:flatbuffers.Builder, nameOffset:flatbuffers.Offset, buffer:number):flatbuffers.Offset {
  Metadata.startMetadata(builder);
  Metadata.addName(builder, nameOffset);
  Metadata.addBuffer(builder, buffer);
  return Metadata.endMetadata(builder);
}
}

export class TensorMap {
  bb: flatbuffers.ByteBuffer|null = null;
  bb_pos = 0;
  __init(i:number, bb:flatbuffers.ByteBuffer):TensorMap {
  this.bb_pos = i;
  this.bb = bb;
  return this;
}

static getRootAsTensorMap(bb:flatbuffers.ByteBuffer, obj?:TensorMap):TensorMap {
  return (obj || new TensorMap()).__init(bb.readInt32(bb.position()) + bb.position(), bb);
}

name():string|null
name(optionalEncoding:flatbuffers.Encoding):string|Uint8Array|null
name(optionalEncoding?:any):string|Uint8Array|null {
  const offset = this.bb!.__offset(this.bb_pos, 4);
  return offset ? this.bb!.__string(this.bb_pos + offset, optionalEncoding) : null;
}

tensorIndex():number {
  const offset = this.bb!.__offset(this.bb_pos, 6);
  return offset ? this.bb!.readUint32(this.bb_pos + offset) : 0;
}

static startTensorMap(builder:flatbuffers.Builder) {
  builder.startObject(2);
}

static addName(builder:flatbuffers.Builder, nameOffset:flatbuffers.Offset) {
  builder.addFieldOffset(0, nameOffset, 0);
}

static addTensorIndex(builder:flatbuffers.Builder, tensorIndex:number) {
  builder.addFieldInt32(1, tensorIndex, 0);
}

static endTensorMap(builder:flatbuffers.Builder):flatbuffers.Offset {
  const offset = builder.endObject();
  return offset;
}

static createTensorMap(builder:flatbuffers.Builder, nameOffset:flatbuffers.Offset, tensorIndex:number):flatbuffers.Offset {
  TensorMap.startTensorMap(builder);
  TensorMap.addName(builder, nameOffset);
  TensorMap.addTensorIndex(builder, tensorIndex);
  return TensorMap.endTensorMap(builder);
}
}

export class SignatureDef {
  bb: flatbuffers.ByteBuffer|null = null;
  bb_pos = 0;
  __init(i:number, bb:flatbuffers.ByteBuffer):SignatureDef {
  this.bb_pos = i;
  this.bb = bb;
  return this;
}

static getRootAsSignatureDef(bb:flatbuffers.ByteBuffer, obj?:SignatureDef):SignatureDef {
  return (obj || new SignatureDef()).__init(bb.readInt32(bb.position()) + bb.position(), bb);
}

inputs(index: number, obj?:TensorMap):TensorMap|null {
  const offset = this.bb!.__offset(this.bb_pos, 4);
  return offset ? (obj || new TensorMap()).__init(this.bb!.__indirect(this.bb!.__vector(this.bb_pos + offset) + index * 4), this.bb!) : null;
}

inputsLength():number {
  const offset = this.bb!.__offset(this.bb_pos, 4);
  return offset ? this.bb!.__vector_len(this.bb_pos + offset) : 0;
}

outputs(index: number, obj?:TensorMap):TensorMap|null {
  const offset = this.bb!.__offset(this.bb_pos, 6);
  return offset ? (obj || new TensorMap()).__init(this.bb!.__indirect(this.bb!.__vector(this.bb_pos + offset) + index * 4), this.bb!) : null;
}

outputsLength():number {
  const offset = this.bb!.__offset(this.bb_pos, 6);
  return offset ? this.bb!.__vector_len(this.bb_pos + offset) : 0;
}

signatureKey():string|null
signatureKey(optionalEncoding:flatbuffers.Encoding):string|Uint8Array|null
signatureKey(optionalEncoding?:any):string|Uint8Array|null {
  const offset = this.bb!.__offset(this.bb_pos, 8);
  return offset ? this.bb!.__string(this.bb_pos + offset, optionalEncoding) : null;
}

deprecatedTag():string|null
deprecatedTag(optionalEncoding:flatbuffers.Encoding):string|Uint8Array|null
deprecatedTag(optionalEncoding?:any):string|Uint8Array|null {
  const offset = this.bb!.__offset(this.bb_pos, 10);
  return offset ? this.bb!.__string(this.bb_pos + offset, optionalEncoding) : null;
}

subgraphIndex():number {
  const offset = this.bb!.__offset(this.bb_pos, 12);
  return offset ? this.bb!.readUint32(this.bb_pos + offset) : 0;
}

static startSignatureDef(builder:flatbuffers.Builder) {
  builder.startObject(5);
}

static addInputs(builder:flatbuffers.Builder, inputsOffset:flatbuffers.Offset) {
  builder.addFieldOffset(0, inputsOffset, 0);
}

static createInputsVector(builder:flatbuffers.Builder, data:flatbuffers.Offset[]):flatbuffers.Offset {
  builder.startVector(4, data.length, 4);
  for (let i = data.length - 1; i >= 0; i--) {
    builder.addOffset(data[i]!);
  }
  return builder.endVector();
}

static startInputsVector(builder:flatbuffers.Builder, numElems:number) {
  builder.startVector(4, numElems, 4);
}

static addOutputs(builder:flatbuffers.Builder, outputsOffset:flatbuffers.Offset) {
  builder.addFieldOffset(1, outputsOffset, 0);
}

static createOutputsVector(builder:flatbuffers.Builder, data:flatbuffers.Offset[]):flatbuffers.Offset {
  builder.startVector(4, data.length, 4);
  for (let i = data.length - 1; i >= 0; i--) {
    builder.addOffset(data[i]!);
  }
  return builder.endVector();
}

static startOutputsVector(builder:flatbuffers.Builder, numElems:number) {
  builder.startVector(4, numElems, 4);
}

static addSignatureKey(builder:flatbuffers.Builder, signatureKeyOffset:flatbuffers.Offset) {
  builder.addFieldOffset(2, signatureKeyOffset, 0);
}

static addDeprecatedTag(builder:flatbuffers.Builder, deprecatedTagOffset:flatbuffers.Offset) {
  builder.addFieldOffset(3, deprecatedTagOffset, 0);
}

static addSubgraphIndex(builder:flatbuffers.Builder, subgraphIndex:number) {
  builder.addFieldInt32(4, subgraphIndex, 0);
}

static endSignatureDef(builder:flatbuffers.Builder):flatbuffers.Offset {
  const offset = builder.endObject();
  return offset;
}

static createSignatureDef(builder:flatbuffers.Builder, inputsOffset:flatbuffers.Offset, outputsOffset:flatbuffers.Offset, signatureKeyOffset:flatbuffers.Offset, deprecatedTagOffset:flatbuffers.Offset, subgraphIndex:number):flatbuffers.Offset {
  SignatureDef.startSignatureDef(builder);
  SignatureDef.addInputs(builder, inputsOffset);
  SignatureDef.addOutputs(builder, outputsOffset);
  SignatureDef.addSignatureKey(builder, signatureKeyOffset);
  SignatureDef.addDeprecatedTag(builder, deprecatedTagOffset);
  SignatureDef.addSubgraphIndex(builder, subgraphIndex);
  return SignatureDef.endSignatureDef(builder);
}
}

export class Model {
  bb: flatbuffers.ByteBuffer|null = null;
  bb_pos = 0;
  __init(i:number, bb:flatbuffers.ByteBuffer):Model {
  this.bb_pos = i;
  this.bb = bb;
  return this;
}

static getRootAsModel(bb:flatbuffers.ByteBuffer, obj?:Model):Model {
  return (obj || new Model()).__init(bb.readInt32(bb.position()) + bb.position(), bb);
}

static bufferHasIdentifier(bb:flatbuffers.ByteBuffer):boolean {
  return bb.__has_identifier('TFL3');
}

version():number {
  const offset = this.bb!.__offset(this.bb_pos, 4);
  return offset ? this.bb!.readUint32(this.bb_pos + offset) : 0;
}

operatorCodes(index: number, obj?:OperatorCode):OperatorCode|null {
  const offset = this.bb!.__offset(this.bb_pos, 6);
  return offset ? (obj || new OperatorCode()).__init(this.bb!.__indirect(this.bb!.__vector(this.bb_pos + offset) + index * 4), this.bb!) : null;
}

operatorCodesLength():number {
  const offset = this.bb!.__offset(this.bb_pos, 6);
  return offset ? this.bb!.__vector_len(this.bb_pos + offset) : 0;
}

subgraphs(index: number, obj?:SubGraph):SubGraph|null {
  const offset = this.bb!.__offset(this.bb_pos, 8);
  return offset ? (obj || new SubGraph()).__init(this.bb!.__indirect(this.bb!.__vector(this.bb_pos + offset) + index * 4), this.bb!) : null;
}

subgraphsLength():number {
  const offset = this.bb!.__offset(this.bb_pos, 8);
  return offset ? this.bb!.__vector_len(this.bb_pos + offset) : 0;
}

description():string|null
description(optionalEncoding:flatbuffers.Encoding):string|Uint8Array|null
description(optionalEncoding?:any):string|Uint8Array|null {
  const offset = this.bb!.__offset(this.bb_pos, 10);
  return offset ? this.bb!.__string(this.bb_pos + offset, optionalEncoding) : null;
}

buffers(index: number, obj?:Buffer):Buffer|null {
  const offset = this.bb!.__offset(this.bb_pos, 12);
  return offset ? (obj || new Buffer()).__init(this.bb!.__indirect(this.bb!.__vector(this.bb_pos + offset) + index * 4), this.bb!) : null;
}

buffersLength():number {
  const offset = this.bb!.__offset(this.bb_pos, 12);
  return offset ? this.bb!.__vector_len(this.bb_pos + offset) : 0;
}

metadataBuffer(index: number):number|null {
  const offset = this.bb!.__offset(this.bb_pos, 14);
  return offset ? this.bb!.readInt32(this.bb!.__vector(this.bb_pos + offset) + index * 4) : 0;
}

metadataBufferLength():number {
  const offset = this.bb!.__offset(this.bb_pos, 14);
  return offset ? this.bb!.__vector_len(this.bb_pos + offset) : 0;
}

metadata(index: number, obj?:Metadata):Metadata|null {
  const offset = this.bb!.__offset(this.bb_pos, 16);
  return offset ? (obj || new Metadata()).__init(this.bb!.__indirect(this.bb!.__vector(this.bb_pos + offset) + index * 4), this.bb!) : null;
}

metadataLength():number {
  const offset = this.bb!.__offset(this.bb_pos, 16);
  return offset ? this.bb!.__vector_len(this.bb_pos + offset) : 0;
}

signatureDefs(index: number, obj?:SignatureDef):SignatureDef|null {
  const offset = this.bb!.__offset(this.bb_pos, 18);
  return offset ? (obj || new SignatureDef()).__init(this.bb!.__indirect(this.bb!.__vector(this.bb_pos + offset) + index * 4), this.bb!) : null;
}

signatureDefsLength():number {
  const offset = this.bb!.__offset(this.bb_pos, 18);
  return offset ? this.bb!.__vector_len(this.bb_pos + offset) : 0;
}

static startModel(builder:flatbuffers.Builder) {
  builder.startObject(8);
}

static addVersion(builder:flatbuffers.Builder, version:number) {
  builder.addFieldInt32(0, version, 0);
}

static addOperatorCodes(builder:flatbuffers.Builder, operatorCodesOffset:flatbuffers.Offset) {
  builder.addFieldOffset(1, operatorCodesOffset, 0);
}

static createOperatorCodesVector(builder:flatbuffers.Builder, data:flatbuffers.Offset[]):flatbuffers.Offset {
  builder.startVector(4, data.length, 4);
  for (let i = data.length - 1; i >= 0; i--) {
    builder.addOffset(data[i]!);
  }
  return builder.endVector();
}

static startOperatorCodesVector(builder:flatbuffers.Builder, numElems:number) {
  builder.startVector(4, numElems, 4);
}

static addSubgraphs(builder:flatbuffers.Builder, subgraphsOffset:flatbuffers.Offset) {
  builder.addFieldOffset(2, subgraphsOffset, 0);
}

static createSubgraphsVector(builder:flatbuffers.Builder, data:flatbuffers.Offset[]):flatbuffers.Offset {
  builder.startVector(4, data.length, 4);
  for (let i = data.length - 1; i >= 0; i--) {
    builder.addOffset(data[i]!);
  }
  return builder.endVector();
}

static startSubgraphsVector(builder:flatbuffers.Builder, numElems:number) {
  builder.startVector(4, numElems, 4);
}

static addDescription(builder:flatbuffers.Builder, descriptionOffset:flatbuffers.Offset) {
  builder.addFieldOffset(3, descriptionOffset, 0);
}

static addBuffers(builder:flatbuffers.Builder, buffersOffset:flatbuffers.Offset) {
  builder.addFieldOffset(4, buffersOffset, 0);
}

static createBuffersVector(builder:flatbuffers.Builder, data:flatbuffers.Offset[]):flatbuffers.Offset {
  builder.startVector(4, data.length, 4);
  for (let i = data.length - 1; i >= 0; i--) {
    builder.addOffset(data[i]!);
  }
  return builder.endVector();
}

static startBuffersVector(builder:flatbuffers.Builder, numElems:number) {
  builder.startVector(4, numElems, 4);
}

static addMetadataBuffer(builder:flatbuffers.Builder, metadataBufferOffset:flatbuffers.Offset) {
  builder.addFieldOffset(5, metadataBufferOffset, 0);
}

static createMetadataBufferVector(builder:flatbuffers.Builder, data:number[]|Int32Array):flatbuffers.Offset;
/**
 * @deprecated This Uint8Array overload will be removed in the future.
 */
static createMetadataBufferVector(builder:flatbuffers.Builder, data:number[]|Uint8Array):flatbuffers.Offset;
static createMetadataBufferVector(builder:flatbuffers.Builder, data:number[]|Int32Array|Uint8Array):flatbuffers.Offset {
  builder.startVector(4, data.length, 4);
  for (let i = data.length - 1; i >= 0; i--) {
    builder.addInt32(data[i]!);
  }
  return builder.endVector();
}

static startMetadataBufferVector(builder:flatbuffers.Builder, numElems:number) {
  builder.startVector(4, numElems, 4);
}

static addMetadata(builder:flatbuffers.Builder, metadataOffset:flatbuffers.Offset) {
  builder.addFieldOffset(6, metadataOffset, 0);
}

static createMetadataVector(builder:flatbuffers.Builder, data:flatbuffers.Offset[]):flatbuffers.Offset {
  builder.startVector(4, data.length, 4);
  for (let i = data.length - 1; i >= 0; i--) {
    builder.addOffset(data[i]!);
  }
  return builder.endVector();
}

static startMetadataVector(builder:flatbuffers.Builder, numElems:number) {
  builder.startVector(4, numElems, 4);
}

static addSignatureDefs(builder:flatbuffers.Builder, signatureDefsOffset:flatbuffers.Offset) {
  builder.addFieldOffset(7, signatureDefsOffset, 0);
}

static createSignatureDefsVector(builder:flatbuffers.Builder, data:flatbuffers.Offset[]):flatbuffers.Offset {
  builder.startVector(4, data.length, 4);
  for (let i = data.length - 1; i >= 0; i--) {
    builder.addOffset(data[i]!);
  }
  return builder.endVector();
}

static startSignatureDefsVector(builder:flatbuffers.Builder, numElems:number) {
  builder.startVector(4, numElems, 4);
}

static endModel(builder:flatbuffers.Builder):flatbuffers.Offset {
  const offset = builder.endObject();
  return offset;
}

static finishModelBuffer(builder:flatbuffers.Builder, offset:flatbuffers.Offset) {
  builder.finish(offset, 'TFL3');
}

static finishSizePrefixedModelBuffer(builder:flatbuffers.Builder, offset:flatbuffers.Offset) {
  builder.finish(offset, 'TFL3', true);
}

static createModel(builder:flatbuffers.Builder, version:number, operatorCodesOffset:flatbuffers.Offset, subgraphsOffset:flatbuffers.Offset, descriptionOffset:flatbuffers.Offset, buffersOffset:flatbuffers.Offset, metadataBufferOffset:flatbuffers.Offset, metadataOffset:flatbuffers.Offset, signatureDefsOffset:flatbuffers.Offset):flatbuffers.Offset {
  Model.startModel(builder);
  Model.addVersion(builder, version);
  Model.addOperatorCodes(builder, operatorCodesOffset);
  Model.addSubgraphs(builder, subgraphsOffset);
  Model.addDescription(builder, descriptionOffset);
  Model.addBuffers(builder, buffersOffset);
  Model.addMetadataBuffer(builder, metadataBufferOffset);
  Model.addMetadata(builder, metadataOffset);
  Model.addSignatureDefs(builder, signatureDefsOffset);
  return Model.endModel(builder);
}
}

