import { join } from 'node:path'
import { CredentialConfigError } from './credentials.ts'
import { certificateFlaw, privateKeyFlaw } from './pem.ts'

/** PEM text that the kubeconfig holds itself, or a file that may be replaced at any time. */
export type PemSource =
  | { readonly field: string; readonly pem: string }
  | { readonly field: string; readonly path: string }

export type Mapping = Readonly<Record<string, unknown>>

export function isMapping(value: unknown): value is Mapping {
  return typeof value === 'object' && value !== null && !Array.isArray(value)
}

/** No message holds a value that may be a secret: tokens, passwords and keys are named by their fields. */
export function kubeconfigProblem(path: string, what: string, cause?: unknown): CredentialConfigError {
  return new CredentialConfigError(`kubeconfig ${path} ${what}`, { cause })
}

/** The fields of one cluster or user of a kubeconfig. All readers throw {@link CredentialConfigError}. */
export class KubeconfigEntry {
  readonly fields: Mapping
  readonly #kubeconfig: { readonly path: string; readonly folder: string }
  readonly #name: string

  /** `name`: `user "me"`, for messages. `folder`: from which relative paths count. */
  constructor(kubeconfig: { readonly path: string; readonly folder: string }, name: string, fields: Mapping) {
    this.#kubeconfig = kubeconfig
    this.#name = name
    this.fields = fields
  }

  problem(what: string, cause?: unknown): CredentialConfigError {
    return kubeconfigProblem(this.#kubeconfig.path, `has ${this.#name} with ${what}`, cause)
  }

  has(field: string): boolean {
    const value = this.fields[field]
    return value !== undefined && value !== null && value !== ''
  }

  text(field: string): string | undefined {
    if (!this.has(field)) return undefined
    const value = this.fields[field]
    if (typeof value !== 'string') throw this.problem(`${field} that is no text: put it in quotes`)
    return value
  }

  flag(field: string): boolean {
    const value = this.fields[field] ?? false
    if (typeof value !== 'boolean') throw this.problem(`${field} that is neither true nor false`)
    return value
  }

  /** An absolute path; a relative one counts from the kubeconfig's folder, as kubectl has it. */
  path(field: string): string | undefined {
    const path = this.text(field)
    if (path === undefined) return undefined
    return path.startsWith('/') ? path : join(this.#kubeconfig.folder, path)
  }

  certificates(field: string): PemSource | undefined {
    return this.#pem(field, certificateFlaw)
  }

  privateKey(field: string): PemSource | undefined {
    return this.#pem(field, privateKeyFlaw)
  }

  /** `FIELD-data` goes before `FIELD`, a path, as in kubectl. What is in the kubeconfig itself is checked here. */
  #pem(fileField: string, flawOf: (pem: string) => string | undefined): PemSource | undefined {
    const field = `${fileField}-data`
    const data = this.text(field)?.replace(/\s+/g, '')
    if (data === undefined) {
      const path = this.path(fileField)
      return path === undefined ? undefined : { field: fileField, path }
    }
    const fix = 'encode the PEM file with base64 -w0'
    if (!isBase64(data)) throw this.problem(`${field} that is no base64: ${fix}`)
    const pem = Buffer.from(data, 'base64').toString('utf8')
    const flaw = flawOf(pem)
    if (flaw !== undefined) throw this.problem(`${field} that ${flaw}: ${fix}`)
    return { field, pem }
  }
}

function isBase64(text: string): boolean {
  return text.length % 4 === 0 && /^[A-Za-z0-9+/]+={0,2}$/.test(text)
}
