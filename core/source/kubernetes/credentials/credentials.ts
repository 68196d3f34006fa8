import { createHash } from 'node:crypto'
import type { ConnectionOptions as TlsOptions } from 'node:tls'
import { CodedError } from '../../../error/coded-error.ts'

/** The parts of Node's TLS options that identify server and client. PEM text or PFX bytes. */
export type TlsIdentity = Pick<
  TlsOptions,
  'ca' | 'cert' | 'key' | 'pfx' | 'passphrase' | 'servername' | 'rejectUnauthorized'
>

/** How to reach the API server and who we are there, at one moment. */
export interface Credentials {
  /** `https://10.0.0.1:6443`, maybe with a path. */
  readonly server: URL
  readonly tls: TlsIdentity
  /** `authorization`, where there is a token or a password. */
  readonly headers: Readonly<Record<string, string>>
  /** Whether no answer is to come in gzip, whoever asks for it. */
  readonly disableCompression?: boolean
}

/** The part of the credentials that says who we are; the rest says who the server is. */
export type ClientIdentity = Pick<Credentials, 'tls' | 'headers'>

/** Where credentials come from. They may change at any time: tokens and certificates are rotated. */
export interface CredentialSource {
  /** For the log. */
  readonly description: string
  /**
   * The credentials of this moment. `refused`: the server answered 401 to the last ones, so nothing cached may be
   * given again. Throws {@link CredentialReadError} when a file or an exec plugin fails; that is retried.
   */
  read(why: 'routine' | 'refused'): Promise<Credentials>
}

/** Codes of {@link CredentialConfigError}: when it happens, and the fix. */
export const credentialConfigErrorCodes = {
  CREDENTIAL_CONFIG: {
    when: 'the kubeconfig or the service account cannot work, however often it is read',
    fix: 'correct the file or entry that the message names',
  },
} as const

/** A configuration that no retry can fix. */
export class CredentialConfigError extends CodedError<keyof typeof credentialConfigErrorCodes> {
  constructor(message: string, options?: ErrorOptions) {
    super('CREDENTIAL_CONFIG', message, credentialConfigErrorCodes.CREDENTIAL_CONFIG.fix, options)
  }
}

/** Codes of {@link CredentialReadError}: when it happens, and the fix. */
export const credentialReadErrorCodes = {
  CREDENTIAL_READ: {
    when: 'a token, a certificate or an exec plugin gives no usable credentials now',
    fix: 'check the file or plugin that the message names; it is read again at the next attempt',
  },
} as const

/** A file or a plugin that gives no usable credentials now, and may the next time. */
export class CredentialReadError extends CodedError<keyof typeof credentialReadErrorCodes> {
  constructor(message: string, options?: ErrorOptions) {
    super('CREDENTIAL_READ', message, undefined, options)
  }
}

/** Equal for equal credentials; safe to compare and keep, unlike the secrets themselves. */
export function fingerprint({ server, tls, headers, disableCompression = false }: Credentials): string {
  const hash = createHash('sha256')
  for (const part of [tls.ca, tls.cert, tls.key, tls.pfx, tls.passphrase, tls.servername]) {
    hash.update(`${typeof part}:`)
    if (typeof part === 'string' || Buffer.isBuffer(part)) hash.update(part)
    else if (part !== undefined) hash.update(JSON.stringify(part))
  }
  hash.update(JSON.stringify([server.href, tls.rejectUnauthorized, headers, disableCompression]))
  return hash.digest('base64')
}
