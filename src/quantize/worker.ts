// A worker thread of node.ts: twins over its samples.
import { serve } from "../float/threads.ts";
import { type Asked, answer } from "./shards.ts";
import { type TwinSetup, Twins } from "./twins.ts";

await serve(async (setup: TwinSetup) => {
  const twins = await Twins.create(setup);
  return (asked: Asked) => answer(twins, asked);
});
