import { CreateError } from './create-error.ts'

/** What a new dataplane is called, in the places where it has a name. */
export interface DataplaneNames {
  /** In the code, in the kernel and in messages: `acme`. */
  readonly dataplane: string
  /** `portolan-dataplane-acme`, or as it was asked for: `@example/portolan-dataplane-acme`. */
  readonly package: string
  /** Where it comes to lie unless said: the last part of what was asked for. */
  readonly folder: string
}

/** Those that Portolan itself brings: by these names `--dataplane` loads them. */
const taken = ['nftables', 'iptables', 'ipvs', 'ebpf', 'upstream-nftables', 'upstream-iptables']

/** It becomes a part of the names of nftables' objects and of variables, and has to leave room there. */
const longest = 40

/**
 * @param asked a word (`acme`), or a package's name that ends in one (`@example/portolan-dataplane-acme`)
 * @throws CreateError CREATE_NAME_INVALID
 */
export function namesOf(asked: string): DataplaneNames {
  const [, scope = '', prefix = '', word] =
    /^(@[a-z0-9][a-z0-9._-]*\/)?((?:portolan-)?dataplane-)?([a-z][a-z0-9-]*)$/.exec(asked) ?? []
  if (word === undefined || word.endsWith('-') || word.length > longest)
    throw new CreateError(
      'CREATE_NAME_INVALID',
      `'${asked}' can't be a dataplane's name: it has to end in a word of up to ${longest} lower-case letters, digits and hyphens`,
    )
  if (taken.includes(word))
    throw new CreateError('CREATE_NAME_INVALID', `'${word}' is the name of a dataplane that Portolan brings`)
  const isPackage = scope !== '' || prefix !== ''
  return {
    dataplane: word,
    package: isPackage ? asked : `portolan-dataplane-${word}`,
    folder: `${prefix}${word}`,
  }
}

/** The names of the templates' own dataplane, which stand for nothing else in their text. */
const templateNames = /portolan-dataplane-acme|acme|Acme/g

/** A template's text with the new names in place of its own. */
export function renamed(text: string, names: DataplaneNames): string {
  const className = names.dataplane
    .split('-')
    .map((part) => `${part.slice(0, 1).toUpperCase()}${part.slice(1)}`)
    .join('')
  // In one pass: a new name may have an old one in it.
  return text.replaceAll(templateNames, (found) => {
    if (found === 'acme') return names.dataplane
    return found === 'Acme' ? className : names.package
  })
}
