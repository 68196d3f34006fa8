/**
 * Plays random conversations with a dataplane, many more than the kit does:
 *
 * ```
 * npm run converse -- dataplanes/nftables/test/under-test.ts --option transport=nft --conversations 2000 --seed 7
 * npm run vm -- npm run converse -- dataplanes/ipvs/test/under-test.ts --conversations 300 --slowness 5
 * ```
 *
 * The file's default export is the dataplane under test (see vm-suite.ts). A fault is printed with its seed and the shortest
 * conversations that show it, and the exit code is 1; `--seed` with that number and `--conversations 1` plays it again.
 */
import { resolve } from 'node:path'
import { pathToFileURL } from 'node:url'
import { parseArgs } from 'node:util'
import type { IpFamily } from '@portolan/core'
import type { DataplaneUnderTest } from '../run.ts'
import { timeoutsOf } from '../timeouts.ts'
import { describeFault, fuzzConversations } from './fuzz.ts'
import { TwinLabs } from './twin-labs.ts'

const { positionals, values } = parseArgs({
  allowPositionals: true,
  options: {
    option: { type: 'string', multiple: true, default: [] },
    conversations: { type: 'string', default: '2000' },
    seed: { type: 'string', default: '1' },
    family: { type: 'string' },
    slowness: { type: 'string', default: '1' },
  },
})

const [file] = positionals
if (file === undefined || positionals.length > 1)
  throw new Error(
    'name one file whose default export is a dataplane under test, such as dataplanes/nftables/test/under-test.ts',
  )

const { factory } = ((await import(pathToFileURL(resolve(file)).href)) as { default: DataplaneUnderTest })
  .default
const settings = Object.fromEntries(values.option.map(readOption))
const { capabilities } = factory
const families = capabilities.families.filter(
  (family) => values.family === undefined || family === values.family,
)
if (families.length === 0)
  throw new Error(`--family ${values.family}: the dataplane has ${capabilities.families}`)
const seed = readNumber('seed', values.seed)
const conversations = readNumber('conversations', values.conversations)
const timeouts = timeoutsOf(readNumber('slowness', values.slowness))

const labs = await TwinLabs.create({ factory, settings, families, timeouts })
try {
  const faults = await Promise.all(families.map(converse))
  process.exitCode = faults.includes(true) ? 1 : 0
} finally {
  // What outlives a node's network namespace.
  await labs.testbed.dataplane.cleanup()
  await labs.close()
}

/** @returns whether there was a fault */
async function converse(family: IpFamily): Promise<boolean> {
  const started = performance.now()
  let told = 0
  const result = await fuzzConversations({
    labs,
    family,
    capabilities,
    seed,
    conversations,
    onProgress(played) {
      if (played < told + 500) return
      told = played
      console.log(`${family}: ${played} conversations`)
    },
  })
  const seconds = ((performance.now() - started) / 1000).toFixed(0)
  console.log(`${family}: ${result.conversations} conversations from seed ${seed} on in ${seconds} s`)
  if (result.fault !== undefined) console.log(describeFault(result.fault, family))
  return result.fault !== undefined
}

function readOption(text: string): readonly [string, string] {
  const [name, ...value] = text.split('=')
  if (name === undefined || value.length === 0) throw new Error(`--option ${text}: write NAME=VALUE`)
  return [name, value.join('=')]
}

function readNumber(name: string, text: string): number {
  const number = Number(text)
  if (!Number.isSafeInteger(number) || number < 0) throw new Error(`--${name} ${text}: write a whole number`)
  return number
}
