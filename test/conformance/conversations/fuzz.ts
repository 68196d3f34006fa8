import type { Capabilities, IpFamily } from '@portolan/core'
import { Random } from '../random.ts'
import { WalkChoices } from '../walk-choices.ts'
import { describeScript, type Script } from './conversation.ts'
import { generateScript, type Limits } from './generate.ts'
import { shrink } from './shrink.ts'
import type { TwinLabs } from './twin-labs.ts'

export interface FuzzOptions {
  readonly labs: TwinLabs
  readonly family: IpFamily
  readonly capabilities: Capabilities
  readonly seed: number
  /** At least so many conversations, unless one goes wrong before. */
  readonly conversations: number
  readonly onProgress?: (conversations: number) => void
}

export interface FuzzResult {
  readonly conversations: number
  readonly fault?: Fault
}

/** What went wrong, and the shortest script with which it goes wrong again. */
export interface Fault {
  /** Of the script alone: with it and one conversation to play, it is generated again. */
  readonly seed: number
  readonly failures: readonly string[]
  readonly script: Script
  /** False: it went wrong once and not again, so that `script` is the whole one. */
  readonly repeatable: boolean
}

/** Conversations of one script. */
const perScript = 8

/**
 * Plays random conversations until one goes wrong or enough have gone right. Scripts follow each other in the same labs
 * with ports of their own; script number n has the seed plus n, so that it can be played alone.
 */
export async function fuzzConversations(options: FuzzOptions): Promise<FuzzResult> {
  const { labs, family, seed, conversations: wanted, onProgress } = options
  const limits = limitsOf(options)
  let conversations = 0
  for (let number = 0; conversations < wanted; number++) {
    const script = generateScript(new Random(seed + number), perScript, limits)
    conversations += script.conversations.length
    const failures = await labs.try(script, family)
    if (failures.length > 0)
      return { conversations, fault: await explore(options, seed + number, script, failures) }
    onProgress?.(conversations)
  }
  return { conversations }
}

async function explore(
  { labs, family }: FuzzOptions,
  seed: number,
  script: Script,
  failures: readonly string[],
): Promise<Fault> {
  let last: readonly string[] = []
  const fails = async (smaller: Script) => {
    const found = await labs.try(smaller, family)
    if (found.length > 0) last = found
    return found.length > 0
  }
  if (!(await fails(script))) return { seed, failures, script, repeatable: false }
  const shortest = await shrink(script, fails)
  return { seed, failures: last, script: shortest, repeatable: true }
}

/** A fault in words, with what it takes to see it again. */
export function describeFault({ seed, failures, script, repeatable }: Fault, family: IpFamily): string {
  const steps = describeScript(script).map((line, index) => `  ${index + 1}. ${line}`)
  const again = repeatable
    ? 'the shortest conversations that do it'
    : 'not again with the same conversations, which were'
  return [
    `${family}, seed ${seed}; ${again}:`,
    ...steps,
    ...failures.map((failure) => `  wrong: ${failure}`),
  ].join('\n')
}

/** Nothing is said that a declared gap is about. */
export function limitsOf({
  labs,
  family,
  capabilities,
}: Pick<FuzzOptions, 'labs' | 'family' | 'capabilities'>): Limits {
  const choices = new WalkChoices(capabilities)
  const { gaps, protocols } = capabilities
  const world = labs.world(family)
  return {
    protocols: (['TCP', 'UDP'] as const).filter((protocol) => protocols.includes(protocol)),
    sharesPorts: gaps.sharedPorts === undefined,
    sharesPortsAtOnce: gaps.sharedPortsAtOnce === undefined,
    usesServicePorts: gaps.localPorts === undefined,
    fragmentsOfNode: gaps.largeDatagramsOfNode === undefined,
    asks(from, to, protocol) {
      if (to.at === 'NodePort' && gaps.nodePort !== undefined) return false
      const evaluation = world.evaluate(from, to, protocol)
      // Over TCP a drop takes as long as the client tries, and a refusal that comes before connect(2) is done a second.
      if (protocol === 'TCP' && evaluation.verdict !== 'balance') return false
      if (evaluation.verdict === 'none' || !world.comesBack(from, to, evaluation)) return false
      return choices.asks(from, to.at, world.origin(from).address, evaluation)
    },
  }
}
