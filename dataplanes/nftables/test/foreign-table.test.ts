import {
  endpoint,
  everything,
  frontend,
  internal,
  route,
  table,
  web,
} from '@portolan/conformance/example-tables'
import { bring, missing } from '@portolan/conformance/reconcile'
import { ApplyError, type Dataplane, type IpFamily, type RoutingTable } from '@portolan/core'
import { createLab, type Lab } from '@portolan/lab'
import test from 'ava'
import fc from 'fast-check'
import nftables from '../index.ts'
import { markerChain } from '../layout/base-chains.ts'
import { baseSets, countsOf, endpointsOf } from '../layout/sets.ts'
import { nftFamily } from '../layout/table.ts'

/** Whatever a table of our name holds, it stops no family: it is repaired, or replaced whole. */

const transports = ['netlink', 'nft'] as const
const families = ['IPv4', 'IPv6'] as const
const small = (family: IpFamily): RoutingTable => {
  const address = family === 'IPv4' ? '10.96.0.10' : 'fd00:96::10'
  const endpoints = family === 'IPv4' ? web : [endpoint('fd00:10:1::2', true)]
  const only = route('shop/web:http', endpoints, [frontend('ClusterIP', address, 80, internal)], { family })
  return table([only], { clusterIPs: [address] }, family)
}
const wanted: Readonly<Record<IpFamily, RoutingTable>> = { IPv4: small('IPv4'), IPv6: small('IPv6') }

const ourSets = [
  ...baseSets,
  countsOf('vip', 'cluster'),
  endpointsOf('vip', 'cluster', 'TCP'),
  endpointsOf('nodeport', 'local', 'UDP'),
].map(({ name }) => name)

function open(
  lab: Lab,
  transport: (typeof transports)[number],
  onNotice: (notice: string) => void = () => {},
): Dataplane {
  const { networkNamespace } = lab.node
  return nftables.create({ masqueradeBit: 14, networkNamespace, settings: { transport }, onNotice })
}

/** Applies as the core does, which comes back after a refusal. @returns how often it was refused */
async function bringAtLast(dataplane: Dataplane, table: RoutingTable): Promise<number> {
  for (let refused = 0; ; refused++) {
    try {
      await bring(dataplane, table)
      return refused
    } catch (error) {
      if (!(error instanceof ApplyError) || refused === 3) throw error
    }
  }
}

const types = ['ipv4_addr', 'ipv6_addr', 'inet_proto', 'inet_service', 'mark', 'ifname', 'ether_addr']
const typeText = fc
  .array(fc.constantFrom(...types), { minLength: 1, maxLength: 3 })
  .map((some) => some.join(' . '))
const setName = fc.constantFrom(...ourSets, 'allow-list', 'x')
const chainName = fc.constantFrom('services', 'prerouting', 'vip-cluster', 'vip-cluster-tcp-2', 'input', 'y')
const hook = fc.constantFrom(
  '',
  '{ type filter hook input priority 0 ; policy accept ; }',
  '{ type nat hook postrouting priority 100 ; }',
  '{ type route hook output priority -150 ; }',
)
const rule = fc.constantFrom('accept', 'counter drop', 'jump y', 'tcp dport 80 accept', 'ct state new return')
/** Each is added to a table of our name; what nft refuses is left out. */
const foreign = fc.array(
  fc.oneof(
    fc
      .tuple(
        setName,
        typeText,
        fc.constantFrom('', 'flags interval ;', 'flags timeout ;', 'size 2 ;', 'flags constant ;'),
      )
      .map(([name, type, flags]) => `add set FAMILY portolan ${name} { type ${type} ; ${flags} }`),
    fc
      .tuple(setName, typeText, fc.constantFrom('verdict', ...types))
      .map(([name, type, value]) => `add map FAMILY portolan ${name} { type ${type} : ${value} ; }`),
    fc
      .tuple(setName, fc.constantFrom('10.1.2.3', '10.1.2.3 . tcp . 80', '80', 'fd00::1', '"eth0"'))
      .map(([name, element]) => `add element FAMILY portolan ${name} { ${element} }`),
    fc.tuple(chainName, hook).map(([name, at]) => `add chain FAMILY portolan ${name} ${at}`),
    fc.tuple(chainName, rule).map(([name, text]) => `add rule FAMILY portolan ${name} ${text}`),
    fc.constant('add counter FAMILY portolan hits'),
    fc.constant('add table FAMILY portolan { flags dormant ; }'),
    fc.constant('add chain FAMILY portolan MARKER'),
    fc.constant('add chain FAMILY portolan layout-0-12345678'),
  ),
  { minLength: 1, maxLength: 12 },
)

/** What can be done to a table of ours that is in use. */
const intruders: Readonly<Record<IpFamily, readonly string[]>> = {
  IPv4: [
    'add element ip portolan vips { 10.9.9.9 . gre . 80 : 1:d8 }',
    'add element ip portolan vips { 10.9.9.9 . 255 . 0 : 0:0 }',
    'add element ip portolan vips { * : 1:d8 }',
    'add element ip portolan policies-vip { * : drop }',
    'add element ip portolan policies-vip { 7:7 : accept }',
    'add element ip portolan service-cidrs { 10.111.0.3-10.111.0.77 }',
    'add element ip portolan service-cidrs { 200.0.0.0-200.255.255.254 }',
    'add element ip portolan allowed-sources { 10.9.9.9 . tcp . 80 . 10.1.0.3-10.1.0.9 }',
    'add element ip portolan allowed-sources { 10.9.9.0-10.9.9.7 . tcp . 80-90 . 10.1.0.0/24 }',
    'add element ip portolan cluster-ips { 0.0.0.0 comment "nobody" }',
    'add set ip portolan endpoints-vip-local-sctp { type ipv4_addr ; }',
    'add map ip portolan affinity-picks-nodeport-local-sctp { type inet_service : verdict ; }',
    'add chain ip portolan vip-cluster-tcp-65535',
    'add chain ip portolan watch { type filter hook forward priority 7 ; }',
    'add table ip portolan { flags dormant ; }',
  ],
  IPv6: [
    'add element ip6 portolan vips { fd00:9::9 . gre . 80 : 1:d8 }',
    'add element ip6 portolan vips { * : 1:d8 }',
    'add element ip6 portolan service-cidrs { fd00:9::3-fd00:9::77 }',
    'add element ip6 portolan allowed-sources { fd00:9::9 . tcp . 80 . fd00::3-fd00::9 }',
    'add set ip6 portolan endpoints-vip-local-sctp { type ipv6_addr ; }',
    'add map ip6 portolan affinity-picks-nodeport-local-sctp { type inet_service : verdict ; }',
    'add table ip6 portolan { flags dormant ; }',
  ],
}

/** Our nft, not the one that npm puts before it. @returns what it had to say against it */
async function nft(lab: Lab, commands: string): Promise<string> {
  try {
    await lab.node.exec('/usr/sbin/nft', [commands])
    return ''
  } catch (error) {
    return String(error)
  }
}

for (const transport of transports) {
  test(`through ${transport}: a table of our name with sets, chains and hooks of anything else stops no family`, async (t) => {
    await using lab = await createLab({ pods: 1 })
    let [made, replaced, refusals] = [0, 0, 0]
    const once = async (family: IpFamily, commands: readonly string[]) => {
      const name = nftFamily(family)
      const at = `table ${name} portolan`
      t.is(await nft(lab, `add ${at} ; delete ${at} ; add ${at}`), '')
      const marker = markerChain({ family, podSource: wanted[family].podSource, masqueradeBit: 14 })
      for (const command of commands) {
        const text = command.replaceAll('FAMILY', name).replaceAll('MARKER', marker)
        if ((await nft(lab, text)) === '') made++
      }
      const dataplane = open(lab, transport)
      refusals += await bringAtLast(dataplane, wanted[family])
      replaced++
      for (const reader of transports) t.is(await missing(open(lab, reader), wanted[family]), '', reader)
      await dataplane.stop()
    }
    await fc.assert(fc.asyncProperty(fc.constantFrom(...families), foreign, once), { numRuns: 12 })
    // Without chains, and with nothing.
    await once('IPv4', ['add set FAMILY portolan vips { type ipv4_addr ; }'])
    await once('IPv6', [])
    t.log(`${replaced} tables with ${made} foreign things; ${refusals} refusals on the way`)
  })

  for (const family of families) {
    test(`through ${transport}, ${family}: what another tool puts into our table is taken out again, or the table replaced`, async (t) => {
      await using lab = await createLab({ pods: 1 })
      const dataplane = open(lab, transport)
      for (const intruder of intruders[family]) {
        await bring(dataplane, wanted[family])
        t.is(await nft(lab, intruder), '')
        await bringAtLast(dataplane, wanted[family])
        t.is(await missing(dataplane, wanted[family]), '', intruder)
      }
    })
  }
}

test('an older table is replaced in one transaction, and the operator is told', async (t) => {
  await using lab = await createLab({ pods: 1 })
  for (const command of [
    'add table ip portolan',
    'add chain ip portolan layout-0-12345678',
    'add map ip portolan vips { type ipv4_addr : verdict ; }',
    'add element ip portolan vips { 10.96.0.10 : drop }',
  ])
    t.is(await nft(lab, command), '')
  const notices: string[] = []
  const dataplane = open(lab, 'netlink', (notice) => notices.push(notice))
  const program = dataplane.reconcile(await dataplane.observe('IPv4'), everything())
  t.regex(dataplane.print(program), /^add table ip portolan\ndelete table ip portolan\n/)
  await dataplane.apply(program)
  t.regex(notices.join(), /^replaced the nftables table ip portolan whole: .*of another version/)
})

test("another tool's table that nft can't write as JSON neither stops a family nor keeps ours at a clean-up", async (t) => {
  await using lab = await createLab({ pods: 1 })
  for (const family of ['ip', 'ip6'])
    t.is(await nft(lab, `add table ${family} other { flags dormant ; }`), '')
  for (const transport of transports) {
    const dataplane = open(lab, transport)
    t.true((await dataplane.probe()).usable)
    for (const family of families) {
      await bring(dataplane, wanted[family])
      t.is(await missing(dataplane, wanted[family]), '')
    }
    t.deepEqual((await dataplane.cleanup()).removed, ['table ip portolan', 'table ip6 portolan'])
  }
  t.is(await nft(lab, 'delete table ip other ; delete table ip6 other'), '')
})
