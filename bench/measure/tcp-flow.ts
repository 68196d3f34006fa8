import { fileURLToPath } from 'node:url'
import type { Host } from '@portolan/lab'
import type { Destination } from './first-packet.ts'

const sinkProgram = fileURLToPath(new URL('./flow-sink.ts', import.meta.url))
const sourceProgram = fileURLToPath(new URL('./flow-source.ts', import.meta.url))

/** Takes whatever comes at a TCP port of a host, until it is disposed of. */
export function startFlowSink(host: Host, port: number): AsyncDisposable {
  const stop = new AbortController()
  const running = host.exec(process.execPath, [sinkProgram, String(port)], {
    reject: false,
    cancelSignal: stop.signal,
  })
  return {
    async [Symbol.asyncDispose]() {
      stop.abort()
      await running
    },
  }
}

/** Bytes a second of one TCP flow that sends as fast as it can for so long. @throws when the sink can't be reached */
export async function measureFlow(from: Host, to: Destination, milliseconds: number): Promise<number> {
  const args = [sourceProgram, to.address, String(to.port), String(milliseconds)]
  const { stdout } = await from.exec(process.execPath, args)
  return (Number(stdout) * 1000) / milliseconds
}
