import type { BenchResults } from '@portolan/bench'
import { nodeState } from '@portolan/conformance'
import { repairTimes } from '@portolan/conformance/engine-on-kernel'
import { everything, everythingIpv6 } from '@portolan/conformance/example-tables'
import { bring } from '@portolan/conformance/reconcile'
import type { Capabilities } from '@portolan/core'
import { createLab } from '@portolan/lab'
import { type Check, type Part, partOf } from '../scorecard.ts'
import type { Subject } from '../subject.ts'
import { withDeadline } from './deadline.ts'
import { Checks, type Tell } from './failure.ts'
import { scenarioChecks } from './scenario-checks.ts'

/**
 * What an operator sees of it: losses, repairs, what is left of it.
 *
 * @param figures of the part `speed`, if it was asked
 * @param waits `callMs`: milliseconds that any one call may take
 */
export async function evaluateOperation(
  asked: Subject,
  figures: BenchResults | undefined,
  waits: { readonly callMs: number; readonly slowness: number },
  tell: Tell,
): Promise<Part> {
  const begun = performance.now()
  const subject = { ...asked, factory: withDeadline(asked.factory, waits.callMs) }
  const checks = new Checks(tell)
  checks.made.push(...losses(figures, subject.factory.capabilities))
  await evaluateCrash(subject, waits, checks, tell)
  await evaluateRepair(subject, waits.slowness, checks)
  await checks.make('clean-up leaves nothing in the kernel, and a second one finds nothing', () =>
    leftovers(subject),
  )
  return partOf('operation', checks.made, begun)
}

/** Scenarios of the benchmark in which connections are opened all the time, in an operator's words. */
const disturbances: Readonly<Record<string, string>> = {
  'endpoint-replaced': 'endpoints of other Services are replaced',
  'rolling-update': 'other Services roll out',
  'first-packet': 'its own endpoint is replaced',
  'warm-restart': 'the process restarts',
}

function losses(figures: BenchResults | undefined, { gaps }: Capabilities): readonly Check[] {
  const of = (metric: string, scenario: string) =>
    (figures?.results ?? []).filter((one) => one.metric === metric && one.scenario === scenario)
  return Object.entries(disturbances).flatMap(([scenario, what]): Check[] => {
    const tried = of('connectionsTried', scenario)
    if (tried.length === 0) return []
    const [all = 0, lost = 0] = [tried, of('connectionsLost', scenario)].map((list) =>
      list.reduce((sum, { p50, samples }) => sum + p50 * samples, 0),
    )
    const gap = scenario === 'warm-restart' && lost > 0 ? gaps.outlivesProcess : undefined
    const counted = `${lost} of ${all} connections lost their SYN, or had no answer`
    const name = `no packet is lost while ${what}`
    if (lost === 0) return [{ name, outcome: 'passed', detail: counted }]
    if (gap !== undefined) return [{ name, outcome: 'gap', detail: `${gap}: ${counted}` }]
    const detail = `${counted}\na lost SYN is one that the kernel has sent again; a busy machine loses none`
    return [{ name, outcome: 'failed', detail }]
  })
}

/** Over `kill -9`, again and again, by the kit's rows. */
async function evaluateCrash(
  subject: Subject,
  waits: { readonly callMs: number; readonly slowness: number },
  checks: Checks,
  tell: Tell,
): Promise<void> {
  if (subject.module === undefined)
    checks.leave(
      'no packet is lost when the process is killed',
      'needs module, which only its author can give',
    )
  else checks.made.push(...(await scenarioChecks('kill -9', subject, waits, tell)))
}

/** Longer than the core's look every second and one repair take on a busy machine. */
async function evaluateRepair(subject: Subject, slowness: number, checks: Checks): Promise<void> {
  const name = 'what another tool damages is repaired'
  const sabotage = subject.hooks?.sabotage
  if (sabotage === undefined) {
    checks.leave(name, 'needs the hook sabotage, which only its author can give, in test/under-test.ts')
    return
  }
  let repaired = ''
  const isDone = await checks.make(name, async () => {
    const lab = await createLab({ pods: 1 })
    try {
      const times = await repairTimes(lab, { ...subject, sabotage, slowness })
      repaired = times.map(({ way, seconds }) => `way ${way}: ${seconds} s`).join(', ')
      if (times.length === 0) return 'the hook sabotage knows no way to damage anything'
      const unnoticed = times.filter(({ noticed }) => !noticed)
      return unnoticed.length === 0
        ? undefined
        : `damage number ${unnoticed.map(({ way }) => way).join(', ')} has changed nothing that observe looks at`
    } finally {
      await lab.close()
    }
  })
  const last = checks.made.pop()
  if (last !== undefined) checks.made.push(isDone ? { ...last, detail: repaired } : last)
}

async function leftovers({ factory, settings }: Subject): Promise<string | undefined> {
  const lab = await createLab({ pods: 1 })
  try {
    const { networkNamespace } = lab.node
    const make = () => factory.create({ masqueradeBit: 14, networkNamespace, settings })
    const before = await nodeState(networkNamespace)
    const dataplane = make()
    await dataplane.start()
    try {
      for (const family of factory.capabilities.families)
        await bring(dataplane, family === 'IPv4' ? everything() : everythingIpv6())
    } finally {
      await dataplane.stop()
    }
    await make().cleanup()
    const after = await nodeState(networkNamespace)
    const left = [...after].filter((line) => !before.has(line))
    if (left.length > 0) return [`${left.length} objects are left:`, ...left.slice(0, 5)].join('\n')
    const again = (await make().cleanup()).removed
    return again.length === 0 ? undefined : `a second clean-up removes ${again.join(', ')}`
  } finally {
    await lab.close()
  }
}
