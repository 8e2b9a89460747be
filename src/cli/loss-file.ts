// Measured losses on disk, one a line, so that no layer is measured twice.
import { appendFileSync, existsSync } from "node:fs";
import type { LossStore } from "../precision/allocate/index.ts";
import { readText } from "./files.ts";
import { writeFailure } from "./output.ts";

/** A key and numbers: what a torn last line is not. */
const LINE = /^([0-9a-f]{64}) (\S+) \.$/;

/** A file of losses by content: lines that are not whole do not count. Appended to as losses are known. */
export class LossFile implements LossStore {
  private readonly path: string;
  private readonly known = new Map<string, readonly number[]>();

  constructor(path: string) {
    this.path = path;
    for (const line of existsSync(path) ? readText(path).split("\n") : []) {
      const [, key, numbers] = LINE.exec(line) ?? [];
      if (key !== undefined) this.known.set(key, numbers!.split(",").map(Number));
    }
  }

  get(key: string): readonly number[] | undefined {
    return this.known.get(key);
  }

  set(key: string, numbers: readonly number[]): void {
    this.known.set(key, numbers);
    try {
      // A line break in front, so that what an interrupted run tore cannot spoil this line.
      appendFileSync(this.path, `\n${key} ${numbers} .`);
    } catch (error) {
      throw writeFailure(this.path, error);
    }
  }
}
