import { generate } from 'selfsigned'

/** A certificate with its private key, both as PEM text. */
export interface CertifiedKey {
  readonly cert: string
  readonly key: string
}

const elliptic = { keyType: 'ec', curve: 'P-256', algorithm: 'sha256' } as const

/** A certificate authority of its own for every server. */
export class CertificateAuthority {
  readonly #issuer: CertifiedKey

  private constructor(issuer: CertifiedKey) {
    this.#issuer = issuer
  }

  static async create(): Promise<CertificateAuthority> {
    const made = await generate([{ name: 'commonName', value: 'portolan-embedded-ca' }], {
      ...elliptic,
      extensions: [
        { name: 'basicConstraints', cA: true, critical: true },
        { name: 'keyUsage', keyCertSign: true, cRLSign: true, critical: true },
      ],
    })
    return new CertificateAuthority({ cert: made.cert, key: made.private })
  }

  /** PEM, for clients. */
  get certificate(): string {
    return this.#issuer.cert
  }

  /** For loopback, and other addresses. */
  issueServer(addresses: readonly string[] = []): Promise<CertifiedKey> {
    const loopback = ['127.0.0.1', '::1']
    return this.#issue('portolan-embedded-api-server', [
      { name: 'keyUsage', digitalSignature: true, critical: true },
      { name: 'extKeyUsage', serverAuth: true },
      {
        name: 'subjectAltName',
        altNames: [
          { type: 2, value: 'localhost' },
          ...[...new Set([...loopback, ...addresses])].map((ip) => ({ type: 7 as const, ip })),
        ],
      },
    ])
  }

  issueClient(user: string): Promise<CertifiedKey> {
    return this.#issue(user, [
      { name: 'keyUsage', digitalSignature: true, critical: true },
      { name: 'extKeyUsage', clientAuth: true },
      { name: 'subjectAltName', altNames: [{ type: 2, value: user }] },
    ])
  }

  async #issue(
    commonName: string,
    extensions: NonNullable<Parameters<typeof generate>[1]>['extensions'] & object,
  ): Promise<CertifiedKey> {
    const made = await generate([{ name: 'commonName', value: commonName }], {
      ...elliptic,
      extensions,
      ca: this.#issuer,
    })
    return { cert: made.cert, key: made.private }
  }
}
