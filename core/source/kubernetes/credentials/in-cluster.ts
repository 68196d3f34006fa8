import { join } from 'node:path'
import { CredentialConfigError, type CredentialSource } from './credentials.ts'
import { readServerTrust, readStaticUser } from './static-credentials.ts'

export interface InClusterOptions {
  /** `KUBERNETES_SERVICE_HOST` and `KUBERNETES_SERVICE_PORT` are read from it. */
  readonly environment: Readonly<Record<string, string | undefined>>
  /** Holds `token` and `ca.crt`; the kubelet replaces them when they are rotated. */
  readonly directory?: string
}

const serviceAccountDirectory = '/var/run/secrets/kubernetes.io/serviceaccount'

/**
 * The pod's service account. `KUBERNETES_SERVICE_HOST` is the ClusterIP of the `kubernetes` Service, which needs a
 * service proxy to be reached: so a DaemonSet sets it to an address of the control plane.
 * Throws {@link CredentialConfigError} outside a pod.
 */
export function inClusterCredentials(options: InClusterOptions): CredentialSource {
  const host = options.environment.KUBERNETES_SERVICE_HOST
  const port = options.environment.KUBERNETES_SERVICE_PORT ?? '443'
  if (host === undefined || host === '') {
    throw new CredentialConfigError(
      'KUBERNETES_SERVICE_HOST is not set, so this is no pod: name a kubeconfig file instead',
    )
  }
  const origin = `https://${host.includes(':') ? `[${host}]` : host}:${port}`
  if (!URL.canParse(origin)) {
    throw new CredentialConfigError(
      `KUBERNETES_SERVICE_HOST ${JSON.stringify(host)} and KUBERNETES_SERVICE_PORT ${JSON.stringify(port)} make no address: want a host and a port number`,
    )
  }
  const server = new URL(origin)
  const directory = options.directory ?? serviceAccountDirectory
  const authority = { field: 'certificate authority', path: join(directory, 'ca.crt') }
  const tokenFile = join(directory, 'token')
  return {
    description: `${origin} (service account)`,
    async read() {
      const [tls, user] = await Promise.all([
        readServerTrust({ authority }),
        readStaticUser({ kind: 'static', tokenFile }),
      ])
      return { server, tls, headers: user.headers }
    },
  }
}
