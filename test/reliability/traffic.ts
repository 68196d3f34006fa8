import { setTimeout as sleep } from 'node:timers/promises'
import {
  type ConnectLoop,
  type Family,
  families,
  type HeldConnection,
  type Host,
  type Lab,
  network,
  type RecordingSocket,
} from '@portolan/lab'
import { flowPort, port, steady } from './cluster-objects.ts'
import type { Scene } from './scene.ts'

/** What became of the packets. */
export interface TrafficReport {
  /** New connections of TCP, and datagrams of UDP from new ports. */
  readonly tried: number
  /** Those whose first packet had no answer, or one of somebody else. */
  readonly lost: number
  /** Datagrams of clients that keep their port. */
  readonly flowsTried: number
  readonly flowsLost: number
  /** Connections that were there before, and those of them that no longer answer. */
  readonly held: number
  readonly broken: number
  /** The longest time in which all first packets of one loop were lost, in milliseconds. */
  readonly longestGapMs: number
  /** Examples of what was lost. */
  readonly examples: readonly string[]
}

/** Milliseconds between the starts of two connections of a loop, all on a usual machine. */
const everyMs = 50
const flowEveryMs = 200
const answerMs = 5000
/** Between two questions over a connection that was there before: IPVS forgets one that is silent for 15 minutes. */
const heldEveryMs = 60_000

interface Way {
  readonly name: string
  readonly client: Host
  readonly address: string
  readonly port: number
}

interface Flow {
  stop(): Promise<{ readonly tried: number; readonly lost: number }>
}

interface RunningLoop {
  readonly name: string
  readonly loop: ConnectLoop
}

interface Held {
  readonly name: string
  /** What became of it, once the traffic ends. */
  readonly answer: ReturnType<HeldConnection['ask']>
}

/** Steady packets to the Service that never changes: TCP and UDP, to ClusterIP and NodePort, in both families. */
export class Traffic {
  readonly #loops: readonly RunningLoop[]
  readonly #flows: readonly Flow[]
  readonly #held: readonly Held[]
  readonly #ended: AbortController

  private constructor(
    loops: readonly RunningLoop[],
    flows: readonly Flow[],
    held: readonly Held[],
    ended: AbortController,
  ) {
    this.#loops = loops
    this.#flows = flows
    this.#held = held
    this.#ended = ended
  }

  static async start({ lab, slowness }: Pick<Scene, 'lab' | 'slowness'>): Promise<Traffic> {
    const slow = { everyMs: everyMs * slowness, timeoutMs: answerMs * slowness }
    const ways = families.flatMap((family) => waysOf(lab, family))
    const loops = await Promise.all(
      ways.flatMap((way) =>
        (['TCP', 'UDP'] as const).map(async (protocol) => ({
          name: `${protocol} ${way.name}`,
          loop: await way.client.startConnectLoop({ protocol, to: way, ...slow }),
        })),
      ),
    )
    const ended = new AbortController()
    const held = await Promise.all(
      ways.map(async (way) => {
        const connection = await way.client.holdConnection({ to: way, timeoutMs: slow.timeoutMs })
        return { name: way.name, answer: askOn(connection, slow.timeoutMs, ended.signal) }
      }),
    )
    const flows = await Promise.all(families.map((family) => startFlow(lab, family, slowness)))
    return new Traffic(loops, flows, held, ended)
  }

  /** Ends it, and tells what was lost. */
  async stop(): Promise<TrafficReport> {
    const reports = await Promise.all(
      this.#loops.map(async ({ name, loop }) => ({ name, ...(await loop.stop()) })),
    )
    const flows = await Promise.all(this.#flows.map((flow) => flow.stop()))
    this.#ended.abort()
    const held = await Promise.all(
      this.#held.map(async ({ name, answer }) => ({ name, answer: await answer })),
    )
    const broken = held.filter(({ answer }) => !answer.alive)
    const sum = (of: (report: (typeof reports)[number]) => number) =>
      reports.reduce((total, report) => total + of(report), 0)
    return {
      tried: sum(({ attempts }) => attempts),
      lost: sum((report) => report.lost + strangers(report.servers)),
      flowsTried: flows.reduce((total, { tried }) => total + tried, 0),
      flowsLost: flows.reduce((total, { lost }) => total + lost, 0),
      held: held.length,
      broken: broken.length,
      longestGapMs: Math.round(Math.max(0, ...reports.map(({ outage }) => outage?.milliseconds ?? 0))),
      examples: [
        ...reports.flatMap(({ name, unanswered, servers }) => [
          ...unanswered.slice(0, 1).map(({ result }) => `${name}: ${result}`),
          ...Object.keys(servers)
            .filter(isStranger)
            .map((server) => `${name}: answered by ${server}`),
        ]),
        ...broken.map(({ name, answer }) => `held ${name}: ${'reason' in answer ? answer.reason : ''}`),
      ].slice(0, 6),
    }
  }
}

/** Asks now and then, and once more at the end. @returns the last answer, or the first that there was none */
async function askOn(connection: HeldConnection, timeoutMs: number, ended: AbortSignal): Held['answer'] {
  let answer = await connection.ask(timeoutMs)
  while (answer.alive && !ended.aborted) {
    await sleep(heldEveryMs, undefined, { signal: ended }).catch(() => {})
    answer = await connection.ask(timeoutMs)
  }
  await connection.close()
  return answer
}

function waysOf({ pods, outside }: Lab, family: Family): Way[] {
  const [, pod = outside] = pods
  return [
    { name: `pod to ClusterIP, ${family}`, client: pod, address: steady.clusterIPs[family], port },
    {
      name: `outside to NodePort, ${family}`,
      client: outside,
      address: network[family].node.uplink,
      port: steady.nodePort ?? 0,
    },
  ]
}

/** Neither of the endpoints. */
function isStranger(server: string): boolean {
  return !/^(pod0|remote) /.test(server)
}

function strangers(servers: Readonly<Record<string, number>>): number {
  return Object.entries(servers).reduce((sum, [server, count]) => sum + (isStranger(server) ? count : 0), 0)
}

/** A client of UDP that keeps its port, such as a DNS forwarder. */
async function startFlow({ pods }: Lab, family: Family, slowness: number): Promise<Flow> {
  const to = { address: steady.clusterIPs[family], port: flowPort }
  const socket = await pods[1]?.openSocket({ protocol: 'UDP', port: 0, to, timeoutMs: answerMs * slowness })
  if (socket === undefined || typeof socket === 'string') throw new Error(`no socket for UDP: ${socket}`)
  const ended = new AbortController()
  const saying = sayOn(socket, family, slowness, ended.signal)
  return {
    async stop() {
      ended.abort()
      const said = await saying
      await socket.end('reset')
      return said
    },
  }
}

async function sayOn(
  socket: RecordingSocket,
  family: Family,
  slowness: number,
  ended: AbortSignal,
): Promise<{ tried: number; lost: number }> {
  let tried = 0
  let lost = 0
  while (!ended.aborted) {
    tried += 1
    const tag = `flow-${family}-${tried}`
    const heard = await socket.say({ tag, bytes: 8, awaits: true, timeoutMs: answerMs * slowness })
    if (!heard.some((one) => one.what === 'message' && one.tag === tag)) lost += 1
    await new Promise((resolve) => setTimeout(resolve, flowEveryMs * slowness))
  }
  return { tried, lost }
}
