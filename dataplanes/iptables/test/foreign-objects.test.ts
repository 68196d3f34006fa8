import { endpoint, frontend, internal, route, table, web } from '@portolan/conformance/example-tables'
import { bring, missing } from '@portolan/conformance/reconcile'
import { ApplyError, type Dataplane, type IpFamily, type RoutingTable } from '@portolan/core'
import { createLab, type Lab } from '@portolan/lab'
import test from 'ava'
import fc from 'fast-check'
import iptables from '../index.ts'
import { isOurChain } from '../layout/chain-names.ts'
import { setKinds, setName, standInName } from '../layout/sets.ts'

/** Whatever has the names of our chains and sets, it stops no family. */

const wanted = (family: IpFamily): RoutingTable => {
  const address = family === 'IPv4' ? '10.96.0.10' : 'fd00:96::10'
  const endpoints = family === 'IPv4' ? web : [endpoint('fd00:10:1::2', true)]
  const some = [
    route('shop/web:http', endpoints, [frontend('ClusterIP', address, 80, internal)], {
      family,
      affinitySeconds: 60,
    }),
    route('shop/none:http', [], [frontend('NodePort', undefined, 30081, internal)], { family }),
  ]
  const nodePortAddresses = [family === 'IPv4' ? '172.20.0.2' : 'fd00:172:20::2']
  const serviceCidrs = [family === 'IPv4' ? '10.96.0.0/16' : 'fd00:96::/112']
  return table(some, { clusterIPs: [address], nodePortAddresses, serviceCidrs }, family)
}

function open(lab: Lab, variant: 'nft' | 'legacy'): Dataplane {
  const { networkNamespace } = lab.node
  return iptables.create({ masqueradeBit: 14, networkNamespace, settings: { variant } })
}

/** Applies as the core does, which comes back after a refusal. */
async function bringAtLast(dataplane: Dataplane, table: RoutingTable): Promise<void> {
  for (let refused = 0; ; refused++) {
    try {
      await bring(dataplane, table)
      return
    } catch (error) {
      if (!(error instanceof ApplyError) || refused === 2) throw error
    }
  }
}

const otherTypes = [
  'hash:net family inet',
  'hash:net family inet6',
  'hash:ip,port family inet',
  'hash:net,port family inet',
  'bitmap:port range 1-10',
  'list:set',
  'hash:ip family inet maxelem 1',
]

for (const variant of ['nft', 'legacy'] as const) {
  test(`${variant}: sets of our names that are of another type or size are made anew`, async (t) => {
    await using lab = await createLab({ pods: 1 })
    const run = (file: string, ...args: string[]) => lab.node.exec(file, args)
    for (const family of ['IPv4', 'IPv6'] as const) {
      for (const [index, kind] of setKinds.entries()) {
        const type = otherTypes[index % otherTypes.length]!
        await run('ipset', 'create', setName(family, kind), ...type.split(' '))
      }
      const dataplane = open(lab, variant)
      await bringAtLast(dataplane, wanted(family))
      t.is(await missing(dataplane, wanted(family)), '')
      await dataplane.stop()
    }
  })

  test(`${variant}: sets of another size that rules use are swapped, also where a swap was begun before`, async (t) => {
    await using lab = await createLab({ pods: 1 })
    const run = async (...args: string[]) => String((await lab.node.exec('ipset', args)).stdout)
    for (const family of ['IPv4', 'IPv6'] as const) {
      const first = open(lab, variant)
      await bring(first, wanted(family))
      await first.stop()
      const name = setName(family, 'cluster-ips')
      const inet = family === 'IPv4' ? 'inet' : 'inet6'
      await run('create', standInName(name), 'hash:ip', 'family', inet, 'maxelem', '4096')
      await run('swap', standInName(name), name)
      const second = open(lab, variant)
      await bring(second, wanted(family))
      t.is(await missing(second, wanted(family)), '')
      await second.stop()
      t.false((await run('list', '-name')).split('\n').includes(standInName(name)))
      t.regex(await run('list', '-terse', name), /maxelem 16777216/)
    }
    await open(lab, variant).cleanup()
    t.is(await run('list', '-name'), '')
  })
}

const ourChain = fc.constantFrom(
  'PORTOLAN-SERVICES',
  'PORTOLAN-NODEPORTS',
  'PORTOLAN-POSTROUTING',
  'PORTOLAN-IP',
  'PORTOLAN-IP-7',
  'PORTOLAN-TCP-1f',
  'PORTOLAN-C-AAAAAAAAAAAA-web',
  'PORTOLAN-A-BBBBBBBBBBBB-',
  'PORTOLAN-S-CCCCCCCCCCCC-some-serv',
)
const target = fc.constantFrom(
  'ACCEPT',
  'RETURN',
  'DNAT --to-destination :8080',
  'MARK --set-mark 0x4000',
  'PORTOLAN-C-AAAAAAAAAAAA-web',
  'PORTOLAN-A-BBBBBBBBBBBB-',
)
const match = fc.constantFrom(
  '',
  '-p tcp --dport 80',
  '-m statistic --mode random --probability 0.33333333349',
  '-m comment --comment "a \\"quoted\\" thing -j PORTOLAN-IP"',
  '-m mark --mark 0x1/0x1',
)
/** Lines of iptables-restore for the table nat: chains of our names and of others', which lead to each other. */
const foreignRules = fc
  .array(fc.tuple(fc.oneof(ourChain, fc.constantFrom('SOMEBODY', 'PREROUTING', 'OUTPUT')), match, target), {
    minLength: 1,
    maxLength: 8,
  })
  // The kernel refuses chains that lead to themselves, and targets that not every hook has.
  .map((rules) =>
    rules.filter(([chain, , to]) => chain !== to && !(chain.startsWith('PORTOLAN-') && isOurChain(to))),
  )

for (const variant of ['nft', 'legacy'] as const) {
  test(`${variant}: chains of our names with rules of anything else stop no family`, async (t) => {
    await using lab = await createLab({ pods: 1 })
    let made = 0
    const once = async (rules: readonly (readonly [string, string, string])[]) => {
      const chains = new Set(
        rules.flatMap(([chain, , to]) => [chain, to]).filter((name) => /^(P[OT].*-|SOME)/.test(name)),
      )
      const lines = ['*nat']
      for (const chain of chains) lines.push(`:${chain} - [0:0]`)
      for (const [chain, condition, to] of rules) {
        const protocol = to.startsWith('DNAT') && !condition.includes('-p ') ? '-p tcp' : ''
        lines.push(`-A ${chain} ${protocol} ${condition} -j ${to}`)
      }
      const { exitCode } = await lab.node
        .exec('sh', ['-c', `printf '%s\\n' "$@" | iptables-${variant}-restore`, 'sh', ...lines, 'COMMIT'])
        .catch(() => ({ exitCode: 1 }))
      if (exitCode === 0) made += rules.length
      const dataplane = open(lab, variant)
      await bringAtLast(dataplane, wanted('IPv4'))
      t.is(await missing(dataplane, wanted('IPv4')), '')
      await dataplane.stop()
    }
    await fc.assert(fc.asyncProperty(foreignRules, once), {
      numRuns: Number(process.env.PORTOLAN_FUZZ_RUNS ?? 12),
    })
    t.log(`${made} foreign rules`)
    t.true(made > 0)
  })
}
