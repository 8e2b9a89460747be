// Measured losses on disk, one a line, so that no layer is measured twice.
import { appendFileSync, existsSync } from "node:fs";
import type { LossStore } from "../precision/allocate/index.ts";
import { readText } from "./files.ts";
import { writeFailure } from "./output.ts";

/** A key and a number: what a torn last line is not. */
const LINE = /^([0-9a-f]{64}) (\S+) \.$/;

/** A file of losses by content: lines that are not whole do not count. Appended to as losses are known. */
export class LossFile implements LossStore {
  private readonly path: string;
  private readonly losses = new Map<string, number>();

  constructor(path: string) {
    this.path = path;
    for (const line of existsSync(path) ? readText(path).split("\n") : []) {
      const [, key, loss] = LINE.exec(line) ?? [];
      if (key !== undefined) this.losses.set(key, Number(loss));
    }
  }

  get(key: string): number | undefined {
    return this.losses.get(key);
  }

  set(key: string, loss: number): void {
    this.losses.set(key, loss);
    try {
      // A line break in front, so that what an interrupted run tore cannot spoil this line.
      appendFileSync(this.path, `\n${key} ${loss} .`);
    } catch (error) {
      throw writeFailure(this.path, error);
    }
  }
}
