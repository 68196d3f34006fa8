import { spawn } from 'node:child_process'
import { mkdirSync, readFileSync, rmdirSync, writeFileSync } from 'node:fs'
import { setTimeout as sleep } from 'node:timers/promises'
import { bulkNames, bulkObjects } from '../cluster-objects.ts'
import { type Fault, once } from '../fault.ts'
import type { Scene } from '../scene.ts'

const group = 'limits'
const memoryController = '/sys/fs/cgroup/memory'
const room = 2 << 20

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
          const cgroup = `${memoryController}/portolan-reliability-${process.pid}`
          mkdirSync(cgroup)
          const home = /^\d+:memory:(.*)$/m.exec(readFileSync('/proc/self/cgroup', 'utf8'))?.[1] ?? '/'
          const { proxy, server, changes } = scene
          const rss = Number(/^VmRSS:\s+(\d+)/m.exec(readFileSync(`/proc/${proxy.pid}/status`, 'utf8'))?.[1])
          try {
            writeFileSync(`${cgroup}/cgroup.procs`, String(proxy.pid))
            // What it had before is charged to where it was before.
            writeFileSync(`${cgroup}/memory.limit_in_bytes`, String(room))
            await server.apply(bulkNames.flatMap((name, index) => bulkObjects(name, index)))
            await changes.make()
            await Promise.race([proxy.ended, sleep(20_000)])
            if (proxy.isRunning)
              throw new Error(`${rss} kB and 2 MiB more were enough for it: nothing happened`)
          } finally {
            if (proxy.isRunning) writeFileSync(`${memoryController}${home}/cgroup.procs`, String(proxy.pid))
            await emptied(cgroup)
          }
        },
        { mayEnd: true, after: removeBulk },
      ),
    ],
  },
]

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

/** A cgroup goes when the kernel has buried the last process in it. */
async function emptied(cgroup: string): Promise<void> {
  for (let look = 0; ; look++) {
    try {
      rmdirSync(cgroup)
      return
    } catch (error) {
      if (look > 100) throw error
      await sleep(50)
    }
  }
}
