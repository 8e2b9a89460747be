// Float models with real data, for measuring what quantization loses.
import { createHash } from "node:crypto";
import { decodePicture } from "../../src/cli/inputs/picture.ts";
import type { Sample, Samples } from "../../src/float/samples.ts";
import type { Graph } from "../../src/graph/graph.ts";
import { importModel } from "../../src/import/index.ts";
import { simplify } from "../../src/passes/index.ts";
import { readAsset } from "./assets.ts";
import { asset } from "./models.ts";

/** Pictures in bytes, turned into a model's input as they are asked for. */
export class Pictures implements Samples {
  readonly length: number;
  private readonly pixels: readonly Uint8Array[];
  private readonly real: (byte: number, channel: number) => number;

  constructor(pixels: readonly Uint8Array[], real: (byte: number, channel: number) => number) {
    this.pixels = pixels;
    this.real = real;
    this.length = pixels.length;
  }

  at(index: number): Sample | undefined {
    const bytes = this.pixels[index];
    return bytes && [Float32Array.from(bytes, (byte, i) => this.real(byte, i % 3))];
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
  readonly labels: readonly number[];
  /** Calibration sets by published seed: 0 and 1. Only 0 where there is no more data. */
  calibration(seed: number): Pictures;
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

const SUBJECTS = { resnet20, resnet8, mobilenet };

/** Reads a model and its data. */
export function subjectNamed(name: keyof typeof SUBJECTS): Subject {
  return SUBJECTS[name]();
}

/** Calibration pictures of the CIFAR-10 models. */
const CALIBRATION = 500;

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
  const train = cifarPictures("cifar10/train_x.npy");
  return {
    name,
    graph: readFloat(path),
    evaluation: new Pictures(cifarPictures("cifar10/test_x.npy"), real),
    labels: Array.from(asset("cifar10/test_y.npy").data, Number),
    // Every sixth picture, from the seed on: disjoint sets, and classes are mixed in the file.
    calibration: (seed) => new Pictures(everyNth(train, 6, seed).slice(0, CALIBRATION), real),
  };
}

function cifarPictures(path: string): Uint8Array[] {
  const { data, shape } = asset(path);
  const size = data.length / shape[0]!;
  return Array.from({ length: shape[0]! }, (_, i) => (data as Uint8Array).subarray(i * size, (i + 1) * size));
}

function mobilenet(): Subject {
  const rows = new TextDecoder().decode(readAsset("imagenet/labels.csv")).trim().split("\n").slice(1);
  const entries = rows.map((row) => row.split(",") as [string, string]);
  const isCalibration = (_: unknown, i: number) => i % 5 === 0;
  const pictures = (wanted: typeof entries) =>
    new Pictures(
      wanted.map(([file]) => rgb(readAsset(`imagenet/images/${file}`))),
      (byte) => byte / 127.5 - 1,
    );
  const evaluated = entries.filter((entry, i) => !isCalibration(entry, i));
  return {
    name: "mobilenet",
    graph: readFloat("onnx/mobilenet_v2_1.0_224_float.onnx"),
    evaluation: pictures(evaluated),
    labels: evaluated.map(([, label]) => Number(label) + 1), // class 0 of the model is the background
    calibration: () => pictures(entries.filter(isCalibration)),
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
