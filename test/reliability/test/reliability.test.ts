import test from 'ava'
import { faults } from '../faults/index.ts'
import { complaints, outcomeRow, outcomeTable, sums } from '../outcome-table.ts'
import { runFaults } from '../run-faults.ts'
import { dataplanes } from '../scene.ts'
import { isGood, type Outcome } from '../try-fault.ts'

// A few faults of each group, with each dataplane; `npm run reliability` tries all of them.

const short: readonly string[] = [
  'API server: old data after a restore of etcd',
  'kill -9: of the process, so many ms after a change, under churn',
  'another program: nft flush ruleset, and a firewall of its own',
  'errors of system calls: bpf() fails (ENOMEM, E2BIG, EPERM, EBUSY)',
  'the node: its Node object is deleted, and made again',
]

const chosen = faults.filter(({ group, name }) => short.includes(`${group}: ${name}`))

test('the short selection names faults that there are', (t) => {
  t.deepEqual(chosen.map(({ group, name }) => `${group}: ${name}`).sort(), [...short].sort())
})

// IPVS needs another kernel: npm run vm -- npm run reliability -- --dataplane ipvs
for (const dataplane of dataplanes.filter((name) => name !== 'ipvs')) {
  test.serial(`${dataplane}: no packet and no change is lost while things fail`, async (t) => {
    t.timeout(1_100_000)
    const outcomes = await runFaults({
      faults: chosen,
      dataplanes: [dataplane],
      server: 'embedded',
      services: 20,
      extent: 'short',
    })
    t.log(sums(outcomes))
    t.deepEqual(outcomes.flatMap(complaints), [])
    t.true(outcomes.every(({ packets }) => packets.tried > 0 && packets.flowsTried > 0))
  })
}

const good: Outcome = {
  group: 'kill -9',
  fault: 'of the process',
  dataplane: 'nftables',
  server: 'embedded',
  times: 2,
  packets: {
    ...{ tried: 100, lost: 0, flowsTried: 10, flowsLost: 0, held: 4, broken: 0 },
    ...{ longestGapMs: 0, examples: [] },
  },
  changes: 8,
  changesLost: [],
  seconds: 0.5,
  restarts: 2,
  errors: [],
}
const lossy = { ...good, packets: { ...good.packets, broken: 1, examples: ['held pod to ClusterIP'] } }

test('a row is bad when a packet, a change or the process is lost', (t) => {
  t.true(isGood(good))
  t.false(isGood(lossy))
  t.false(isGood({ ...good, changesLost: ['moving: timeout'] }))
  t.false(isGood({ ...good, errors: ['the process ended by itself'] }))
  t.deepEqual(complaints(lossy), ['packet lost: held pod to ClusterIP'])
})

test('packets that any proxy loses are told, and not counted', (t) => {
  const excused = { ...lossy, losesPackets: 'until it is repaired' }
  t.true(isGood(excused))
  t.regex(outcomeTable([excused]), / 0 \(1\) .* until it is repaired$/m)
  t.regex(outcomeTable([lossy], { markdown: true }), /^\| kill -9: of the process \| 2 \| .* \| BAD \|$/m)
  t.true(outcomeTable([lossy], { markdown: true }).split('\n').includes(outcomeRow(lossy)))
  t.regex(sums([good, lossy]), /^4 faults tried in 2 rows; 228 packets, 1 lost .* 1 rows bad$/)
})
