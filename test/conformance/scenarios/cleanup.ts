import { Fixture } from '../fixture.ts'
import { serveInternet } from '../internet.ts'
import { at } from '../matrix-case.ts'
import { nodeState } from '../node-state.ts'
import { place } from '../place.ts'
import type { RowClaim, Verdict } from '../row.ts'
import type { Scenario } from '../scenario.ts'
import { createTestbed, type Testbed } from '../testbed.ts'

const claims = {
  everything: {
    feature: 'basics',
    name: 'cleanup removes everything: no packet is touched any more, and the kernel holds nothing of ours',
  },
  look: {
    feature: 'basics',
    name: 'who only looks leaves nothing in the kernel: no more is done by `plan --from kernel`',
  },
  remains: {
    feature: 'basics',
    name: 'a dataplane that can tell what of it stands on a node tells nothing before it has run, and after cleanup',
  },
  drain: {
    feature: 'basics',
    name: 'a dataplane that can be drained leads no new connection any more, and goes on with established ones',
  },
  nothingElse: {
    feature: 'basics',
    name: 'cleanup leaves alone what others have put into the kernel',
  },
} as const satisfies Record<string, RowClaim>

export const cleanupScenario: Scenario = {
  name: 'cleanup',
  claims: [
    claims.everything,
    claims.look,
    claims.remains,
    claims.drain,
    { ...claims.nothingElse, needs: 'foreign' },
  ],
  async run({ factory, settings, families, hooks, timeouts }) {
    const { foreign } = hooks
    const testbed = await createTestbed({ factory, settings, families, timeouts })
    try {
      await serveInternet(testbed)
      const stillThere = await foreign?.(testbed.lab.node.networkNamespace)
      const { networkNamespace } = testbed.lab.node
      const bare = await nodeState(networkNamespace)
      const left = await leftByLooking(testbed, bare)
      const atFirst = await testbed.newDataplane().remains?.()
      await testbed.driver.start()
      const fixtures = families.map((family, index) => new Fixture(testbed, place(index), family, 'TCP'))
      for (const fixture of fixtures)
        await fixture.become({ service: { affinitySeconds: 60 }, endpoints: at('pod0', 'remote0') })
      for (const fixture of fixtures) await fixture.serverFor('pod', 'ClusterIP')
      const before = await testbed.newDataplane().remains?.()
      await testbed.stopProcess()
      const drained = await drain(testbed, fixtures)

      // Another process does it, as `portolan cleanup` is one.
      const dataplane = testbed.newDataplane()
      const first = await dataplane.cleanup()
      const second = await testbed.newDataplane().cleanup()
      const after = await testbed.newDataplane().remains?.()
      const remains = added(bare, await nodeState(networkNamespace))
      const spared = (await stillThere?.()) ?? false
      const verdicts = fixtures.map(async (fixture): Promise<Verdict[]> => {
        fixture.expect(first.removed.length > 0, 'cleanup tells that it has removed nothing')
        fixture.expect(remains.length === 0, `the kernel holds more than before: ${remains.join('; ')}`)
        fixture.expect(second.removed.length === 0, `a second cleanup finds ${second.removed.join(', ')}`)
        for (const to of ['ClusterIP', 'LoadBalancer', 'ExternalIP'] as const) {
          const answer = await fixture.ask('pod', to)
          const alone = answer.result === 'answered' && answer.host === 'internet'
          fixture.expect(alone, `a packet to its ${to}: ${answer.result}, due is to be left alone`)
        }
        const { family } = fixture
        const otherwise =
          stillThere === undefined
            ? 'only the author knows what to put beside it: give the kit the hook `foreign`'
            : 'what another tool had put into the kernel is gone'
        return [
          { claim: claims.everything, family, protocol: 'any', failures: fixture.failures },
          { claim: claims.look, family, protocol: 'any', failures: left.map((what) => `${what} was left`) },
          {
            ...{ claim: claims.remains, family, protocol: 'any' },
            failures: [
              ...(atFirst ?? []).map((what) => `before it has run: ${what}`),
              ...(before?.length === 0 ? ['it tells of nothing while it serves'] : []),
              ...(after ?? []).map((what) => `after cleanup: ${what}`),
            ],
          },
          { claim: claims.drain, family, protocol: 'any', failures: drained },
          { claim: claims.nothingElse, family, protocol: 'any', failures: spared ? [] : [otherwise] },
        ]
      })
      return (await Promise.all(verdicts)).flat()
    } finally {
      await testbed.close()
    }
  },
}

/** Another process drains what is there. @returns what was wrong then */
async function drain(testbed: Testbed, fixtures: readonly Fixture[]): Promise<readonly string[]> {
  const dataplane = testbed.newDataplane()
  if (dataplane.drain === undefined) return []
  const failures: string[] = []
  const clients = fixtures.map((fixture) => new Fixture(testbed, fixture.place, fixture.family, 'TCP'))
  const held = await Promise.all(clients.map((client) => client.hold('outside', 'LoadBalancer', 4)))
  const { connections } = await dataplane.drain()
  if (connections < 4 * clients.length)
    failures.push(`it tells of ${connections} connections, and there are ${4 * clients.length} at least`)
  for (const client of clients)
    for (const from of ['pod', 'outside'] as const) {
      const answer = await client.ask(from, 'LoadBalancer')
      const alone = answer.result === 'answered' && answer.host === 'internet'
      if (!alone)
        failures.push(
          `${client.family}: a new connection of ${from}: ${answer.result}, due is to be left alone`,
        )
    }
  for (const askAll of held) await askAll()
  return [...failures, ...clients.flatMap((client) => client.failures)]
}

function added(before: ReadonlySet<string>, after: ReadonlySet<string>): readonly string[] {
  return [...after].filter((line) => !before.has(line)).map((line) => line.slice(0, 300))
}

/** What a process that reads the kernel and computes what it would do leaves there. */
async function leftByLooking(testbed: Testbed, bare: ReadonlySet<string>): Promise<readonly string[]> {
  const dataplane = testbed.newDataplane()
  await dataplane.start()
  try {
    for (const family of testbed.families) {
      const observed = await dataplane.observe(family)
      dataplane.print(dataplane.reconcile(observed, testbed.cluster.table(family)))
    }
  } finally {
    await dataplane.stop()
  }
  const found = added(bare, await nodeState(testbed.lab.node.networkNamespace))
  return [...found, ...(await testbed.newDataplane().cleanup()).removed]
}
