import { createHmac } from 'node:crypto'

/** What a name is the name of; one word may be the name of many things, and has another pseudonym as each. */
export type NameKind = 'namespace' | 'service' | 'slice' | 'node' | 'zone' | 'port' | 'cidr'

const prefixes: Readonly<Record<NameKind, string>> = {
  namespace: 'ns',
  service: 'svc',
  slice: 'eps',
  node: 'node',
  zone: 'zone',
  port: 'p',
  cidr: 'cidr',
}

/** Each a letter or digit that may stand in a DNS label; 32 of them, so that one says 5 bits. */
const letters = 'abcdefghijkmnpqrstuvwxyz23456789'

/** 60 bits: among a million names two get the same pseudonym with a probability of 1 in 2 million. */
const pseudonymLength = 12

/** So many pseudonyms are remembered; the others are computed again. */
const rememberedNames = 65_536

/**
 * Pseudonyms of names: the same name always gets the same one, and without the key no reader can tell which name it was, or
 * try names until one fits (HMAC-SHA-256). They are DNS labels, as Kubernetes wants names to be.
 */
export class Pseudonyms {
  readonly #key: Buffer
  readonly #known = new Map<string, string>()

  /** @param key at least 32 random bytes; thrown away with this object, it can't be asked for */
  constructor(key: Buffer) {
    this.#key = key
  }

  /**
   * @param within the namespace, for things that have one: two Services of one name in two namespaces get two pseudonyms
   * @returns the empty string for the empty string, which is no name
   */
  name(kind: NameKind, name: string, within = ''): string {
    if (name === '') return ''
    const what = `${kind}\0${within}\0${name}`
    const known = this.#known.get(what)
    if (known !== undefined) return known
    const digest = createHmac('sha256', this.#key).update(what).digest()
    const text = Array.from(digest.subarray(0, pseudonymLength), (byte) => letters[byte & 31]).join('')
    const pseudonym = `${prefixes[kind]}-${text}`
    if (this.#known.size >= rememberedNames) this.#known.clear()
    this.#known.set(what, pseudonym)
    return pseudonym
  }
}
