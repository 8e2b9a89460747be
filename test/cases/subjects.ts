// Float models with real data, for measuring what quantization loses.
import { createHash } from "node:crypto";
import { decodePicture } from "../../src/cli/inputs/picture.ts";
import type { Sample, Samples } from "../../src/float/samples.ts";
import type { Graph } from "../../src/graph/graph.ts";
import { importModel } from "../../src/import/index.ts";
import { equalise } from "../../src/passes/equalise.ts";
import { simplify } from "../../src/passes/index.ts";
import { dequantizeGraph } from "../../src/quantize/dequantize.ts";
import { readAsset } from "./assets.ts";
import { asset } from "./models.ts";

type Bytes = Uint8Array | Int8Array;

/** Samples in bytes, turned into a model's input as they are asked for; `channel` is the byte's place among three. */
export class Pictures implements Samples {
  readonly length: number;
  readonly pixels: readonly Bytes[];
  private readonly real: (byte: number, channel: number) => number;

  constructor(pixels: readonly Bytes[], real: (byte: number, channel: number) => number) {
    this.pixels = pixels;
    this.real = real;
    this.length = pixels.length;
  }

  at(index: number): Sample | undefined {
    const bytes = this.pixels[index];
    return bytes && [Float32Array.from(bytes, (byte, i) => this.real(byte, i % 3))];
  }

  first(count: number): Pictures {
    return new Pictures(this.pixels.slice(0, count), this.real);
  }

  /** Hashes of the pictures' bytes. */
  hashes(): string[] {
    return this.pixels.map((bytes) => createHash("sha256").update(bytes).digest("hex"));
  }

  select(indices: readonly number[]): Pictures {
    return new Pictures(
      indices.map((i) => this.pixels[i]!),
      this.real,
    );
  }
}

/** A float model, its evaluation set, and where calibration samples come from. */
export interface Subject {
  readonly name: string;
  readonly graph: Graph;
  readonly evaluation: Pictures;
  /** Classes of the evaluation set; undefined where nobody knows them. */
  readonly labels?: readonly number[];
  /** What the drop is counted from, where that is another network than the float one. */
  readonly reference?: Graph;
  /** Calibration sets by published seed: 0 and 1. Only 0 where there is no more data. */
  calibration(seed: number): Pictures;
  /** Classes of such a set, where they are known. */
  calibrationLabels?(seed: number): readonly number[];
}

/** The pictures of a calibration set; throws where one of them is also evaluated, by content. */
export function calibrationOf(subject: Subject, seed: number): Pictures {
  const pictures = subject.calibration(seed);
  const evaluated = new Set(subject.evaluation.hashes());
  const shared = pictures.hashes().filter((hash) => evaluated.has(hash));
  if (shared.length > 0)
    throw new Error(`${shared.length} calibration samples are evaluated too: ${shared[0]}`);
  return pictures;
}

const SUBJECTS = { resnet20, resnet8, mobilenet, rescaled, kws, vww };

export type SubjectName = keyof typeof SUBJECTS;

/** Reads a model and its data. */
export function subjectNamed(name: SubjectName): Subject {
  return SUBJECTS[name]();
}

function resnet20(): Subject {
  const [mean, std] = [
    [0.485, 0.456, 0.406],
    [0.229, 0.224, 0.225],
  ];
  const real = (byte: number, c: number) => (byte / 255 - mean[c]!) / std[c]!;
  return cifar("resnet20", "onnx/resnet20_cifar10.onnx", real);
}

function resnet8(): Subject {
  return cifar("resnet8", "mlperf_tiny/models/pretrainedResnet.tflite", (byte) => byte);
}

function cifar(name: string, path: string, real: (byte: number, channel: number) => number): Subject {
  const train = arrays("cifar10/train_x.npy");
  const classes = Array.from(asset("cifar10/train_y.npy").data, Number);
  // Every sixth picture from the seed on, then those two behind, and so on: sets of up to 1,500 are disjoint, and
  // classes are mixed in the file.
  const drawn = <T>(all: readonly T[], seed: number) =>
    [0, 2, 4].flatMap((more) => everyNth(all, 6, seed + more));
  return {
    name,
    graph: readFloat(path),
    evaluation: new Pictures(arrays("cifar10/test_x.npy"), real),
    labels: Array.from(asset("cifar10/test_y.npy").data, Number),
    calibration: (seed) => new Pictures(drawn(train, seed), real),
    calibrationLabels: (seed) => drawn(classes, seed),
  };
}

/** The arrays that an .npy file of bytes stacks. */
function arrays(path: string): Uint8Array[] {
  const { data, shape } = asset(path);
  const size = data.length / shape[0]!;
  return Array.from({ length: shape[0]! }, (_, i) => (data as Uint8Array).subarray(i * size, (i + 1) * size));
}

/** Of the rows of labels.csv every fifth is for calibration. */
const isCalibration = (_: unknown, i: number) => i % 5 === 0;
const isEvaluation = (_: unknown, i: number) => i % 5 !== 0;

function mobilenet(): Subject {
  const rows = new TextDecoder().decode(readAsset("imagenet/labels.csv")).trim().split("\n").slice(1);
  const entries = rows.map((row) => row.split(",") as [string, string]);
  const pictures = (wanted: typeof entries) =>
    new Pictures(
      wanted.map(([file]) => rgb(readAsset(`imagenet/images/${file}`))),
      (byte) => byte / 127.5 - 1,
    );
  const evaluated = entries.filter(isEvaluation);
  return {
    name: "mobilenet",
    graph: readFloat("onnx/mobilenet_v2_1.0_224_float.onnx"),
    evaluation: pictures(evaluated),
    labels: evaluated.map(([, label]) => Number(label) + 1), // class 0 of the model is the background
    calibration: () => pictures(entries.filter(isCalibration)),
  };
}

/** MobileNetV2 with its channels equalised: the same function, but weights that lie on no grid of 8 bits. */
function rescaled(): Subject {
  const subject = mobilenet();
  return { ...subject, name: "rescaled", graph: equalise(subject.graph) };
}

/** Keyword spotting from its int8 file, whose reals stand for the float network; the drop is that from the int8 one. */
function kws(): Subject {
  const path = "mlperf_tiny/models/kws_ref_model.tflite";
  const reference = simplify(toLogits(importModel(readAsset(path), path)));
  const { scale, zeroPoint } = reference.tensors[reference.inputs[0]!.tensor]!.quantization!;
  const sounds = (part: string) => {
    const { data, shape } = asset(`mlperf_tiny/data/kws01_${part}_x.npy`);
    const size = data.length / shape[0]!;
    const codes = Array.from({ length: shape[0]! }, (_, i) =>
      (data as Int8Array).subarray(i * size, (i + 1) * size),
    );
    return new Pictures(codes, (code) => scale[0]! * (code - zeroPoint[0]!));
  };
  return {
    name: "kws",
    graph: dequantizeGraph(reference),
    reference,
    evaluation: sounds("eval"),
    labels: Array.from(asset("mlperf_tiny/data/kws01_eval_y.npy").data, Number),
    calibration: () => sounds("calib"),
  };
}

/** Visual wake words on pictures of ImageNet: without labels, so that only the agreement with the float network counts. */
function vww(): Subject {
  const pictures = arrays("imagenet/rgb96.npy");
  const real = (byte: number) => byte / 255;
  return {
    name: "vww",
    graph: readFloat("mlperf_tiny/models/vww_96_float.tflite"),
    evaluation: new Pictures(pictures.filter(isEvaluation), real),
    calibration: () => new Pictures(pictures.filter(isCalibration), real),
  };
}

function rgb(file: Uint8Array): Uint8Array {
  const { bytes } = decodePicture(file, "jpg");
  const pixels = new Uint8Array((bytes.length / 4) * 3);
  for (let i = 0; i < pixels.length; i++) pixels[i] = bytes[Math.floor(i / 3) * 4 + (i % 3)]!;
  return pixels;
}

function everyNth<T>(all: readonly T[], n: number, first: number): T[] {
  return all.filter((_, i) => i % n === first);
}

function readFloat(path: string): Graph {
  return simplify(toLogits(importModel(readAsset(path), path)));
}

/** The graph without a last softmax: its outputs are the logits. */
function toLogits(graph: Graph): Graph {
  const outputs = graph.outputs.map((border) => {
    const writer = graph.nodes.find(
      ({ op, outputs: [output] }) => op === "softmax" && output === border.tensor,
    );
    return writer === undefined ? border : { ...border, tensor: writer.inputs[0]! };
  });
  return { ...graph, outputs };
}
