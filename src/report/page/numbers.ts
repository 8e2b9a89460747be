/** 12.3 KiB, 1.45 MiB. */
export function bytesText(bytes: number): string {
  if (bytes < 1024) return `${bytes} B`;
  const [value, unit] = bytes < 1024 ** 2 ? [bytes / 1024, "KiB"] : [bytes / 1024 ** 2, "MiB"];
  if (Number.isInteger(value)) return `${value} ${unit}`;
  return `${value.toFixed(value >= 100 ? 0 : value >= 10 ? 1 : 2)} ${unit}`;
}

/** 1,234,567. */
export function grouped(value: number): string {
  return `${Math.round(value)}`.replace(/\B(?=(\d{3})+$)/g, ",");
}

/** 1.23 M, 45.6 k. */
export function countText(value: number): string {
  for (const [unit, of] of [["G", 1e9] as const, ["M", 1e6] as const, ["k", 1e3] as const]) {
    if (value >= of) return `${Number((value / of).toPrecision(3))} ${unit}`;
  }
  return `${value}`;
}

export function percentText(share: number, digits = 2): string {
  return `${(100 * share).toFixed(digits)} %`;
}

/** Three significant digits, without an exponent where that is short. */
export function realText(value: number): string {
  const rounded = Number(value.toPrecision(3));
  return (Math.abs(rounded) >= 1e-3 && Math.abs(rounded) < 1e5) || rounded === 0
    ? `${rounded}`
    : value.toExponential(1);
}

/** Round numbers from 0 to at most `max`, some four of them; multiples of powers of two for bytes. */
export function ticks(max: number, base: 2 | 10 = 10): number[] {
  if (!(max > 0)) return [0];
  const power = base ** Math.floor(Math.log(max / 4) / Math.log(base));
  const step = (base === 2 ? [1, 2] : [1, 2, 5, 10]).map((n) => n * power).find((n) => max / n <= 5)!;
  return Array.from({ length: Math.floor(max / step + 1e-9) + 1 }, (_, i) => i * step);
}

const MOST_LETTERS = 44;

/** The first of the names that TensorFlow strings together with semicolons, and of a long path its end. */
export function shortName(name: string): string {
  const first = name.split(";")[0]!;
  return first.length > MOST_LETTERS ? `…${first.slice(1 - MOST_LETTERS)}` : first;
}
