import type { Feature } from '@portolan/core'
import {
  answeredBy,
  at,
  type Client,
  type Expectation,
  externalFrontends,
  type MatrixCase,
  masqueradedTo,
} from '../matrix-case.ts'
import type { EndpointHost } from '../place.ts'

/** How the node tells pods from others, and what it masquerades besides: what makes one matrix of SEMANTICS 5. */
export type SourceConfiguration = 'detector' | 'no detector' | 'masqueradeAll'

const everywhere: readonly EndpointHost[] = ['pod0', 'remote0']
const here: readonly EndpointHost[] = ['pod0']

type Due = Readonly<Partial<Record<Client, Expectation>>>

const internal: Readonly<Record<SourceConfiguration, (hosts: readonly EndpointHost[]) => Due>> = {
  detector: (hosts) => ({
    pod: answeredBy(...hosts),
    node: masqueradedTo(...hosts),
    outside: masqueradedTo(...hosts),
  }),
  'no detector': (hosts) => ({
    pod: answeredBy(...hosts),
    node: answeredBy(...hosts),
    outside: answeredBy(...hosts),
  }),
  masqueradeAll: (hosts) => ({
    pod: masqueradedTo(...hosts),
    node: masqueradedTo(...hosts),
    outside: masqueradedTo(...hosts),
  }),
}

/**
 * SEMANTICS 5: the matrix of sources and destinations, as it is in one configuration. `how` ends each sentence; `also` is what
 * it takes to tell sources apart that way.
 */
export function sourceCases(
  configuration: SourceConfiguration,
  how: string,
  also: readonly Feature[] = [],
): readonly MatrixCase[] {
  const externalLocalForPods =
    configuration === 'no detector' ? answeredBy(...here) : answeredBy(...everywhere)
  const internalAlso = configuration === 'masqueradeAll' ? also : ['clientAddress' as const, ...also]
  return [
    {
      endpoints: at(...everywhere),
      rows: [
        {
          feature: 'sourceClasses',
          name: `who is masqueraded to a ClusterIP, ${how}`,
          also: internalAlso,
          to: ['ClusterIP'],
          due: internal[configuration](everywhere),
        },
        {
          feature: 'basics',
          name: `externalTrafficPolicy Cluster masquerades every client, ${how}`,
          to: externalFrontends,
          due: {
            pod: masqueradedTo(...everywhere),
            node: masqueradedTo(...everywhere),
            outside: masqueradedTo(...everywhere),
          },
        },
      ],
    },
    {
      service: () => ({ internalTrafficPolicy: 'Local', externalTrafficPolicy: 'Local' }),
      endpoints: at(...everywhere),
      rows: [
        {
          feature: 'sourceClasses',
          name: `internalTrafficPolicy Local keeps to local endpoints and masquerades as Cluster does, ${how}`,
          also: internalAlso,
          to: ['ClusterIP'],
          due: internal[configuration](here),
        },
        {
          feature: 'sourceClasses',
          name: `externalTrafficPolicy Local by who asks, ${how}`,
          also: ['clientAddress', ...also],
          to: externalFrontends,
          due: {
            pod: externalLocalForPods,
            node: masqueradedTo(...everywhere),
            outside: answeredBy(...here),
          },
        },
      ],
    },
    {
      endpoints: at('pod0'),
      rows: [
        {
          feature: 'hairpin',
          name: `an endpoint reaches itself through its Service, ${how}`,
          to: ['ClusterIP', 'NodePort'],
          due: { endpoint: masqueradedTo('pod0') },
        },
      ],
    },
  ]
}
