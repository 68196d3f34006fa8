import { rssGrowth } from '../measure/rss-growth.ts'
import { internalsOf, type NodeScenario } from './node-scenario.ts'
import { takeTraced } from './traced.ts'
import { recordUsage } from './usage.ts'

const perSecond = 2_000
/** Looks at memory, and the seconds of changes before each. */
const efforts = { quick: { looks: 8, seconds: 1 }, thorough: { looks: 60, seconds: 5 } }
/** V8 gives pages back and takes them as it pleases. */
const tolerance = 0.03

/** A thorough run fails when memory has grown; a quick one ends while V8's heap may still grow to what it wants. */
export const soak: NodeScenario = {
  kind: 'node',
  name: 'soak',
  meaning: '2,000 endpoints a second are replaced for minutes (--thorough); fails if memory goes on growing.',
  fromOutside: false,
  async play(fixture) {
    const { server, proxy, effort, record } = fixture
    const internals = internalsOf(fixture)
    const { looks, seconds } = efforts[effort]
    const since = await proxy.usage()
    const rss: number[] = []
    let changes = 0
    await internals.quiet(true)
    for (let look = 0; look < looks; look++) {
      const sent = await server.call('churn', perSecond, seconds)
      await takeTraced(internals, sent.length)
      changes += sent.length
      rss.push((await proxy.usage()).rssBytes)
    }
    await internals.quiet(false)
    const { before, after } = rssGrowth(rss)
    record(soak.name, 'rssGrowth', after - before)
    await recordUsage(fixture, soak.name, { since, changes })
    if (effort === 'thorough' && after > before * (1 + tolerance)) {
      const [from, to] = [before, after].map((bytes) => `${Math.round(bytes / 2 ** 20)} MiB`)
      throw new Error(`resident memory grew from ${from} to ${to} in ${changes} changes`)
    }
  },
}
