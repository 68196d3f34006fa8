import type { RequestOptions } from 'node:https'
import { type Clock, systemClock } from '../../../time/clock.ts'
import { type ClientIdentity, CredentialReadError, type TlsIdentity } from './credentials.ts'
import type { KubeconfigContext, PluginUser } from './kubeconfig-file.ts'

/**
 * Asks exec plugins, OIDC and cloud providers who we are, through client-node's KubeConfig. It caches what they say
 * until that expires; a new reader has nothing cached.
 *
 * client-node costs 85 MiB of memory and 0.3 s, so it is imported here only, and this file when a kubeconfig's user
 * has `exec` or `auth-provider`.
 */
export async function pluginUserReader(
  server: KubeconfigContext['server'],
  user: PluginUser,
  clock: Clock = systemClock,
): Promise<() => Promise<ClientIdentity>> {
  const { KubeConfig } = await import('@kubernetes/client-node')
  const config = new KubeConfig()
  const name = 'current'
  // The library refuses plain http unless TLS need not be verified. Nothing of this cluster leaves the library.
  const cluster = {
    server: server.href,
    ...(server.protocol === 'http:' ? { 'insecure-skip-tls-verify': true } : {}),
  }
  // Only what it has to do: it would open the files of all other users too, and judge the server as it likes.
  config.loadFromString(
    JSON.stringify({
      'current-context': name,
      contexts: [{ name, context: { cluster: name, user: name } }],
      clusters: [{ name, cluster }],
      users: [{ name, user: user.fields }],
    }),
  )
  const who = `the plugin of user ${JSON.stringify(user.name)}`
  const ask = async (): Promise<ClientIdentity> => {
    const options: RequestOptions = {}
    try {
      await config.applyToHTTPSOptions(options)
    } catch (error) {
      throw new CredentialReadError(`${who} ${failureOf(error)}`)
    }
    return identityOf(options)
  }
  /** The library can't end a plugin that hangs: no other is started beside it. */
  let asking: Promise<ClientIdentity> | undefined
  return () => {
    asking ??= ask().finally(() => {
      asking = undefined
    })
    return inTime(asking, clock, `${who} has not answered for ${deadline / 1000} s`)
  }
}

/** Milliseconds until a plugin counts as hanging: some ask a person, or a server far away. */
const deadline = 60_000

function inTime<Result>(answer: Promise<Result>, clock: Clock, otherwise: string): Promise<Result> {
  return new Promise((resolve, reject) => {
    const cancel = clock.after(deadline, () => reject(new CredentialReadError(otherwise)))
    answer.then(resolve, reject).finally(cancel)
  })
}

function failureOf(error: unknown): string {
  // An error of parsing quotes what the plugin printed, which may be a token; so it is not the cause either.
  if (error instanceof SyntaxError || error instanceof TypeError)
    return 'gave no credentials that can be understood: want an ExecCredential as JSON'
  const [line = ''] = (error instanceof Error ? error.message : String(error)).trim().split('\n')
  return `failed: ${line.slice(0, 200)}`
}

function identityOf({ cert, key, pfx, passphrase, headers, auth }: RequestOptions): ClientIdentity {
  const tls: TlsIdentity = {
    ...(cert === undefined ? {} : { cert }),
    ...(key === undefined ? {} : { key }),
    ...(pfx === undefined ? {} : { pfx }),
    ...(passphrase === undefined ? {} : { passphrase }),
  }
  const lowered: Record<string, string> = {}
  for (const [name, value] of Object.entries(headers ?? {})) {
    if (typeof value === 'string') lowered[name.toLowerCase()] = value
  }
  if (typeof auth === 'string') lowered.authorization ??= `Basic ${Buffer.from(auth).toString('base64')}`
  return { tls, headers: lowered }
}
