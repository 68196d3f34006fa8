import { execFile } from 'node:child_process'
import { fileURLToPath } from 'node:url'
import test, { type ExecutionContext } from 'ava'

// The real program as a process that lacks something, in a network namespace of its own. Capabilities are missing in
// core/install/test/node-access.test.ts.

const program = fileURLToPath(new URL('../portolan.js', import.meta.url))
const sample = fileURLToPath(new URL('../../../docs/sample-cluster.yaml', import.meta.url))
const env = { ...process.env, PATH: '/usr/sbin:/usr/bin:/sbin:/bin' }

interface Ended {
  readonly code: unknown
  readonly errors: string
}

/** Runs it to its end, by a command that takes something from it. */
function start(
  t: ExecutionContext,
  taken: readonly [string, ...string[]],
  args: readonly string[],
): Promise<Ended> {
  t.timeout(400_000)
  const portolan = [process.execPath, program, 'run', '--source', `file:${sample}`, '--node', 'node-a']
  return new Promise((resolve) => {
    execFile('unshare', ['--net', ...taken, ...portolan, ...args], { env }, (error, _output, errors) =>
      resolve({ code: error?.code ?? 0, errors }),
    )
  })
}

test.serial('iptables-legacy without a lock that it can take says what to mount', async (t) => {
  const readOnly = 'mount -t tmpfs none /run && mount -o remount,ro /run && exec "$@"'
  const args = ['--dataplane', 'iptables', '--dataplane-option', 'variant=legacy']
  const { code, errors } = await start(t, ['unshare', '--mount', 'sh', '-c', readOnly, 'sh'], args)
  t.is(code, 1)
  t.regex(
    errors,
    /\/run\/xtables\.lock can't be written \(EROFS\).*\n {2}fix: in a Pod, mount the node's.*type: FileOrCreate/,
  )
})
