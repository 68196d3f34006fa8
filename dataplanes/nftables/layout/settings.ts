const transports = ['netlink', 'nft'] as const

/** What `--dataplane-option` may say. */
export interface Settings {
  /** How elements reach the kernel: as raw netlink, or through the nft program alone. */
  readonly transport: (typeof transports)[number]
}

/** @throws RangeError naming the option and what it may be */
export function parseSettings(given: Readonly<Record<string, string>>): Settings {
  const unknown = Object.keys(given).find((name) => name !== 'transport')
  if (unknown !== undefined) throw new RangeError(`unknown option ${unknown}; known: transport`)
  const { transport = 'netlink' } = given
  const known = transports.find((one) => one === transport)
  if (known === undefined)
    throw new RangeError(`option transport: ${JSON.stringify(transport)} is not one of netlink, nft`)
  return { transport: known }
}
