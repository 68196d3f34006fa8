/** How packets of the node's pods are told from others. */
export type SourceOfPods =
  | { readonly by: 'none' }
  | { readonly by: 'cidr'; readonly cidr: string }
  | { readonly by: 'interface'; readonly name: string }
  | { readonly by: 'interfacePrefix'; readonly prefix: string }

/**
 * An iptables match for packets of the node's pods, as iptables-save prints it; `undefined` where nothing tells them.
 *
 * @throws RangeError for an interface name that iptables couldn't read back
 */
export function podMatch(source: SourceOfPods): string | undefined {
  switch (source.by) {
    case 'none':
      return undefined
    case 'cidr':
      return `-s ${source.cidr}`
    case 'interface':
      return `-i ${interfaceName(source.name)}`
    case 'interfacePrefix':
      return `-i ${interfaceName(source.prefix)}+`
  }
}

function interfaceName(name: string): string {
  if (!/^[\w.@:-]{1,15}$/.test(name))
    throw new RangeError(`the pods' interface ${JSON.stringify(name)} can't be named in an iptables rule`)
  return name
}
