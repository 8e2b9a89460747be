// workerd, the runtime of Cloudflare Workers: modules come with the configuration, nothing is compiled at run time.
import { spawn } from "node:child_process";
import { copyFileSync, existsSync, mkdirSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import type { Readable } from "node:stream";
import {
  ENGINES,
  type EngineReport,
  type Host,
  type MissingHost,
  MODULES,
  output,
  RELAXED_ENGINE,
} from "./hosts.ts";

export const WORKERD = "node_modules/@cloudflare/workerd-linux-64/bin/workerd";

export function workerdHosts(): (Host | MissingHost)[] {
  if (!existsSync(WORKERD)) return [{ name: "workerd", reason: `no ${WORKERD}: npm ci (Linux x64 only)` }];
  const version = output(WORKERD, ["--version"]).split(" ").at(-1)!;
  return [{ name: "workerd", version, builds: [...ENGINES, RELAXED_ENGINE], run: runBuild }];
}

async function runBuild(build: string, models: string): Promise<EngineReport> {
  const place = join("build/workerd", build);
  mkdirSync(place, { recursive: true });
  copyFileSync("build/run-worker.mjs", join(place, "worker.mjs"));
  copyFileSync(`${MODULES}/${build}.wasm`, join(place, "engine.wasm"));
  const file = join(place, "config.capnp");
  writeFileSync(file, configuration(models));
  const { port, stop } = await serve(file);
  try {
    const response = await fetch(`http://127.0.0.1:${port}/`);
    if (!response.ok) throw new Error(`status ${response.status}: ${await response.text()}`);
    return (await response.json()) as EngineReport;
  } finally {
    stop();
  }
}

function configuration(models: string): string {
  return `using Workerd = import "/workerd/workerd.capnp";
const config :Workerd.Config = (
  services = [
    (name = "main", worker = (
      modules = [
        (name = "worker.mjs", esModule = embed "worker.mjs"),
        (name = "engine.wasm", wasm = embed "engine.wasm"),
      ],
      compatibilityDate = "2026-07-01",
      bindings = [(name = "MODELS", service = "models")],
    )),
    (name = "models", disk = "${models}"),
  ],
  sockets = [(name = "http", address = "127.0.0.1:0", http = (), service = "main")],
);
`;
}

/** Starts workerd on a free port, which it tells on descriptor 3. */
function serve(config: string): Promise<{ port: number; stop: () => void }> {
  const child = spawn(WORKERD, ["serve", config, "--control-fd=3"], {
    stdio: ["ignore", "inherit", "inherit", "pipe"],
  });
  return new Promise((resolve, reject) => {
    let text = "";
    (child.stdio[3] as Readable).on("data", (chunk: Buffer) => {
      text += chunk;
      const port = /"port":(\d+)/.exec(text)?.[1];
      if (port !== undefined) resolve({ port: Number(port), stop: () => child.kill("SIGKILL") });
    });
    child.on("error", reject);
    child.on("exit", (code) => reject(new Error(`workerd ended with code ${code} before it listened`)));
  });
}
