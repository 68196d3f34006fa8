import type { Credentials } from '@portolan/core/source'

/** A kubeconfig for the same server and user, by a port of loopback that leads there. JSON, which is YAML too. */
export function relayedKubeconfig({ server, tls, headers }: Credentials, port: number): string {
  const base64 = (pem: unknown) => Buffer.from(String(pem)).toString('base64')
  const isSecure = server.protocol === 'https:'
  const url = new URL(server)
  url.hostname = '127.0.0.1'
  url.port = String(port)
  const token = /^Bearer (.+)$/.exec(headers.authorization ?? '')?.[1]
  const name = 'given'
  const config = {
    apiVersion: 'v1',
    kind: 'Config',
    'current-context': name,
    contexts: [{ name, context: { cluster: name, user: name } }],
    clusters: [
      {
        name,
        cluster: {
          server: url.href,
          ...(isSecure ? { 'tls-server-name': tls.servername ?? server.hostname } : {}),
          ...(tls.ca === undefined ? {} : { 'certificate-authority-data': base64(tls.ca) }),
          ...(tls.rejectUnauthorized === false ? { 'insecure-skip-tls-verify': true } : {}),
        },
      },
    ],
    users: [
      {
        name,
        user: {
          ...(token === undefined ? {} : { token }),
          ...(tls.cert === undefined ? {} : { 'client-certificate-data': base64(tls.cert) }),
          ...(tls.key === undefined ? {} : { 'client-key-data': base64(tls.key) }),
        },
      },
    ],
  }
  return `${JSON.stringify(config)}\n`
}
