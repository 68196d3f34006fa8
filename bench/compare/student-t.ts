/**
 * Student's t distribution with any, also fractional, degrees of freedom: what the difference of two means does when
 * their spread is known only from few runs. `Infinity` degrees make it the normal distribution.
 */

/** The probability of a value at least so far from 0, on either side. */
export function twoSidedProbability(t: number, degreesOfFreedom: number): number {
  if (Number.isNaN(t) || !(degreesOfFreedom > 0))
    throw new RangeError(`no t distribution at ${t}, ${degreesOfFreedom}`)
  const nu = Math.min(degreesOfFreedom, normal)
  return regularizedBeta(nu / (nu + t * t), nu / 2, 0.5)
}

/** The value beyond which, on either side, lies this probability (above 0, at most 1). */
export function twoSidedQuantile(probability: number, degreesOfFreedom: number): number {
  if (!(probability > 0 && probability <= 1)) throw new RangeError(`no probability: ${probability}`)
  let low = 0
  let high = 1
  while (twoSidedProbability(high, degreesOfFreedom) > probability) {
    low = high
    high *= 2
  }
  for (let turn = 0; turn < 80; turn++) {
    const middle = (low + high) / 2
    if (twoSidedProbability(middle, degreesOfFreedom) > probability) low = middle
    else high = middle
  }
  return (low + high) / 2
}

/** So many degrees of freedom are as good as infinitely many: the fifth digit is the same. */
const normal = 1e6

/** The regularized incomplete beta function I(x; a, b) by its continued fraction (DLMF 8.17.22), Lentz's method. */
function regularizedBeta(x: number, a: number, b: number): number {
  if (x <= 0) return 0
  if (x >= 1) return 1
  // The fraction converges fast on one side of the mean; the other side follows by symmetry.
  if (x > (a + 1) / (a + b + 2)) return 1 - regularizedBeta(1 - x, b, a)
  const front = Math.exp(a * Math.log(x) + b * Math.log1p(-x) - logBeta(a, b)) / a
  let c = 1
  let d = 1 / nonZero(1 - ((a + b) * x) / (a + 1))
  let fraction = d
  for (let m = 1; m < 500; m++) {
    const even = (m * (b - m) * x) / ((a + 2 * m - 1) * (a + 2 * m))
    d = 1 / nonZero(1 + even * d)
    c = nonZero(1 + even / c)
    fraction *= d * c
    const odd = (-(a + m) * (a + b + m) * x) / ((a + 2 * m) * (a + 2 * m + 1))
    d = 1 / nonZero(1 + odd * d)
    c = nonZero(1 + odd / c)
    fraction *= d * c
    if (Math.abs(d * c - 1) < 1e-14) break
  }
  return front * fraction
}

function nonZero(value: number): number {
  return Math.abs(value) < 1e-300 ? 1e-300 : value
}

function logBeta(a: number, b: number): number {
  return logGamma(a) + logGamma(b) - logGamma(a + b)
}

/** Stirling's series (DLMF 5.11.1) above 10, and by recurrence below. */
function logGamma(z: number): number {
  if (z < 10) return logGamma(z + 1) - Math.log(z)
  const series = 1 / (12 * z) - 1 / (360 * z ** 3) + 1 / (1260 * z ** 5) - 1 / (1680 * z ** 7)
  return (z - 0.5) * Math.log(z) - z + 0.5 * Math.log(2 * Math.PI) + series
}
