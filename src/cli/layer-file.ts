// Finished layers on disk, one a line, so that a compilation that was stopped goes on where it was.
import { appendFileSync, existsSync, rmSync, writeFileSync } from "node:fs";
import { hex, sha256 } from "../numerics/sha256.ts";
import type { LayerStore } from "../precision/quantize.ts";
import type { LayerWeights } from "../quantize/layer-weights.ts";
import { readText } from "./files.ts";
import { writeFailure } from "./output.ts";

/** Hexadecimal digits in front of every line: what tells a whole line from a torn one. */
const CHECK = 16;

/**
 * A file whose first line is the key of a compilation; every further line is a layer, under a check of its own bytes.
 * Lines behind a torn or foreign one do not count. Made anew for another key.
 */
export class LayerFile implements LayerStore {
  private readonly path: string;
  private key = "";
  private begun = false;

  constructor(path: string) {
    this.path = path;
  }

  open(key: string): ReadonlyMap<number, LayerWeights> {
    const layers = new Map<number, LayerWeights>();
    const [first, ...lines] = existsSync(this.path) ? readText(this.path).split("\n") : [];
    this.key = key;
    this.begun = first === key;
    if (!this.begun) return layers;
    const end = lines.findIndex((line) => !isWhole(line));
    const whole = end < 0 ? lines : lines.slice(0, end);
    for (const line of whole) {
      const [index, weights] = decode(line.slice(CHECK + 1));
      layers.set(index, weights);
    }
    // What would stand behind a torn line would be lost to the next run.
    if (end < 0 || lines.slice(end).join("") !== "") this.write(writeFileSync, [key, ...whole]);
    return layers;
  }

  add(index: number, weights: LayerWeights): void {
    const text = encode(index, weights);
    if (!this.begun) this.write(writeFileSync, [this.key]);
    this.begun = true;
    this.write(appendFileSync, [`${checkOf(text)} ${text}`]);
  }

  remove(): void {
    rmSync(this.path, { force: true });
  }

  private write(how: (path: string, text: string) => void, lines: readonly string[]): void {
    try {
      how(this.path, `${lines.join("\n")}\n`);
    } catch (error) {
      throw writeFailure(this.path, error);
    }
  }
}

function checkOf(text: string): string {
  return hex(sha256(new TextEncoder().encode(text))).slice(0, CHECK);
}

function isWhole(line: string): boolean {
  return line.slice(0, CHECK) === checkOf(line.slice(CHECK + 1));
}

function encode(index: number, { width, codes, scales, bias }: LayerWeights): string {
  const bytes = Buffer.from(codes.buffer, codes.byteOffset, codes.byteLength).toString("base64");
  return JSON.stringify({ index, width, codes: bytes, scales, bias: [...bias] });
}

function decode(text: string): [number, LayerWeights] {
  const { index, width, codes, scales, bias } = JSON.parse(text);
  return [
    index,
    { width, codes: new Int8Array(Buffer.from(codes, "base64")), scales, bias: Int32Array.from(bias) },
  ];
}
