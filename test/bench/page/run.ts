// In the page: the interleaved run. The driver calls `bench`, step by step.
import { type BenchModel, benchModel } from "../compiled.ts";
import { interleave, type Protocol, type Timing, type Watch } from "../interleave.ts";
import { outputCodes } from "../outputs.ts";
import { dyadicSubjects } from "../subjects/dyadic.ts";
import { onnxRuntimeWeb } from "../subjects/onnxruntime-web.ts";
import type { Opened, Subject } from "../subjects/subject.ts";
import { openLiteRt } from "./litert.ts";
import type { Runtime } from "./runtime.ts";
import { openTfjs } from "./tfjs.ts";
import { openTfjsTflite } from "./tfjs-tflite.ts";

/** What the driver must know of a subject. */
export type PageSubject = Pick<Subject, "name" | "kind" | "version">;

export interface PageBench {
  open(
    name: string,
    path: string,
    versions: Readonly<Record<string, string>>,
  ): Promise<{ subjects: PageSubject[]; macs: number; classifies: boolean }>;
  /** Rows of every subject's codes as text, which crosses to the driver faster than arrays. */
  outputs(): Promise<string[][]>;
  time(protocol: Protocol): Promise<{ timings: Timing[]; selfTestClass: Record<string, string> }>;
}

let model: BenchModel;
let bytes: Uint8Array<ArrayBuffer>;
const open: { subject: Subject; opened: Opened }[] = [];

async function fetched(url: string): Promise<Uint8Array<ArrayBuffer>> {
  const response = await fetch(url);
  if (!response.ok) throw new Error(`${url}: status ${response.status}`);
  return new Uint8Array(await response.arrayBuffer());
}

/** A runtime that takes the file as it is, as a subject. */
function tfliteSubject(name: string, version: string, runtime: Promise<Runtime>): Subject {
  return {
    name,
    version,
    kind: "int8",
    async open({ integer, samples }) {
      const loaded = await (await runtime).load(bytes.slice());
      const unsigned = integer.inputs[0]!.dtype === "uint8";
      const inputs = samples.map((codes) =>
        unsigned ? Uint8Array.from(codes, (code) => code + 128) : codes.slice(),
      );
      return { ...loaded, run: (sample) => loaded.run(inputs[sample]!) };
    },
  };
}

async function allSubjects(versions: Readonly<Record<string, string>>): Promise<Subject[]> {
  const [litert, tflite] = [versions["@litertjs/core"]!, versions["@tensorflow/tfjs-tflite"]!];
  const relaxed = await openLiteRt("relaxed"); // one after the other: both loaders use the same globals
  const compat = await openLiteRt("compat");
  const onnx = await onnxRuntimeWeb();
  return [
    ...(await dyadicSubjects((build) => fetched(`/assembly/build/${build}.wasm`))),
    tfliteSubject("LiteRT.js relaxed", litert, Promise.resolve(relaxed)),
    tfliteSubject("LiteRT.js compat", litert, Promise.resolve(compat)),
    ...onnx,
    tfliteSubject("tfjs-tflite", tflite, openTfjsTflite()),
    {
      name: "tfjs-backend-wasm float32",
      version: versions["@tensorflow/tfjs-backend-wasm"]!,
      kind: "float32",
      open: openTfjs,
    },
  ];
}

/** Share of the core that the page's main thread had, by what the driver reads of the scheduler. */
const watchPage: Watch = async () => {
  const waited = async () => Number(await (await fetch("/waited")).text());
  const before = await waited();
  return async (elapsedMs) => 1 - ((await waited()) - before) / elapsedMs;
};

const bench: PageBench = {
  async open(name, path, versions) {
    const [file, codes] = await Promise.all([
      fetched(`/models/${name}/model.tflite`),
      fetched(`/models/${name}/codes`),
    ]);
    bytes = file;
    model = benchModel(name, bytes, path, new Int8Array(codes.buffer));
    for (const subject of await allSubjects(versions)) {
      open.push({ subject, opened: await subject.open(model) });
    }
    const subjects = open
      .map(({ subject }) => subject)
      .map((s) => ({ name: s.name, kind: s.kind, version: s.version }));
    return { subjects, macs: model.macs, classifies: model.classifies };
  },
  async outputs() {
    const all: string[][] = [];
    for (const { opened } of open) all.push((await outputCodes(opened, model)).map((row) => row.join()));
    return all;
  },
  async time(protocol) {
    const tasks = open.map(({ subject, opened }) => {
      let next = 0; // as in Node: branches that depend on the data must not be learnt by heart
      return { name: subject.name, run: () => opened.run(next++ % model.samples.length) };
    });
    const timings = await interleave(tasks, protocol, watchPage, () => {});
    const classes = open.flatMap(({ subject, opened }) =>
      opened.selfTestClass ? [[subject.name, opened.selfTestClass()] as const] : [],
    );
    return { timings, selfTestClass: Object.fromEntries(classes) };
  },
};

Object.assign(globalThis, { bench });
