import { connect } from 'node:net'
import type { Complete, EchoReply, HeldAnswer, HoldRequest } from './host-calls.ts'
import { readReply } from './probe.ts'

/** A TCP connection that stays open and can be asked who is at its other end. */
export interface HeldConnection extends EchoReply {
  ask(timeoutMs: number): Promise<HeldAnswer>
  close(): Promise<void>
}

/** @throws when no connection comes about within the time */
export async function hold({ to, from, timeoutMs }: Complete<HoldRequest>): Promise<HeldConnection> {
  const socket = connect({
    host: to.address,
    port: to.port,
    noDelay: true,
    ...(from === undefined ? {} : { localAddress: from.address, localPort: from.port ?? 0 }),
  })
  let broken: string | undefined
  let waiting: ((answer: HeldAnswer) => void) | undefined
  const answer = (given: HeldAnswer) => {
    waiting?.(given)
    waiting = undefined
  }
  const end = (reason: string) => {
    broken ??= reason
    answer({ alive: false, reason: broken })
  }
  socket.on('data', (data) => answer({ alive: true, ...readReply(data.toString()) }))
  socket.on('error', (error) => end(error.message))
  socket.on('end', () => end('closed by the server'))

  const hear = (ms: number): Promise<HeldAnswer> => {
    if (broken !== undefined) return Promise.resolve({ alive: false, reason: broken })
    return new Promise((resolve) => {
      const timer = setTimeout(() => answer({ alive: false, reason: `no answer in ${ms} ms` }), ms)
      waiting = (given) => {
        clearTimeout(timer)
        resolve(given)
      }
    })
  }
  const first = await hear(timeoutMs)
  if (!first.alive) {
    socket.destroy()
    throw new Error(`no connection to ${to.address} port ${to.port} to hold: ${first.reason}`)
  }
  const { host, address, port, seen } = first
  return {
    host,
    address,
    port,
    seen,
    ask(ms) {
      const answered = hear(ms)
      if (broken === undefined) socket.write('?\n')
      return answered
    },
    async close() {
      socket.resetAndDestroy()
    },
  }
}
