/** Adam (Kingma & Ba 2015, algorithm 1) on an array of parameters, each with a rate of its own. */
export class Adam {
  private readonly first: Float64Array;
  private readonly second: Float64Array;
  private readonly rates: Float64Array;
  private decay1 = 1;
  private decay2 = 1;

  constructor(rates: Float64Array) {
    this.rates = rates;
    this.first = new Float64Array(rates.length);
    this.second = new Float64Array(rates.length);
  }

  /** Moves `values` against `gradient`, by at most about `share` of their rates. */
  step(values: Float64Array, gradient: Float64Array, share: number): void {
    const { first, second, rates } = this;
    this.decay1 *= 0.9;
    this.decay2 *= 0.999;
    for (let k = 0; k < values.length; k++) {
      const g = gradient[k]!;
      first[k] = 0.9 * first[k]! + 0.1 * g;
      second[k] = 0.999 * second[k]! + 0.001 * g * g;
      const mean = first[k]! / (1 - this.decay1);
      const power = second[k]! / (1 - this.decay2);
      if (power > 0) values[k]! -= (share * rates[k]! * mean) / Math.sqrt(power);
    }
  }
}
