import type { Failure } from '../results.ts'
import { threeDigits } from './quantity.ts'

/** `nftables, 1,000 x 10, failed in churn-20 (run 2): ...` */
export function describeFailure(failure: Failure): string {
  const { dataplane, services, endpointsPerService, run, scenario, reason } = failure
  const where = scenario === '' ? '' : ` in ${scenario}`
  const size = `${threeDigits(services)} x ${threeDigits(endpointsPerService)}`
  return `${dataplane}, ${size}, failed${where} (run ${run + 1}): ${reason}`
}
