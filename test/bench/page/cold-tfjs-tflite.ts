export { openTfjsTflite as open } from "./tfjs-tflite.ts";
