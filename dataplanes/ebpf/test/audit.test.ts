import { setTimeout as sleep } from 'node:timers/promises'
import type { ApplyReport } from '@portolan/core'
import { Engine } from '@portolan/core/engine'
import { tableSets } from '@portolan/core/table'
import { createLab } from '@portolan/lab'
import test from 'ava'
import { unpinDeadNodes } from '../kernel/pins.ts'
import { frontendKeyOf } from '../layout/encode.ts'
import { applied, nodeTable } from './applied-table.ts'
import { clusterIP, endpoint, route } from './example-tables.ts'
import labDataplane from './lab-dataplane.ts'
import { detachLinks, openMap, unpinLinks } from './sabotage.ts'

test.after.always(unpinDeadNodes)

const services = (count: number) =>
  Array.from({ length: count }, (_, index) =>
    route(`a/${index}`, [clusterIP(`10.96.${index >> 8}.${index & 255}`)], [endpoint('10.1.1.2')]),
  )

test('nothing is read back in full while links, programs and samples of the maps are right', async (t) => {
  await using lab = await createLab()
  const { dataplane } = await applied(lab.node, nodeTable(lab.node, 'IPv4', services(3000)))
  for (let look = 0; look < 5; look++) t.true(await dataplane.isUnchanged('IPv4'))
  await dataplane.cleanup()
})

test('a deleted element is noticed when its turn comes', async (t) => {
  await using lab = await createLab()
  const routes = services(2000)
  const wanted = nodeTable(lab.node, 'IPv4', routes)
  const { dataplane, change } = await applied(lab.node, wanted)
  const map = openMap(lab.node.networkNamespace, 'frontends')
  t.true(map.delete(frontendKeyOf(routes[1400]!, routes[1400]!.frontends[0]!)))
  map.close()
  let looks = 1
  while (looks < 20 && (await dataplane.isUnchanged('IPv4'))) looks++
  t.true(looks < 20)
  await change(wanted)
  for (let look = 0; look < 10; look++) t.true(await dataplane.isUnchanged('IPv4'))
  await dataplane.cleanup()
})

const untouched = Object.fromEntries(tableSets.map((name) => [name, new Set<never>()]))

for (const [claim, damage] of [
  ['links that another tool has detached', detachLinks],
  ['links that another tool has unpinned', unpinLinks],
] as const) {
  test(`${claim} are attached again by an audit, which comes every second`, async (t) => {
    t.timeout(400_000)
    await using lab = await createLab()
    const { networkNamespace } = lab.node
    const dataplane = labDataplane.create({ masqueradeBit: 14, networkNamespace, settings: {} })
    const table = nodeTable(lab.node, 'IPv4', services(200))
    const live = {
      table,
      drain: () => ({ routes: new Set<never>(), sets: untouched, triggerTimes: [] }),
      adoptSets: () => {},
      adoptOrder: () => {},
    }
    let repaired: (report: ApplyReport) => void = () => {}
    const engine = new Engine({
      dataplane,
      tables: { IPv4: live as never },
      auditPeriod: 1000,
      observer: {
        onApplied: ({ why, report }) => (why === 'repair' ? repaired(report) : undefined),
        onFailed: ({ error }) => t.log(error),
      },
    })
    await using _ = {
      async [Symbol.asyncDispose]() {
        await engine.stop()
        await dataplane.cleanup()
      },
    }
    await dataplane.start()
    engine.start()
    await engine.firstApplied
    await sleep(1200)
    const report = new Promise<ApplyReport>((resolve) => {
      repaired = resolve
    })
    await damage(networkNamespace)
    // Far more than the second or two that it takes: where the machine stands still for a while, a look seems to be dear,
    // and the next one waits.
    t.not(await Promise.race([report, sleep(120_000, undefined, { ref: false })]), undefined)
    t.true(await dataplane.isUnchanged('IPv4'))
  })
}
