// A job of the compiler has a worker of its own: to cancel it is to end the thread, at whatever it is.

/** What earlier jobs found and the next one need not find again, by key: losses, layers, calibrations. */
const kept = new Map();

/** Another model has nothing in common with it. */
export function forget() {
  kept.clear();
}

let running;

/**
 * Starts a job, in place of one that is running.
 *
 * @param hears what is called with every message, by its kind
 */
export function start(job, hears) {
  cancel();
  const worker = new Worker(new URL("./worker.js", import.meta.url), { type: "module" });
  running = worker;
  worker.onmessage = ({ data: { kind, ...message } }) => {
    if (kind === "kept") return kept.set(message.key, message.value);
    if (kind === "done" || kind === "failed") cancel();
    hears[kind]?.(message);
  };
  worker.onerror = ({ message }) => {
    cancel();
    hears.failed?.({ problem: message || "the compiler could not be started", place: {}, needs: [] });
  };
  worker.postMessage({ ...job, kept });
}

/** Ends the job, if one is running. */
export function cancel() {
  running?.terminate();
  running = undefined;
}
