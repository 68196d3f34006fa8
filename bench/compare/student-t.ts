import jstat from 'jstat'

/**
 * Student's t distribution with any, also fractional, degrees of freedom: what the difference of two means does when
 * their spread is known only from few runs. By the incomplete beta function (DLMF 8.17), which loses no digit far out,
 * where a distribution function less 1 would have none left.
 */

/** So many degrees of freedom are as good as infinitely many: the fifth digit is the same. */
const normal = 1e6

/** The probability of a value at least so far from 0, on either side. */
export function twoSidedProbability(t: number, degreesOfFreedom: number): number {
  if (Number.isNaN(t) || !(degreesOfFreedom > 0))
    throw new RangeError(`no t distribution at ${t}, ${degreesOfFreedom}`)
  const nu = Math.min(degreesOfFreedom, normal)
  return jstat.ibeta(nu / (nu + t * t), nu / 2, 0.5)
}

/** The value beyond which, on either side, lies this probability (above 0, at most 1). */
export function twoSidedQuantile(probability: number, degreesOfFreedom: number): number {
  if (!(probability > 0 && probability <= 1)) throw new RangeError(`no probability: ${probability}`)
  const nu = Math.min(degreesOfFreedom, normal)
  const x = jstat.ibetainv(probability, nu / 2, 0.5)
  return Math.sqrt((nu * (1 - x)) / x)
}
