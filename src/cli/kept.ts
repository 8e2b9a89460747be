// What a compilation has finished, on disk: one that was stopped goes on from there.
import { existsSync, rmSync } from "node:fs";
import { LayerFile } from "./layer-file.ts";
import { LossFile } from "./loss-file.ts";

/** Files beside --cache, which stay, or beside the output, which go when that is written. */
export class Kept {
  /** What the calibration saw. */
  readonly calibration: string;
  readonly losses: LossFile;
  /** Layers at every width that is asked about. */
  readonly trials: LayerFile;
  readonly layers: LayerFile;
  /** Whether the files go with the end of the compilation. */
  readonly isTemporary: boolean;
  private readonly paths: readonly string[];

  constructor(cache: string | undefined, output: string) {
    this.isTemporary = cache === undefined;
    const base = cache ?? output;
    this.calibration = cache ?? `${output}.seen`;
    const [losses, trials, layers] = ["losses", "trials", "layers"].map((kind) => `${base}.${kind}`);
    this.losses = new LossFile(losses!);
    this.trials = new LayerFile(trials!);
    this.layers = new LayerFile(layers!);
    this.paths = [this.calibration, losses!, trials!, layers!];
  }

  /** Those files that there are. */
  get files(): readonly string[] {
    return this.paths.filter((path) => existsSync(path));
  }

  /** After the end: of what belongs to --cache, trials alone go, for their losses are known. */
  clear(): void {
    this.trials.remove();
    if (this.isTemporary) for (const path of this.paths) rmSync(path, { force: true });
  }
}

/** Where a command keeps what is finished; undefined where it has neither --cache nor an output. */
export function keptBeside(cache: string | undefined, output: string | undefined): Kept | undefined {
  const base = cache ?? output;
  return base === undefined ? undefined : new Kept(cache, base);
}
