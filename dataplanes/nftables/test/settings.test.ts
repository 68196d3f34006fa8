import test from 'ava'
import nftables from '../index.ts'

const open = (settings: Readonly<Record<string, string>>) => () =>
  nftables.create({ masqueradeBit: 14, settings })

test('an option that nftables does not know is refused by name, with the known ones', (t) => {
  t.throws(open({ transprot: 'nft' }), {
    instanceOf: RangeError,
    message: 'unknown option transprot; known: transport',
  })
})

test('a value that an option does not take is refused, with those that it takes', (t) => {
  t.throws(open({ transport: 'netlnik' }), {
    instanceOf: RangeError,
    message: 'option transport: "netlnik" is not one of netlink, nft',
  })
  for (const transport of ['netlink', 'nft']) t.notThrows(open({ transport }))
})
