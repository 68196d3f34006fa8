import { network } from '@portolan/lab'
import { serviceShape, slices } from '../case-objects.ts'
import type { Client, EndpointShape } from '../matrix-case.ts'
import { at } from '../matrix-case.ts'
import { type ServiceShape, service } from '../objects.ts'
import { type Place, place, servicePort } from '../place.ts'
import type { FrontendName, Listener, ServiceName } from './conversation.ts'

/**
 * The Services beside which conversations are held. All have one target port, so that several lead to the same endpoint:
 * only then do connections through them and past them have the same addresses and ports.
 */
const targetPort = 10_000

/** The port of `far` at its addresses, one of which is the node's own. */
export const portAtNodeAddress = 5060

interface ServicePlan {
  readonly place: Place
  readonly port: number
  readonly endpoints: readonly EndpointShape[]
  readonly overrides?: Partial<ServiceShape>
}

const local: Partial<ServiceShape> = { externalTrafficPolicy: 'Local' }

export const services: Readonly<Record<ServiceName, ServicePlan>> = {
  both: plan(0, at('pod0', 'remote0')),
  bothLocal: plan(1, at('pod0', 'remote0'), local),
  far: {
    ...plan(2, at('remote0')),
    port: portAtNodeAddress,
    overrides: {
      ports: (['TCP', 'UDP'] as const).map((protocol) => ({
        name: protocol.toLowerCase(),
        protocol,
        port: portAtNodeAddress,
        nodePort: place(2).nodePort,
      })),
      externalIPs: [
        place(2).externalIP.IPv4,
        place(2).externalIP.IPv6,
        network.IPv4.node.remote,
        network.IPv6.node.remote,
      ],
    },
  },
  near: plan(3, at('pod0')),
  farLocal: plan(4, at('remote0'), local),
  empty: plan(5, []),
}

function plan(
  number: number,
  endpoints: readonly EndpointShape[],
  overrides?: Partial<ServiceShape>,
): ServicePlan {
  const where = { ...place(number), targetPort }
  return { place: where, port: servicePort, endpoints, ...(overrides === undefined ? {} : { overrides }) }
}

export const serviceNames = Object.keys(services) as readonly ServiceName[]

/** Which frontends a Service has. */
export function frontendsOf(name: ServiceName): readonly FrontendName[] {
  const usual: readonly FrontendName[] = ['ClusterIP', 'NodePort', 'ExternalIP', 'LoadBalancer']
  return name === 'far' ? [...usual, 'ExternalIP of the node'] : usual
}

/** All objects, as the API server would serve them. */
export function conversationObjects(): object[] {
  return serviceNames.flatMap((name) => {
    const { place: where, overrides, endpoints } = services[name]
    const shape = serviceShape(where, overrides)
    return [service(shape), ...slices(shape, where, endpoints)]
  })
}

/** A number that means something to a Service: its NodePort is served at the node's primary address. */
export const nodePort = services.both.place.nodePort

/** Another Service's, at which the node itself serves at another address. */
export const otherNodePort = services.near.place.nodePort

/** Where an endpoint of all Services listens. */
export const endpointPort = targetPort

/** No Service: NTP. */
export const strangePort = 123

/** No one listens there. */
export const closedPort = 9

/** Who listens where, over TCP and UDP. Ports that one's clients use are left free. */
export const listeners: Readonly<Record<Listener, readonly number[]>> = {
  node: [servicePort, endpointPort, strangePort],
  nodeElsewhere: [servicePort, endpointPort, strangePort, otherNodePort],
  outside: [servicePort, endpointPort, strangePort, portAtNodeAddress],
  internet: [servicePort, endpointPort, strangePort, portAtNodeAddress, nodePort],
  pod: [servicePort, endpointPort, strangePort],
  pod0: [servicePort, endpointPort, strangePort],
  pod1: [servicePort, endpointPort, strangePort, portAtNodeAddress, nodePort, otherNodePort],
  remote0: [servicePort, endpointPort, strangePort, portAtNodeAddress],
  remote1: [servicePort, endpointPort, strangePort, portAtNodeAddress, nodePort],
  remotePod: [servicePort, endpointPort, strangePort],
}

/** Ports of Services, for clients to speak from where nothing listens. */
export const fixedPorts: Readonly<Record<Client, readonly number[]>> = {
  node: [nodePort, portAtNodeAddress],
  outside: [nodePort],
  pod: [nodePort, portAtNodeAddress],
  endpoint: [nodePort],
  remotePod: [nodePort],
}
