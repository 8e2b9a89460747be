/** Exit code of a program that Ctrl-C ended. */
const INTERRUPTED = 130;

/**
 * Runs `action` with a signal that the first Ctrl-C aborts: it ends between two samples and leaves nothing behind. A
 * second Ctrl-C ends the process at once.
 */
export async function interruptible<T>(action: (signal: AbortSignal) => Promise<T>): Promise<T> {
  const controller = new AbortController();
  const abort = () => controller.abort(new Interrupted());
  process.once("SIGINT", abort);
  try {
    const result = await action(controller.signal);
    // What Ctrl-C met in the middle of work that hears nothing (quantizing, planning) counts now.
    await new Promise((resolve) => setImmediate(resolve));
    controller.signal.throwIfAborted();
    return result;
  } finally {
    process.off("SIGINT", abort);
  }
}

export class Interrupted extends Error {
  override readonly name = "Interrupted";
  readonly exitCode = INTERRUPTED;

  constructor(message = "interrupted") {
    super(message);
  }

  /** The same, where files hold what was finished. */
  keeping(files: readonly string[]): Interrupted {
    const kept = `${files.join(", ")} ${files.length === 1 ? "keeps" : "keep"} what is finished`;
    return new Interrupted(`interrupted; ${kept}: the same command goes on from there`);
  }
}
