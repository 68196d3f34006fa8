import { setTimeout as sleep } from 'node:timers/promises'
import { type ConnectLoop, type Family, families, type Host, type Lab, network } from '@portolan/lab'
import { balanced, balancerAddresses, flowPort, port, steady } from './cluster-objects.ts'

/** How much of it there is. */
export interface LoadSize {
  /** Milliseconds between the starts of two new connections, on each way in each family. */
  readonly everyMs: number
  /** Long connections, and flows of UDP, on each way in each family. */
  readonly held: number
  /** How many times as long as usual an answer, and the pause before the next question, may take. Default 1. */
  readonly slowness?: number
}

/** What became of it. */
export interface LoadReport {
  /** From its start to its end. */
  readonly seconds: number
  /** New connections of TCP. */
  readonly tried: number
  /** Those whose first packet was lost, or that were not answered by an endpoint. */
  readonly lost: number
  /** Long connections of TCP, and the questions that they were asked. */
  readonly held: number
  readonly asked: number
  readonly broken: number
  /** Datagrams of flows that keep their port, each sent when the one before is answered. */
  readonly said: number
  readonly unanswered: number
  /**
   * Datagrams of the node's own flows whose answer was lost once. Connection tracking leads those flows, also to eBPF, until
   * it forgets them, and an answer that is under way at that moment is lost.
   */
  readonly repeated: number
  readonly flowsOfNode: number
  /** Examples of what went wrong. */
  readonly examples: readonly string[]
}

const answerMs = 10_000
const askEveryMs = 250
const sayEveryMs = 100

interface Way {
  readonly name: string
  readonly client: Host
  readonly to: { readonly address: string; readonly port: number }
  readonly flowTo: { readonly address: string; readonly port: number }
}

interface RunningLoop {
  readonly name: string
  readonly loop: ConnectLoop
}

interface Talked {
  readonly times: number
  readonly repeated: number
  readonly failure?: string
}

interface Talk {
  readonly name: string
  readonly done: Promise<Talked>
}

/** New connections, long ones with traffic, and flows of UDP, to ClusterIP, NodePort and load balancer, in both families. */
export class SteadyLoad {
  readonly #loops: readonly RunningLoop[]
  readonly #held: readonly Talk[]
  readonly #flows: readonly Talk[]
  readonly #releasing: AbortController
  readonly #ending: AbortController
  readonly #begun = performance.now()

  private constructor(
    loops: readonly RunningLoop[],
    held: readonly Talk[],
    flows: readonly Talk[],
    { releasing, ending }: Readonly<Record<'releasing' | 'ending', AbortController>>,
  ) {
    this.#loops = loops
    this.#held = held
    this.#flows = flows
    this.#releasing = releasing
    this.#ending = ending
  }

  static async start(lab: Lab, { everyMs, held, slowness = 1 }: LoadSize): Promise<SteadyLoad> {
    const ending = new AbortController()
    const releasing = new AbortController()
    const ways = families.flatMap((family) => waysOf(lab, family))
    const numbers = Array.from({ length: held }, (_, number) => number)
    const loops = await Promise.all(
      ways.map(async ({ name, client, to }) => ({
        name,
        loop: await client.startConnectLoop({ protocol: 'TCP', to, everyMs, timeoutMs: answerMs * slowness }),
      })),
    )
    const connections = await Promise.all(
      ways.flatMap((way) => numbers.map((number) => hold(way, number, slowness, releasing.signal))),
    )
    const flows = await Promise.all(
      ways.flatMap((way) => numbers.map((number) => flow(way, number, slowness, ending.signal))),
    )
    return new SteadyLoad(loops, connections, flows, { releasing, ending })
  }

  /** Ends the long connections alone. */
  async release(): Promise<void> {
    this.#releasing.abort()
    await Promise.all(this.#held.map(({ done }) => done))
  }

  async stop(): Promise<LoadReport> {
    await this.release()
    this.#ending.abort()
    const seconds = (performance.now() - this.#begun) / 1000
    const reports = await Promise.all(
      this.#loops.map(async ({ name, loop }) => ({ name, ...(await loop.stop()) })),
    )
    const told = async (talks: readonly Talk[]) =>
      Promise.all(talks.map(async ({ name, done }) => ({ name, ...(await done) })))
    const [held, flows] = [await told(this.#held), await told(this.#flows)]
    const sum = (numbers: readonly number[]) => numbers.reduce((total, number) => total + number, 0)
    const strangers = reports.map(({ servers }) =>
      sum(
        Object.entries(servers)
          .filter(([server]) => !/^(pod0|remote) /.test(server))
          .map(([, count]) => count),
      ),
    )
    const broken = (talks: typeof held) => talks.filter(({ failure }) => failure !== undefined)
    return {
      seconds,
      tried: sum(reports.map(({ attempts }) => attempts)),
      lost: sum(reports.map(({ lost }) => lost)) + sum(strangers),
      held: held.length,
      asked: sum(held.map(({ times }) => times)),
      broken: broken(held).length,
      said: sum(flows.map(({ times }) => times)),
      unanswered: broken(flows).length,
      flowsOfNode: flows.filter(({ name }) => name.startsWith('node ')).length,
      repeated: sum(flows.map(({ repeated }) => repeated)),
      examples: [
        ...reports.flatMap(({ name, lost, unanswered, outage }) =>
          lost === 0 ? [] : [`new ${name}: ${lost} lost, ${JSON.stringify(unanswered[0] ?? outage)}`],
        ),
        ...broken(held).map(({ name, failure }) => `held ${name}: ${failure}`),
        ...broken(flows).map(({ name, failure }) => `flow ${name}: ${failure}`),
      ].slice(0, 12),
    }
  }
}

function waysOf({ pods, outside, node }: Lab, family: Family): Way[] {
  const [, pod = outside] = pods
  const cluster = { address: steady.clusterIPs[family], port }
  const clusterFlow = { address: steady.clusterIPs[family], port: flowPort }
  const [at, balancer] = [network[family].node.uplink, balancerAddresses[family]]
  return [
    { name: `pod to ClusterIP, ${family}`, client: pod, to: cluster, flowTo: clusterFlow },
    { name: `node to ClusterIP, ${family}`, client: node, to: cluster, flowTo: clusterFlow },
    {
      ...{ name: `outside to NodePort, ${family}`, client: outside },
      ...{ to: { address: at, port: balanced.nodePort ?? 0 }, flowTo: { address: at, port: 30_087 } },
    },
    {
      ...{ name: `outside to load balancer, ${family}`, client: outside },
      ...{ to: { address: balancer, port }, flowTo: { address: balancer, port: flowPort } },
    },
  ]
}

/** What ends otherwise than by its own word. */
function failed(error: unknown): Talked {
  return { times: 0, repeated: 0, failure: error instanceof Error ? error.message : String(error) }
}

/** A long connection that is asked something all the time. */
async function hold(way: Way, number: number, slowness: number, ending: AbortSignal): Promise<Talk> {
  const connection = await way.client.holdConnection({ to: way.to, timeoutMs: answerMs * slowness })
  const talk = async (): Promise<Talked> => {
    for (let times = 0; ; times++) {
      const answer = await connection.ask(answerMs * slowness)
      if (!answer.alive) return { times, repeated: 0, failure: answer.reason }
      if (ending.aborted) {
        await connection.close()
        return { times, repeated: 0 }
      }
      await sleep(askEveryMs * slowness)
    }
  }
  return { name: `${way.name}, ${number}`, done: talk().catch(failed) }
}

/** A client of UDP that keeps its port. */
async function flow(way: Way, number: number, slowness: number, ending: AbortSignal): Promise<Talk> {
  const socket = await way.client.openSocket({
    protocol: 'UDP',
    port: 0,
    to: way.flowTo,
    timeoutMs: answerMs * slowness,
  })
  if (typeof socket === 'string') throw new Error(`no socket for ${way.name}: ${socket}`)
  const answers = async (tag: string): Promise<boolean> => {
    const heard = await socket.say({ tag, bytes: 8, awaits: true, timeoutMs: answerMs * slowness })
    return heard.some((one) => one.what === 'message' && one.tag === tag)
  }
  const isOfNode = way.name.startsWith('node ')
  const talk = async (): Promise<Talked> => {
    let repeated = 0
    for (let times = 0; ; times++) {
      const tag = `${way.name} ${number} ${times}`
      if (!(await answers(tag))) {
        if (!isOfNode || !(await answers(`${tag} again`)))
          return { times, repeated, failure: `datagram ${times} has no answer` }
        repeated++
      }
      if (ending.aborted) {
        await socket.end('reset')
        return { times, repeated }
      }
      await sleep(sayEveryMs * slowness)
    }
  }
  return { name: `${way.name}, ${number}`, done: talk().catch(failed) }
}
