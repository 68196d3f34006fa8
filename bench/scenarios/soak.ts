import { rssGrowth, warmUp } from '../measure/rss-growth.ts'
import { internalsOf, type NodeScenario } from './node-scenario.ts'
import { takeTraced } from './traced.ts'
import { recordUsage } from './usage.ts'

/** A number that was asked for takes its time: as fast as two cores write, deliver and apply. */
const perSecond = { byEffort: 2_000, byNumber: 4_000 }
/** Looks at memory, and the seconds of changes before each. */
const efforts = { quick: { looks: 8, seconds: 1 }, thorough: { looks: 60, seconds: 5 } }
/** V8 gives pages back and takes them as it pleases. */
const tolerance = 0.05

/**
 * A thorough run, and one of a number of changes that was asked for, fails when memory has grown; a quick one ends while
 * V8's heap may still grow to what it wants.
 */
export const soak: NodeScenario = {
  kind: 'node',
  name: 'soak',
  meaning: '2,000 endpoints a second are replaced for minutes (--thorough); fails if memory goes on growing.',
  fromOutside: false,
  async play(fixture) {
    const { server, proxy, effort, record } = fixture
    const internals = internalsOf(fixture)
    const { seconds } = efforts[effort]
    const rate = fixture.changes === undefined ? perSecond.byEffort : perSecond.byNumber
    const looks =
      fixture.changes === undefined ? efforts[effort].looks : Math.ceil(fixture.changes / (rate * seconds))
    const warmLooks = Math.floor(looks * warmUp)
    const since = await proxy.usage()
    const rss: number[] = []
    let changes = 0
    let warmHeap = await internals.heapBytes()
    await internals.quiet(true)
    for (let look = 0; look < looks; look++) {
      if (look === warmLooks) warmHeap = await internals.heapBytes()
      const sent = await server.call('churn', rate, seconds)
      await takeTraced(internals, sent.length)
      changes += sent.length
      rss.push((await proxy.usage()).rssBytes)
    }
    await internals.quiet(false)
    const heap = await internals.heapBytes()
    const { before, after } = rssGrowth(rss)
    record(soak.name, 'changes', changes)
    record(soak.name, 'rssAfterWarmUp', before)
    record(soak.name, 'rssGrowth', after - before)
    record(soak.name, 'heapAfterWarmUp', warmHeap)
    record(soak.name, 'heap', heap)
    await recordUsage(fixture, soak.name, { since, changes })
    if (effort === 'quick' && fixture.changes === undefined) return
    refuseGrowth('resident memory', before, after, changes)
    refuseGrowth("JavaScript's heap", warmHeap, heap, changes)
  },
}

/** @throws Error where `after` is more than what chance makes of `before` */
function refuseGrowth(what: string, before: number, after: number, changes: number): void {
  if (after <= before * (1 + tolerance)) return
  const [from, to] = [before, after].map((bytes) => `${(bytes / 2 ** 20).toFixed(1)} MiB`)
  throw new Error(`${what} grew from ${from} to ${to} in ${changes} changes`)
}
