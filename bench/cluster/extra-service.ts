import type { GeneratedService } from './generated-cluster.ts'

/** A Service beside the cluster's own, with its own number of endpoints, whatever the cluster's shape is. */
export function extraService(name: string, number: number, endpoints: number): GeneratedService {
  return {
    namespace: 'bench',
    name,
    clusterIP: `10.95.1.${number}`,
    port: 80,
    // From the end of the range, where no cluster's own endpoints come.
    firstEndpoint: 0x7f0000 - number * 0x4000,
    endpoints,
  }
}
