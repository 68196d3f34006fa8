import {
  everything,
  everythingIpv6,
  externalLocal,
  frontend,
  internal,
  rejected,
  route,
  table,
  web,
} from '@portolan/conformance/example-tables'
import { bring, missing } from '@portolan/conformance/reconcile'
import { ApplyError, type Dataplane, fullDifference, type RoutingTable } from '@portolan/core'
import { createLab, type Lab } from '@portolan/lab'
import test from 'ava'
import nftables from '../index.ts'

/** The real kernel, without packets: those are the conformance kit's. */

const transports = ['netlink', 'nft'] as const

function open(lab: Lab, transport: (typeof transports)[number] = 'netlink'): Dataplane {
  const { networkNamespace } = lab.node
  return nftables.create({ masqueradeBit: 14, networkNamespace, settings: { transport } })
}

/** Our nft, not the one that npm puts before it. */
function nft(lab: Lab, ...args: string[]) {
  return lab.node.exec('/usr/sbin/nft', args)
}

for (const wanted of [everything(), everythingIpv6()]) {
  for (const transport of transports) {
    test(`${wanted.family}: what the ${transport} transport applies, both transports read back`, async (t) => {
      await using lab = await createLab({ pods: 1 })
      t.true((await bring(open(lab, transport), wanted)) > 0)
      for (const reader of transports) t.is(await missing(open(lab, reader), wanted), '', reader)
      t.is((await nft(lab, 'list', 'table', wanted.family === 'IPv4' ? 'ip' : 'ip6', 'portolan')).exitCode, 0)
    })
  }
}

test('a Service with session affinity that has no endpoint yet does not keep the table from being made', async (t) => {
  await using lab = await createLab({ pods: 1 })
  const refusing = [frontend('ClusterIP', '10.96.0.40', 80, rejected)]
  const wanted = table([route('shop/search:http', [], refusing, { affinitySeconds: 10800 })])
  t.true((await bring(open(lab), wanted)) > 0)
  t.is(await missing(open(lab), wanted), '')
})

for (const transport of transports) {
  test(`a change through ${transport} leaves what a fresh table would be`, async (t) => {
    await using lab = await createLab({ pods: 1 })
    const dataplane = open(lab, transport)
    const [before, after] = [
      everything(),
      table([route('shop/web:http', web, [frontend('ClusterIP', '10.96.0.10', 80, internal)])]),
    ]
    await bring(dataplane, before)
    await dataplane.apply(dataplane.compile(fullDifference(before, after)))
    t.is(await missing(open(lab), after), '')
    await dataplane.apply(dataplane.compile(fullDifference(after, before)))
    t.is(await missing(open(lab), before), '')
  })

  test(`a program that ${transport} refuses leaves the table as it was, and says which element`, async (t) => {
    await using lab = await createLab({ pods: 1 })
    const dataplane = open(lab, transport)
    const before = everything()
    await bring(dataplane, before)
    // Behind our back: an element goes that the next change wants to take out.
    await nft(
      lab,
      'delete',
      'element',
      'ip',
      'portolan',
      'vips',
      '{',
      '10.96.0.53',
      '.',
      'udp',
      '.',
      '53',
      '}',
    )
    const listed = await nft(lab, 'list', 'table', 'ip', 'portolan')
    const error = await t.throwsAsync(dataplane.apply(dataplane.compile(fullDifference(before, table([])))), {
      instanceOf: ApplyError,
      code: 'DATAPLANE_APPLY_FAILED',
    })
    if (transport === 'netlink')
      t.regex(error.message, /delete element vips \{ 10\.96\.0\.53 \. udp \. 53 .*ENOENT/)
    t.is((await nft(lab, 'list', 'table', 'ip', 'portolan')).stdout, listed.stdout)
    await bring(dataplane, table([]))
    t.is(await missing(open(lab), table([])), '')
  })
}

const damages: readonly { readonly claim: string; readonly commands: readonly string[] }[] = [
  { claim: 'a flushed chain', commands: ['flush chain ip portolan services'] },
  { claim: 'a deleted rule', commands: ['flush chain ip portolan vip-cluster'] },
  { claim: 'an added rule', commands: ['insert rule ip portolan services accept'] },
  { claim: 'a deleted table', commands: ['delete table ip portolan'] },
  { claim: 'a missing element', commands: ['delete element ip portolan hairpin { 10.1.0.2 . 10.1.0.2 }'] },
  { claim: 'a foreign element', commands: ['add element ip portolan cluster-ips { 10.96.9.9 }'] },
  {
    claim: 'an element with another value',
    commands: [
      'delete element ip portolan vips { 10.96.0.10 . tcp . 80 }',
      'add element ip portolan vips { 10.96.0.10 . tcp . 80 : 1:d8 }',
    ],
  },
  { claim: 'a foreign range', commands: ['add element ip portolan service-cidrs { 10.111.0.0/24 }'] },
]

for (const { claim, commands } of damages) {
  test(`${claim} is noticed and repaired`, async (t) => {
    await using lab = await createLab({ pods: 1 })
    const dataplane = open(lab)
    await bring(dataplane, everything())
    t.true(await dataplane.isUnchanged('IPv4'))
    for (const command of commands) await nft(lab, command)
    t.false(await dataplane.isUnchanged('IPv4'))
    t.not(await missing(dataplane, everything()), '')
    await bring(dataplane, everything())
    t.is(await missing(dataplane, everything()), '')
  })
}

test('a table of another setting is replaced whole', async (t) => {
  await using lab = await createLab({ pods: 1 })
  await bring(open(lab), everything())
  const other: RoutingTable = { ...everything(), podSource: { by: 'interface', name: 'cbr0' } }
  t.regex(await missing(open(lab), other), /^add table ip portolan\ndelete table ip portolan\n/)
  await bring(open(lab), other)
  t.is(await missing(open(lab), other), '')
})

test('a restart forgets no affinity number', async (t) => {
  await using lab = await createLab({ pods: 1 })
  const service = (name: string, address: string) =>
    route(
      name,
      web,
      [frontend('ClusterIP', address, 80, internal), frontend('NodePort', undefined, 30080, externalLocal)],
      {
        affinitySeconds: 60,
      },
    )
  const only = (address: string) =>
    route('b', web, [frontend('ClusterIP', address, 80, internal)], { affinitySeconds: 60 })
  await bring(open(lab), table([service('a', '10.96.0.1'), only('10.96.0.2')]))
  // Another order would give other numbers, if they weren't read back.
  t.is(await missing(open(lab), table([only('10.96.0.2'), service('a', '10.96.0.1')])), '')
})

test('our own changes of both families are no drift; any other transaction makes unsure until we have looked', async (t) => {
  await using lab = await createLab({ pods: 1 })
  const dataplane = open(lab)
  t.false(await dataplane.isUnchanged('IPv4'))
  await Promise.all([bring(dataplane, everything()), bring(dataplane, everythingIpv6())])
  await dataplane.apply(dataplane.compile(fullDifference(everything(), table([]))))
  t.true(await dataplane.isUnchanged('IPv4'))
  t.true(await dataplane.isUnchanged('IPv6'))
  await nft(lab, 'add table ip foreign')
  t.false(await dataplane.isUnchanged('IPv4'))
  t.false(await dataplane.isUnchanged('IPv6'))
  await dataplane.observe('IPv6')
  t.false(await dataplane.isUnchanged('IPv4'))
  t.true(await dataplane.isUnchanged('IPv6'))
})

test('cleanup removes both tables and no other', async (t) => {
  await using lab = await createLab({ pods: 1 })
  const dataplane = open(lab)
  await nft(lab, 'add table ip foreign')
  await bring(dataplane, everything())
  await bring(dataplane, everythingIpv6())
  t.deepEqual((await dataplane.cleanup()).removed, ['table ip portolan', 'table ip6 portolan'])
  t.is((await nft(lab, 'list', 'ruleset')).stdout, 'table ip foreign {\n}')
  t.deepEqual((await dataplane.cleanup()).removed, [])
})
