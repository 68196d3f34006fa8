import { endpoint, web } from '@portolan/conformance/example-tables'
import type { Address } from '@portolan/core'
import test from 'ava'
import type { Step } from '../compile/step.ts'
import { stepText } from '../compile/step-text.ts'
import { resultOf } from '../kernel/restore-result.ts'
import type { VirtualServer } from '../layout/virtual-server.ts'

const place = { address: '10.96.0.10' as Address, protocol: 'TCP', port: 80 } as const
const ours = { scheduler: 'rr', flags: 0x20, timeoutSeconds: 0 }
const theirs = { scheduler: 'wlc', flags: 0, timeoutSeconds: 0 }
const [first, second] = web as [(typeof web)[number], (typeof web)[number]]
const observed = (terms: typeof ours, endpoints: typeof web, draining: typeof web = []): VirtualServer[] => [
  { place, terms, endpoints, draining },
]
const addServer: Step = { do: 'add-server', place, terms: ours }
const add: Step = { do: 'add-destination', place, endpoint: first }
const weigh: Step = { do: 'weigh-destination', place, endpoint: second, weight: 1 }
const remove: Step = { do: 'delete-destination', place, endpoint: endpoint('10.1.1.7') }

const rows: readonly {
  readonly claim: string
  readonly batch: readonly Step[]
  readonly observed: readonly VirtualServer[]
  readonly done: readonly Step[]
  readonly worst?: Step
  readonly output?: string
  readonly unusable?: readonly Step[]
  readonly retried?: readonly string[]
}[] = [
  {
    claim: "another tool's virtual server in the way is not taken for one that was made",
    batch: [addServer, add],
    observed: observed(theirs, [first]),
    done: [add],
    worst: addServer,
  },
  {
    claim: 'a destination that drains already is weighed, and that is what was done',
    batch: [add],
    observed: observed(ours, [], [first]),
    done: [{ ...add, do: 'weigh-destination', weight: 1 }],
    retried: ['-e -t 10.96.0.10:80 -r 10.1.0.2:8080 -m -w 1'],
  },
  {
    claim: 'a destination that is gone is added instead of weighed, and that is what was done',
    batch: [weigh],
    observed: observed(ours, [first]),
    done: [{ do: 'add-destination', place: weigh.place, endpoint: weigh.endpoint }],
    retried: ['-a -t 10.96.0.10:80 -r 10.1.1.2:8080 -m -w 1'],
  },
  {
    claim: 'one that was to go and is gone is fine',
    batch: [remove],
    observed: observed(ours, [first]),
    done: [remove],
  },
  {
    claim: 'a destination at an address that is no unicast one is unusable, and all others are done',
    batch: [addServer, add, { ...add, endpoint: second }],
    observed: observed(ours, [second]),
    output: 'Invalid operation.  Possibly wrong module version, address not unicast, ...',
    done: [addServer, { ...add, endpoint: second }],
    unusable: [add],
  },
  {
    claim: 'a destination of a virtual server that is gone is a refusal',
    batch: [add, weigh],
    observed: [],
    done: [],
    worst: add,
  },
]

for (const { claim, batch, observed, output = '', done, unusable = [], worst, retried = [] } of rows) {
  test(claim, async (t) => {
    const seen: string[] = []
    const result = await resultOf(batch, observed, output, async (step) => {
      seen.push(stepText('IPv4', step))
      return undefined
    })
    t.deepEqual(result, { done, unusable, ...(worst === undefined ? {} : { worst }) })
    t.deepEqual(seen, retried)
  })
}
