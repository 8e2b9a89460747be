// The engine with what tests need besides: numerics one by one, and the class that an emulated dot behaves as.
export * from "./index";
import { requantize as requantizeOne, requantizeMean as meanOne, requantizeSum as sumOne } from "./numerics/requantize";
import { requantize8, setEpilogue } from "./numerics/requantize.simd";
import { emulate as emulateClass } from "./numerics/dot.relaxed";
import { softmaxCode as codeOne } from "./numerics/softmax";

export function requantize(acc: i32, b: i32, c: i32, z: i32, min: i32, max: i32): i32 {
  return requantizeOne(acc, b, c, z, min, max);
}

export function requantize_sum(sum: i32, c: i32, z: i32, min: i32, max: i32): i32 {
  return sumOne(sum, c, z, min, max);
}

export function requantize_mean(acc: i32, b: i32, c: i32, away: i32, z: i32, min: i32, max: i32): i32 {
  return meanOne(acc, b, c, away != 0, z, min, max);
}

export function softmax_code(e: u32, sum: u64): i32 {
  return codeOne(e, sum);
}

/** Requantises `count` (a multiple of 8) accumulators at `acc` with the b at `multipliers`; codes to `out`. */
export function requantize_all(acc: usize, multipliers: usize, out: usize, count: i32, c: i32, z: i32, min: i32, max: i32): void {
  if (ASC_FEATURE_SIMD) setEpilogue(c, z, min, max, 0);
  for (let i = 0; i < count; i += ASC_FEATURE_SIMD ? 8 : 1) {
    if (ASC_FEATURE_SIMD) {
      const at = acc + i * 4;
      v128.store64_lane(out + i, requantize8(v128.load(at), v128.load(at, 16), multipliers + i * 4), 0);
    } else {
      store<u8>(out + i, <u8>requantizeOne(load<i32>(acc + i * 4), load<i32>(multipliers + i * 4), c, z, min, max));
    }
  }
}

export function emulate(dotClass: i32): void {
  emulateClass(dotClass);
}
