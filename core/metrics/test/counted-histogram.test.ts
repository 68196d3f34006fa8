import test from 'ava'
import { Histogram, Registry } from 'prom-client'
import { CountedHistogram } from '../counted-histogram.ts'

const shape = { name: 'took_seconds', help: 'How long it took.', buckets: [0.1, 1, 10] }
const [first, second] = [{ family: 'IPv4' }, { family: 'IPv6' }]

test("a scrape shows what it would of prom-client's own histogram", async (t) => {
  const [theirs, ours] = [new Registry(), new Registry()]
  const whole = new Histogram({ ...shape, labelNames: ['family'], registers: [theirs] })
  const counted = new CountedHistogram({ ...shape, labels: ['family'], registry: ours })
  for (const labels of [first, second]) {
    whole.zero(labels)
    const series = counted.series(labels)
    if (labels === second) continue
    for (const value of [0, 0.1, 0.100001, 1, 5, 10, 10.5, 1e9]) {
      whole.observe(labels, value)
      series.observe(value)
    }
  }
  t.is(await ours.metrics(), await theirs.metrics())
})

test('one without a series shows its name and meaning alone', async (t) => {
  const registry = new Registry()
  new CountedHistogram({ ...shape, labels: ['family'], registry })
  const shown = '# HELP took_seconds How long it took.\n# TYPE took_seconds histogram\n'
  t.is((await registry.metrics()).trim(), shown.trim())
})

test('series shown together are what one would be that has observed all', async (t) => {
  const [apart, whole] = [new Registry(), new Registry()]
  const inParts = new CountedHistogram({ ...shape, labels: ['family'], registry: apart })
  const elsewhere = new CountedHistogram({
    ...shape,
    name: 'parts',
    labels: ['family'],
    registry: new Registry(),
  })
  const parts = [elsewhere.series(first), elsewhere.series(second)]
  inParts.together(first, parts)
  const all = new CountedHistogram({ ...shape, labels: ['family'], registry: whole }).series(first)
  for (const [at, value] of [0, 0.5, 2, 100].entries()) {
    parts[at % 2]?.observe(value)
    all.observe(value)
  }
  t.is(await apart.metrics(), await whole.metrics())
})
