import { rename, writeFile } from 'node:fs/promises'
import type { CertifiedKey } from './certificates.ts'

export interface KubeconfigServer {
  readonly url: string
  /** PEM; absent: the system's authorities. */
  readonly ca: string | undefined
  /** The name in its certificate, where it isn't the one in the URL. */
  readonly tlsServerName?: string
  /** Its certificate isn't checked. */
  readonly isInsecure?: boolean
}

export interface KubeconfigUser {
  readonly token?: string
  readonly certificate?: CertifiedKey
}

/** A kubeconfig with one context. JSON, which is YAML too. */
export function kubeconfigText(
  { url, ca, tlsServerName, isInsecure }: KubeconfigServer,
  { token, certificate }: KubeconfigUser,
): string {
  const base64 = (text: string) => Buffer.from(text).toString('base64')
  const name = 'server'
  const config = {
    apiVersion: 'v1',
    kind: 'Config',
    'current-context': name,
    contexts: [{ name, context: { cluster: name, user: name } }],
    clusters: [
      {
        name,
        cluster: {
          server: url,
          ...(tlsServerName === undefined ? {} : { 'tls-server-name': tlsServerName }),
          ...(ca === undefined ? {} : { 'certificate-authority-data': base64(ca) }),
          ...(isInsecure === true ? { 'insecure-skip-tls-verify': true } : {}),
        },
      },
    ],
    users: [
      {
        name,
        user: {
          ...(token === undefined ? {} : { token }),
          ...(certificate === undefined
            ? {}
            : {
                'client-certificate-data': base64(certificate.cert),
                'client-key-data': base64(certificate.key),
              }),
        },
      },
    ],
  }
  return `${JSON.stringify(config, null, 2)}\n`
}

/** Writes it as a file that its owner only can read. */
export async function writeKubeconfigFile(
  path: string,
  server: KubeconfigServer,
  user: KubeconfigUser,
): Promise<void> {
  // In one step: a client that reads it meanwhile sees the old one or the new one.
  await writeFile(`${path}.new`, kubeconfigText(server, user), { mode: 0o600 })
  await rename(`${path}.new`, path)
}
