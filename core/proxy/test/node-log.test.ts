import test from 'ava'
import type { NodeRecord } from '../../cluster/records.ts'
import type { EventFields } from '../../log/logger.ts'
import { parseAddress } from '../../network/address.ts'
import { NodeLog } from '../node-log.ts'

function node(addresses: readonly string[], more: Partial<NodeRecord> = {}): NodeRecord {
  const parsed = addresses.map((text) => parseAddress(text)!)
  return { kind: 'Node', key: 'node-a', zone: 'z1', addresses: parsed, podCidrs: [], ...more }
}

const first = node(['192.0.2.1'])

interface Row {
  readonly claim: string
  /** `undefined`: it is deleted. */
  readonly seen: readonly (NodeRecord | undefined)[]
  readonly told: readonly RegExp[]
}

const rows: readonly Row[] = [
  { claim: 'the first that is read is no change', seen: [first], told: [] },
  { claim: 'one that never was is not deleted', seen: [undefined, first], told: [] },
  { claim: 'what does not matter here is no change', seen: [first, { ...first }], told: [] },
  {
    claim: 'addresses and zone are told with what they were',
    seen: [first, node(['192.0.2.2', 'fd00::2'], { zone: '' })],
    told: [
      /^info node-object-changed .*addresses from 192\.0\.2\.1 to 192\.0\.2\.2, fd00::2, zone from z1 to none;/,
    ],
  },
  {
    claim: 'a node that is about to go is told of, and one that stays after all',
    seen: [first, { ...first, leaving: 'deletion' }, first],
    told: [/leaving from none to deletion/, /leaving from deletion to none/],
  },
  {
    claim: 'a deletion is told once, and that it is there again',
    seen: [first, undefined, undefined, first],
    told: [
      /^warn node-object-deleted .*what is known of it stays/,
      /^info .* is there again; that is followed/,
    ],
  },
  {
    claim: 'one that comes back otherwise is told with what it was',
    seen: [first, undefined, node(['192.0.2.2'])],
    told: [/deleted/, /is there again, addresses from 192\.0\.2\.1 to 192\.0\.2\.2;/],
  },
  {
    claim: 'one that is made again says nothing before it has an address',
    seen: [first, undefined, node([], { zone: '' }), first],
    told: [/deleted/, /is there again; that is followed/],
  },
]

for (const { claim, seen, told } of rows)
  test(claim, (t) => {
    const lines: string[] = []
    const take = (level: string) => (fields: EventFields | object, message: string) =>
      lines.push(`${level} ${(fields as EventFields).event} ${message}`)
    const logger = { debug: take('debug'), info: take('info'), warn: take('warn'), error: take('error') }
    const log = new NodeLog('node-a', logger)
    for (const one of seen) log.changed(one)
    t.is(lines.length, told.length, lines.join('\n'))
    for (const [index, pattern] of told.entries()) t.regex(lines[index] ?? '', pattern)
  })
