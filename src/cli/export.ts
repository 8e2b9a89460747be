import { isFloat } from "../compile.ts";
import { DyadicError } from "../error.ts";
import { annotationsOf } from "../export/annotations.ts";
import { annotateOnnx } from "../export/onnx/annotate.ts";
import { exportOnnx } from "../export/onnx/index.ts";
import type { Graph } from "../graph/graph.ts";
import { importModel, isOnnx } from "../import/index.ts";
import { readModel, requireHeader } from "../model/index.ts";
import { hex, sha256 } from "../numerics/sha256.ts";
import { simplify } from "../passes/index.ts";
import type { FloatFlags } from "./calibration.ts";
import { readBytes } from "./files.ts";
import { isCompiled, type LoadedModel, loadForSize, siblingsOf } from "./model.ts";
import { print, writeWhole } from "./output.ts";

interface Options extends FloatFlags {
  readonly output: string;
  readonly source?: string;
  readonly qdq?: boolean;
  readonly json?: boolean;
}

/**
 * `dyadic export`: the model as ONNX with its policy in `metadata_props` and bits, method, scale and zero point at
 * every layer. An .onnx keeps all else that is in it; a .tflite, and --qdq, is written anew.
 */
export async function exportCommand(path: string, options: Options): Promise<void> {
  const { output, json } = options;
  const loaded = await loadForSize(path, options);
  const source = isCompiled(readBytes(path)) ? sourceOf(path, loaded.bytes, options) : path;
  const own = options.qdq ? quantizedGraph(path, loaded, options) : undefined;
  const graph = own ?? simplify(importModel(readBytes(source), source, { readExternal: siblingsOf(source) }));
  const calibrated = isCompiled(readBytes(path)) || hasSamples(options) || !isFloat(graph);
  const { model, layers } = annotationsOf(loaded.bytes, path, calibrated);
  const keeps = own === undefined && isOnnx(readBytes(source));
  const bytes = annotateOnnx(keeps ? readBytes(source) : exportOnnx(graph), model, layers);
  writeWhole(output, bytes);
  const form = keeps ? "annotated" : isFloat(graph) ? "float" : "qdq";
  const result = { output, bytes: bytes.length, form, annotated: layers.size };
  print(json === true, result, () => `${output}: ${form}, ${layers.size} layers annotated\n`);
}

function hasSamples({ calibrate, cache }: FloatFlags): boolean {
  return calibrate !== undefined || cache !== undefined;
}

/** The file that a `.dyad` was compiled from. Throws BAD_ARGUMENT where it is not given, or is another one. */
function sourceOf(path: string, bytes: Uint8Array, { source }: Options): string {
  const { sourceFile, sourceSha256 } = requireHeader(readModel(bytes, path), path);
  if (source === undefined) {
    throw new DyadicError("BAD_ARGUMENT", "a .dyad holds the plan of a network, not its graph", {
      file: path,
      hint: `--source ${sourceFile || "MODEL.onnx"}, the model that it was compiled from`,
    });
  }
  const found = hex(sha256(readBytes(source)));
  if (found === hex(sourceSha256)) return source;
  throw new DyadicError("BAD_ARGUMENT", "the model was compiled from another file", {
    file: source,
    expected: `${sourceFile}, SHA-256 ${hex(sourceSha256)}`,
    found,
  });
}

/** The graph in codes. Throws BAD_ARGUMENT where nothing made one, or its scales are made up. */
function quantizedGraph(path: string, { compiled }: LoadedModel, options: Options): Graph {
  const graph = compiled?.graph;
  const isReal = compiled?.policy === undefined || hasSamples(options);
  if (graph !== undefined && isReal) return graph;
  throw new DyadicError(
    "BAD_ARGUMENT",
    "--qdq needs a model that is quantized, or samples to quantize it by",
    {
      file: path,
      hint: "give the .onnx or .tflite, and --calibrate for a float one",
    },
  );
}
