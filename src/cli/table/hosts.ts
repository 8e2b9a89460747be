import type { Host } from "./job.ts";
import { openNode } from "./node.ts";
import { openPage } from "./page.ts";
import { openWasi } from "./wasi.ts";
import { openWorkerd } from "./workerd.ts";

/** Opens a host by its kind; `command` starts what is not this process. */
export async function openHost(kind: Host["kind"], command?: string): Promise<Host> {
  switch (kind) {
    case "node":
      return openNode();
    case "page":
      return openPage((text) => process.stderr.write(text));
    case "workerd":
      return openWorkerd(command);
    case "wasi":
      return openWasi(command);
  }
}
