import type { ApiServerProcess } from '../cluster/api-server.ts'

/**
 * CPU milliseconds that the API server takes for something. What the looks themselves cost it is known from two in a row,
 * and left out: kube-apiserver's own metrics are a megabyte of text. `undefined` where the server doesn't tell.
 */
export async function cpuOf(
  server: ApiServerProcess,
  something: () => Promise<void>,
): Promise<number | undefined> {
  const { cpuMs: first } = await server.call('cost')
  const { cpuMs: second } = await server.call('cost')
  await something()
  const { cpuMs: last } = await server.call('cost')
  if (first === undefined || second === undefined || last === undefined) return undefined
  return Math.max(0, last - second - (second - first))
}
