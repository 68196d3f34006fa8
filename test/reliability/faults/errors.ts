import { spawn } from 'node:child_process'
import { setTimeout as sleep } from 'node:timers/promises'
import { type Fault, once, type Round } from '../fault.ts'
import type { DataplaneName, Scene } from '../scene.ts'

const group = 'errors of system calls'

/** Which calls reach the kernel's tables, and what they may answer. */
const errors: readonly (readonly [
  name: string,
  dataplane: DataplaneName,
  calls: string,
  ...errnos: string[],
])[] = [
  ['netlink refuses what is sent', 'nftables', 'sendto', 'ENOBUFS', 'ENOMEM', 'EPERM', 'EINTR'],
  ['netlink loses what it answers', 'nftables', 'recvfrom', 'ENOBUFS', 'ENOMEM'],
  ['bpf() fails', 'ebpf', 'bpf', 'ENOMEM', 'E2BIG', 'EPERM', 'EBUSY'],
  ["iptables' and ipset's netlink fails", 'iptables', 'sendto,sendmsg', 'ENOBUFS', 'ENOMEM', 'EPERM'],
  ['no program can be started', 'iptables', 'execve,clone,clone3,vfork', 'ENOMEM', 'EAGAIN'],
]

/** Of all calls, or of every third, which lets applies and what they read begin and break off in the middle. */
const always = '1+'
const when = [always, '2+3'] as const

/** Until an apply must have failed, on a machine that is busy with other things. */
const patienceMs = 30_000

export const errorFaults: readonly Fault[] = errors.map(([name, dataplane, calls, ...errnos]) => ({
  name: `${name} (${errnos.join(', ')})`,
  group,
  dataplanes: [dataplane],
  rounds: ({ extent }) =>
    (extent === 'short' ? errnos.slice(0, 1) : errnos).flatMap((errno) =>
      when.map((which) => failing(calls, errno, which, extent === 'long' ? 30_000 : 2_000)),
    ),
}))

/** strace answers in the kernel's place, for the process and for what it starts, also in its threads. */
function failing(calls: string, errno: string, which: string, forMs: number): Round {
  return once(async ({ proxy, changes }: Scene) => {
    const injection = `inject=${calls}:error=${errno}:when=${which}`
    const arguments_ = [
      '-f',
      '-o',
      '/dev/null',
      '-e',
      `trace=${calls}`,
      '-e',
      injection,
      '-p',
      `${proxy.pid}`,
    ]
    const strace = spawn('strace', arguments_, { stdio: ['ignore', 'ignore', 'pipe'] })
    const ended = new Promise<void>((resolve, reject) => {
      strace.once('error', reject)
      strace.once('exit', () => resolve())
    })
    const attached = new Promise<void>((resolve, reject) => {
      let said = ''
      strace.stderr.on('data', (chunk) => {
        said += String(chunk)
        if (said.includes(' attached')) resolve()
      })
      ended.then(() => reject(new Error(`strace ended: ${said}`)), reject)
    })
    await attached
    try {
      const after = proxy.lines.length
      const end = performance.now() + forMs
      const hasFailed = () => proxy.lines.slice(after).some(({ event }) => event === 'apply-failed')
      // Where every call fails, so must an apply; else the fault has reached nothing, and the row says nothing.
      while (performance.now() < end || (which === always && !hasFailed())) {
        if (performance.now() > end + patienceMs) throw new Error(`${calls}: ${errno}: no apply has failed`)
        await changes.make()
        await changes.churn(4)
        await sleep(300)
      }
    } finally {
      strace.kill('SIGTERM')
      await ended
    }
  })
}
