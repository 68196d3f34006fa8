import { type IptablesVariant, iptablesVariants } from '@portolan/native/netfilter'

/** What `--dataplane-option` may say. */
export interface Settings {
  /** Absent: found out at start. */
  readonly variant?: IptablesVariant
  readonly comments: boolean
}

/** @throws RangeError naming the option and what it may be */
export function parseSettings(given: Readonly<Record<string, string>>): Settings {
  const known = ['variant', 'comments']
  const unknown = Object.keys(given).find((name) => !known.includes(name))
  if (unknown !== undefined) throw new RangeError(`option ${unknown}: there are ${known.join(' and ')}`)
  const variant = iptablesVariants.find((one) => one === given.variant)
  if (given.variant !== undefined && variant === undefined) {
    throw new RangeError(`variant ${JSON.stringify(given.variant)}: there are "legacy" and "nft"`)
  }
  const { comments = 'yes' } = given
  if (comments !== 'yes' && comments !== 'no') {
    throw new RangeError(`comments ${JSON.stringify(comments)}: there are "yes" and "no"`)
  }
  return { comments: comments === 'yes', ...(variant === undefined ? {} : { variant }) }
}
