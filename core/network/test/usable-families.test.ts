import test from 'ava'
import { usableFamilies } from '../usable-families.ts'

const files = (contents: Record<string, string>) => async (path: string) => {
  const text = contents[path]
  if (text === undefined) throw new Error(`no ${path}`)
  return text
}
const [inet6, disabled] = ['/proc/net/if_inet6', '/proc/sys/net/ipv6/conf/all/disable_ipv6']

const families: readonly [string, Record<string, string>, string[]][] = [
  ['IPv6 is usable where the kernel has it', { [inet6]: '', [disabled]: '0\n' }, ['IPv4', 'IPv6']],
  ['IPv6 is not usable where it is disabled', { [inet6]: '', [disabled]: '1\n' }, ['IPv4']],
  ['IPv6 is not usable in a kernel without it', {}, ['IPv4']],
]
for (const [claim, contents, expected] of families) {
  test(claim, async (t) => {
    const usable: string[] = await usableFamilies(files(contents))
    t.deepEqual(usable, expected)
  })
}
