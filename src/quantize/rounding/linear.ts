// Small dense linear algebra in double precision. Matrices are row-major; every sum runs in one fixed order.
import { DyadicError } from "../../error.ts";

/** Dot product of `count` elements of a from `i` and of b from `j`. */
export function dot(a: Float64Array, i: number, b: Float64Array, j: number, count: number): number {
  let [even, odd] = [0, 0];
  const last = count & ~1;
  for (let k = 0; k < last; k += 2) {
    even += a[i + k]! * b[j + k]!;
    odd += a[i + k + 1]! * b[j + k + 1]!;
  }
  if (last < count) even += a[i + last]! * b[j + last]!;
  return even + odd;
}

/** Symmetric matrix [n][n] times vector. */
export function multiplySymmetric(matrix: Float64Array, vector: Float64Array): Float64Array {
  const n = vector.length;
  return Float64Array.from({ length: n }, (_, i) => dot(matrix, i * n, vector, 0, n));
}

/** L, lower triangular, with L L' = matrix [n][n]. Throws INTERNAL where it is not positive definite. */
export function choleskyFactor(matrix: Float64Array, n: number): Float64Array {
  const factor = new Float64Array(n * n);
  for (let i = 0; i < n; i++) {
    for (let j = 0; j < i; j++) {
      const rest = matrix[i * n + j]! - dot(factor, i * n, factor, j * n, j);
      factor[i * n + j] = rest / factor[j * n + j]!;
    }
    factor[i * n + i] = Math.sqrt(positive(matrix[i * n + i]! - dot(factor, i * n, factor, i * n, i)));
  }
  return factor;
}

/** x with L L' x = b. */
export function solveCholesky(factor: Float64Array, n: number, b: Float64Array): Float64Array {
  const x = b.slice();
  for (let i = 0; i < n; i++) x[i] = (x[i]! - dot(factor, i * n, x, 0, i)) / factor[i * n + i]!;
  for (let i = n - 1; i >= 0; i--) {
    const value = x[i]! / factor[i * n + i]!;
    x[i] = value;
    for (let j = 0; j < i; j++) x[j]! -= factor[i * n + j]! * value;
  }
  return x;
}

/**
 * L, unit lower triangular, with matrix = L' D L: the squared length e' matrix e is the sum over k of
 * D_k (e_k + sum over j < k of L_kj e_j)^2, so that e_k can be chosen after e_0 .. e_(k-1).
 */
export function reverseFactor(matrix: Float64Array, n: number): Float64Array {
  // Row i of `rows` holds U_ik for k >= i, matrix = U U' with U upper triangular, from the last column to the first.
  const rows = new Float64Array(n * n);
  for (let k = n - 1; k >= 0; k--) {
    const behind = n - 1 - k;
    const own = dot(rows, k * n + k + 1, rows, k * n + k + 1, behind);
    const diagonal = Math.sqrt(positive(matrix[k * n + k]! - own));
    rows[k * n + k] = diagonal;
    for (let i = 0; i < k; i++) {
      const rest = matrix[i * n + k]! - dot(rows, i * n + k + 1, rows, k * n + k + 1, behind);
      rows[i * n + k] = rest / diagonal;
    }
  }
  const unit = new Float64Array(n * n);
  for (let k = 0; k < n; k++) {
    for (let j = 0; j <= k; j++) unit[k * n + j] = rows[j * n + k]! / rows[k * n + k]!;
  }
  return unit;
}

function positive(pivot: number): number {
  if (pivot > 0) return pivot;
  throw new DyadicError("INTERNAL", "the second moments of a layer are not positive definite", {
    found: `pivot ${pivot}`,
    hint: "raise the damping",
  });
}
