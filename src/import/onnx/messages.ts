/** The messages of onnx.proto as `decodeModel` hands them over. */

export interface ModelProto {
  readonly irVersion: number;
  readonly producerName: string;
  readonly producerVersion: string;
  readonly graph: GraphProto | null;
  /** Version by domain; "" is the standard set. */
  readonly opsets: ReadonlyMap<string, number>;
  readonly metadata: ReadonlyMap<string, string>;
  /** How many functions of its own the model defines. */
  readonly functions: number;
}

export interface GraphProto {
  readonly name: string;
  readonly nodes: readonly NodeProto[];
  readonly initializers: readonly TensorProto[];
  readonly inputs: readonly ValueInfoProto[];
  readonly outputs: readonly ValueInfoProto[];
  /** How many sparse initialisers there are. */
  readonly sparse: number;
}

export interface NodeProto {
  readonly name: string;
  readonly opType: string;
  readonly domain: string;
  readonly inputs: readonly string[];
  readonly outputs: readonly string[];
  readonly attributes: ReadonlyMap<string, AttributeProto>;
}

export interface AttributeProto {
  readonly f: number;
  readonly i: number;
  readonly s: Uint8Array | null;
  readonly t: TensorProto | null;
  readonly floats: readonly number[];
  readonly ints: readonly number[];
  readonly strings: readonly Uint8Array[];
}

export interface TensorProto {
  readonly name: string;
  readonly dims: readonly number[];
  readonly dataType: number;
  readonly rawData: Uint8Array | null;
  /** Whatever typed field the file uses. 64-bit integers are rounded to float64. */
  readonly values: readonly number[];
  readonly dataLocation: number;
  readonly external: ReadonlyMap<string, string>;
}

/** A size, or the name of one that is known only at run time ("?" without a name). */
export type DimensionProto = number | string;

export interface ValueInfoProto {
  readonly name: string;
  /** `dims` is null where even the rank is unknown. */
  readonly type: { readonly elementType: number; readonly dims: readonly DimensionProto[] | null } | null;
}
