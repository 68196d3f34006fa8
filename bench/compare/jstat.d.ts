/** jStat has no types of its own; these are of what is used here. */
declare module 'jstat' {
  const jstat: {
    /** The regularized incomplete beta function I(x; a, b). */
    ibeta(x: number, a: number, b: number): number
    /** The x at which it is this. */
    ibetainv(probability: number, a: number, b: number): number
  }
  export default jstat
}
