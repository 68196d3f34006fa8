import { execFile, spawn } from 'node:child_process'
import { once } from 'node:events'
import { createInterface } from 'node:readline'
import { fileURLToPath } from 'node:url'
import test, { type ExecutionContext } from 'ava'

// The real program as a process that lacks something, in a network namespace of its own.

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
  t.timeout(120_000)
  const portolan = [process.execPath, program, 'run', '--source', `file:${sample}`, '--node', 'node-a']
  return new Promise((resolve) => {
    execFile('unshare', ['--net', ...taken, ...portolan, ...args], { env }, (error, _output, errors) =>
      resolve({ code: error?.code ?? 0, errors }),
    )
  })
}

const without = (capability: string) =>
  ['setpriv', `--bounding-set=-${capability}`, `--inh-caps=-${capability}`] as const

for (const [dataplane, capability, all] of [
  ['nftables', 'net_admin', 'NET_ADMIN'],
  ['iptables', 'net_raw', 'NET_ADMIN, NET_RAW'],
  ['ipvs', 'net_admin', 'NET_ADMIN, NET_RAW'],
  ['ebpf', 'sys_admin', 'NET_ADMIN, SYS_ADMIN'],
] as const) {
  test.serial(
    `${dataplane} without CAP_${capability.toUpperCase()} says so, with a manifest's line`,
    async (t) => {
      const { code, errors } = await start(t, without(capability), ['--dataplane', dataplane])
      t.is(code, 1)
      t.true(
        errors.includes(
          `portolan: the process has no CAP_${capability.toUpperCase()}\n` +
            `  fix: run as root; in a Pod: securityContext: { capabilities: { add: [${all}] } }, or privileged: true\n`,
        ),
        errors,
      )
      // What else is refused for want of it isn't told.
      t.notRegex(errors, /permitted|may not touch|Can't open socket/)
    },
  )
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

/** As a container is that has no more than it asks for: nothing to write to, and capabilities of the list alone. */
const confined = `
mount -o remount,ro,bind / && mount --bind /proc/sys /proc/sys && mount -o remount,ro,bind /proc/sys || exit
capabilities=$1; shift
exec setpriv --bounding-set="-all,$capabilities" --inh-caps="-all,$capabilities" --no-new-privs "$@"
`

for (const [dataplane, capabilities] of [
  ['nftables', '+net_admin'],
  ['iptables', '+net_admin,+net_raw'],
] as const) {
  test.serial(
    `${dataplane} needs no more than ${capabilities}, and no file system to write to`,
    async (t) => {
      t.timeout(120_000)
      const portolan = [
        program,
        'run',
        '--source',
        `file:${sample}`,
        '--node',
        'node-a',
        '--dataplane',
        dataplane,
      ]
      const command = [
        '--net',
        '--mount',
        'sh',
        '-c',
        confined,
        'sh',
        capabilities,
        process.execPath,
        ...portolan,
      ]
      const child = spawn('unshare', command, { env, stdio: ['ignore', 'pipe', 'inherit'] })
      t.teardown(() => child.kill('SIGKILL'))
      const ended = once(child, 'exit')
      const events: string[] = []
      for await (const line of createInterface(child.stdout)) {
        events.push((JSON.parse(line) as { event: string }).event)
        if (events.at(-1) === 'node-in-sync') child.kill('SIGTERM')
      }
      t.deepEqual(await ended, [0, null])
      t.true(events.includes('node-in-sync') && !events.includes('apply-failed'), events.join(' '))
    },
  )
}
