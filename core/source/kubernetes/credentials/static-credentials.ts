import { readFile } from 'node:fs/promises'
import { type ClientIdentity, CredentialReadError, type TlsIdentity } from './credentials.ts'
import type { PemSource } from './kubeconfig-entry.ts'
import type { KubeconfigCluster, StaticUser } from './kubeconfig-file.ts'
import { certificateFlaw, isKeyOf, privateKeyFlaw } from './pem.ts'

/**
 * How the server proves itself. Files are read at every call, because they are replaced when certificates are
 * rotated. Throws {@link CredentialReadError} for a file that can't be used now.
 */
export async function readServerTrust(cluster: KubeconfigCluster): Promise<TlsIdentity> {
  const { authority, skipTlsVerify, tlsServerName } = cluster
  return {
    ...(authority === undefined ? {} : { ca: await readPem(authority, certificateFlaw) }),
    ...(skipTlsVerify ? { rejectUnauthorized: false } : {}),
    ...(tlsServerName === undefined ? {} : { servername: tlsServerName }),
  }
}

/** Who we are, by what the kubeconfig and its files say; read at every call, and throwing, like the above. */
export async function readStaticUser(user: StaticUser): Promise<ClientIdentity> {
  const [token, tls] = await Promise.all([readToken(user), readKeyPair(user)])
  const authorization = token === undefined ? basicAuthorization(user) : `Bearer ${token}`
  return {
    tls,
    headers: {
      ...(authorization === undefined ? {} : { authorization }),
      ...(user.impersonate === undefined ? {} : { 'impersonate-user': user.impersonate }),
    },
  }
}

function basicAuthorization({ basic }: StaticUser): string | undefined {
  if (basic === undefined) return undefined
  return `Basic ${Buffer.from(`${basic.username}:${basic.password}`).toString('base64')}`
}

async function readToken({ token, tokenFile }: StaticUser): Promise<string | undefined> {
  if (tokenFile === undefined) return token
  const text = (await readText('tokenFile', tokenFile)).trim()
  // What is written before the kubelet has finished, or a path that leads to another file.
  if (text === '') throw new CredentialReadError(`tokenFile ${tokenFile} is empty: want a bearer token`)
  if (!/^[\x21-\x7e]+$/.test(text)) {
    throw new CredentialReadError(`tokenFile ${tokenFile} holds no bearer token: want one word in ASCII`)
  }
  return text
}

async function readKeyPair({ certificate }: StaticUser): Promise<TlsIdentity> {
  if (certificate === undefined) return {}
  const [cert, key] = await Promise.all([
    readPem(certificate.chain, certificateFlaw),
    readPem(certificate.key, privateKeyFlaw),
  ])
  // Also between the two writes of a rotation: then the next read finds a pair.
  if (!isKeyOf(cert, key)) {
    throw new CredentialReadError(
      `${placeOf(certificate.chain)} was not issued for the key in ${placeOf(certificate.key)}: want a pair`,
    )
  }
  return { cert, key }
}

async function readPem(source: PemSource, flawOf: (pem: string) => string | undefined): Promise<string> {
  if ('pem' in source) return source.pem
  const pem = await readText(source.field, source.path)
  const flaw = flawOf(pem)
  if (flaw !== undefined) throw new CredentialReadError(`${placeOf(source)} ${flaw}: write it again`)
  return pem
}

function placeOf(source: PemSource): string {
  return 'pem' in source ? source.field : `${source.field} ${source.path}`
}

async function readText(field: string, path: string): Promise<string> {
  try {
    return await readFile(path, 'utf8')
  } catch (cause) {
    const reason = cause instanceof Error && 'code' in cause ? String(cause.code) : String(cause)
    throw new CredentialReadError(
      `${field} ${path} cannot be read (${reason}): mount it, or correct its path`,
      { cause },
    )
  }
}
