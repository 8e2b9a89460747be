import type { Host } from "./job.ts";
import { openNode } from "./node.ts";

/** Opens a host by its kind; `command` starts what is not this process. */
export async function openHost(kind: Host["kind"], _command?: string): Promise<Host> {
  void kind;
  return openNode();
}
