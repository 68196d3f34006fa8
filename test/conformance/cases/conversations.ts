import type { Destination, Direct, Frontend, LocalPort, Script } from '../conversations/conversation.ts'
import type { Limits } from '../conversations/generate.ts'
import { ScriptBuilder } from '../conversations/script-builder.ts'
import {
  closedPort,
  endpointPort,
  fixedPorts,
  frontendsOf,
  listeners,
  nodePort,
  otherNodePort,
  portAtNodeAddress,
  strangePort,
} from '../conversations/services.ts'
import type { Client } from '../matrix-case.ts'
import { servicePort } from '../place.ts'
import type { RowClaim } from '../row.ts'

type Protocol = 'TCP' | 'UDP'

/** A claim about packets that are no Service's, and the conversations that prove it. */
export interface ConversationCase extends RowClaim {
  readonly protocols: readonly (Protocol | 'any')[]
  /** Each is played alone: one that fails doesn't keep the others from being played. */
  scripts(protocol: Protocol, limits: Limits): readonly Script[]
}

const clients: readonly Client[] = ['pod', 'outside', 'remotePod']
const bothProtocols: readonly Protocol[] = ['TCP', 'UDP']

const near: Direct = { host: 'pod0', port: endpointPort }
const far: Direct = { host: 'remote0', port: endpointPort }
const slot = (number: number): LocalPort => ({ slot: number })

/** Every frontend of Services with one endpoint, and that endpoint. */
const twins: readonly (readonly [Frontend, Direct])[] = [
  ...frontendsOf('near').map((at) => [{ service: 'near', at }, near] as const),
  ...frontendsOf('far').map((at) => [{ service: 'far', at }, far] as const),
  ...(['NodePort', 'ExternalIP', 'LoadBalancer'] as const).map(
    (at) => [{ service: 'bothLocal', at }, near] as const,
  ),
]

/** A script for each client and each pair of a frontend and its endpoint that may be asked for. */
function forTwins(
  from: readonly Client[],
  protocol: Protocol,
  limits: Limits,
  write: (script: ScriptBuilder, client: Client, frontend: Frontend, endpoint: Direct) => void,
): Script[] {
  return from.flatMap((client) =>
    twins
      .filter(([frontend]) => limits.asks(client, frontend, protocol))
      .map(([frontend, endpoint]) => scriptOf((script) => write(script, client, frontend, endpoint))),
  )
}

function scriptOf(write: (script: ScriptBuilder) => void): Script {
  const script = new ScriptBuilder()
  write(script)
  return script.script
}

const inTurn = (script: ScriptBuilder, client: Client, protocol: Protocol, peers: readonly Destination[]) => {
  for (const to of peers) script.connect(client, protocol, slot(0), to).say().say(sizeOf(protocol)).end()
}

/** More than one packet where that is a matter of course. */
const sizeOf = (protocol: Protocol) => (protocol === 'TCP' ? 2000 : 500)

export const conversationCases: readonly ConversationCase[] = [
  {
    feature: 'sharedPorts',
    name: 'a port that has gone to a Service goes to its endpoint directly, and back, from pods and from outside',
    protocols: bothProtocols,
    scripts: (protocol, limits) =>
      forTwins(clients, protocol, limits, (script, client, frontend, endpoint) =>
        inTurn(script, client, protocol, [frontend, endpoint, frontend, endpoint]),
      ),
  },
  {
    feature: 'sharedPorts',
    name: 'a port that has gone to an endpoint directly goes to its Service, and back, from pods and from outside',
    protocols: bothProtocols,
    scripts: (protocol, limits) =>
      forTwins(clients, protocol, limits, (script, client, frontend, endpoint) =>
        inTurn(script, client, protocol, [endpoint, frontend, endpoint]),
      ),
  },
  {
    feature: 'basics',
    name: "a port of the node's own goes to a Service and to its endpoint directly, in turns",
    protocols: bothProtocols,
    scripts: (protocol, limits) =>
      forTwins(['node'], protocol, limits, (script, client, frontend, endpoint) => {
        inTurn(script, client, protocol, [frontend, endpoint, frontend, endpoint])
      }),
  },
  ...atOnce('while a port is connected through a Service, it is connected to its endpoint directly, too', {
    protocols: bothProtocols,
    write(script, protocol, client, frontend, endpoint) {
      const run = script.connect(client, protocol, slot(0), frontend).say()
      const past = script.connect(client, protocol, slot(0), endpoint).say()
      run.say(sizeOf(protocol))
      past.say(sizeOf(protocol))
      past.end()
      run.say().end('finish')
      script.connect(client, protocol, slot(0), endpoint).say().end()
    },
  }),
  ...atOnce(
    'a socket that asks a Service and its endpoint before either has answered hears both as they are',
    {
      protocols: ['UDP'],
      write(script, _, client, frontend, endpoint) {
        const socket = script.open(client, slot(0))
        for (const to of [frontend, endpoint, endpoint, frontend, endpoint])
          socket.say(20, to, { hurries: true })
        socket.say(20, frontend).end()
      },
    },
  ),
  {
    feature: 'sharedPorts',
    name: 'an unconnected socket that speaks with Services and their endpoint in turns hears each by the address it has sent to',
    protocols: ['UDP'],
    scripts: (_, limits) =>
      forTwins([...clients, 'node'], 'UDP', limits, (script, client, frontend, endpoint) => {
        const socket = script.open(client, slot(0))
        const stranger: Direct = { host: 'internet', port: strangePort }
        const peers: Destination[] = [frontend, endpoint, stranger]
        const other: Frontend = { service: 'both', at: 'ClusterIP' }
        if (limits.asks(client, other, 'UDP')) peers.push(other)
        for (const to of [...peers, ...peers, endpoint, frontend]) socket.say(20, to)
        socket.end()
      }),
  },
  {
    feature: 'basics',
    name: 'an unconnected socket that speaks with a Service hears strangers, and endpoints that are not its own, as they are',
    protocols: ['UDP'],
    scripts: (_, limits) =>
      [...clients, 'node' as const].flatMap((client) =>
        frontendsOf('near')
          .map((at): Frontend => ({ service: 'near', at }))
          .filter((to) => limits.asks(client, to, 'UDP'))
          .map((frontend) =>
            scriptOf((script) => {
              const socket = script.open(client, slot(0))
              const strangers: Direct[] = [
                { host: 'pod0', port: strangePort },
                { host: 'pod1', port: endpointPort },
                { host: 'internet', port: servicePort },
                { host: 'nodeElsewhere', port: servicePort },
                far,
              ]
              for (const to of strangers) socket.say(20, frontend).say(20, to)
              for (const to of strangers) socket.say(20, to)
              socket.end()
            }),
          ),
      ),
  },
  {
    feature: 'basics',
    name: "the node's own servers answer at ports that Services have at other addresses",
    protocols: bothProtocols,
    scripts: (protocol) =>
      [...clients, 'node' as const].map((client) =>
        scriptOf((script) => {
          for (const host of ['node', 'nodeElsewhere'] as const)
            for (const port of listeners[host])
              script.connect(client, protocol, slot(0), { host, port }).say().say(2000).end()
        }),
      ),
  },
  {
    feature: 'localPorts',
    name: "the node's own clients get their answers at ports that are NodePorts, or a Service's at an address of the node",
    protocols: bothProtocols,
    scripts: (protocol) => fromServicePorts('node', protocol),
  },
  {
    feature: 'basics',
    name: 'a pod that others masquerade gets its answers at ports that Services have at addresses of the node',
    protocols: bothProtocols,
    scripts: (protocol) => fromServicePorts('pod', protocol),
  },
  {
    feature: 'basics',
    name: 'strangers speak with each other through the node at ports that Services use',
    protocols: bothProtocols,
    scripts: (protocol) =>
      (['outside', 'remotePod', 'endpoint'] as const).flatMap((client) =>
        (['pod', 'pod1', 'remote1', 'outside', 'internet'] as const)
          .filter((host) => host !== client)
          .map((host) =>
            scriptOf((script) => {
              for (const port of listeners[host]) {
                script.connect(client, protocol, slot(0), { host, port }).say().end()
                script.connect(client, protocol, { fixed: nodePort }, { host, port }).say().end()
              }
            }),
          ),
      ),
  },
  {
    feature: 'basics',
    name: 'ports at which nothing listens refuse directly, beside Services that are served',
    protocols: bothProtocols,
    scripts: (protocol, limits) =>
      [...clients, 'node' as const].map((client) =>
        scriptOf((script) => {
          const served: Frontend = { service: 'near', at: 'ClusterIP' }
          const asks = limits.asks(client, served, protocol)
          for (const host of ['pod0', 'remote0', 'node', 'nodeElsewhere', 'outside', 'internet'] as const) {
            if (asks) script.connect(client, protocol, slot(1), served).say().end()
            script.connect(client, protocol, slot(0), { host, port: closedPort }).say().end()
          }
          // The node has this NodePort at its primary address only.
          const elsewhere: Direct = { host: 'nodeElsewhere', port: nodePort }
          script.connect(client, protocol, slot(0), elsewhere).say().end()
        }),
      ),
  },
  {
    feature: 'sharedPorts',
    name: 'datagrams in fragments go to an endpoint directly, beside those that go through its Services from the same port',
    protocols: ['UDP'],
    scripts: (_, limits) =>
      forTwins(clients, 'UDP', limits, (script, client, frontend, endpoint) => {
        const socket = script.open(client, slot(0))
        for (const bytes of [3000, 20_000])
          for (const to of [endpoint, frontend, endpoint]) socket.say(bytes, to)
        socket.end()
      }),
  },
  {
    feature: 'basics',
    name: 'datagrams in fragments go to endpoints and strangers directly, and through Services from other ports',
    protocols: ['UDP'],
    scripts: (_, limits) =>
      forTwins(clients, 'UDP', limits, (script, client, frontend, endpoint) => {
        const [past, run] = [script.open(client, slot(0)), script.open(client, slot(1))]
        const stranger: Direct = { host: 'internet', port: servicePort }
        for (const bytes of [3000, 20_000]) {
          past.say(bytes, endpoint).say(bytes, stranger)
          run.say(bytes, frontend)
          past.say(bytes, stranger).say(bytes, endpoint)
        }
        past.end()
        run.end()
      }),
  },
  {
    feature: 'largeDatagramsOfNode',
    name: 'datagrams in fragments go from the node to Services at its own addresses, and past them',
    protocols: ['UDP'],
    scripts: (_, limits) =>
      forTwins(['node'], 'UDP', limits, (script, client, frontend, endpoint) => {
        const socket = script.open(client, slot(0))
        for (const bytes of [3000, 20_000])
          for (const to of [endpoint, frontend, endpoint]) socket.say(bytes, to)
        socket.end()
      }).filter(({ steps }) => steps.some((step) => step.do === 'say' && isAtNode(step.to))),
  },
  {
    feature: 'basics',
    name: 'pings of every size reach endpoints, strangers and the node',
    protocols: ['any'],
    scripts: () => [
      scriptOf((script) => {
        for (const client of [...clients, 'node', 'endpoint'] as const)
          for (const host of ['pod0', 'remote0', 'node', 'nodeElsewhere', 'outside', 'internet'] as const)
            script.ping(client, { host, port: 0 }, 0, 1000, 4000)
      }),
    ],
  },
]

function isAtNode(to: Destination | undefined): boolean {
  return to !== undefined && 'service' in to && (to.at === 'NodePort' || to.at === 'ExternalIP of the node')
}

/** Who meets packets on their way only; and who may be met at the socket already. */
function atOnce(
  name: string,
  {
    protocols,
    write,
  }: {
    readonly protocols: readonly Protocol[]
    write(
      script: ScriptBuilder,
      protocol: Protocol,
      client: Client,
      frontend: Frontend,
      endpoint: Direct,
    ): void
  },
): ConversationCase[] {
  const parts = [
    ['sharedPorts', 'from outside and from other nodes', ['outside', 'remotePod']],
    ['sharedPortsAtOnce', 'from pods and the node', ['pod', 'node']],
  ] as const
  return parts.map(([feature, where, from]) => ({
    feature,
    name: `${name}, ${where}`,
    protocols,
    scripts: (protocol, limits) =>
      forTwins(from, protocol, limits, (script, ...rest) => write(script, protocol, ...rest)),
  }))
}

/** From every port of the client that means something to a Service, connected and not, to strangers. */
function fromServicePorts(client: Client, protocol: Protocol): Script[] {
  // The node and the pods that have its address speak with others each: from one port they would get in each other's way.
  const strangers: readonly Direct[] =
    client === 'node'
      ? [
          { host: 'outside', port: strangePort },
          { host: 'internet', port: strangePort },
          { host: 'internet', port: nodePort },
          { host: 'remote1', port: portAtNodeAddress },
          { host: 'pod1', port: otherNodePort },
        ]
      : [
          { host: 'outside', port: servicePort },
          { host: 'internet', port: servicePort },
          { host: 'internet', port: portAtNodeAddress },
          { host: 'remote1', port: portAtNodeAddress },
          { host: 'pod1', port: otherNodePort },
        ]
  return fixedPorts[client].map((number) =>
    scriptOf((script) => {
      const port: LocalPort = { fixed: number }
      for (const to of strangers) script.connect(client, protocol, port, to).say().say(3000).end()
      if (protocol === 'TCP') return
      const socket = script.open(client, port)
      for (const to of [...strangers, ...strangers]) socket.say(20, to)
      socket.end()
    }),
  )
}
