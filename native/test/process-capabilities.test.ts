import test from 'ava'
import { capabilityProblem, effectiveCapabilities } from '../process-capabilities.ts'

test("the effective capabilities are read from the process's status", (t) => {
  t.is(effectiveCapabilities('CapPrm:\tffff\nCapEff:\t0000000000201000\n'), (1n << 12n) | (1n << 21n))
  t.is(effectiveCapabilities(''), 0n)
})

test('what is missing is named, and what to write into a manifest is all that is needed', (t) => {
  t.deepEqual(capabilityProblem(['CAP_NET_ADMIN', 'CAP_NET_RAW'], 1n << 12n), {
    what: 'the process has no CAP_NET_RAW',
    fix: 'run as root; in a Pod: securityContext: { capabilities: { add: [NET_ADMIN, NET_RAW] } }, or privileged: true',
  })
  t.is(capabilityProblem(['CAP_NET_ADMIN'], 1n << 12n), undefined)
})
