// What is downloaded.
import { brotliCompressSync, constants, gzipSync } from "node:zlib";

export interface Bytes {
  readonly raw: number;
  readonly gzip: number;
  readonly brotli: number;
}

/** Sums over files, each compressed alone (gzip 9, brotli 9), as servers do it. */
export function sizes(files: readonly Uint8Array[]): Bytes {
  const params = { [constants.BROTLI_PARAM_QUALITY]: 9 };
  const sum = (size: (body: Uint8Array) => number) => files.reduce((total, body) => total + size(body), 0);
  return {
    raw: sum(({ length }) => length),
    gzip: sum((body) => gzipSync(body, { level: 9 }).length),
    brotli: sum((body) => brotliCompressSync(body, { params }).length),
  };
}

export function kilobytes({ raw, gzip, brotli }: Bytes): string {
  return [raw, gzip, brotli].map((bytes) => (bytes / 1000).toFixed(1)).join(" / ");
}
