import { targetOf } from '../case-objects.ts'
import { type Check, runCheck } from '../check.ts'
import { describeDrift } from '../driver.ts'
import { serveInternet } from '../internet.ts'
import { at } from '../matrix-case.ts'
import { place } from '../place.ts'
import type { RowClaim, Verdict } from '../row.ts'
import type { Scenario } from '../scenario.ts'
import { Stage } from '../stage.ts'
import { createTestbed, type Testbed } from '../testbed.ts'

const claims = {
  wholeOrNothing: {
    feature: 'basics',
    name: 'a change that meets a damaged kernel state is applied whole or refused whole',
  },
  undisturbed: {
    feature: 'basics',
    name: 'a dataplane whose kernel state was damaged never says that it is undisturbed',
  },
  healed: {
    feature: 'basics',
    name: 'reconciling finds every damage that was done from outside, and mends it',
  },
} as const satisfies Record<string, RowClaim>

/** More ways than any dataplane has. */
const mostWays = 20

export const damageScenario: Scenario = {
  name: 'damage from outside',
  claims: Object.values(claims),
  long: true,
  async run({ factory, settings, families, hooks, patience }) {
    const { sabotage } = hooks
    if (sabotage === undefined)
      throw new Error(
        'only the author knows how to damage the kernel state: give the kit the hook `sabotage`',
      )
    const testbed = await createTestbed({ factory, settings, families, patience })
    try {
      await serveInternet(testbed)
      await testbed.driver.start()
      const whole = new Map(families.map((family) => [family, [] as string[]]))
      const healed = new Map(families.map((family) => [family, [] as string[]]))
      const unaware = new Map(families.map((family) => [family, [] as string[]]))
      let ways = 0
      for (let way = 0; way < mostWays; way++) {
        const stages = families.map((family, index) => trio(testbed, way * 8 + index * 4, family))
        for (const { leaving, staying, coming } of stages) {
          await coming.serveEndpoints({ endpoints: at('pod0') })
          for (const stage of [leaving, staying]) await stage.become({ endpoints: at('pod0', 'remote0') })
        }
        await testbed.driver.sync()
        if (!(await sabotage(testbed.lab.node.networkNamespace, way))) break
        ways += 1
        for (const family of families)
          if (await testbed.dataplane.undisturbed(family)) unaware.get(family)?.push(`way ${way}: it says so`)
        const noticed = new Set((await testbed.driver.drift()).map(({ family }) => family))
        for (const family of families)
          if (!noticed.has(family)) healed.get(family)?.push(`way ${way}: the damage goes unnoticed`)
        const changing = stages.map(async ({ family, leaving, staying, coming }) => {
          leaving.undeclare()
          staying.declare({ service: { affinitySeconds: 60 }, endpoints: at('pod1', 'remote0') })
          coming.declare({ endpoints: at('pod0') })
          await staying.serveEndpoints({ endpoints: at('pod1', 'remote0') })
          const refused = await testbed.driver.sync([family]).then(
            () => false,
            () => true,
          )
          const half = refused ? await servedAnyway(coming) : []
          whole.get(family)?.push(...half.map((failure) => `way ${way}: ${failure}`))
        })
        await Promise.all(changing)
        await testbed.driver.reconcile()
        const checking = stages.map(async ({ family, leaving, staying, coming }) => {
          const wrong = await Promise.all([leaving, staying, coming].map((stage) => check(stage)))
          const drift = (await testbed.driver.drift([family])).map(describeDrift)
          healed.get(family)?.push(...[...wrong.flat(), ...drift].map((failure) => `way ${way}: ${failure}`))
        })
        await Promise.all(checking)
      }
      if (ways === 0) throw new Error('the hook `sabotage` knows no way to damage anything')
      return families.flatMap((family): Verdict[] => [
        { claim: claims.wholeOrNothing, family, protocol: 'any', failures: whole.get(family) ?? [] },
        { claim: claims.undisturbed, family, protocol: 'any', failures: unaware.get(family) ?? [] },
        { claim: claims.healed, family, protocol: 'any', failures: healed.get(family) ?? [] },
      ])
    } finally {
      await testbed.close()
    }
  },
}

function trio(testbed: Testbed, first: number, family: Stage['family']) {
  const stage = (offset: number) => new Stage(testbed, place(first + offset), family, 'TCP')
  return { family, leaving: stage(0), staying: stage(1), coming: stage(2) }
}

/** A refused program must not have begun to serve the new Service: its ClusterIP is still unallocated. */
async function servedAnyway(coming: Stage): Promise<string[]> {
  const { host } = coming.testbed.origin('pod', coming.family)
  const answer = await host.probe({
    protocol: 'TCP',
    to: targetOf('ClusterIP', coming.place, coming.family),
    timeoutMs: coming.patience.silenceMs,
  })
  const served = answer.result === 'answered' && answer.host !== 'internet'
  return served ? ['the change was refused, and yet its new Service is served'] : []
}

async function check(stage: Stage): Promise<string[]> {
  const { testbed, family, place } = stage
  const found = await Promise.all(
    (['pod', 'outside', 'node'] as const).flatMap((client) =>
      (['ClusterIP', 'LoadBalancer', 'NodePort'] as const).map((to) => {
        const one: Check = {
          client,
          origin: testbed.origin(client, family),
          protocol: 'TCP',
          patience: testbed.patience,
          ...targetOf(to, place, family),
        }
        return runCheck(one, testbed.cluster.table(family))
      }),
    ),
  )
  return found.flat()
}
