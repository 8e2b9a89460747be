// Writes the calibration pictures as an npy: the first half of `npm run compile:digits`.
import { writeFileSync } from "node:fs";
import { calibrationNpy } from "./samples.ts";

writeFileSync(process.argv[2]!, calibrationNpy());
