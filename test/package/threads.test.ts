// `dyadic/threads` from the packed tarball: every bundler, in pages and in workers of theirs, and Node.
import assert from "node:assert/strict";
import { copyFileSync, existsSync, readFileSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import { after, before, describe, test } from "node:test";
import { createServer, build as vite } from "vite";
import webpack from "webpack";
import { compileGraph } from "../../src/compile.ts";
import { singleLayer } from "../cases/networks.ts";
import { Browsers, ISOLATED } from "./browser.ts";
import { APPS, app, execute, install, ROOT } from "./tarball.ts";

/**
 * What a session on two threads answers; its shares are counted where its engine is made. The digits' steps are too small
 * to be shared: the wide model's are, and it runs until the helper has computed one of them.
 */
const ANSWERS = `
let helped;
const { instantiate } = WebAssembly;
WebAssembly.instantiate = async (...args) => {
  const instance = await instantiate(...args);
  helped = instance.exports.helped;
  return instance;
};
const codes = (session, Codes, i) => {
  const [{ name, shape }] = session.inputMetadata;
  const size = shape.reduce((product, dim) => product * dim);
  const feed = Codes.from({ length: size }, (_, at) => (at * (i + 3) + i * 31) % 128);
  return Object.values(session.runSync({ [name]: feed }))[0].data;
};
const digest = async (data) =>
  Array.from(new Uint8Array(await crypto.subtle.digest("SHA-256", data)), (byte) => byte.toString(16)).join("");
const WAIT_MS = 60000;

export async function answers(InferenceSession, digits, wide, options) {
  const small = await InferenceSession.create(digits, options);
  const answers = Array.from({ length: 10 }, (_, i) => codes(small, Uint8Array, i).join());
  small.dispose();
  const large = await InferenceSession.create(wide, options);
  answers.push(await digest(codes(large, Int8Array, 1)));
  const deadline = performance.now() + WAIT_MS;
  while (helped !== undefined && helped() === 0 && performance.now() < deadline) codes(large, Int8Array, 2);
  answers.push(await digest(codes(large, Int8Array, 2)), helped === undefined ? "alone" : helped() > 0 ? "helped" : "never-helped");
  large.dispose();
  return answers.join(" ");
}
`;
const PAGE = `<!doctype html><html lang="en"><title>wait</title><script type="module" src="/app.js"></script></html>`;
const ANSWER = `
import { InferenceSession } from "dyadic/threads";
import { answers } from "./answers.js";
export const answer = (options) => answers(InferenceSession, "/digits.dyad", "/wide.dyad", { threads: 2, ...options }).then(
  (answers) => "done " + answers,
  (error) => "error " + error.code + " " + error.message,
);
`;
/** An app with the session in its page, and one with it in a worker of the app. */
const IN_PAGE = `
import { answer } from "./answer.js";
answer(OPTIONS).then((title) => { document.title = title; });
`;
const IN_WORKER = `
const worker = new Worker(new URL("./session.js", import.meta.url), { type: "module" });
worker.onmessage = ({ data }) => { document.title = data; };
worker.onerror = ({ message }) => { document.title = "error in the worker: " + message; };
`;
const SESSION = `
import { answer } from "./answer.js";
answer(OPTIONS).then((title) => postMessage(title));
`;

/** The files of an app; bundlers that do not copy what a module names by URL are given the engine by an import. */
function files(script: string, copies = true): Record<string, string> {
  const engine = `import engine from "dyadic/engine-threads.wasm";`;
  const given = "{ module: await WebAssembly.compileStreaming(fetch(engine)) }";
  const withOptions = (text: string) =>
    copies ? text.replace("OPTIONS", "{}") : engine + text.replace("OPTIONS", given);
  return {
    "answers.js": ANSWERS,
    "answer.js": ANSWER,
    "session.js": withOptions(SESSION),
    "app.js": withOptions(script),
  };
}

function inNode(entry: string): string {
  return `
import { InferenceSession } from "${entry}";
import { readFileSync } from "node:fs";
import { answers } from "./answers.js";
const [digits, wide] = ["digits.dyad", "wide.dyad"].map((file) => new Uint8Array(readFileSync(file)));
console.log(await answers(InferenceSession, digits, wide, { threads: 2 }));
`;
}

let expected = "";
let browsers: Browsers;
after(() => browsers?.close());
before(async () => {
  if (!existsSync(join(APPS, "node_modules/dyadic"))) install();
  copyFileSync(join(ROOT, "models/digits/digits.dyad"), join(APPS, "digits.dyad"));
  writeFileSync(join(APPS, "wide.dyad"), compileGraph(singleLayer("conv", [1, 56, 56, 32], 64)).model);
  const root = app(".", {
    "answers.js": ANSWERS,
    "one-thread.mjs": inNode("dyadic"),
    "threads.mjs": inNode("dyadic/threads"),
  });
  expected = execute(process.execPath, ["one-thread.mjs"], root)
    .trim()
    .replace(/ alone$/, " helped");
  assert.ok(new Set(expected.split(" ")).size > 10, "the answers differ from input to input");
  browsers = await Browsers.open();
});

function copyModels(folder: string): void {
  for (const model of ["digits.dyad", "wide.dyad"]) copyFileSync(join(APPS, model), join(folder, model));
}

async function expectAnswers(folder: string): Promise<void> {
  copyModels(folder);
  const answer = `done ${expected}`;
  assert.deepEqual(await browsers.titles(folder, ISOLATED), { chromium: answer, firefox: answer });
}

async function expectRefused(
  folder: string,
  headers: Record<string, string>,
  message: RegExp,
): Promise<void> {
  copyModels(folder);
  for (const title of Object.values(await browsers.titles(folder, headers))) {
    assert.match(String(title), /^error UNSUPPORTED_HOST \/digits\.dyad: /);
    assert.match(String(title), message);
  }
}

test("Node", () => {
  assert.equal(execute(process.execPath, ["threads.mjs"], APPS).trim(), expected);
});

test("Node, where workers are not permitted", () => {
  const alone = ["--permission", `--allow-fs-read=${APPS}/*`, "threads.mjs"];
  assert.throws(
    () => execute(process.execPath, alone, APPS),
    /DyadicError.*could not be started.*ERR_ACCESS_DENIED/s,
  );
});

describe("bundlers, in Chromium and Firefox", () => {
  for (const [where, script] of [
    ["a page", IN_PAGE],
    ["a worker", IN_WORKER],
  ] as const) {
    const name = where.replace("a ", "threads-");
    test(`Vite, in ${where}`, async () => {
      const root = app(`vite-${name}`, { ...files(script), "index.html": PAGE });
      await vite({ root, logLevel: "error", configFile: false });
      await expectAnswers(join(root, "dist"));
    });

    test(`Vite's own server, in ${where}`, async () => {
      const root = app(`vite-server-${name}`, { ...files(script), "index.html": PAGE });
      copyModels(root);
      const server = { headers: ISOLATED, host: "127.0.0.1", port: 0 };
      const served = await createServer({ root, logLevel: "error", configFile: false, server });
      await served.listen();
      try {
        await browsers.openPage(served.resolvedUrls!.local[0]!, async (page) => {
          await page.waitFor("/^(done|error) /.test(document.title)");
          assert.equal(await page.evaluate("document.title"), `done ${expected}`);
        });
      } finally {
        await served.close();
      }
    });

    test(`webpack, in ${where}`, async () => {
      const root = app(`webpack-${name}`, { ...files(script), "dist/index.html": PAGE });
      await pack(root);
      await expectAnswers(join(root, "dist"));
    });

    test(`esbuild, its worker an entry too, in ${where}`, async () => {
      const root = app(`esbuild-${name}`, { ...files(script, false), "dist/index.html": PAGE });
      bundle(root, (args) => ["session.js", ...args]);
      await expectAnswers(join(root, "dist"));
    });
  }
});

describe("pages that are refused, in Chromium and Firefox", () => {
  test("that are not isolated", async () => {
    const root = app("not-isolated", { ...files(IN_PAGE, false), "dist/index.html": PAGE });
    bundle(root);
    await expectRefused(
      join(root, "dist"),
      {},
      /threads need shared memory and workers.* hint: serve the page with the headers Cross-Origin-Opener-Policy: same-origin and Cross-Origin-Embedder-Policy: require-corp; or use `dyadic` itself/s,
    );
  });

  test("without the worker's file", async () => {
    const root = app("no-worker", { ...files(IN_PAGE, false), "dist/index.html": PAGE });
    bundle(root, (args) => args.filter((arg) => !arg.startsWith("browser-helper=")));
    await expectRefused(
      join(root, "dist"),
      ISOLATED,
      /could not be started.* hint: threads\/browser-helper\.js must/s,
    );
  });

  test("whose bundle is on another origin", async () => {
    const root = app("another-origin", { ...files(IN_PAGE, false), "dist/index.html": PAGE });
    bundle(root, (args) => [...args, `--define:import.meta.url="http://localhost:9/app.js"`]);
    await expectRefused(
      join(root, "dist"),
      ISOLATED,
      /could not be started.* hint: .*the page's own origin/s,
    );
  });
});

function pack(root: string): Promise<void> {
  const output = { path: join(root, "dist"), filename: "app.js" };
  return new Promise((resolve, reject) => {
    webpack({ mode: "production", context: root, entry: "./app.js", output }, (error, stats) =>
      error || stats?.hasErrors() ? reject(error ?? new Error(stats?.toString())) : resolve(),
    );
  });
}

/** Bundles with the command that docs/browser.md gives. */
function bundle(root: string, change: (args: readonly string[]) => readonly string[] = (args) => args): void {
  const page = readFileSync(join(ROOT, "docs/browser.md"), "utf8");
  const command = /^ {4}esbuild (app\.js browser-helper=.*)$/m.exec(page)?.[1];
  assert.ok(command, "docs/browser.md has the command");
  execute(join(ROOT, "node_modules/.bin/esbuild"), change(command.split(" ")), root);
}
