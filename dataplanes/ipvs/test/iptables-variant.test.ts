import { createLab } from '@portolan/lab'
import { findIptables, iptablesVariants } from '@portolan/native/netfilter'
import { SystemCommand } from '@portolan/native/system-command'
import test from 'ava'
import { Iptables } from '../kernel/iptables.ts'

const ours = '*filter\n:PORTOLAN-IPVS-INPUT - [0:0]\n-A INPUT -j PORTOLAN-IPVS-INPUT\nCOMMIT\n'

/** Of the kernel's own iptables, without IPVS. */
for (const variant of iptablesVariants) {
  const other = variant === 'nft' ? 'legacy' : 'nft'

  test(`${variant}: where the operator doesn't choose, rules go where kubelet's are, and stay there`, async (t) => {
    await using lab = await createLab({ pods: 1 })
    const command = new SystemCommand(lab.node.networkNamespace)
    const restore = async (which: typeof variant, ...lines: readonly string[]) => {
      const programs = await findIptables(command, which, 'IPv4')
      await command.run(programs!.restore, ['--noflush'], `${lines.join('\n')}\n`)
    }
    await restore(variant, '*mangle', ':KUBE-IPTABLES-HINT - [0:0]', 'COMMIT')
    await restore(
      other,
      '*filter',
      '-A INPUT -s 192.0.2.1 -j DROP',
      '-A INPUT -s 192.0.2.2 -j DROP',
      'COMMIT',
    )
    const iptables = new Iptables(command, 'auto')
    t.true((await iptables.version('IPv4')).endsWith(`(${variant})`))
    await iptables.restore('IPv4', ours)
    // With rules of its own there, they count before what kubelet says.
    await restore(other, '*mangle', ':KUBE-IPTABLES-HINT - [0:0]', 'COMMIT')
    const after = new Iptables(command, 'auto')
    t.deepEqual((await after.read('IPv4')).get('filter')?.jumps, ['INPUT -j PORTOLAN-IPVS-INPUT'])
    t.is(await after.readLeftOver('IPv4'), undefined)
    t.deepEqual(await after.remove('IPv4', () => true), [`1 chains of the ${variant} IPv4 table filter`])
    t.deepEqual(await after.remove('IPv4', () => true), [])
  })

  test(`${variant}: rules of the variant that was used before are found, and removed with the others`, async (t) => {
    await using lab = await createLab({ pods: 1 })
    const command = new SystemCommand(lab.node.networkNamespace)
    await new Iptables(command, other).restore('IPv4', ours)
    const iptables = new Iptables(command, variant)
    t.is((await iptables.readLeftOver('IPv4'))?.variant, other)
    await iptables.restore('IPv4', ours)
    t.is((await iptables.remove('IPv4', () => true)).length, 2)
  })
}
