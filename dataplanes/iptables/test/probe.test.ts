import { everything, everythingIpv6 } from '@portolan/conformance/example-tables'
import { createLab } from '@portolan/lab'
import { iptablesVariants } from '@portolan/native/netfilter'
import { SystemCommand } from '@portolan/native/system-command'
import test from 'ava'
import { reconcile } from '../compile/reconcile.ts'
import { extensionNeed, kernelNeeds, missingNeeds, setTypeNeed } from '../kernel/kernel-needs.ts'
import { probe } from '../kernel/probe.ts'
import { nothingObserved } from '../layout/observed-state.ts'
import { maxClientSets } from '../layout/sets.ts'

test('whatever matches, targets and types of sets a program has, the probe asks for', (t) => {
  const used = new Set<string>()
  for (const some of [everything(), everythingIpv6()]) {
    const setting = {
      family: some.family,
      podSource: some.podSource,
      masqueradeBit: 14,
      comments: true,
      maxClientSets,
    }
    const { nat, filter, newSets } = reconcile(nothingObserved(some.family), some, setting)
    for (const rule of [nat, filter].flatMap(({ written }) => [...written.values()].flat())) {
      for (const [, name] of rule.matchAll(/(?:^| )-m (\S+)/g)) used.add(`the iptables match ${name}`)
      const target = / -j (\S+)/.exec(` ${rule}`)?.[1] ?? ''
      const isChain = nat.written.has(target) || filter.written.has(target)
      if (!isChain && !/^(|ACCEPT|DROP|RETURN)$/.test(target)) used.add(`the iptables target ${target}`)
    }
    for (const { type } of newSets) used.add(`the ipset type ${type.split(' ')[0]}`)
  }
  t.deepEqual([...used].sort(), kernelNeeds.map(({ what }) => what).sort())
})

for (const variant of iptablesVariants) {
  test(`${variant}: what the kernel lacks is named with its module, and what it has is not`, async (t) => {
    await using lab = await createLab({ pods: 1 })
    const needs = [
      ...kernelNeeds,
      setTypeNeed('hash:nothing,port'),
      extensionNeed('match', 'nothing', 0, 'xt_nothing'),
      extensionNeed('target', 'REJECT', 200, 'ipt_REJECT'),
    ]
    t.deepEqual(missingNeeds(needs, variant, lab.node.networkNamespace), [
      {
        what: 'the kernel lacks the ipset type hash:nothing,port for IPv4 and IPv6',
        fix: 'modprobe ip_set_hash_nothingport, on a kernel that has it',
      },
      {
        what: 'the kernel lacks the iptables match nothing for IPv4 and IPv6',
        fix: 'modprobe xt_nothing, on a kernel that has it',
      },
      {
        what: 'the kernel lacks the iptables target REJECT for IPv4 and IPv6',
        fix: 'modprobe ipt_REJECT, on a kernel that has it',
      },
    ])
  })

  test(`${variant}: a probe finds a node of the lab usable, and makes no table, chain or set there`, async (t) => {
    await using lab = await createLab({ pods: 1 })
    const command = new SystemCommand(lab.node.networkNamespace)
    const state = async () => [
      await command.run('cat', ['/proc/net/ip_tables_names', '/proc/net/ip6_tables_names']),
      await command.run('nft', ['list', 'ruleset']),
      await command.run('ipset', ['list']),
    ]
    const fresh = await state()
    t.like(await probe(command, variant), { usable: true, problems: [] })
    t.deepEqual(await state(), fresh)
    const drop = ['-A', 'INPUT', '-s', '192.0.2.1', '-j', 'DROP']
    await command.run(`iptables-${variant}`, drop)
    await command.run(`iptables-${variant}`, ['-t', 'nat', ...drop.slice(0, -1), 'ACCEPT'])
    const observedState = await state()
    t.like(await probe(command, variant), { usable: true, problems: [] })
    t.deepEqual(await state(), observedState)
  })
}
