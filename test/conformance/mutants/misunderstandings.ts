import type { Address, Frontend } from '@portolan/core'
import type { Behaviour } from './behaviour-mutant.ts'
import { type Mutate, routes, understanding, verdicts, withoutSourceRanges } from './table-mutant.ts'

const isOfTheStart = (address: Address) => !/^(198\.|fd00:198)/.test(address)

/** Tables understood wrongly, one rule of Kubernetes' each; by name. */
export const misunderstandings = {
  neverMasquerades: verdicts((one) => (one.do === 'balance' ? { ...one, masquerade: false } : one)),

  neverMasqueradesTheNode: routes((route) => ({
    ...route,
    frontends: route.frontends.map((frontend) => {
      const { node } = frontend.verdicts
      const unmasqueraded = node.do === 'balance' ? { ...node, masquerade: false } : node
      return { ...frontend, verdicts: { ...frontend.verdicts, node: unmasqueraded } }
    }),
  })),

  masqueradesEveryone: verdicts((one) => (one.do === 'balance' ? { ...one, masquerade: true } : one)),

  rejectsInsteadOfDropping: verdicts((one) => (one.do === 'drop' ? { do: 'reject' } : one)),

  dropsInsteadOfRejecting: verdicts((one) => (one.do === 'reject' ? { do: 'drop' } : one)),

  forgetsAnEndpoint: routes((route) => ({
    ...route,
    endpoints: {
      cluster: route.endpoints.cluster.slice(0, Math.max(1, route.endpoints.cluster.length - 1)),
      local: route.endpoints.local,
    },
  })),

  ignoresSourceRanges: withoutSourceRanges,

  hasNoHairpin: (table) => ({ ...routes((route) => route)(table), hairpinAddresses: new Set() }),

  letsOtherPortsPass: (table) => ({
    ...routes((route) => route)(table),
    clusterIPs: new Set(),
    serviceCidrs: new Set(),
  }),

  hasNoAffinity: routes(({ affinitySeconds: _, ...route }) => route),

  letsNodePortsGoFirst: (table) => {
    const isOfNode = ({ address }: Frontend) => address !== undefined && table.localAddresses.has(address)
    return routes((route) => ({
      ...route,
      frontends: route.frontends.filter((frontend) => !isOfNode(frontend)),
    }))(table)
  },

  knowsNodeAddressesOfTheStartOnly: (table) => ({
    ...routes((route) => route)(table),
    nodePortAddresses: new Set([...table.nodePortAddresses].filter(isOfTheStart)),
  }),

  takesTheFirstServiceCidrOnly: (table) => ({
    ...routes((route) => route)(table),
    serviceCidrs: new Set([...table.serviceCidrs].filter((cidr) => cidr.endsWith('/16'))),
  }),
} as const satisfies Record<string, Mutate>

export type MisunderstandingName = keyof typeof misunderstandings

/** The same as behaviours. */
export const misunderstanding = Object.fromEntries(
  Object.entries(misunderstandings).map(([name, mutate]) => [name, understanding(mutate)]),
) as Readonly<Record<MisunderstandingName, Behaviour>>
