import test from 'ava'
import { type Flags, parseFlags } from '../../config/flags.ts'
import { type IpFamily, ipFamilies } from '../../network/address.ts'
import { warnOfFamilies } from '../warn-of-families.ts'

const cluster = { clusterCidr: '10.244.0.0/16' }

const rows: readonly [string, Flags, readonly IpFamily[], readonly string[]][] = [
  ['no cluster CIDR leaves pods unknown', {}, ipFamilies, ['no-pod-detection']],
  ['a cluster CIDR of one family is a cluster of one family', cluster, ipFamilies, []],
  ['one of a family that the node lacks is none', cluster, ['IPv6'], ['no-pod-detection']],
  ['other ways to tell pods need none', { detectLocalMode: 'NodeCIDR' }, ipFamilies, []],
  [
    'a range of one family leaves the other open',
    { ...cluster, nodeportAddresses: '192.0.2.0/24' },
    ipFamilies,
    ['nodeports-everywhere'],
  ],
  ['but not where the node has one family', { ...cluster, nodeportAddresses: '192.0.2.0/24' }, ['IPv4'], []],
  ['nor beside primary', { ...cluster, nodeportAddresses: 'primary,192.0.2.0/24' }, ipFamilies, []],
  ['nor where all are asked for', { ...cluster, nodeportAddresses: 'all' }, ipFamilies, []],
]
for (const [claim, flags, families, expected] of rows) {
  test(`warning of families: ${claim}`, (t) => {
    const events: string[] = []
    const log = ({ event }: { readonly event: string }) => void events.push(event)
    const logger = { debug: () => {}, info: log, warn: log, error: log }
    warnOfFamilies(parseFlags({ source: 'file:x', ...flags }, { inCluster: false }), families, logger)
    t.deepEqual(events, expected)
  })
}

test('a warning of families names the field of a file, beside which the flag is not read', (t) => {
  const messages: string[] = []
  const log = (_fields: object, message: string) => void messages.push(message)
  const logger = { debug: () => {}, info: log, warn: log, error: log }
  const flags = { source: 'file:x', nodeportAddresses: '192.0.2.0/24' }
  warnOfFamilies(parseFlags(flags, { inCluster: false }), ipFamilies, logger)
  t.is(messages.length, 2)
  t.regex(
    messages[0] ?? '',
    /set clusterCIDR or .* in the file of --config, or without one give --cluster-cidr/,
  )
  t.regex(messages[1] ?? '', /for nodePortAddresses \(without a file, --nodeport-addresses\) has none/)
})
