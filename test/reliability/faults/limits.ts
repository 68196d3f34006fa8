import { spawn } from 'node:child_process'
import { readFileSync } from 'node:fs'
import { setTimeout as sleep } from 'node:timers/promises'
import { bulkNames, bulkObjects, port, steady } from '../cluster-objects.ts'
import { damage } from '../damage.ts'
import { type Extent, type Fault, once } from '../fault.ts'
import { FullConntrack } from '../full-conntrack.ts'
import { LimitedCgroup } from '../limited-cgroup.ts'
import { type Scene, untilRight } from '../scene.ts'

const group = 'limits'
const room = 2 << 20
const probesAtOnce = 100
/** Microseconds of a tenth of a second: 5 % of a CPU. */
const [cpuQuota, cpuPeriod] = [5000, 100_000]

export const limitFaults: readonly Fault[] = [
  {
    name: 'no file descriptor is left',
    group,
    rounds: ({ extent }) => [
      once(
        async ({ proxy, server, changes }) => {
          const { pid } = proxy
          const before = readFileSync(`/proc/${pid}/limits`, 'utf8')
          const [, soft = '1024', hard = '1024'] = /^Max open files +(\d+) +(\d+)/m.exec(before) ?? []
          // Fewer than are open: one that is closed is none to be had.
          await prlimit(pid, `--nofile=3:${hard}`)
          server.answers?.resetConnections()
          await changes.make()
          await sleep(extent === 'long' ? 60_000 : 4_000)
          if (proxy.isRunning) await prlimit(pid, `--nofile=${soft}:${hard}`)
        },
        { mayEnd: true },
      ),
    ],
  },
  {
    name: 'memory of its cgroup is full: the kernel kills it',
    group,
    rounds: () => [
      once(
        async (scene) => {
          const { proxy, server, changes } = scene
          const rss = Number(/^VmRSS:\s+(\d+)/m.exec(readFileSync(`/proc/${proxy.pid}/status`, 'utf8'))?.[1])
          await using cgroup = new LimitedCgroup('memory')
          cgroup.take(proxy.pid)
          cgroup.limit('memory.limit_in_bytes', room)
          await server.apply(bulkNames.flatMap((name, index) => bulkObjects(name, index)))
          await changes.make()
          await Promise.race([proxy.ended, sleep(20_000)])
          if (proxy.isRunning)
            throw new Error(`${rss} kB and 2 MiB more were enough for it: nothing happened`)
        },
        { mayEnd: true, after: removeBulk },
      ),
    ],
  },
  {
    name: 'connection tracking is full',
    group,
    dataplanes: ['nftables', 'iptables', 'ipvs'],
    losesPackets: 'new connections, while it is full',
    rounds: ({ extent }) => [once((scene) => whileTrackingIsFull(scene, { extent, isNeeded: true }))],
  },
  {
    name: 'connection tracking is full, which it does without',
    group,
    dataplanes: ['ebpf'],
    rounds: ({ extent }) => [once((scene) => whileTrackingIsFull(scene, { extent, isNeeded: false }))],
  },
  {
    name: 'a twentieth of a CPU is left to it, and another program damages its rules again and again',
    group,
    losesPackets: 'until it is repaired',
    rounds: ({ extent }) =>
      Array.from({ length: extent === 'long' ? 60 : 8 }, () =>
        once(async (scene) => {
          const { dataplane, lab, proxy, changes } = scene
          await using cgroup = new LimitedCgroup('cpu')
          cgroup.take(proxy.pid)
          cgroup.limit('cpu.cfs_period_us', cpuPeriod)
          cgroup.limit('cpu.cfs_quota_us', cpuQuota)
          const since = performance.now()
          await damage(dataplane, lab, 0)
          await changes.make()
          const { wrong } = await untilRight(scene)
          if (wrong.length > 0) throw new Error(`not right with little CPU:\n${wrong.join('\n')}`)
          return since
        }),
      ),
  },
]

/** @param isNeeded without it nothing is translated, so new connections fail; those that are there go on all the same */
async function whileTrackingIsFull(
  { lab, changes, slowness }: Scene,
  { extent, isNeeded }: { readonly extent: Extent; readonly isNeeded: boolean },
): Promise<void> {
  const [, pod = lab.outside] = lab.pods
  const to = { address: steady.clusterIPs.IPv4, port }
  const held = await pod.holdConnection({ to })
  try {
    await using _ = await FullConntrack.of(lab.node.networkNamespace)
    await changes.make()
    await sleep((extent === 'long' ? 60_000 : 3_000) * slowness)
    const probes = await Promise.all(
      Array.from({ length: probesAtOnce }, () =>
        pod.probe({ protocol: 'TCP', to, timeoutMs: 1000 * slowness }),
      ),
    )
    // A few get the room of flows of UDP that aren't assured, or of what has just ended.
    const isLost = probes.some(({ result }) => result !== 'answered')
    if (isLost !== isNeeded)
      throw new Error(`full, and of new connections ${isLost ? 'some are lost' : 'all are answered'}`)
    const answer = await held.ask()
    if (!answer.alive) throw new Error(`full, and a connection that was there before: ${answer.reason}`)
  } finally {
    await held.close()
  }
}

async function removeBulk({ server }: Scene): Promise<void> {
  for (const name of bulkNames) {
    await server.remove('Service', 'shop', name)
    for (const family of ['ipv4', 'ipv6']) await server.remove('EndpointSlice', 'shop', `${name}-${family}`)
  }
}

async function prlimit(pid: number, limit: string): Promise<void> {
  const child = spawn('prlimit', ['--pid', String(pid), limit], { stdio: 'inherit' })
  const code = await new Promise((resolve) => child.once('exit', resolve))
  if (code !== 0) throw new Error(`prlimit --pid ${pid} ${limit} ended with ${code}`)
}
