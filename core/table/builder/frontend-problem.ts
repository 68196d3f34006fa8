import type { ObjectProblem } from '../../cluster/records.ts'
import type { LostClaim } from './frontend-claims.ts'

const fields = {
  ClusterIP: 'spec.clusterIPs',
  ExternalIP: 'spec.externalIPs',
  LoadBalancer: 'status.loadBalancer.ingress',
  NodePort: 'spec.ports[].nodePort',
} as const

/** What to tell about a destination that a Service wants and another one has. */
export function frontendProblem({ frontend, loser, winner }: LostClaim): ObjectProblem {
  const [address, protocol, port] = frontend.split('|')
  const destination = address === '' ? `${port}/${protocol}` : `${address} ${port}/${protocol}`
  const why =
    winner.kind === 'ClusterIP' && loser.kind !== 'ClusterIP'
      ? 'has it as its ClusterIP'
      : loser.service === winner.service
        ? `has it as its ${winner.kind}, in another port`
        : `claimed it first as its ${winner.kind}`
  return {
    kind: 'Service',
    object: loser.service,
    field: fields[loser.kind],
    value: destination,
    fix: `is taken: ${winner.service} ${why}; it stays there until that changes, so choose another one`,
    skipped: 'value',
    ...(loser.service === winner.service ? {} : { rival: winner.service }),
  }
}
