/** `npm run fuzz`: tries every parser of what others write with random inputs; see CONTRIBUTING.md. */
import { fileURLToPath } from 'node:url'
import { Command, InvalidArgumentError } from 'commander'
import { fuzz } from './fuzz.ts'

interface Flags {
  readonly minutes: number
  readonly seed?: number
  readonly only?: string
}

const {
  minutes,
  only,
  seed = Math.floor(Math.random() * 2 ** 30),
} = new Command('npm run fuzz --')
  .description(
    'Tries every parser of what others write with random inputs: every exported property of a file *.fuzz.ts. Prints each fault with its input and the seed that plays it again; the exit code is 1 when there was one. Another thing is portolan fuzz, which searches a dataplane for faults.',
  )
  .option('--minutes <number>', 'to spend on all targets together', positiveNumber, 5)
  .option('--seed <number>', 'of the first inputs; drawn when not given', seedNumber)
  .option('--only <text>', 'the targets whose names hold it, such as config')
  .parse()
  .opts<Flags>()

console.log(`seed ${seed}, ${minutes} minutes`)
let seconds = 0
const { targets, tried, faults } = await fuzz({
  root: fileURLToPath(new URL('../..', import.meta.url)),
  ...(only === undefined ? {} : { only }),
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
    if (target !== '' && seconds++ % 5 === 0) console.log(`${sofar} inputs; seed ${at}, ${target}`)
  },
})
console.log(`${tried} inputs for ${targets.length} targets from seed ${seed} on, ${faults.length} faults`)
if (targets.length === 0) console.log(`no target's name holds ${only}`)
else if (tried === 0) console.log('no input was tried: give it more minutes')
process.exitCode = faults.length === 0 && tried > 0 ? 0 : 1

function positiveNumber(text: string): number {
  const number = Number(text)
  if (!(number > 0)) throw new InvalidArgumentError('It must be a number above 0.')
  return number
}

function seedNumber(text: string): number {
  if (!/^\d{1,9}$/.test(text))
    throw new InvalidArgumentError('It must be a whole number below 1,000,000,000.')
  return Number(text)
}
