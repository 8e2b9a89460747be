// The published JSON Schema of a policy, and the part of JSON Schema that it uses.

/** A schema: the keywords of JSON Schema that `problemsOf` knows. */
export interface Schema {
  readonly $schema?: string;
  readonly title?: string;
  readonly description?: string;
  readonly type?: "object" | "array" | "string" | "integer" | "boolean";
  readonly enum?: readonly (string | number)[];
  readonly minLength?: number;
  readonly minimum?: number;
  readonly minProperties?: number;
  readonly required?: readonly string[];
  readonly properties?: Readonly<Record<string, Schema>>;
  readonly additionalProperties?: false;
  readonly items?: Schema;
}

/** Names of the rounding methods, as src/quantize knows them. */
export const ROUNDINGS = [
  "nearest",
  "error-feedback",
  "least-squares",
  "coordinate-descent",
  "learned",
] as const;
export const WEIGHT_WIDTHS = [8, 7, 6, 5, 4, 3, 2, "ternary", 1] as const;
export const ACTIVATION_WIDTHS = [16, 8, 4, 2, 1] as const;
export const GRANULARITIES = ["channel", "tensor"] as const;
export const POSITIONS = ["first", "last"] as const;

const SETTINGS = {
  weightBits: { description: "Width of the weights' codes.", enum: WEIGHT_WIDTHS },
  activationBits: {
    description:
      "Width of the codes that the layer writes. What other ops write is as wide as the widest they read.",
    enum: ACTIVATION_WIDTHS,
  },
  granularity: { description: "What shares a weight scale.", enum: GRANULARITIES },
  rounding: {
    description: "How weights become codes. Left out: nearest at 8 bits, coordinate-descent below.",
    enum: ROUNDINGS,
  },
} as const satisfies Record<string, Schema>;

/** What policy.schema.json holds. */
export const POLICY_SCHEMA: Schema = {
  $schema: "https://json-schema.org/draft/2020-12/schema",
  title: "Dyadic policy",
  description: "The bit widths of a model's layers. Later overrides win; what nothing sets is the default's.",
  type: "object",
  required: ["version"],
  additionalProperties: false,
  properties: {
    $schema: { type: "string" },
    version: { enum: [1] },
    residualBits: {
      description:
        "Width of everything that additions read and write, whatever the layers in front of them say.",
      enum: ACTIVATION_WIDTHS,
    },
    biasCorrection: {
      description:
        "Whether biases make up for the mean error of a layer's outputs. Left out: where there are samples.",
      type: "boolean",
    },
    equalisation: {
      description:
        "Whether channels between layers are scaled so that both layers use their codes equally well. Default false.",
      type: "boolean",
    },
    biasAbsorption: {
      description:
        "Whether what outputs of a layer with ReLU hardly ever fall below moves into the biases behind it. Default false.",
      type: "boolean",
    },
    reestimation: {
      description:
        "Whether scales and biases give outputs the float network's means and deviations after rounding. Default false.",
      type: "boolean",
    },
    reconstruction: {
      description:
        "Whether scales and biases are refined by gradient after rounding, for widths of 3 bits and fewer. Default false.",
      type: "boolean",
    },
    defaults: {
      description: "Settings of every layer with weights.",
      type: "object",
      additionalProperties: false,
      properties: SETTINGS,
    },
    overrides: {
      description:
        "Settings of the layers that all selectors of an entry fit. An entry with activationBits alone may also name other nodes.",
      type: "array",
      items: {
        type: "object",
        minProperties: 1,
        additionalProperties: false,
        properties: {
          layers: {
            description:
              "Selector: the whole name of a layer as a glob. * is any run of characters, ? is one, \\ takes the next as it is.",
            type: "string",
            minLength: 1,
          },
          op: {
            description: "Selector: conv, depthwise, dense, or the op of another node.",
            type: "string",
            minLength: 1,
          },
          position: { description: "Selector: among the layers with weights.", enum: POSITIONS },
          ...SETTINGS,
        },
      },
    },
  },
};

export interface Problem {
  /** As in a program: overrides[2].weightBits; empty for the whole. */
  readonly path: string;
  readonly expected: string;
  readonly found: string;
}

/** What of a JSON value does not fit a schema, in the order of the value. */
export function problemsOf(value: unknown, schema: Schema, path = ""): Problem[] {
  const problem = (expected: string, found = shown(value)): Problem => ({ path, expected, found });
  if (schema.enum !== undefined) {
    const fits = schema.enum.some((allowed) => allowed === value);
    return fits ? [] : [problem(schema.enum.map((allowed) => JSON.stringify(allowed)).join(", "))];
  }
  if (typeOf(value) !== schema.type) return [problem(`${schema.type}`)];
  if (typeof value === "string") {
    return value.length < (schema.minLength ?? 0) ? [problem("some text")] : [];
  }
  if (typeof value === "number") {
    const { minimum = -Infinity } = schema;
    return value < minimum ? [problem(`at least ${minimum}`)] : [];
  }
  if (Array.isArray(value)) {
    return value.flatMap((item, i) => (schema.items ? problemsOf(item, schema.items, `${path}[${i}]`) : []));
  }
  return objectProblems(value as Record<string, unknown>, schema, path);
}

function objectProblems(value: Record<string, unknown>, schema: Schema, path: string): Problem[] {
  const { properties = {}, required = [], minProperties = 0 } = schema;
  const at = (key: string) => (path === "" ? key : `${path}.${key}`);
  const known = Object.keys(properties).join(", ");
  if (Object.keys(value).length < minProperties) return [{ path, expected: known, found: "{}" }];
  const missing = required.filter((key) => !Object.hasOwn(value, key));
  return [
    ...missing.map((key) => ({ path: at(key), expected: "this member", found: "nothing" })),
    ...Object.entries(value).flatMap(([key, member]) =>
      Object.hasOwn(properties, key)
        ? problemsOf(member, properties[key]!, at(key))
        : [{ path: at(key), expected: `one of ${known}`, found: "an unknown member" }],
    ),
  ];
}

function typeOf(value: unknown): string {
  if (value === null) return "null";
  if (Array.isArray(value)) return "array";
  return Number.isInteger(value) ? "integer" : typeof value;
}

function shown(value: unknown): string {
  const text = JSON.stringify(value) ?? "nothing";
  return text.length > 60 ? `${text.slice(0, 57)}...` : text;
}
