import test from 'ava'
import { ConntrackEntries, createLab } from '../index.ts'

test('entries with a mark are removed by it, and no others', async (t) => {
  await using lab = await createLab()
  const entries = new ConntrackEntries('IPv4', lab.node.networkNamespace)
  const entry = { protocol: 'TCP', destination: '192.0.2.1 80' } as const
  entries.add([
    { ...entry, source: '198.18.0.1 1024', mark: 7 },
    { ...entry, source: '198.18.0.2 1024', mark: 7, assured: true },
    { ...entry, source: '198.18.0.3 1024', mark: 6 },
    { ...entry, source: '198.18.0.4 1024' },
  ])
  t.is(entries.list().length, 4)
  entries.removeMarked(7)
  t.deepEqual(entries.list(), [
    'TCP 198.18.0.3 1024 > 192.0.2.1 80 = 192.0.2.1 80',
    'TCP 198.18.0.4 1024 > 192.0.2.1 80 = 192.0.2.1 80',
  ])
  entries.close()
})
