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
import type { IpFamily } from '@portolan/core'
import { Command, InvalidArgumentError, Option } from 'commander'
import type { DataplaneUnderTest } from '../run.ts'
import { timeoutsOf } from '../timeouts.ts'
import { describeFault, fuzzConversations } from './fuzz.ts'
import { TwinLabs } from './twin-labs.ts'

interface Flags {
  readonly option: Readonly<Record<string, string>>
  readonly conversations: number
  readonly seed: number
  readonly family?: IpFamily
  readonly slowness: number
}

const command = new Command('npm run converse --')
  .description(
    'Plays random conversations with a dataplane and compares them, packet by packet, with a node that has no proxy. Prints a fault with its seed and the shortest conversations that show it; the exit code is then 1.',
  )
  .argument('<file>', 'its default export is a dataplane under test: dataplanes/nftables/test/under-test.ts')
  .addOption(
    new Option('--option <name=value>', 'a setting of the dataplane; may be repeated')
      .argParser(addOption)
      .default({}, 'none'),
  )
  .option('--conversations <number>', 'in each family', wholeNumber, 2000)
  .option('--seed <number>', 'of the first conversation; the next ones count on from it', wholeNumber, 1)
  .addOption(new Option('--family <family>', 'only this one').choices(['IPv4', 'IPv6']))
  .option(
    '--slowness <factor>',
    'multiplies how long an answer is waited for, on a slow machine',
    wholeNumber,
    1,
  )
  .parse()
const { option: settings, conversations, seed, slowness, family: only } = command.opts<Flags>()
const file = command.args[0] as string

const { factory } = ((await import(pathToFileURL(resolve(file)).href)) as { default: DataplaneUnderTest })
  .default
const { capabilities } = factory
const families = capabilities.families.filter((family) => only === undefined || family === only)
if (families.length === 0)
  command.error(`error: --family ${only}: the dataplane has ${capabilities.families}`)
const timeouts = timeoutsOf(slowness)

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

function addOption(text: string, before: Readonly<Record<string, string>>): Readonly<Record<string, string>> {
  const [name, ...value] = text.split('=')
  if (name === undefined || value.length === 0) throw new InvalidArgumentError('Write NAME=VALUE.')
  return { ...before, [name]: value.join('=') }
}

function wholeNumber(text: string): number {
  if (!/^\d{1,9}$/.test(text)) throw new InvalidArgumentError('It must be a whole number.')
  return Number(text)
}
