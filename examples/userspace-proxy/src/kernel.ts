import { once } from 'node:events'
import { extname } from 'node:path'
import { Worker } from 'node:worker_threads'
import { ApplyError, type Kernel } from '@portolan/core'
import { SystemCommand } from '@portolan/native/system-command'
import type { Contents, Program } from './program.ts'
import type { Reply, Request } from './proxy-thread.ts'

/** All our routes lead to this device: a bridge without ports, which swallows what is sent to it. */
export const device = 'portolan-proxy'

/** Absent: the thread has not begun, or has broken down, and begins anew when it is asked. */
type Handle = { thread?: Worker }

/** Routes make ClusterIPs local and swallow the rest of their ranges; a thread listens, which ends with this process. */
export function proxyKernel(
  networkNamespace: string | undefined,
  onThreadLost: () => void,
): Kernel<Program, Contents, Handle> {
  const command = new SystemCommand(networkNamespace)
  const file = new URL(`./proxy-thread${extname(import.meta.url)}`, import.meta.url)

  /** Calls of a family never overlap, so the next message is the answer. @throws what has ended the thread */
  async function ask(handle: Handle, request: Request): Promise<Reply> {
    handle.thread ??= new Worker(file, { workerData: { networkNamespace }, execArgv: [] }).on('error', () => {
      delete handle.thread
      onThreadLost()
    })
    handle.thread.postMessage(request)
    const [reply] = await once(handle.thread, 'message')
    return reply
  }

  async function routes(): Promise<Map<string, string>> {
    const ip = async (...args: string[]) => JSON.parse(await command.run('ip', ['-json', ...args]))
    const links: { ifname: string; flags: string[] }[] = await ip('link', 'show')
    const link = links.find(({ ifname }) => ifname === device)
    if (link === undefined) return new Map()
    const args = ['-4', 'route', 'show', 'table', 'all', 'dev', device]
    const listed: { type?: string; dst: string }[] = await ip(...args)
    const names = listed.map(({ type, dst }) => (type === 'local' ? `local ${dst}` : `swallow ${dst}`))
    const isUp = link.flags.includes('UP')
    return new Map(['device', ...(isUp ? ['device up'] : []), ...names].map((name) => [name, '']))
  }

  const remains = async () => ((await routes()).has('device') ? [`the device ${device} and its routes`] : [])

  return {
    async probe() {
      const failure = await command.run('ip', ['-json', 'link', 'show']).catch(String)
      const problem = { what: failure, fix: 'install the package iproute2, and run as root' }
      const usable = failure.startsWith('[')
      return { usable, problems: usable ? [] : [problem], facts: {} }
    },

    open: async () => ({}),
    remains,
    close: async ({ thread }) => void (await thread?.removeAllListeners().terminate()),

    async observe({ handle }) {
      const { contents } = await ask(handle, { removed: [], set: new Map(), looks: true })
      return new Map([...(await routes()), ...[...contents].filter(([name]) => !isRoute(name))])
    },

    /** Routes first: nothing can listen where none leads, and where one has gone packets are swallowed. */
    async apply({ removed, set }, { handle }) {
      const lines = [
        ...[...set.keys()].filter(isRoute).map((name) => routeCommand('append', name)),
        ...removed.filter(isRoute).map((name) => routeCommand('del', name)),
      ].join('\n')
      try {
        if (lines !== '') await command.run('ip', ['-batch', '-'], `${lines}\n`)
        const { blocked } = await ask(handle, { removed, set })
        return { bytes: lines.length, degraded: blocked }
      } catch (cause) {
        throw new ApplyError(cause instanceof Error ? cause.message : String(cause), { cause })
      }
    },

    async cleanup() {
      const removed = await remains()
      if (removed.length > 0) await command.run('ip', ['link', 'del', device])
      return { removed }
    },
  }
}

function isRoute(name: string): boolean {
  return /^(device|local|swallow)\b/.test(name)
}

function routeCommand(verb: 'append' | 'del', name: string): string {
  const [kind, what] = name.split(' ')
  if (kind === 'local') return `route ${verb} local ${what} dev ${device} table local`
  if (kind === 'swallow') return `route ${verb} ${what} dev ${device}`
  return what === 'up' ? `link set ${device} arp off up` : `link add ${device} type bridge`
}
