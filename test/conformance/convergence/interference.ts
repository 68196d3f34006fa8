import type { Fault } from './sequence.ts'

/** What a model of a kernel asks around each of its calls: what it throws fails the call, or loses its answer. */
export interface Interference {
  before(): void
  after(): void
}

/** A call of the kernel that was broken by the test. */
export class BrokenCall extends Error {
  readonly how: Fault['how']

  constructor(how: Fault['how']) {
    super(how === 'lost' ? 'the call was done, and the test lost its answer' : 'the test refused the call')
    this.name = 'BrokenCall'
    this.how = how
  }
}

/** Breaks those of the next calls that the fault says; `undefined`: none. */
export function interference(fault: Fault | undefined): Interference {
  if (fault === undefined) return { before() {}, after() {} }
  const { after, calls, how } = fault
  let call = 0
  const fails = () => call > after && call <= after + calls
  return {
    before() {
      call++
      if (how === 'refused' && fails()) throw new BrokenCall(how)
    },
    after() {
      if (how === 'lost' && fails()) throw new BrokenCall(how)
    },
  }
}
