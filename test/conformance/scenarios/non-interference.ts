import type { IpFamily } from '@portolan/core'
import { type ConversationCase, conversationCases } from '../cases/conversations.ts'
import { describeFault, fuzzConversations, limitsOf } from '../conversations/fuzz.ts'
import { reusePorts } from '../conversations/port-reuse.ts'
import { TwinLabs } from '../conversations/twin-labs.ts'
import { gapOf } from '../declared-capabilities.ts'
import type { Verdict } from '../row.ts'
import type { ClaimPart, Scenario, ScenarioClaim, ScenarioContext } from '../scenario.ts'

const claims = {
  reuse: {
    feature: 'sharedPorts',
    name: 'direct connections come about at once after many through Services from ports that the kernel chose',
    also: ['ephemeralPorts'],
    // Where there are fewer connections, or it takes long, ports suffice.
    holdsWithout: ['ephemeralPorts'],
    protocols: ['TCP', 'UDP'],
  },
  random: {
    feature: 'basics',
    name: 'random conversations go as the reference says with Services, and with all others as without a proxy',
  },
} as const satisfies Record<string, ScenarioClaim>

/** The first seed of random conversations; `npm run converse` plays others, and many more. */
const seed = 1

/**
 * How much of everything there is in each family and protocol; the slower the machine, the less: its packets take no
 * other ways. `PORTOLAN_CONNECTIONS=10000` in the environment makes more connections from ports that the kernel chooses.
 */
function amounts({ slowness }: ScenarioContext['timeouts']) {
  return {
    conversations: Math.ceil(120 / slowness),
    connections: Number(process.env.PORTOLAN_CONNECTIONS ?? Math.max(150, Math.ceil(400 / slowness))),
    /** One script of so many. */
    everyScript: Math.ceil(slowness),
  }
}

/** What is not a Service's goes with the dataplane exactly as without: the same is said in two labs, and compared. */
export const nonInterferenceScenario: Scenario = {
  name: 'non-interference',
  claims: [...conversationCases.map(claimOf), claims.reuse, claims.random],
  // Two labs: in a translated machine they alone take a minute.
  long: true,
  async run(context) {
    const { factory, settings, families, timeouts } = context
    const labs = await TwinLabs.create({ factory, settings, families, timeouts })
    try {
      const verdicts = await Promise.all(families.map((family) => prove(context, labs, family)))
      return verdicts.flat()
    } finally {
      await labs.close()
    }
  },
}

function claimOf({ feature, name, protocols }: ConversationCase): ScenarioClaim {
  return { feature, name, protocols }
}

/** One family's rows, one after the other: two families keep two processors busy. */
async function prove(context: ScenarioContext, labs: TwinLabs, family: IpFamily): Promise<Verdict[]> {
  const { capabilities } = context
  const { conversations, connections, everyScript } = amounts(context.timeouts)
  const verdicts: Verdict[] = []
  const tell = async (claim: ScenarioClaim, find: (part: ClaimPart) => Promise<readonly string[]>) => {
    if (!context.wants(claim)) return
    for (const part of context.expand(claim)) {
      if (part.family !== family) continue
      verdicts.push({ claim, ...part, failures: await find(part) })
    }
  }
  const { answerMs, datagramMs } = context.timeouts
  // Where an answer will hardly come the wait is short.
  const timeoutFor = (claim: ScenarioClaim) =>
    gapOf(claim, 'any', capabilities) !== undefined ? datagramMs : answerMs
  const limits = limitsOf({ labs, family, capabilities: withoutPortGaps(capabilities) })
  for (const one of conversationCases) {
    await tell(claimOf(one), async ({ protocol }) => {
      const scripts = one.scripts(protocol === 'UDP' ? 'UDP' : 'TCP', limits)
      for (const script of scripts.filter((_, index) => index % everyScript === 0)) {
        const failures = await labs.try(script, family, timeoutFor(one))
        // One that shows it is enough: where answers are missing, each costs seconds.
        if (failures.length > 0) return failures
      }
      return []
    })
  }
  await tell(claims.random, async () => {
    const { fault } = await fuzzConversations({ labs, family, capabilities, seed, conversations })
    return fault === undefined ? [] : [describeFault(fault, family)]
  })
  await tell(claims.reuse, ({ protocol }) =>
    reusePorts({
      labs,
      family,
      protocol: protocol === 'UDP' ? 'UDP' : 'TCP',
      connections,
      limits,
      answerMs: timeoutFor(claims.reuse),
    }),
  )
  return verdicts
}

/** A gap's own rows have to show that there is one. */
function withoutPortGaps(capabilities: ScenarioContext['capabilities']): ScenarioContext['capabilities'] {
  const { sharedPorts: _, sharedPortsAtOnce: __, ...gaps } = capabilities.gaps
  return { ...capabilities, gaps }
}
