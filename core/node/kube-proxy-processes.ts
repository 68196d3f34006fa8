import { readdir, readFile, readlink } from 'node:fs/promises'

/**
 * Numbers of the kube-proxy processes of this network namespace, as far as they can be seen: a container sees those of
 * the node with `hostPID` alone.
 */
export async function kubeProxyProcesses(): Promise<readonly number[]> {
  const home = await readlink('/proc/self/ns/net').catch(() => undefined)
  const found: number[] = []
  for (const entry of await readdir('/proc').catch(() => [])) {
    if (!/^\d+$/.test(entry)) continue
    // Any of them may just have ended.
    const name = await readFile(`/proc/${entry}/comm`, 'utf8').catch(() => '')
    if (name !== 'kube-proxy\n') continue
    const namespace = await readlink(`/proc/${entry}/ns/net`).catch(() => undefined)
    if (namespace !== undefined && namespace === home) found.push(Number(entry))
  }
  return found
}
