import { readFile } from 'node:fs/promises'
import type { ClientIdentity, CredentialSource } from './credentials.ts'
import { kubeconfigProblem } from './kubeconfig-entry.ts'
import { type KubeconfigContext, parseKubeconfig } from './kubeconfig-file.ts'
import { readServerTrust, readStaticUser } from './static-credentials.ts'

/**
 * A kubeconfig's current context. The file is read again when its content changes, the files that it names whenever
 * credentials are asked for, and plugins again when the server refuses what they gave.
 * Throws {@link CredentialConfigError} for a kubeconfig that is missing, broken or points nowhere.
 */
export async function kubeconfigCredentials(path: string): Promise<CredentialSource> {
  let loaded = await load(path, await readText(path))
  return {
    description: `${loaded.context.server.origin} (kubeconfig ${path})`,
    async read(why) {
      const text = await readText(path)
      if (why === 'refused' || text !== loaded.text) loaded = await load(path, text)
      const { context, readUser } = loaded
      const [trust, user] = await Promise.all([readServerTrust(context.cluster), readUser()])
      const { server, cluster } = context
      const { disableCompression = false } = cluster
      return { server, headers: user.headers, tls: { ...trust, ...user.tls }, disableCompression }
    },
  }
}

interface Loaded {
  readonly text: string
  readonly context: KubeconfigContext
  readonly readUser: () => Promise<ClientIdentity>
}

async function load(path: string, text: string): Promise<Loaded> {
  const context = await parseKubeconfig(path, text)
  return { text, context, readUser: await userReader(context) }
}

async function userReader({ server, user }: KubeconfigContext): Promise<() => Promise<ClientIdentity>> {
  if (user.kind === 'static') return () => readStaticUser(user)
  const { pluginUserReader } = await import('./kubeconfig-library.ts')
  return pluginUserReader(server, user)
}

async function readText(path: string): Promise<string> {
  try {
    return await readFile(path, 'utf8')
  } catch (error) {
    throw kubeconfigProblem(path, `cannot be read: ${error instanceof Error ? error.message : error}`, error)
  }
}
