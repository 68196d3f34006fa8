import { parseCidr } from '../network/address.ts'
import type { NodePortPolicy } from '../table/builder/node-addresses.ts'

/** What kube-proxy's words stand for in nodePortAddresses, since 1.37. */
const words: Readonly<Record<string, readonly string[]>> = {
  primary: ['primary'],
  localhost: ['127.0.0.0/8', '::1/128'],
  all: ['0.0.0.0/0', '::/0'],
}

/** Whether it is one of kube-proxy's words. */
export function isNodePortWord(text: string): boolean {
  return Object.hasOwn(words, text)
}

/** Whether a text may stand in nodePortAddresses. */
export function isNodePortRange(text: string): boolean {
  return isNodePortWord(text) || parseCidr(text) !== undefined
}

/** The policy that valid items of nodePortAddresses stand for. */
export function nodePortPolicy(items: readonly string[]): NodePortPolicy {
  return items.flatMap((item) => {
    const ranges = isNodePortWord(item) ? words[item] : [item]
    return (ranges ?? []).flatMap((range) => (range === 'primary' ? range : (parseCidr(range) ?? [])))
  })
}
