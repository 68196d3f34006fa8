import { spawn } from 'node:child_process'
import { once } from 'node:events'
import { mkdtemp, rm } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { setTimeout as sleep } from 'node:timers/promises'
import { steadyObjects, targetOf } from '../case-objects.ts'
import { type Check, runCheck } from '../check.ts'
import type { ChurnRequest } from '../churning-process.ts'
import { describeDrift } from '../driver.ts'
import { Fixture } from '../fixture.ts'
import { serveInternet } from '../internet.ts'
import { place } from '../place.ts'
import type { RowClaim, Verdict } from '../row.ts'
import type { Scenario } from '../scenario.ts'
import { createTestbed, type Testbed } from '../testbed.ts'

const claims = {
  noLoss: {
    feature: 'outlivesProcess',
    name: 'a process that is killed while it applies disturbs no Service that stays the same',
  },
  healed: {
    feature: 'basics',
    name: 'the next process after a kill puts right whatever the killed one left half done',
  },
} as const satisfies Record<string, RowClaim>

const steady = [0, 1]
const churning = Array.from({ length: 30 }, (_, index) => index + 10)

export const crashScenario: Scenario = {
  name: 'kill -9',
  claims: Object.values(claims).map((claim) => ({ ...claim, needs: 'module' as const })),
  long: true,
  async run({ factory, module, settings, families, timeouts }) {
    if (module === undefined)
      throw new Error(
        "a process to kill has to load the dataplane itself: give the kit its module, as import.meta.resolve('./index.ts')",
      )
    const testbed = await createTestbed({ factory, settings, families, timeouts })
    try {
      await serveInternet(testbed)
      const { networkNamespace } = testbed.lab.node
      const request = { ...testbed.specification, module, settings, networkNamespace, steady, churning }
      await serveEndpoints(testbed)
      const fixtures = families.map((family) => new Fixture(testbed, place(0), family, 'TCP'))
      testbed.cluster.set(...steady.flatMap(steadyObjects))
      await testbed.driver.start()
      await testbed.stopProcess()

      const stillHeld = await Promise.all(fixtures.map(holdIfServed))
      const loops = await Promise.all(
        fixtures.map((fixture) =>
          Promise.all([
            fixture.connectAllTheTime('pod', 'ClusterIP', 'dense'),
            fixture.beside('UDP').connectAllTheTime('pod', 'ClusterIP', 'dense'),
          ]),
        ),
      )
      await inOwnFolder(async (folder) => {
        for (const milliseconds of timeouts.killAfterMs) await churnAndKill(request, milliseconds, folder)
      })
      await testbed.restart()
      for (const [index, fixture] of fixtures.entries()) {
        for (const loopEnds of loops[index] ?? [])
          await loopEnds({ endpoints: [fixture.nameOf('pod0'), fixture.nameOf('remote0')] })
        await stillHeld[index]?.()
      }

      const drift = await testbed.driver.drift()
      return await Promise.all(
        fixtures.flatMap(({ family, failures }): (Verdict | Promise<Verdict>)[] => [
          { claim: claims.noLoss, family, protocol: 'any', failures },
          checkAll(testbed, family).then((wrong) => ({
            claim: claims.healed,
            family,
            protocol: 'any',
            failures: [...drift.filter((one) => one.family === family).map(describeDrift), ...wrong],
          })),
        ]),
      )
    } finally {
      await testbed.close()
    }
  },
}

/** Where nothing is served without a process, that is what there is to tell of it. */
async function holdIfServed(fixture: Fixture): Promise<() => Promise<void>> {
  try {
    return await fixture.hold('outside', fixture.nodePort, 4)
  } catch (error) {
    fixture.failures.push(error instanceof Error ? error.message : String(error))
    return async () => {}
  }
}

async function serveEndpoints(testbed: Testbed): Promise<void> {
  await Promise.all(
    [...steady, ...churning].flatMap((number) =>
      (['pod0', 'pod1', 'remote0'] as const).map((host) => testbed.serve(host, place(number).targetPort)),
    ),
  )
}

/** A process that is killed can't clear up its temporary files, so it has a folder for them that goes with it. */
async function inOwnFolder(work: (folder: string) => Promise<void>): Promise<void> {
  const folder = await mkdtemp(join(tmpdir(), 'portolan-crash-'))
  try {
    await work(folder)
  } finally {
    await rm(folder, { recursive: true, force: true })
  }
}

/** @throws when the process ended by itself */
async function churnAndKill(request: ChurnRequest, milliseconds: number, folder: string): Promise<void> {
  const program = new URL('../churning-process.ts', import.meta.url).pathname
  // It never ends by itself, so it ends with this process.
  const argv = ['--pdeathsig', 'KILL', process.execPath, program, JSON.stringify(request)]
  const child = spawn('setpriv', argv, {
    stdio: ['ignore', 'pipe', 'pipe'],
    env: { ...process.env, TMPDIR: folder },
  })
  const ended = once(child, 'exit')
  let said = ''
  child.stderr.on('data', (data) => {
    said += data
  })
  await Promise.race([once(child.stdout, 'data'), ended])
  await sleep(milliseconds)
  child.kill('SIGKILL')
  const [, signal] = (await ended) as [number | null, string | null]
  if (signal !== 'SIGKILL') throw new Error(`the process that was to be killed had ended by itself: ${said}`)
}

/** The Services that stayed are served, and those that the killed process made are gone. */
async function checkAll(testbed: Testbed, family: Fixture['family']): Promise<string[]> {
  const table = testbed.cluster.table(family)
  const found = await Promise.all(
    [...steady, ...churning].flatMap((number) =>
      (['pod', 'outside'] as const).map((client) => {
        const check: Check = {
          client,
          origin: testbed.origin(client, family),
          protocol: 'TCP',
          family,
          testbed,
          ...targetOf('ClusterIP', place(number), family),
        }
        return runCheck(check, table)
      }),
    ),
  )
  return found.flat()
}
