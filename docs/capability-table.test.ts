import { fileURLToPath } from 'node:url'
import test from 'ava'
import { loadDataplane, ownDataplanes } from '../core/dataplane/load-dataplane.ts'
import { capabilityTable, type Declared } from './capability-table.ts'
import { checkGenerated } from './generated-part.ts'

/** `UPDATE_DOCS=1 npx ava docs/capability-table.test.ts` writes the page's table anew: read the diff. */
const page = fileURLToPath(new URL('./capabilities.md', import.meta.url))

test("the page's table says what the dataplanes declare", async (t) => {
  const dataplanes: Declared[] = []
  for (const name of Object.keys(ownDataplanes)) {
    const { capabilities } = await loadDataplane(name, { masqueradeBit: 14, settings: {} })
    dataplanes.push({ name, capabilities })
  }
  await checkGenerated(t, page, 'what the dataplanes declare', capabilityTable(dataplanes))
})

test('a gap is told below the table, once for all who declare it in the same words', (t) => {
  const dataplane = (name: string, gaps: Declared['capabilities']['gaps']): Declared => ({
    name,
    capabilities: { families: ['IPv4'], protocols: ['TCP'], gaps },
  })
  const text = capabilityTable([
    dataplane('one', { affinity: 'none' }),
    dataplane('two', { affinity: 'none', hairpin: 'a | b' }),
  ])
  t.regex(text, /session affinity with a timeout \| – \(1\) \| – \(1\) \|/)
  t.regex(text, /\| IPv6 \| – \| – \|/)
  t.true(text.endsWith('\n\n1. one, two: none\n2. two: a | b'))
})
