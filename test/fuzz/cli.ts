/** `npm run fuzz`: tries every parser of what others write with random inputs; see CONTRIBUTING.md. */
import { fileURLToPath } from 'node:url'
import { parseArgs } from 'node:util'
import { fuzz } from './fuzz.ts'

const { values } = parseArgs({
  options: {
    minutes: { type: 'string', default: '5' },
    seed: { type: 'string' },
    only: { type: 'string' },
  },
})
const minutes = Number(values.minutes)
const seed = values.seed === undefined ? Math.floor(Math.random() * 2 ** 30) : Number(values.seed)
if (!(minutes > 0) || !Number.isSafeInteger(seed)) {
  console.error('usage: npm run fuzz -- [--minutes N] [--seed S] [--only PART-OF-A-NAME]')
  process.exit(2)
}

console.log(`seed ${seed}, ${minutes} minutes`)
let seconds = 0
const { targets, tried, faults } = await fuzz({
  root: fileURLToPath(new URL('../..', import.meta.url)),
  ...(values.only === undefined ? {} : { only: values.only }),
  seed,
  seeds: 2 ** 30,
  runs: 1_000_000,
  // Many short turns, so that each target has had its time whenever it ends.
  turnMs: 2000,
  until: Date.now() + minutes * 60_000,
  hangMs: 30_000,
  heapMiB: 512,
  onFault: ({ target, seed: found, input, error }) => {
    console.log(`\nFAULT in ${target}: ${error}\n  input: ${input}`)
    console.log(`  again: npm run fuzz -- --only ${target} --seed ${found} --minutes 1\n`)
  },
  onProgress: ({ target, seed: at, tried: sofar }) => {
    if (seconds++ % 5 === 0) console.log(`${sofar} inputs; seed ${at}, ${target}`)
  },
})
console.log(`${tried} inputs for ${targets.length} targets from seed ${seed} on, ${faults.length} faults`)
if (targets.length === 0) console.log(`no target is called ${values.only}`)
process.exitCode = faults.length === 0 && targets.length > 0 ? 0 : 1
