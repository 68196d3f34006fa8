import { setTimeout as sleep } from 'node:timers/promises'
import type { ApiServerProcess } from '../cluster/api-server.ts'
import { monotonic } from './clock.ts'

/** So long a server is looked at while nothing is asked of it. */
const idleMs = 2000

/**
 * CPU milliseconds that the API server takes for something; may come out below 0 where that is little. Left out is what
 * it takes while nothing is asked of it, in as much time, and what the looks themselves cost it: kube-apiserver's own
 * metrics are a megabyte of text. `undefined` where the server doesn't tell.
 */
export async function cpuOf(
  server: ApiServerProcess,
  something: () => Promise<void>,
): Promise<number | undefined> {
  const looks: number[] = []
  const look = async () => {
    const { cpuMs } = await server.call('cost')
    if (cpuMs !== undefined) looks.push(cpuMs)
  }
  await look()
  await look()
  await sleep(idleMs)
  await look()
  const begun = monotonic()
  await something()
  const took = monotonic() - begun
  await look()
  const [first, second, third, last] = looks
  if (first === undefined || second === undefined || third === undefined || last === undefined)
    return undefined
  const ofLook = second - first
  const idle = Math.max(0, third - second - ofLook) / idleMs
  return last - third - ofLook - idle * took
}
