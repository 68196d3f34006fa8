import {
  everything,
  everythingIpv6,
  externalLocal,
  frontend,
  internal,
  route,
  table,
  web,
} from '@portolan/conformance/example-tables'
import { bring, missing } from '@portolan/conformance/reconcile'
import {
  ApplyError,
  type CompiledProgram,
  type Dataplane,
  fullDifference,
  type RoutingTable,
} from '@portolan/core'
import { createLab, type Lab } from '@portolan/lab'
import { detectIptablesVariant, type IptablesVariant, iptablesVariants } from '@portolan/native/netfilter'
import { SystemCommand } from '@portolan/native/system-command'
import test from 'ava'
import iptables from '../index.ts'
import { isOurChain } from '../layout/chain-names.ts'

/** The real kernel, without packets: those are the conformance kit's. */

function open(lab: Lab, variant: IptablesVariant): Dataplane {
  const { networkNamespace } = lab.node
  return iptables.create({ masqueradeBit: 14, networkNamespace, settings: { variant } })
}

/** Lines for a variant's iptables-restore, beside the dataplane's back. */
function restore(lab: Lab, variant: IptablesVariant, ...lines: string[]): Promise<string> {
  const command = new SystemCommand(lab.node.networkNamespace)
  return command.run(`iptables-${variant}-restore`, ['--noflush', '-w', '5'], `${lines.join('\n')}\n`)
}

/** All rules and sets, without counters and times. */
async function dump(lab: Lab, variant: IptablesVariant): Promise<string> {
  const command = new SystemCommand(lab.node.networkNamespace)
  const texts = await Promise.all([
    command.run(`iptables-${variant}-save`, []),
    command.run(`ip6tables-${variant}-save`, []),
    command.run('ipset', ['save']),
  ])
  return texts
    .join('')
    .split('\n')
    .filter((line) => !line.startsWith('#'))
    .map((line) => line.replace(/\[\d+:\d+\]/, '').replace(/ initval \S+/, ''))
    .join('\n')
}

for (const variant of iptablesVariants) {
  for (const wanted of [everything(), everythingIpv6()]) {
    test(`${variant} ${wanted.family}: what is applied is read back as it was written`, async (t) => {
      await using lab = await createLab({ pods: 1 })
      t.true((await bring(open(lab, variant), wanted)) > 0)
      t.is(await missing(open(lab, variant), wanted), '')
    })
  }

  test(`${variant}: a change leaves what a fresh table would be`, async (t) => {
    await using lab = await createLab({ pods: 1 })
    const dataplane = open(lab, variant)
    const [before, after] = [
      everything(),
      table([route('shop/web:http', web, [frontend('ClusterIP', '10.96.0.10', 80, internal)])]),
    ]
    await bring(dataplane, before)
    await dataplane.apply(dataplane.compile(fullDifference(before, after)))
    t.is(await missing(open(lab, variant), after), '')
    await dataplane.apply(dataplane.compile(fullDifference(after, before)))
    t.is(await missing(open(lab, variant), before), '')
  })

  const refusals: readonly {
    readonly claim: string
    readonly behindOurBack: readonly string[]
    readonly alsoDeleted?: string
    readonly operation: string
  }[] = [
    {
      claim: 'a way to a chain that has gone',
      behindOurBack: ['-F PORTOLAN-IP', '-F PORTOLAN-IP-2', '-X PORTOLAN-IP-2'],
      operation: '-A PORTOLAN-IP -d 0.0.0.2/0.0.0.7 -g PORTOLAN-IP-2',
    },
    {
      claim: 'deleting a chain that a rule of another tool jumps to',
      behindOurBack: [':PORTOLAN-EXTRA - [0:0]', '-A PORTOLAN-EXTRA -j PORTOLAN-MASQUERADE'],
      alsoDeleted: 'PORTOLAN-MASQUERADE',
      operation: '-X PORTOLAN-MASQUERADE',
    },
  ]
  for (const { claim, behindOurBack, alsoDeleted, operation } of refusals) {
    test(`${variant}: ${claim} is refused by name, and rules and sets are as they were`, async (t) => {
      await using lab = await createLab({ pods: 1 })
      const dataplane = open(lab, variant)
      const before = table([route('shop/web:http', web, [frontend('ClusterIP', '10.96.0.10', 80, internal)])])
      await bring(dataplane, before)
      await restore(lab, variant, '*nat', ...behindOurBack, 'COMMIT')
      const observed = await dump(lab, variant)
      const after = everything()
      const program = dataplane.compile(fullDifference(before, after)) as CompiledProgram & {
        nat: { deleted: Set<string> }
      }
      if (alsoDeleted !== undefined) program.nat.deleted.add(alsoDeleted)
      const error = await t.throwsAsync(dataplane.apply(program), {
        instanceOf: ApplyError,
        code: 'DATAPLANE_APPLY_FAILED',
      })
      t.regex(error.message, /iptables-(legacy|nft)-restore, table nat: /)
      t.is(error.operation, operation)
      t.is(await dump(lab, variant), observed)
      await bring(dataplane, after)
      t.is(await missing(open(lab, variant), after), '')
    })
  }

  const damages: readonly { readonly claim: string; readonly lines: readonly string[] }[] = [
    {
      claim: 'a flush of everything',
      lines: ['*nat', '-F', '-X', 'COMMIT', '*filter', '-F', '-X', 'COMMIT'],
    },
    { claim: 'a flushed leaf', lines: ['*nat', '-F PORTOLAN-IP-012', 'COMMIT'] },
    { claim: 'a rule more', lines: ['*nat', '-I PORTOLAN-SERVICES 1 -j RETURN', 'COMMIT'] },
    {
      claim: 'a rule that was replaced by one of the same size',
      lines: [
        '*filter',
        '-R PORTOLAN-OUTPUT 1 -m conntrack --ctstate INVALID -j PORTOLAN-REFUSALS',
        'COMMIT',
      ],
    },
    {
      claim: 'a way to our chains that is there twice',
      lines: ['*filter', '-A INPUT -j PORTOLAN-INPUT', 'COMMIT'],
    },
  ]
  for (const { claim, lines } of damages) {
    test(`${variant}: ${claim} is noticed and repaired`, async (t) => {
      await using lab = await createLab({ pods: 1 })
      const dataplane = open(lab, variant)
      await bring(dataplane, everything())
      t.true(await dataplane.isUnchanged('IPv4'))
      await restore(lab, variant, ...lines)
      t.false(await dataplane.isUnchanged('IPv4'))
      t.not(await missing(dataplane, everything()), '')
      await bring(dataplane, everything())
      t.is(await missing(dataplane, everything()), '')
    })
  }

  test(`${variant}: a foreign change of a set is noticed and repaired`, async (t) => {
    await using lab = await createLab({ pods: 1 })
    const dataplane = open(lab, variant)
    await bring(dataplane, everything())
    t.true(await dataplane.isUnchanged('IPv4'))
    await new SystemCommand(lab.node.networkNamespace).run('ipset', [
      'del',
      'PORTOLAN-4-cluster-ips',
      '10.96.0.10',
    ])
    t.false(await dataplane.isUnchanged('IPv4'))
    t.regex(await missing(dataplane, everything()), /add PORTOLAN-4-cluster-ips 10\.96\.0\.10/)
    await bring(dataplane, everything())
    t.true(await dataplane.isUnchanged('IPv4'))
  })

  test(`${variant}: our own changes of both families are no drift`, async (t) => {
    await using lab = await createLab({ pods: 1 })
    const dataplane = open(lab, variant)
    t.false(await dataplane.isUnchanged('IPv4'))
    await Promise.all([bring(dataplane, everything()), bring(dataplane, everythingIpv6())])
    await dataplane.apply(dataplane.compile(fullDifference(everything(), table([]))))
    t.true(await dataplane.isUnchanged('IPv4'))
    t.true(await dataplane.isUnchanged('IPv6'))
    await dataplane.stop()
  })

  test(`${variant}: another way to tell pods, or another mark, rewrites what depends on it`, async (t) => {
    await using lab = await createLab({ pods: 1 })
    await bring(open(lab, variant), everything())
    const other: RoutingTable = { ...everything(), podSource: { by: 'interface', name: 'cbr0' } }
    t.regex(await missing(open(lab, variant), other), /! -i cbr0 -j MARK/)
    await bring(open(lab, variant), other)
    t.is(await missing(open(lab, variant), other), '')
  })

  test(`${variant}: the order of endpoints is read back, with affinity and without`, async (t) => {
    await using lab = await createLab({ pods: 1 })
    const order = [web[2]!, web[0]!, web[1]!]
    const routes = [
      route('shop/web:http', order, [frontend('ClusterIP', '10.96.0.10', 80, internal)]),
      route('shop/cart:http', order, [frontend('ClusterIP', '10.96.0.11', 80, internal)], {
        affinitySeconds: 60,
      }),
    ]
    const dataplane = open(lab, variant)
    await bring(dataplane, table(routes))
    const observed = await dataplane.observe('IPv4')
    for (const one of routes) {
      const keys = order.map(({ address, port }) => `${address}|${port}`)
      t.deepEqual(
        dataplane.endpointOrder?.(observed, { ...one, endpoints: { cluster: web, local: [] } }, 'cluster'),
        keys,
      )
    }
  })

  test(`${variant}: cleanup removes chains and sets of both families, and nothing else`, async (t) => {
    await using lab = await createLab({ pods: 1 })
    const dataplane = open(lab, variant)
    const others = ['KUBE-FIREWALL', 'PORTOLAN-PREROUTING', 'PORTOLAN-EXTRA']
    const declared = others.map((chain) => `:${chain} - [0:0]`)
    await restore(
      lab,
      variant,
      '*filter',
      ...declared,
      ...others.map((chain) => `-A INPUT -j ${chain}`),
      'COMMIT',
    )
    const command = new SystemCommand(lab.node.networkNamespace)
    await command.run(
      'ipset',
      ['restore'],
      'create PORTOLAN-SERVED hash:ip\ncreate PORTOLAN-4-mine hash:ip\n',
    )
    const before = await dump(lab, variant)
    const loopback: RoutingTable = { ...everything(), nodePortAddresses: new Set(['127.0.0.1' as never]) }
    await bring(dataplane, loopback)
    await bring(dataplane, everythingIpv6())
    t.is((await routeLocalnet(lab)).trim(), '1')
    t.true((await dataplane.cleanup()).removed.length > 0)
    const rules = (text: string) => text.split('\n').filter((line) => /^(:.*-|-A|create|add) /.test(line))
    t.deepEqual(rules(await dump(lab, variant)), rules(before))
    t.is((await routeLocalnet(lab)).trim(), '0')
    t.deepEqual((await dataplane.cleanup()).removed, [])
  })

  test(`the variant is found out to be ${variant} by rules of ours, by kubelet's hint, by most rules`, async (t) => {
    const signs = [
      ['*nat', ':PORTOLAN-IP - [0:0]', 'COMMIT'],
      ['*mangle', ':KUBE-IPTABLES-HINT - [0:0]', 'COMMIT'],
      ['*filter', '-A INPUT -s 192.0.2.1/32 -j DROP', 'COMMIT'],
    ]
    for (const sign of signs) {
      await using lab = await createLab({ pods: 1 })
      await restore(lab, variant, ...sign)
      const another = iptablesVariants.find((one) => one !== variant) ?? variant
      await restore(lab, another, '*filter', ':PORTOLAN-PREROUTING - [0:0]', 'COMMIT')
      t.is(await detectIptablesVariant(new SystemCommand(lab.node.networkNamespace), isOurChain), variant)
    }
  })

  test(`${variant}: where conntrack is liberal nothing is dropped as INVALID`, async (t) => {
    await using lab = await createLab({ pods: 1 })
    await bring(open(lab, variant), table([]))
    t.regex(await dump(lab, variant), /PORTOLAN-FORWARD -m conntrack --ctstate INVALID -j DROP/)
    const path = 'net.netfilter.nf_conntrack_tcp_be_liberal=1'
    await new SystemCommand(lab.node.networkNamespace).run('sysctl', ['-w', path])
    await bring(open(lab, variant), table([]))
    t.notRegex(
      await new SystemCommand(lab.node.networkNamespace).run(`iptables-${variant}-save`, ['-t', 'filter']),
      /INVALID -j DROP/,
    )
  })

  test(`${variant}: sets of clients go with their endpoints, also right after the rules`, async (t) => {
    await using lab = await createLab({ pods: 1 })
    const dataplane = open(lab, variant)
    const sticky = (endpoints: typeof web) =>
      table([
        route(
          'shop/web:http',
          endpoints,
          [
            frontend('ClusterIP', '10.96.0.10', 80, internal),
            frontend('NodePort', undefined, 30080, externalLocal),
          ],
          { affinitySeconds: 60 },
        ),
      ])
    await bring(dataplane, sticky(web))
    for (const [before, after] of [
      [web, web.slice(1)],
      [web.slice(1), web],
    ] as const) {
      await dataplane.apply(dataplane.compile(fullDifference(sticky([...before]), sticky([...after]))))
      t.is(await missing(open(lab, variant), sticky([...after])), '')
    }
  })
}

async function routeLocalnet(lab: Lab): Promise<string> {
  const command = new SystemCommand(lab.node.networkNamespace)
  return command.run('sysctl', ['-n', 'net.ipv4.conf.all.route_localnet'])
}

test('what the other variant holds of ours goes when the operator changes over, and only then', async (t) => {
  await using lab = await createLab({ pods: 1 })
  for (const [before, after] of [
    ['legacy', 'nft'],
    ['nft', 'legacy'],
  ] as const) {
    await bring(open(lab, before), everything())
    t.regex(await dump(lab, before), /PORTOLAN-SERVICES/)
    await bring(open(lab, after), everything())
    t.is(await missing(open(lab, after), everything()), '')
    const left = await new SystemCommand(lab.node.networkNamespace).run(`iptables-${before}-save`, [])
    t.notRegex(left, /PORTOLAN/)
  }
})

test('a node without iptables is told what to install', async (t) => {
  const dataplane = iptables.create({ masqueradeBit: 14, networkNamespace: '/nonexistent', settings: {} })
  const { usable, problems } = await dataplane.probe()
  t.false(usable)
  t.true(problems.length > 0)
})
