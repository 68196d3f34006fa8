import { dirname, resolve } from 'node:path'
import {
  isMapping,
  KubeconfigEntry,
  kubeconfigProblem,
  type Mapping,
  type PemSource,
} from './kubeconfig-entry.ts'

/** What a kubeconfig's current context names, checked. All paths are absolute. */
export interface KubeconfigContext {
  readonly server: URL
  readonly cluster: KubeconfigCluster
  readonly user: KubeconfigUser
}

export interface KubeconfigCluster {
  readonly authority?: PemSource | undefined
  readonly skipTlsVerify?: boolean
  readonly tlsServerName?: string | undefined
  readonly disableCompression?: boolean
}

/** `static`: all is said in the kubeconfig and its files. `plugin`: a program or an identity provider is asked. */
export type KubeconfigUser = StaticUser | PluginUser

export interface StaticUser {
  readonly kind: 'static'
  readonly token?: string | undefined
  /** Goes before `token`. */
  readonly tokenFile?: string | undefined
  readonly certificate?: { readonly chain: PemSource; readonly key: PemSource } | undefined
  readonly basic?: { readonly username: string; readonly password: string } | undefined
  /** Whom to act as; the user itself must be allowed to. */
  readonly impersonate?: string | undefined
}

export interface PluginUser {
  readonly kind: 'plugin'
  readonly name: string
  /** As written but for its paths. */
  readonly fields: Mapping
}

/**
 * Reads the text of the kubeconfig at `path`: the fields of the v1 Config that a client needs, named and meant as in
 * kubectl. Opens no other file. Throws {@link CredentialConfigError} for what no retry can fix.
 */
export async function parseKubeconfig(path: string, text: string): Promise<KubeconfigContext> {
  const config = await parseYaml(path, text)
  const context = config['current-context']
  if (typeof context !== 'string' || context === '') {
    throw kubeconfigProblem(path, 'has no current-context: set it with kubectl config use-context')
  }
  const chosen = find(config, 'context', context)
  const named = `context ${JSON.stringify(context)}`
  if (chosen === undefined) {
    throw kubeconfigProblem(path, `has current-${named}, which is not among its contexts`)
  }
  const kubeconfig = { path, folder: dirname(resolve(path)) }
  const clusterFields = find(config, 'cluster', chosen.cluster)
  if (clusterFields === undefined) {
    throw kubeconfigProblem(path, `has a ${named} whose cluster is not among its clusters`)
  }
  const cluster = new KubeconfigEntry(kubeconfig, `cluster ${JSON.stringify(chosen.cluster)}`, clusterFields)
  const name = chosen.user ?? ''
  const userFields = name === '' ? {} : find(config, 'user', name)
  if (userFields === undefined) {
    throw kubeconfigProblem(path, `has a ${named} whose user ${JSON.stringify(name)} is not among its users`)
  }
  const user = new KubeconfigEntry(kubeconfig, `user ${JSON.stringify(name)}`, userFields)
  return { server: serverOf(path, cluster), cluster: clusterOf(cluster), user: userOf(user, String(name)) }
}

async function parseYaml(path: string, text: string): Promise<Mapping> {
  // Some 13 MiB and 20 ms, which a pod with a service account does without.
  const { parseDocument } = await import('yaml')
  const document = parseDocument(text, { stringKeys: true })
  const [error] = document.errors
  if (error !== undefined) {
    // Not the library's message: it quotes the text around the place, which may be a token.
    const at = error.linePos?.[0]
    const place = at === undefined ? '' : ` at line ${at.line}, column ${at.col}`
    throw kubeconfigProblem(path, `is no kubeconfig: no YAML${place} (${error.code})`)
  }
  const config = plainObject(path, () => document.toJS())
  if (!isMapping(config))
    throw kubeconfigProblem(path, 'is no kubeconfig: want a mapping with clusters and users')
  return config
}

/** Aliases are counted by the library, so that a few lines can't grow into gigabytes. */
function plainObject(path: string, make: () => unknown): unknown {
  try {
    return make()
  } catch {
    throw kubeconfigProblem(path, 'is no kubeconfig: it has YAML aliases that lead nowhere or to too much')
  }
}

/** The first of that name in `contexts`, `clusters` or `users`; without content it is empty. */
function find(config: Mapping, kind: 'context' | 'cluster' | 'user', name: unknown): Mapping | undefined {
  const list = config[`${kind}s`]
  const found: unknown = Array.isArray(list)
    ? list.find((one: unknown) => isMapping(one) && one.name === name)
    : undefined
  if (!isMapping(found)) return undefined
  const content = found[kind]
  return isMapping(content) ? content : {}
}

function serverOf(path: string, cluster: KubeconfigEntry): URL {
  const proxy = cluster.text('proxy-url')
  if (proxy !== undefined) {
    throw kubeconfigProblem(
      path,
      `has proxy-url ${JSON.stringify(withoutPassword(proxy))}, which is not supported: a service proxy must reach the API server directly`,
    )
  }
  const text = cluster.text('server') ?? ''
  const server = URL.canParse(text) ? new URL(text) : undefined
  if (server?.protocol !== 'https:' && server?.protocol !== 'http:') {
    throw kubeconfigProblem(
      path,
      `has server ${JSON.stringify(withoutPassword(text))}: want a URL such as https://10.0.0.1:6443`,
    )
  }
  return server
}

function withoutPassword(url: string): string {
  return url.replace(/^([^/]*:\/\/)?[^/]*@/, '$1')
}

function clusterOf(cluster: KubeconfigEntry): KubeconfigCluster {
  return {
    authority: cluster.certificates('certificate-authority'),
    skipTlsVerify: cluster.flag('insecure-skip-tls-verify'),
    tlsServerName: cluster.text('tls-server-name'),
    disableCompression: cluster.flag('disable-compression'),
  }
}

/** Of impersonation a name is all we send: without the groups that were asked for, we would act as another. */
const unsupported = ['as-uid', 'as-groups', 'as-user-extra']

function userOf(user: KubeconfigEntry, name: string): KubeconfigUser {
  const refused = unsupported.find((field) => user.has(field))
  if (refused !== undefined) {
    throw user.problem(`${refused}, which is not supported: give the rights to a user that needs none of it`)
  }
  if (user.has('exec') || user.has('auth-provider')) return pluginUser(user, name)
  const token = user.text('token')
  if (token !== undefined && !/^[\x21-\x7e]+$/.test(token)) {
    throw user.problem('token that no HTTP header can carry: want it in one line, without spaces')
  }
  const username = user.text('username')
  return {
    kind: 'static',
    token,
    tokenFile: user.path('tokenFile'),
    certificate: certificateOf(user),
    basic: username === undefined ? undefined : { username, password: user.text('password') ?? '' },
    impersonate: user.text('as'),
  }
}

function certificateOf(user: KubeconfigEntry): StaticUser['certificate'] {
  const chain = user.certificates('client-certificate')
  const key = user.privateKey('client-key')
  if (chain === undefined && key === undefined) return undefined
  if (chain === undefined) throw user.problem('client-key but no client-certificate: add its certificate')
  if (key === undefined) throw user.problem('client-certificate but no client-key: add its private key')
  return { chain, key }
}

function pluginUser(user: KubeconfigEntry, name: string): PluginUser {
  const paths = ['client-certificate', 'client-key']
    .map((field) => [field, user.path(field)] as const)
    .filter(([, path]) => path !== undefined)
  return { kind: 'plugin', name, fields: { ...user.fields, ...Object.fromEntries(paths) } }
}
