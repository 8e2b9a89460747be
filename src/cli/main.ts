#!/usr/bin/env node
// The command line: arguments in, one function of a command each, errors to exit codes.
import { Command, CommanderError, Option } from "commander";
import { PRODUCER } from "../compile.ts";
import { HOSTS } from "../precision/cost/latency-table.ts";
import { PRESETS } from "../precision/policy.ts";
import { PROVIDERS } from "../precision/sensitivity/index.ts";
import { SOLVERS } from "../precision/solve/index.ts";
import { bench } from "./bench.ts";
import { OBSERVERS } from "./calibration.ts";
import { check } from "./check.ts";
import { compare } from "./compare.ts";
import { compileCommand } from "./compile.ts";
import { BUILDS } from "./engines.ts";
import { evaluate } from "./eval.ts";
import { exportCommand } from "./export.ts";
import { inspect, STAGES } from "./inspect.ts";
import { Interrupted } from "./interrupt.ts";
import { exitCode } from "./output.ts";
import { reportCommand } from "./report.ts";
import { run } from "./run.ts";
import { TARGETS } from "./target.ts";

const program = new Command("dyadic")
  .description("Quantized neural networks on integers alone.")
  .version(PRODUCER.split(" ")[1]!)
  .exitOverride()
  .configureHelp({ showGlobalOptions: true });

function command(name: string, description: string): Command {
  return program
    .command(name)
    .argument("<model>", ".dyad, .tflite or .onnx")
    .description(description)
    .option("--json", "print JSON");
}

const preparation = [
  new Option("--scale <divisor>", "bytes are divided by this first").argParser(Number),
  new Option("--mean <list>", "then less this, per channel: R,G,B"),
  new Option("--std <list>", "then divided by this, per channel: R,G,B"),
  new Option("--invert", "dark on light pictures for a model of light on dark"),
];
const float = [
  new Option("--calibrate <path>", "float models: a folder of pictures, or an npy, that they will see"),
  new Option("--observer <method>", "how ranges are chosen from what was seen")
    .choices([...OBSERVERS])
    .default("mse"),
  new Option("--policy <file>", "bits and methods of the layers, as JSON"),
  new Option(
    "--bits <n>",
    `weights of n bits (${PRESETS.join(", ")}); with a budget the set to choose from: mixed, or such as 8,4,2`,
  ),
  new Option("--cache <file>", "keep what the calibration saw, and use it next time"),
];
const relaxed = new Option("--engine <build>", "which engine build to run on")
  .choices(["auto", "relaxed", "simd", "scalar"])
  .default("auto");

const budget = [
  new Option("--flash <size>", "bits that fit the file into so much, such as 64KiB"),
  new Option("--ram <size>", "and its arena into so much"),
  new Option("--latency <time>", "and a run into so much, such as 20ms, by the latency table"),
  new Option("--latency-table <file>", "times of single steps, measured on the device by bench --table"),
  new Option(
    "--latency-build <build>",
    "which engine build's; left out, the one that the device prefers",
  ).choices([...Object.keys(BUILDS)]),
  new Option("--activation-bits <set>", "widths of activations to choose from where RAM is short (8,4,2)"),
  new Option(
    "--sensitivity <provider>",
    "what a narrow width costs (kl; mse where outputs are no classes)",
  ).choices(Object.keys(PROVIDERS)),
  new Option("--solver <name>", "how the widths are found").choices([...SOLVERS]),
];

/** Commands that compile on the way take what compiling takes. */
function compiling(name: string, description: string): Command {
  const own = command(name, description);
  for (const option of [...float, ...budget, ...preparation]) own.addOption(option);
  return own;
}

compiling("check", "what a model needs, and whether all of it is supported").action(check);

compiling("compile", "write a .dyad file")
  .requiredOption("-o, --output <file>", "where to write it")
  .option(
    "--labels <file>",
    "class names, one a line, stored in the model; and for --min-accuracy an npy of the classes of --inputs",
    (path: string, others: readonly string[] = []) => [...others, path],
  )
  .option("--min-accuracy <share>", "the smallest file that keeps it (78.5%), measured on --inputs")
  .option(
    "--inputs <file>",
    "for --min-accuracy: an npy of samples; without --labels, agreement with the float model counts",
  )
  .option("--strip", "leave out names and provenance")
  .option("--explain", "with a budget: per layer bits, bytes, loss, and what the next byte would buy")
  .option("--frontier <file>", "with a budget: loss over all sizes of the file, as JSON")
  .option(
    "--stream <frames>",
    "so many frames of the input's window a run; the rest is kept as states",
    Number,
  )
  .addOption(
    new Option("--target <kind>", "a model file, or one .wasm with an engine and the model in it")
      .choices([...TARGETS])
      .default("dyad"),
  )
  .action(compileCommand);

compiling("export", "write an .onnx that shows the policy in viewers such as Netron")
  .requiredOption("-o, --output <file>", "where to write it")
  .option("--source <file>", "for a .dyad: the .onnx or .tflite that it was compiled from")
  .option("--qdq", "the quantized network itself, codes between QuantizeLinear and DequantizeLinear")
  .action(exportCommand);

compiling("run", "run a model once on each input")
  .requiredOption("-i, --input <file...>", "npy, png, jpg or raw; one file a model input")
  .option("--labels <file>", "class names, one a line")
  .option("-k, --top <count>", "how many classes to show", Number, 5)
  .addOption(relaxed)
  .action(run);

compiling("eval", "top-1 accuracy on labelled samples")
  .requiredOption("--inputs <file>", "npy with a leading dimension of samples")
  .requiredOption("--labels <file>", "npy with one class index a sample")
  .addOption(relaxed)
  .action(evaluate);

compiling("inspect", "what a file holds, or a stage of its compilation as text")
  .addOption(new Option("--stage <stage>", "the text of one stage").choices([...STAGES]))
  .action(inspect);

compiling("report", "everything about a model on one page, for people: accuracy, layers, ranges, the arena")
  .option("-o, --output <file>", "where to write the HTML")
  .option("--against <file>", "the float model to compare with; left out, the model itself if it is float")
  .option("--inputs <file>", "npy with a leading dimension of samples")
  .option("--labels <file>", "npy with one class index a sample")
  .option("--frontier <file>", "points of bytes and loss, as compile --frontier writes them")
  .option("-n, --count <samples>", "how many samples go through every layer", Number, 32)
  .action(reportCommand);

const comparison = program
  .command("compare")
  .argument("<a>", "a model of any format; a float one runs in float")
  .argument("<b>", "another")
  .description("where two models part: signal-to-noise of every layer that both have")
  .requiredOption("-i, --input <file>", "npy or a picture, prepared for each model")
  .option("-n, --count <samples>", "how many samples of the file", Number, 8)
  .option("--below <dB>", "signal-to-noise at which models part", Number, 20)
  .option("--json", "print JSON")
  .action(compare);
for (const option of preparation) comparison.addOption(option);

compiling("bench", "time the model on every engine build of this host")
  .option("--seconds <n>", "time for each build", Number, 2)
  .option("--table <file>", "add the time of every step to a latency table, at every width of --bits")
  .option("--kernels", "show the fastest build of every layer, its rate, and its share of a dense product's")
  .option("--read", "with --table: show what it has, and measure nothing")
  .addOption(
    new Option("--host <kind>", "where --table and --kernels measure").choices([...HOSTS]).default("node"),
  )
  .option(
    "--host-command <command>",
    "what starts workerd, or the WASI runtime: wasmtime run --dir={directory}::/",
  )
  .option("--build <builds>", "which builds: some of relaxed,simd,scalar; left out, all of the host")
  .option("--rounds <n>", "how often every step is measured", Number)
  .action(bench);

try {
  await program.parseAsync();
} catch (error) {
  if (error instanceof CommanderError) {
    process.exitCode = error.exitCode === 0 ? 0 : 1;
  } else {
    process.stderr.write(`dyadic: ${error instanceof Error ? error.message : error}\n`);
    process.exitCode = error instanceof Interrupted ? error.exitCode : exitCode(error);
  }
}
