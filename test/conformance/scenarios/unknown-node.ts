import type { Evaluation } from '@portolan/core'
import { type Target, targetOf } from '../case-objects.ts'
import { type Check, expectedOf, runCheck } from '../check.ts'
import { describeDrift } from '../driver.ts'
import { Fixture } from '../fixture.ts'
import { serveInternet } from '../internet.ts'
import { at, type Client } from '../matrix-case.ts'
import { otherPort, place, unallocatedClusterIP } from '../place.ts'
import type { RowClaim, Verdict } from '../row.ts'
import type { Scenario } from '../scenario.ts'
import { createTestbed } from '../testbed.ts'

const claims = {
  nodePorts: {
    feature: 'unknownNode',
    also: ['outlivesProcess', 'nodePort'],
    name: 'a process that starts while its Node object is missing keeps NodePorts where they answer, and loses no connection',
  },
  ranges: {
    feature: 'unknownNode',
    also: ['outlivesProcess'],
    name: 'a process that starts and may not read ServiceCIDRs keeps unallocated addresses dropped',
  },
  nothingToDo: {
    feature: 'unknownNode',
    also: ['outlivesProcess'],
    name: 'a process that starts without Node object and ServiceCIDRs changes nothing, and nothing when they come back',
  },
} as const satisfies Record<string, RowClaim>

/**
 * What is unknown at a start is not none: a running process would have kept it, and the kernel has it still. A new process
 * takes it from there until the cluster says.
 */
export const unknownNodeScenario: Scenario = {
  name: 'a start without Node object and ServiceCIDRs',
  claims: Object.values(claims),
  async run({ factory, settings, families, timeouts }) {
    const testbed = await createTestbed({ factory, settings, families, timeouts })
    try {
      await serveInternet(testbed)
      const fixtures = families.map((family, index) => ({
        family,
        nodePort: new Fixture(testbed, place(index * 2), family, 'TCP'),
        range: new Fixture(testbed, place(index * 2 + 1), family, 'TCP'),
        left: [] as string[],
      }))
      const { cluster, driver } = testbed
      await driver.start()
      for (const { nodePort, range } of fixtures) {
        await nodePort.become({ endpoints: at('pod0', 'remote0') })
        await range.become({ endpoints: at('pod0') })
      }
      // A Service has both families, and each fixture has told of its own only.
      await driver.sync()
      const loops = await Promise.all(
        fixtures.map(({ nodePort }) => nodePort.connectAllTheTime('outside', 'NodePort')),
      )
      const unallocated = (fixture: Fixture): Target => ({
        address: unallocatedClusterIP[fixture.family],
        port: otherPort,
      })
      const all = async (): Promise<void> => {
        for (const { family, nodePort, range, left } of fixtures) {
          for (const client of ['outside', 'pod', 'node'] as const)
            await agree(nodePort, client, targetOf('NodePort', nodePort.place, family), 'balance')
          await agree(range, 'pod', unallocated(range), 'drop')
          await agree(range, 'pod', targetOf('ClusterIP', range.place, family), 'balance')
          left.push(...(await testbed.driver.drift([family])).map(describeDrift))
        }
      }
      await all()

      await testbed.stopProcess()
      cluster.forgetNode()
      cluster.setServiceCidrsReadable(false)
      await testbed.startProcess()
      await all()
      await testbed.driver.reconcile()
      await all()
      for (const { nodePort } of fixtures) await nodePort.become({ endpoints: at('remote0', 'pod1') })
      await testbed.driver.sync()
      await all()

      cluster.recallNode()
      cluster.setServiceCidrsReadable(true)
      await testbed.driver.sync()
      await all()

      const verdicts: Verdict[] = []
      for (const [index, { family, nodePort, range, left }] of fixtures.entries()) {
        const endpoints = [nodePort.nameOf('pod0'), nodePort.nameOf('remote0'), nodePort.nameOf('pod1')]
        await loops[index]?.({ endpoints })
        for (const [claim, failures] of [
          [claims.nodePorts, nodePort.failures],
          [claims.ranges, range.failures],
          [claims.nothingToDo, left],
        ] as const)
          verdicts.push({ claim, family, protocol: 'any', failures })
      }
      return verdicts
    } finally {
      await testbed.close()
    }
  },
}

/** One client asks; the reference must say what is due, and the packets what the reference says. */
async function agree(
  fixture: Fixture,
  client: Client,
  target: Target,
  due: Evaluation['verdict'],
): Promise<void> {
  const { testbed, family, protocol } = fixture
  const check: Check = {
    client,
    origin: testbed.origin(client, family),
    protocol,
    family,
    testbed,
    ...target,
  }
  const table = testbed.cluster.table(family)
  const { verdict } = expectedOf(check, table)
  fixture.expect(
    verdict === due,
    `${client}: the core's reference says "${verdict}", and the claim is "${due}"`,
  )
  fixture.failures.push(...(await runCheck(check, table)))
}
