import { type TwinSetup, Twins } from "./twins.ts";

type Question = "pass" | "aim" | "means" | "peaks" | "moments" | "settle";
export type Given<Q extends Question> = Parameters<Twins[Q]>;
export type Answered<Q extends Question> = Awaited<ReturnType<Twins[Q]>>;

/** Twins, each over a part of the calibration set. */
export interface Shards {
  /** What all of them answer to the same question, in the order of their samples. */
  ask<Q extends Question>(question: Q, ...given: Given<Q>): Promise<Answered<Q>[]>;
  end(): Promise<void>;
}

/** Makes twins; throws BAD_INPUT for a sample of the wrong size, at the first question at the latest. */
export type ShardSamples = (setup: TwinSetup, signal?: AbortSignal) => Promise<Shards>;

/** One of them, on this thread. */
export const hereAlone: ShardSamples = async (setup, signal) => {
  const twins = await Twins.create(setup, signal);
  return {
    async ask<Q extends Question>(question: Q, ...given: Given<Q>) {
      return [await answer(twins, { question, given })];
    },
    async end() {},
  };
};

/** A question as one thread asks it of another. */
export interface Asked<Q extends Question = Question> {
  readonly question: Q;
  readonly given: Given<Q>;
}

export function answer<Q extends Question>(
  twins: Twins,
  { question, given }: Asked<Q>,
): Promise<Answered<Q>> {
  const own = twins[question] as (...given: unknown[]) => Promise<Answered<Q>>;
  return own.apply(twins, given as unknown[]);
}
