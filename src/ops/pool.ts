// What average pool, mean and max pool share.
import {
  POOL_KERNEL_H,
  POOL_KERNEL_W,
  POOL_MAX,
  POOL_MIN,
  POOL_PAD_LEFT,
  POOL_PAD_TOP,
  POOL_STRIDE_H,
  POOL_STRIDE_W,
} from "../../assembly/abi.ts";
import { DyadicError } from "../error.ts";
import type { Activation } from "./activation.ts";
import type { StepEncoder } from "./op.ts";
import { type Window, windowOutput } from "./window.ts";

export interface PoolAttributes extends Omit<Window, "dilation"> {
  readonly activation: Activation;
}

export interface PoolParameters extends Window {
  readonly min: number;
  readonly max: number;
}

export function poolWindow(attributes: Omit<PoolAttributes, "activation">): Window {
  const { kernel, stride, padding } = attributes;
  return { kernel, stride, padding, dilation: [1, 1] };
}

export function poolShape(x: readonly number[], attributes: PoolAttributes): number[] {
  const [before, after] = [attributes.padding.slice(0, 2), attributes.padding.slice(2)];
  if (x.length !== 4 || [...before, ...after].some((pad, i) => pad >= attributes.kernel[i % 2]!)) {
    throw new DyadicError("BAD_FILE", "the pool does not fit its input", {
      expected: "input [1, h, w, c], and less padding than the kernel is wide",
      found: `[${x}], kernel ${attributes.kernel.join("x")}, padding ${attributes.padding.join(",")}`,
    });
  }
  return [1, ...windowOutput(poolWindow(attributes), x[1]!, x[2]!), x[3]!];
}

export function encodePool(parameters: PoolParameters, step: StepEncoder): void {
  step.set(POOL_KERNEL_H, parameters.kernel[0]);
  step.set(POOL_KERNEL_W, parameters.kernel[1]);
  step.set(POOL_STRIDE_H, parameters.stride[0]);
  step.set(POOL_STRIDE_W, parameters.stride[1]);
  step.set(POOL_PAD_TOP, parameters.padding[0]);
  step.set(POOL_PAD_LEFT, parameters.padding[1]);
  step.set(POOL_MIN, parameters.min);
  step.set(POOL_MAX, parameters.max);
}
