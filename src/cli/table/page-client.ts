// In the page: does what the command asks for, one job after the other.
import type { Build } from "../../runtime/builds.ts";
import type { Protocol } from "./job.ts";
import { measureModels } from "./measure.ts";

const BUILDS: readonly Build[] = ["engine-relaxed", "engine", "engine-scalar"];
const PAUSE_MS = 200;

async function bytesOf(path: string): Promise<Uint8Array<ArrayBuffer>> {
  return new Uint8Array(await (await fetch(path)).arrayBuffer());
}

function engine(build: Build): Promise<Uint8Array<ArrayBuffer>> {
  return bytesOf(`/assembly/build/${build}.wasm`);
}

async function post(path: string, body: unknown): Promise<void> {
  await fetch(path, { method: "POST", body: typeof body === "string" ? body : JSON.stringify(body) });
}

function show(text: string): void {
  document.getElementById("state")!.textContent = text;
}

async function measure(build: Build, models: number, protocol: Protocol): Promise<void> {
  const module = await WebAssembly.compile(await engine(build));
  const files = await Promise.all(Array.from({ length: models }, (_, i) => bytesOf(`/model/${i}`)));
  const measured = await measureModels(module, files, protocol, (what) => {
    show(`${build}: ${what}`);
    void post("/progress", what);
  });
  await post("/measured", measured);
}

const compiled = await Promise.all(BUILDS.map(async (build) => WebAssembly.validate(await engine(build))));
const { userAgent } = navigator;
await post("/hello", { userAgent, builds: BUILDS.filter((_, i) => compiled[i]) });
for (;;) {
  const job = await (await fetch("/job")).json();
  if (job === null) break;
  if (job.build === undefined) await new Promise((resolve) => setTimeout(resolve, PAUSE_MS));
  else await measure(job.build, job.models, job.protocol).catch((error) => post("/failed", `${error}`));
}
show("Done: this page can be closed.");
