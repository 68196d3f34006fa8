import { readFile } from 'node:fs/promises'
import type { RequestOptions } from 'node:https'
import { dirname, resolve } from 'node:path'
import type { KubeConfig } from '@kubernetes/client-node'
import {
  CredentialConfigError,
  type CredentialSource,
  type Credentials,
  type TlsIdentity,
} from './credentials.ts'

/**
 * A kubeconfig's current context, with all that client-node's KubeConfig understands: client certificates, tokens,
 * token files, exec plugins, OIDC, basic authentication. The file is read again when its content changes, and when the
 * server refuses what it gave.
 *
 * client-node costs 131 MB of memory and half a second, so it is imported here only, when a kubeconfig is used.
 * Throws {@link CredentialConfigError} for a file that is missing, broken or points nowhere.
 */
export async function kubeconfigCredentials(path: string): Promise<CredentialSource> {
  const { KubeConfig } = await import('@kubernetes/client-node')
  const load = (text: string): Loaded => {
    const config = new KubeConfig()
    try {
      config.loadFromString(text)
    } catch (error) {
      throw problem(path, `is no kubeconfig: ${error instanceof Error ? error.message : error}`, error)
    }
    // Relative paths of certificates and tokens count from the file's folder, as kubectl has it.
    config.makePathsAbsolute(dirname(resolve(path)))
    const server = serverOf(path, config)
    if (server.protocol === 'http:') allowPlainHttp(config)
    return { text, config, server }
  }
  let loaded = load(await readText(path))
  return {
    description: `${loaded.server.origin} (kubeconfig ${path})`,
    async read(why) {
      const text = await readText(path)
      // A fresh KubeConfig holds nothing cached: an exec plugin is run again, a token file read again.
      if (why === 'refused' || text !== loaded.text) loaded = load(text)
      return credentialsOf(loaded)
    },
  }
}

interface Loaded {
  readonly text: string
  readonly config: KubeConfig
  readonly server: URL
}

async function readText(path: string): Promise<string> {
  try {
    return await readFile(path, 'utf8')
  } catch (error) {
    throw problem(path, `cannot be read: ${error instanceof Error ? error.message : error}`, error)
  }
}

function serverOf(path: string, config: KubeConfig): URL {
  const context = config.getCurrentContext()
  if (!context) throw problem(path, 'has no current-context: set it with kubectl config use-context')
  if (config.getContextObject(context) === null) {
    throw problem(path, `has current-context ${JSON.stringify(context)}, which is not among its contexts`)
  }
  const cluster = config.getCurrentCluster()
  if (cluster === null) {
    throw problem(path, `has a context ${JSON.stringify(context)} whose cluster is not among its clusters`)
  }
  if (cluster.proxyUrl) {
    throw problem(
      path,
      `has proxy-url ${JSON.stringify(cluster.proxyUrl)}, which is not supported: a service proxy must reach the API server directly`,
    )
  }
  const server = URL.canParse(cluster.server) ? new URL(cluster.server) : undefined
  if (server?.protocol !== 'https:' && server?.protocol !== 'http:') {
    throw problem(
      path,
      `has server ${JSON.stringify(cluster.server)}: want a URL such as https://10.0.0.1:6443`,
    )
  }
  return server
}

/** client-node wants `insecure-skip-tls-verify` for http, where there is no TLS to skip; kubectl doesn't. */
function allowPlainHttp(config: KubeConfig): void {
  config.clusters = config.clusters.map((cluster) => ({ ...cluster, skipTLSVerify: true }))
}

async function credentialsOf({ config, server }: Loaded): Promise<Credentials> {
  const options: RequestOptions = {}
  await config.applyToHTTPSOptions(options)
  const { ca, cert, key, pfx, passphrase, servername, rejectUnauthorized, auth } = options
  const tls: TlsIdentity = {
    ...(ca === undefined ? {} : { ca }),
    ...(cert === undefined ? {} : { cert }),
    ...(key === undefined ? {} : { key }),
    ...(pfx === undefined ? {} : { pfx }),
    ...(passphrase === undefined ? {} : { passphrase }),
    ...(servername === undefined ? {} : { servername }),
    ...(rejectUnauthorized === undefined ? {} : { rejectUnauthorized }),
  }
  const headers: Record<string, string> = {}
  for (const [name, value] of Object.entries(options.headers ?? {})) {
    if (typeof value === 'string') headers[name.toLowerCase()] = value
  }
  if (typeof auth === 'string') headers.authorization ??= `Basic ${Buffer.from(auth).toString('base64')}`
  return { server, headers, tls }
}

function problem(path: string, what: string, cause?: unknown): CredentialConfigError {
  return new CredentialConfigError(`kubeconfig ${path} ${what}`, { cause })
}
