import test from 'ava'
import { forwardsShut } from '../forwards.ts'

const closed = { chain: 'chain FORWARD of iptables-nft (IPv4)', program: 'iptables-nft', othersAccept: false }

test('what is to be accepted goes behind other rules where the policy drops, and before a rule that drops all', (t) => {
  const told = forwardsShut(
    [closed, { ...closed, program: 'ip6tables-nft', closingRule: 3 }],
    'iptables',
    'nftables',
  )
  t.regex(
    told,
    /\(iptables-nft -A FORWARD -s CIDR -j ACCEPT; ip6tables-nft -I FORWARD 3 -s CIDR -j ACCEPT; and the same with -d\)/,
  )
  t.regex(told, /\(IPv4\); chain FORWARD of iptables-nft \(IPv4\), by its rule 3\)/)
})
