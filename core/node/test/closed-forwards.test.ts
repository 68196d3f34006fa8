import { fileURLToPath } from 'node:url'
import test from 'ava'
import type { ClosedForward } from '../closed-forwards.ts'
import { NodeNamespace } from './node-namespace.ts'

// Chains of the real kernel, by both back ends of iptables.

const module = JSON.stringify(fileURLToPath(new URL('../closed-forwards.ts', import.meta.url)))

async function closedIn(node: NodeNamespace, accepting: string): Promise<readonly ClosedForward[]> {
  const print = '(found) => console.log(JSON.stringify(found))'
  const look = `import(${module}).then((m) => m.closedForwards(${JSON.stringify(accepting)})).then(${print})`
  return JSON.parse(await node.run(process.execPath, '-e', look))
}

for (const [program, family] of [
  ['iptables-nft', 'IPv4'],
  ['ip6tables-nft', 'IPv6'],
  ['iptables-legacy', 'IPv4'],
  ['ip6tables-legacy', 'IPv6'],
] as const)
  test(`${program}: whose accepts pass a policy that drops`, async (t) => {
    const node = await NodeNamespace.create(t)
    const run = (...args: string[]) => node.run(program, ...args)
    const chain = `chain FORWARD of ${program.replace('ip6', 'ip')} (${family})`
    const closed = (othersAccept: boolean): readonly ClosedForward[] => [{ chain, program, othersAccept }]
    for (const name of ['KUBE-FORWARD', 'KUBE-SERVICES', 'PORTOLAN-FORWARD', 'PORTOLAN-IPVS-FORWARD', 'MINE'])
      await run('-N', name)
    for (const name of ['KUBE-FORWARD', 'KUBE-SERVICES']) await run('-A', 'FORWARD', '-j', name)
    await run('-A', 'FORWARD', '-j', 'LOG')
    await run('-A', 'FORWARD', '-p', 'udp', '-j', 'DROP')
    t.deepEqual(await closedIn(node, 'KUBE-FORWARD'), [], 'the policy accepts')

    await run('-P', 'FORWARD', 'DROP')
    t.deepEqual(await closedIn(node, 'KUBE-FORWARD'), closed(false))
    t.deepEqual(await closedIn(node, 'PORTOLAN-FORWARD'), [], 'who accepts nothing there takes nothing along')

    await run('-A', 'FORWARD', '-m', 'comment', '--comment', 'another one', '-j', 'MINE')
    t.deepEqual(await closedIn(node, 'KUBE-FORWARD'), closed(true))
    await run('-D', 'FORWARD', '-m', 'comment', '--comment', 'another one', '-j', 'MINE')
    await run('-A', 'FORWARD', '-s', family === 'IPv4' ? '10.244.0.0/16' : 'fd00::/64', '-j', 'ACCEPT')
    t.deepEqual(await closedIn(node, 'KUBE-FORWARD'), closed(true))

    await run('-A', 'FORWARD', '-j', 'PORTOLAN-FORWARD')
    t.deepEqual(await closedIn(node, 'KUBE-FORWARD'), [], 'Portolan accepts there as well')
    t.deepEqual(await closedIn(node, 'PORTOLAN-FORWARD'), closed(true))

    await run('-A', 'FORWARD', '-j', 'PORTOLAN-IPVS-FORWARD')
    t.deepEqual(await closedIn(node, 'PORTOLAN-FORWARD'), [], 'the dataplane ipvs accepts its answers there')
    await run('-D', 'FORWARD', '-j', 'PORTOLAN-IPVS-FORWARD')

    await run('-P', 'FORWARD', 'ACCEPT')
    t.deepEqual(await closedIn(node, 'PORTOLAN-FORWARD'), [], 'the policy accepts again')
    await run('-F', 'FORWARD')
    await run('-A', 'FORWARD', '-j', 'PORTOLAN-FORWARD')
    for (const refusal of ['DROP', 'REJECT']) {
      await run('-A', 'FORWARD', '-p', 'tcp', '-j', refusal)
      t.deepEqual(await closedIn(node, 'PORTOLAN-FORWARD'), [], 'a rule refuses some')
      await run('-A', 'FORWARD', '-j', refusal)
      await run('-A', 'FORWARD', '-j', 'MINE')
      const [found] = closed(false)
      t.deepEqual(await closedIn(node, 'PORTOLAN-FORWARD'), [{ ...found, closingRule: 3 }], 'and one all')
      for (const number of ['4', '3', '2']) await run('-D', 'FORWARD', number)
    }
  })
