import { createPrivateKey, X509Certificate } from 'node:crypto'

const certificateBlock = /-----BEGIN CERTIFICATE-----[^-]*-----END CERTIFICATE-----/g

/**
 * What keeps this text from being one or more certificates in PEM, as the end of a sentence; `undefined`: nothing.
 * TLS itself would take a broken authority without a word, and then trust no server.
 */
export function certificateFlaw(pem: string): string | undefined {
  const blocks = pem.match(certificateBlock) ?? []
  if (blocks.length === 0) return 'holds no PEM certificate'
  const broken = blocks.findIndex((block) => !parses(() => new X509Certificate(block)))
  return broken < 0 ? undefined : `holds a broken certificate (number ${broken + 1} of ${blocks.length})`
}

/** The same for a private key, which must not be locked by a passphrase: a kubeconfig has no field for one. */
export function privateKeyFlaw(pem: string): string | undefined {
  return parses(() => createPrivateKey(pem)) ? undefined : 'holds no PEM private key without a passphrase'
}

/** Whether the first of these certificates was issued for this key. Both have no flaw. */
export function isKeyOf(certificates: string, key: string): boolean {
  const [first] = certificates.match(certificateBlock) ?? []
  return first !== undefined && new X509Certificate(first).checkPrivateKey(createPrivateKey(key))
}

/** The library's reasons are OpenSSL's numbers, which help no reader. */
function parses(parse: () => unknown): boolean {
  try {
    parse()
    return true
  } catch {
    return false
  }
}
