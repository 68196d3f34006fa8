/**
 * The kit has to notice: each mutant is the nftables dataplane with one rule of Kubernetes' broken, and has to fail the
 * rows that are about it, and the rows that are not about it have to pass still.
 */
import nftables from '@portolan/dataplane-nftables'
import test from 'ava'
import { runConformance } from '../../index.ts'
import type { MisunderstandingName } from '../misunderstandings.ts'
import { mutantFactory } from '../mutant-factory.ts'

const factory = mutantFactory(nftables)

const rows: readonly {
  claim: string
  mutant: MisunderstandingName
  /** Part of the name of a row that must fail, and of one that must not. */
  fails: string
  passes: string
}[] = [
  {
    claim: 'a dataplane that never masquerades is found out',
    mutant: 'neverMasquerades',
    fails: 'a ClusterIP masquerades what comes from the node or from outside',
    passes: 'a ClusterIP reaches every endpoint of the Service, and nothing else',
  },
  {
    claim: 'a dataplane that never masquerades connections of the node itself is found out',
    mutant: 'neverMasqueradesTheNode',
    fails: 'a ClusterIP masquerades what comes from the node or from outside',
    passes: 'a ClusterIP reaches every endpoint of the Service, and nothing else',
  },
  {
    claim: 'a dataplane that masquerades every client is found out',
    mutant: 'masqueradesEveryone',
    fails: 'a ClusterIP reaches every endpoint of the Service, and nothing else',
    passes: 'a ClusterIP masquerades what comes from the node or from outside',
  },
  {
    claim: 'a dataplane that rejects where it should drop is found out',
    mutant: 'rejectsInsteadOfDropping',
    fails: 'no local endpoint an outside client is dropped, not refused',
    passes: 'a Service without endpoints refuses at each of its destinations',
  },
  {
    claim: 'a dataplane that drops where it should reject is found out',
    mutant: 'dropsInsteadOfRejecting',
    fails: 'a Service without endpoints refuses at each of its destinations',
    passes: 'no local endpoint an outside client is dropped, not refused',
  },
  {
    claim: 'a dataplane that forgets an endpoint is found out',
    mutant: 'forgetsAnEndpoint',
    fails: 'a ClusterIP reaches every endpoint of the Service, and nothing else',
    passes: 'with internalTrafficPolicy Local a ClusterIP reaches local endpoints only',
  },
  {
    claim: 'a dataplane that ignores loadBalancerSourceRanges is found out',
    mutant: 'ignoresSourceRanges',
    fails: 'a client within loadBalancerSourceRanges is served, every other one dropped',
    passes: 'a range of everything opens the load balancer address to every client',
  },
  {
    claim: 'a dataplane that has no hairpin is found out',
    mutant: 'hasNoHairpin',
    fails: 'an endpoint that reaches itself is masqueraded, and is not when it reaches another one',
    passes: 'a ClusterIP reaches every endpoint of the Service, and nothing else',
  },
  {
    claim:
      'a dataplane that lets other ports of ClusterIPs pass is found out, and so is one that lets pings pass',
    mutant: 'letsOtherPortsPass',
    fails: 'ping to an active ClusterIP is refused',
    passes: 'other ports of external and load balancer addresses are left alone, and so is ping',
  },
  {
    claim: 'a dataplane without session affinity is found out',
    mutant: 'hasNoAffinity',
    fails: 'with session affinity a client stays with its endpoint',
    passes: 'while traffic policies are switched, outside clients are served all the time',
  },
  {
    claim: 'a dataplane that lets NodePorts go before addresses of Services is found out',
    mutant: 'letsNodePortsGoFirst',
    fails: 'where an external IP and a NodePort meet at one address and port',
    passes: 'what asks from an address that the node has just got is the node',
  },
  {
    claim: 'a dataplane that knows only the node addresses of its start is found out',
    mutant: 'knowsNodeAddressesOfTheStartOnly',
    fails: 'an address that the node gets serves NodePorts',
    passes: 'a ServiceCIDR around another one is dropped as a whole',
  },
  {
    claim: 'a dataplane that takes the first ServiceCIDR alone is found out',
    mutant: 'takesTheFirstServiceCidrOnly',
    fails: 'a ServiceCIDR around another one is dropped as a whole',
    passes: 'an address that the node gets serves NodePorts',
  },
]

for (const { claim, mutant, fails, passes } of rows) {
  test.serial(claim, async (t) => {
    const { rows } = await runConformance({
      factory,
      settings: { mutant },
      families: ['IPv4'],
      filter: ({ name }) => name.includes(fails) || name.includes(passes),
    })
    const outcomes = (part: string) => [
      ...new Set(
        rows
          // A kernel without SCTP proves nothing either way.
          .filter(({ name, outcome }) => name.includes(part) && outcome !== 'unproved')
          .map(({ outcome }) => outcome),
      ),
    ]
    t.deepEqual(outcomes(fails), ['failed'])
    t.deepEqual(outcomes(passes), ['passed'])
  })
}
