import { frontend, internal, route, table, web } from '@portolan/conformance/example-tables'
import { bring } from '@portolan/conformance/reconcile'
import { type CompiledProgram, type Dataplane, fullDifference, type RoutingTable } from '@portolan/core'
import { createLab, type Lab } from '@portolan/lab'
import { SystemCommand } from '@portolan/native/system-command'
import test from 'ava'
import iptables from '../index.ts'
import { routeLocalnetMarker } from '../layout/sets.ts'

/** NodePorts at 127.0.0.1, and the setting of the kernel that they need. */

const routes = [
  route('shop/web:http', web, [
    frontend('ClusterIP', '10.96.0.10', 80, internal),
    frontend('NodePort', undefined, 30080, internal),
  ]),
]
const atLoopback: RoutingTable = table(routes, { nodePortAddresses: ['127.0.0.1'] })

function open(lab: Lab): Dataplane {
  const { networkNamespace } = lab.node
  return iptables.create({ masqueradeBit: 14, networkNamespace, settings: { variant: 'nft' } })
}

function run(lab: Lab, program: string, args: readonly string[], input = ''): Promise<string> {
  return new SystemCommand(lab.node.networkNamespace).run(program, args, input)
}

async function setting(lab: Lab): Promise<string> {
  return (await run(lab, 'sysctl', ['-n', 'net.ipv4.conf.all.route_localnet'])).trim()
}

test('what we switched on cleanup switches off, also after all rules and chains were flushed', async (t) => {
  await using lab = await createLab({ pods: 1 })
  await bring(open(lab), atLoopback)
  t.is(await setting(lab), '1')
  const flush = '*nat\n-F\n-X\nCOMMIT\n*filter\n-F\n-X\nCOMMIT\n'
  await run(lab, 'iptables-nft-restore', ['--noflush'], flush)
  await bring(open(lab), atLoopback)
  const { removed } = await open(lab).cleanup()
  t.true(removed.includes('net.ipv4.conf.all.route_localnet=1'))
  t.is(await setting(lab), '0')
  t.is(await run(lab, 'ipset', ['list', '-name']), '')
})

test('what the operator switched on stays on', async (t) => {
  await using lab = await createLab({ pods: 1 })
  await run(lab, 'sysctl', ['-w', 'net.ipv4.conf.all.route_localnet=1'])
  await bring(open(lab), atLoopback)
  await open(lab).cleanup()
  t.is(await setting(lab), '1')
})

test('a change whose rules are refused leaves it switched off and unmarked', async (t) => {
  await using lab = await createLab({ pods: 1 })
  const dataplane = open(lab)
  const before = table([])
  await bring(dataplane, before)
  const program = dataplane.compile(fullDifference(before, atLoopback)) as CompiledProgram & {
    nat: { deleted: Set<string> }
  }
  program.nat.deleted.add('PORTOLAN-MASQUERADE')
  await t.throwsAsync(dataplane.apply(program), { code: 'DATAPLANE_APPLY_FAILED' })
  t.is(await setting(lab), '0')
  t.false((await run(lab, 'ipset', ['list', '-name'])).split('\n').includes(routeLocalnetMarker.name))
})

/** What a script prints in a process to which /proc/sys is read-only, as in most containers. */
async function withoutSysctls(lab: Lab, script: string): Promise<Record<string, unknown>> {
  const module = (name: string) => JSON.stringify(import.meta.resolve(name))
  const text = `
    import iptables from ${module('../index.ts')}
    import { frontend, internal, route, table, web } from ${module('@portolan/conformance/example-tables')}
    import { fullDifference } from ${module('@portolan/core')}
    const routes = [route('shop/web:http', web, [frontend('NodePort', undefined, 30080, internal)])]
    const wanted = table(routes, { nodePortAddresses: ['127.0.0.1', '172.20.0.2'] })
    const notices = []
    const dataplane = iptables.create({
      masqueradeBit: 14,
      networkNamespace: ${JSON.stringify(lab.node.networkNamespace)},
      settings: { variant: 'nft' },
      onNotice: (notice) => notices.push(notice),
    })
    const bring = async (some) => dataplane.apply(dataplane.reconcile(await dataplane.observe('IPv4'), some))
    ${script}
    await dataplane.stop()
  `
  const readOnly = 'mount --bind /proc/sys /proc/sys && mount -o remount,bind,ro /proc/sys && exec "$@"'
  const node = [process.execPath, '--input-type=module', '-e', text]
  const args = ['--mount', 'sh', '-c', readOnly, 'sh', ...node]
  return JSON.parse(await new SystemCommand(undefined).run('unshare', args)) as Record<string, unknown>
}

test('where /proc/sys is read-only all else is in force, the operator is told the fix, and nothing is tried again', async (t) => {
  await using lab = await createLab({ pods: 1 })
  const { notices, again } = await withoutSysctls(
    lab,
    `await bring(wanted)
    const toldFirst = [...notices]
    const again = await bring(wanted)
    console.log(JSON.stringify({ notices: toldFirst, again }))`,
  )
  t.regex((notices as string[]).join(), /127\.0\.0\.1.*Set it to 1 on the node/)
  t.like(again, { operations: 0 })
  t.regex(await run(lab, 'iptables-nft-save', ['-t', 'nat']), /--dport 30080 .*shop\/web:http/)
  await run(lab, 'sysctl', ['-w', 'net.ipv4.conf.all.route_localnet=1'])
  await open(lab).cleanup()
  t.is(await setting(lab), '1')
})

test('where /proc/sys is read-only a change that adds loopback is applied, and told', async (t) => {
  await using lab = await createLab({ pods: 1 })
  const { notices } = await withoutSysctls(
    lab,
    `const before = table([])
    await bring(before)
    notices.splice(0)
    await dataplane.apply(dataplane.compile(fullDifference(before, wanted)))
    console.log(JSON.stringify({ notices }))`,
  )
  t.regex((notices as string[]).join(), /Set it to 1 on the node/)
  t.regex(await run(lab, 'iptables-nft-save', ['-t', 'nat']), /--dport 30080 .*shop\/web:http/)
})
