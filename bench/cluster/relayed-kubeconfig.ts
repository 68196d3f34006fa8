import { kubeconfigText } from '@portolan/api-server'
import type { Credentials } from '@portolan/core/source'

/** A kubeconfig for the same server and user, by a port of loopback that leads there. */
export function relayedKubeconfig({ server, tls, headers }: Credentials, port: number): string {
  const url = new URL(server)
  url.hostname = '127.0.0.1'
  url.port = String(port)
  const token = /^Bearer (.+)$/.exec(headers.authorization ?? '')?.[1]
  const { ca, cert, key, rejectUnauthorized, servername } = tls
  return kubeconfigText(
    {
      url: url.href,
      ca: ca === undefined ? undefined : String(ca),
      ...(server.protocol === 'https:' ? { tlsServerName: servername ?? server.hostname } : {}),
      isInsecure: rejectUnauthorized === false,
    },
    {
      ...(token === undefined ? {} : { token }),
      ...(cert === undefined || key === undefined
        ? {}
        : { certificate: { cert: String(cert), key: String(key) } }),
    },
  )
}
