// The compiler on a thread of its own: one job a worker.

import calibratorUrl from "dyadic/calibrator.wasm?url";
import {
  Calibration,
  calibrate,
  compile,
  DyadicError,
  draft,
  frontier,
  parseLatencyTable,
  presetPolicy,
  Survey,
  spending,
} from "dyadic/compiler";
import { bodyOf, calibratedBy, describe, frontierPicture, pageOf, reportOf } from "dyadic/report";
import { inputShape, sampleOptions } from "dyadic/samples";
import { openSamples } from "./samples.js";

/** Between two messages of progress, in milliseconds. */
const PAUSE = 60;

const bytesOf = async (file) => new Uint8Array(await file.arrayBuffer());
const say = (kind, message) => postMessage({ kind, ...message });

self.onmessage = async ({ data: job }) => {
  const survey = new Survey();
  try {
    const model = await opened(job, survey);
    if (job.kind === "draft") say("done", factsOf(model));
    else await compileModel(model, job);
  } catch (error) {
    const { code, problem = `${error?.message ?? error}`, place = {} } = error;
    say("failed", {
      code,
      problem,
      place,
      needs: survey.needs().filter(({ problems }) => problems.length > 0),
    });
  }
};

/** The model's file, and the compiled draft that tells what it is. */
async function opened({ model, siblings }, survey) {
  const bytes = await bytesOf(model);
  const data = new Map();
  for (const file of siblings) data.set(file.name, await bytesOf(file));
  const readExternal = (name) => {
    const found = data.get(name.split("/").at(-1));
    if (found !== undefined) return found;
    throw new DyadicError("BAD_FILE", "the model keeps data in another file", {
      expected: name,
      hint: "choose it together with the model",
    });
  };
  const own = { file: model.name, readExternal };
  return { bytes, own, compiled: await draft(bytes, { ...own, survey }) };
}

function factsOf({ own, compiled }) {
  const { inputs, outputs, flashBytes, macs, plan, notes } = describe(compiled.model, own.file);
  const shapes = (borders) => borders.map(({ shape }) => shape.join("×")).join(", ");
  return {
    isFloat: compiled.policy !== undefined,
    inputs: shapes(inputs),
    outputs: shapes(outputs),
    steps: plan.steps.length,
    flashBytes,
    peakBytes: plan.peakBytes,
    macs,
    notes,
  };
}

async function compileModel({ bytes, own, compiled: first }, job) {
  const isAnew = first.policy !== undefined || job.budget !== undefined || job.bits !== "";
  const labels = job.labels && (await job.labels.text()).replace(/\r?\n$/, "").split(/\r?\n/);
  const times = job.table && parseLatencyTable(await job.table.text());
  const allocation = job.budget && {
    ...spending(job.budget, times),
    store: { get: (key) => job.kept.get(key), set: (key, loss) => keep(job, key, loss) },
  };
  const compiled = await compile(bytes, {
    ...own,
    ...(labels && { labels }),
    ...(isAnew && (await floatOptions(job, first))),
    ...(job.bits !== "" && !allocation && { policy: presetPolicy(job.bits) }),
    ...(allocation && { allocation }),
  });
  const name = own.file.replace(/\.\w+$/, ".dyad");
  const calibrated = calibratedBy(compiled);
  const report = reportOf(compiled.model, name, { count: 0, ...(calibrated && { calibrated }) });
  say("compiled", { name, ...spoken(compiled), sha256: report.sha256, body: bodyOf(report) });
  const points = allocation
    ? await frontier(compiled, allocation, (found) => showFrontier(found, false))
    : [];
  if (points.length > 0) showFrontier(points, true);
  say("done", { page: pageOf({ ...report, frontier: points }) });
}

/** What a float model is calibrated by, and where this goes on from. */
async function floatOptions({ samples, preparation, kept, ...job }, { graph }) {
  const module = await WebAssembly.compileStreaming(fetch(calibratorUrl));
  const source =
    samples.length > 0 &&
    (await openSamples(samples, inputShape(graph), preparation, (done) =>
      progress(done, samples.length, "decode"),
    ));
  return {
    ...(source && sampleOptions(source, preparation)),
    layers: layerStore({ ...job, kept }),
    calibrator: {
      module: async () => module,
      calibrate: async (prepared, set, options) => {
        const known = kept.get(job.seenBy);
        try {
          if (known !== undefined) return Calibration.parse(known, prepared);
        } catch {} // of the same model, prepared otherwise
        const seen = await calibrate(prepared, set, module, options);
        keep({ kept }, job.seenBy, JSON.stringify(seen));
        return seen;
      },
    },
    onProgress: progress,
  };
}

function layerStore(job) {
  let prefix = "";
  return {
    open: (key) => {
      prefix = `${key} `;
      const own = [...job.kept].filter(([name]) => name.startsWith(prefix));
      return new Map(own.map(([name, weights]) => [Number(name.slice(prefix.length)), weights]));
    },
    add: (index, weights) => keep(job, prefix + index, weights),
  };
}

function keep({ kept }, key, value) {
  kept.set(key, value);
  say("kept", { key, value });
}

/** What was decided, in lines. */
function spoken({ model, graph, adjusted, allocated }) {
  const lines = [
    ...(graph.notes ?? []),
    ...adjusted.map(
      ({ tensor, wanted, bits, because }) => `“${tensor}” has ${bits} bits instead of ${wanted}: ${because}`,
    ),
  ];
  if (allocated !== undefined) {
    const { loss, gap, limits } = allocated.allocation.certificate;
    const proof =
      gap === 0 ? "proven least within the limits" : `at most ${gap.toPrecision(2)} above the least`;
    lines.unshift(`Predicted loss ${loss.toPrecision(3)} (${allocated.provider}), ${proof}.`);
    for (const { name, atMost, used, binding } of limits) {
      lines.push(
        `${name}: ${used} of ${atMost} ${name === "latency" ? "ns" : "bytes"}${binding ? ", the limit that binds" : ""}`,
      );
    }
  }
  return { model, lines };
}

function showFrontier(points, isWhole) {
  const now = performance.now();
  if (!isWhole && now - shown < PAUSE) return;
  shown = now;
  say("frontier", { html: frontierPicture(points).html, bytes: points.map(({ bytes }) => bytes), isWhole });
}

let shown = 0;
let told = { stage: "", at: 0 };

function progress(done, total, stage) {
  const now = performance.now();
  if (stage === told.stage && done < total && now - told.at < PAUSE) return;
  told = { stage, at: now };
  say("progress", { done, total, stage });
}
