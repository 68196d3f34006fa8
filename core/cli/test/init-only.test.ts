import { once } from 'node:events'
import { text } from 'node:stream/consumers'
import { fileURLToPath } from 'node:url'
import test, { type ExecutionContext } from 'ava'
import { NodeNamespace } from '../../node/test/node-namespace.ts'

const program = fileURLToPath(new URL('../portolan.js', import.meta.url))

async function initOnly(t: ExecutionContext, node: NodeNamespace, ...flags: readonly string[]) {
  const args = [program, 'run', '--init-only', '--source', 'file:nowhere.yaml', ...flags]
  const child = node.start(t, ['ignore', 'ignore', 'pipe'], process.execPath, ...args)
  const said = child.stderr === null ? '' : text(child.stderr)
  const [code] = (await once(child, 'exit')) as [number]
  return { code, said: await said }
}

test('--init-only sets the sysctls and ends, without a look at the cluster', async (t) => {
  const node = await NodeNamespace.create(t)
  const { code, said } = await initOnly(
    t,
    node,
    '--conntrack-max-per-core',
    '0',
    '--conntrack-udp-timeout',
    '77s',
  )
  t.is(code, 0, said)
  for (const [name, due] of [
    ['tcp_timeout_close_wait', '3600'],
    ['udp_timeout', '77'],
  ] as const)
    t.is((await node.run('sysctl', '-n', `net.netfilter.nf_conntrack_${name}`)).trim(), due)
})

test("--init-only fails where one of them can't be set, and names it", async (t) => {
  const node = await NodeNamespace.create(t)
  // More than any machine has, and no business of a network namespace like this one.
  const { code, said } = await initOnly(t, node, '--conntrack-min', '2000000000')
  t.is(code, 1)
  t.regex(said, /could not set net\.netfilter\.nf_conntrack_max\n {2}fix: give the container/)
})
