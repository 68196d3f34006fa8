/** `npm run reliability`: what becomes of packets and changes while everything fails; see docs/reliability.md. */
import { parseArgs } from 'node:util'
import { takeOwnCgroup } from '../own-cgroup.ts'
import { takeOwnMounts } from '../own-mounts.ts'
import { faults } from './faults/index.ts'
import { complaints, outcomeTable, sums } from './outcome-table.ts'
import { runFaults } from './run-faults.ts'
import { dataplanes } from './scene.ts'
import { isGood } from './try-fault.ts'

const usage =
  'usage: npm run reliability -- [--dataplane NAMES] [--only PART-OF-A-NAME] [--real] [--long] [--services N] ' +
  '[--json] [--markdown] [--list]'

const { values } = parseArgs({
  options: {
    dataplane: { type: 'string', default: dataplanes.join(',') },
    only: { type: 'string', default: '' },
    real: { type: 'boolean', default: false },
    long: { type: 'boolean', default: false },
    services: { type: 'string', default: '50' },
    json: { type: 'boolean', default: false },
    markdown: { type: 'boolean', default: false },
    list: { type: 'boolean', default: false },
  },
})
const names = values.dataplane.split(',')
const chosen = dataplanes.filter((name) => names.includes(name))
const services = Number(values.services)
const wanted = faults.filter(({ group, name }) => `${group}: ${name}`.includes(values.only))
if (chosen.length !== names.length || wanted.length === 0 || !(services >= 1 && services <= 10_000)) {
  console.error(`${usage}\n  dataplanes: ${dataplanes.join(', ')}; names of faults: --list`)
  process.exit(2)
}
if (values.list) {
  for (const { group, name } of wanted) console.log(`${group}: ${name}`)
  process.exit()
}
if (process.getuid?.() !== 0) {
  console.error('reliability: it makes network namespaces, which needs root: run it with sudo')
  process.exit(1)
}
takeOwnMounts()
takeOwnCgroup()

const begun = performance.now()
const tell = (line: string) => console.error(`${Math.round((performance.now() - begun) / 1000)} s  ${line}`)
const outcomes = await runFaults({
  faults: wanted,
  dataplanes: chosen,
  server: values.real ? 'kube-apiserver' : 'embedded',
  services,
  extent: values.long ? 'long' : 'usual',
  onStep: tell,
  onOutcome: (outcome) => {
    for (const line of complaints(outcome)) tell(`  BAD  ${line}`)
  },
})
if (values.json) console.log(JSON.stringify(outcomes, undefined, 2))
else console.log(`\n${outcomeTable(outcomes, { markdown: values.markdown })}`)
if (values.json) console.error(sums(outcomes))
process.exit(outcomes.every(isGood) ? 0 : 1)
