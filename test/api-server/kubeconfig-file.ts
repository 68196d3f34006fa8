import { rename, writeFile } from 'node:fs/promises'
import type { CertifiedKey } from './certificates.ts'

export interface KubeconfigUser {
  readonly token?: string
  readonly certificate?: CertifiedKey
}

/** Writes a kubeconfig with one context, readable by its owner only. JSON, which is YAML too. */
export async function writeKubeconfigFile(
  path: string,
  server: { readonly url: string; readonly ca: string | undefined },
  user: KubeconfigUser,
): Promise<void> {
  const base64 = (text: string) => Buffer.from(text).toString('base64')
  const name = 'embedded'
  const config = {
    apiVersion: 'v1',
    kind: 'Config',
    'current-context': name,
    contexts: [{ name, context: { cluster: name, user: name } }],
    clusters: [
      {
        name,
        cluster: {
          server: server.url,
          ...(server.ca === undefined ? {} : { 'certificate-authority-data': base64(server.ca) }),
        },
      },
    ],
    users: [
      {
        name,
        user: {
          ...(user.token === undefined ? {} : { token: user.token }),
          ...(user.certificate === undefined
            ? {}
            : {
                'client-certificate-data': base64(user.certificate.cert),
                'client-key-data': base64(user.certificate.key),
              }),
        },
      },
    ],
  }
  // In one step: a client that reads it meanwhile sees the old one or the new one.
  await writeFile(`${path}.new`, `${JSON.stringify(config, null, 2)}\n`, { mode: 0o600 })
  await rename(`${path}.new`, path)
}
