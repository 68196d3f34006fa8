import {
  type Address,
  type Evaluation,
  evaluate,
  type IpFamily,
  parseAddress,
  type RoutingTable,
} from '@portolan/core'
import { type Host, network, type ProbeResult, type Protocol } from '@portolan/lab'
import type { Target } from './case-objects.ts'
import { evidenceOf } from './lost-answers.ts'
import type { Client } from './matrix-case.ts'
import { Semaphore } from './semaphore.ts'
import type { Origin, Testbed } from './testbed.ts'

/** One client asking one destination: what the reference says, and what the packets say. */
export interface Check extends Target {
  readonly family: IpFamily
  readonly client: Client
  readonly origin: Origin
  readonly protocol: Protocol
  readonly testbed: Testbed
  /** The claim is about the client's address, which has to be seen even of a dataplane that declares that it is not. */
  readonly keepsClientAddress?: boolean
}

/**
 * Checks that wait for answers at the same time. A few keep a machine busy; all at once, the last answer would come so
 * late on a slow one that it looks like none. Those that wait for silence have a semaphore of their own (`Testbed.listening`).
 */
const answering = new Semaphore(16)

export function expectedOf(check: Check, table: RoutingTable): Evaluation {
  const { origin, protocol, port } = check
  return evaluate(table, {
    protocol,
    source: canonical(origin.address),
    ...(origin.inputInterface === undefined ? {} : { inputInterface: origin.inputInterface }),
    destination: canonical(check.address),
    port,
  })
}

/** Sends packets and compares. @returns what was wrong, in words; nothing when all was right */
export async function runCheck(check: Check, table: RoutingTable): Promise<string[]> {
  const evaluation = expectedOf(check, table)
  if (evaluation.verdict === 'drop') return await compare(check, evaluation, table)
  const asked = () => answering.run(() => compare(check, evaluation, table))
  return evaluation.verdict === 'balance'
    ? await inTurn(check.origin.host, `${evaluation.route.family} ${evaluation.route.key}`, asked)
    : await asked()
}

/** What each host asks of a Service, by route. */
const lastAsked = new WeakMap<Host, Map<string, Promise<unknown>>>()

/**
 * One client asks one destination of a Service after the other. Two connections at the same time from one port of a client
 * to two addresses of a Service, which come to the same endpoint, are one to IPVS: on the way back it knows the client and
 * the endpoint only. Hosts choose ports at random, so that happened to one check in many thousands.
 */
async function inTurn<Result>(host: Host, route: string, ask: () => Promise<Result>): Promise<Result> {
  const routes = lastAsked.get(host) ?? new Map<string, Promise<unknown>>()
  lastAsked.set(host, routes)
  const before = routes.get(route)
  const turn = (async () => {
    await before
    return await ask()
  })()
  routes.set(
    route,
    turn.catch(() => {}),
  )
  return await turn
}

async function compare(check: Check, evaluation: Evaluation, table: RoutingTable): Promise<string[]> {
  if (check.ping === true) return await comparePing(check, evaluation, table)
  switch (evaluation.verdict) {
    case 'balance':
      return await compareBalance(check, evaluation, table)
    case 'reject':
      return await compareRefusal(check)
    case 'drop':
      return await compareSilence(check, evaluation)
    case 'none':
      return isOnNode(check, table) ? await compareRefusal(check) : await compareLeftAlone(check)
  }
}

/**
 * Asks until every endpoint has answered, and at least so often that an endpoint too many would hardly hide; gives up
 * when one that is due would have come with a probability of 1 - e^-25.
 */
async function compareBalance(
  check: Check,
  { endpoints, masquerade, route }: Evaluation & { verdict: 'balance' },
  table: RoutingTable,
): Promise<string[]> {
  const due = new Map(endpoints.map((endpoint) => [`${endpoint.address}|${endpoint.port}`, endpoint]))
  // Who hides every client behind the node says so, and rows that are about the client's address fail by it.
  const isGap = check.client !== 'node' && hidesClients(check)
  // With session affinity one client needn't see more than one endpoint; the affinity scenario tells the rest.
  const sticky = route.affinitySeconds !== undefined
  const missing = new Set(sticky ? [] : due.keys())
  const min = due.size === 1 ? 4 : 14
  const max = due.size === 1 || sticky ? min : Math.ceil(25 / -Math.log(1 - 1 / due.size)) + min
  for (let tries = 0; tries < max && (tries < min || missing.size > 0); tries += min) {
    const askAll = () =>
      Promise.all(Array.from({ length: min }, () => ask(check, check.testbed.timeouts.answerMs)))
    const answers = await askAll()
    for (const answer of answers) {
      if (answer.result !== 'answered') {
        const lost = answers.filter(({ result }) => result === answer.result)
        const how = `${answer.result} (${lost.length} of ${min} tries, after ${tries} good ones)`
        const evidence = await evidenceOf(check, lost, askAll)
        return [`${told(check)}: ${how}, due is an answer by ${[...due.keys()].join(' or ')}${evidence}`]
      }
      const by = `${answer.address}|${answer.port}`
      if (!due.has(by))
        return [
          `${told(check)}: answered by ${answer.host} ${by}, which is not one of ${[...due.keys()].join(', ')}`,
        ]
      missing.delete(by)
      const isNodes = masquerade || answer.address === check.origin.address || isGap
      const wrong = wrongSource(check, answer, isNodes, table)
      if (wrong !== undefined) return [`${told(check)}: ${by} saw ${wrong}`]
    }
  }
  return missing.size === 0
    ? []
    : [`${told(check)}: never reached ${[...missing].join(', ')} in ${max} tries`]
}

/**
 * What is masqueraded leaves with the node's address on the link that it leaves by. A connection of the node's own has
 * that address after masquerade only: the lab's node chose its source by the route to the Service's address, which is
 * another link than those to endpoints. One that a dataplane translates before the source is chosen has it as well.
 */
function wrongSource(
  { origin, client, family }: Check,
  answer: ProbeResult & { result: 'answered' },
  masquerade: boolean,
  table: RoutingTable,
): string | undefined {
  const seen = answer.seen.address
  if (masquerade) {
    const { podGateway, node } = network[family]
    const due = answer.host.startsWith('pod') ? podGateway : node.remote
    return seen === due ? undefined : `${seen}, due is ${due}, the node's address on the way there`
  }
  if (client === 'node')
    return table.localAddresses.has(canonical(seen)) ? undefined : `${seen}, due is an address of the node`
  return seen === origin.address ? undefined : `${seen}, due is the client's own address ${origin.address}`
}

async function compareRefusal(check: Check): Promise<string[]> {
  const { answerMs } = check.testbed.timeouts
  const answers = await Promise.all([ask(check, answerMs), ask(check, answerMs)])
  const wrong = answers.find(({ result }) => result !== 'refused')
  return wrong === undefined ? [] : [`${told(check)}: ${outcome(wrong)}, due is refused`]
}

/**
 * A dropped packet is one without an answer: until markers that were sent after it have come back from all who could
 * have given one, and none of these has seen it.
 */
async function compareSilence(check: Check, evaluation: Evaluation): Promise<string[]> {
  const { listening } = check.testbed
  const found = await Promise.all([1, 2].map(() => listening.run(() => listen(check, evaluation))))
  return [...new Set(found.flat())].slice(0, 1)
}

async function listen(check: Check, evaluation: Evaluation): Promise<string[]> {
  const { origin, client, testbed, family, protocol, address, port, ping } = check
  const { silenceMs, answerMs } = testbed.timeouts
  const answer = await origin.host.silence({
    ...(ping === true ? { ping: address } : { protocol, to: { address, port } }),
    ...(client === 'remotePod' ? { from: { address: origin.address } } : {}),
    markers: await testbed.markers(family),
    minMs: silenceMs,
    timeoutMs: answerMs,
  })
  if (answer.result === 'unknown') {
    const to = answer.unanswered.map((marker) => marker.address).join(', ')
    return [
      `${told(check)}: can't tell a drop from a late answer: what was sent to ${to} afterwards, past any Service, was not answered within ${answerMs} ms either; the machine is too busy`,
    ]
  }
  if (answer.result !== 'silence')
    return [
      `${told(check)}: ${answer.result === 'answered' && 'host' in answer ? outcome(answer) : answer.result}, due is to be dropped`,
    ]
  const { from, since } = answer
  if (from === undefined) return []
  const endpoints = 'route' in evaluation ? evaluation.route.endpoints : undefined
  const places = [{ address, port }, ...(endpoints?.cluster ?? []), ...(endpoints?.local ?? [])]
  const arrived = await testbed.arrived(places.map((at) => ({ protocol, from, at, since })))
  return arrived.map(
    (host) => `${told(check)}: there was no answer, but ${host} has got it, due is to be dropped`,
  )
}

function hidesClients({ testbed, keepsClientAddress = false }: Check): boolean {
  return !keepsClientAddress && testbed.dataplane.capabilities.gaps.clientAddress !== undefined
}

/** An untouched packet leaves by the default route, and the lab's internet answers. */
async function compareLeftAlone(check: Check): Promise<string[]> {
  const answer = await ask(check, check.testbed.timeouts.answerMs)
  const right = answer.result === 'answered' && answer.host === 'internet'
  return right
    ? []
    : [`${told(check)}: ${outcome(answer)}, due is to be left alone, so answered by the internet`]
}

async function comparePing(check: Check, evaluation: Evaluation, table: RoutingTable): Promise<string[]> {
  const { verdict } = evaluation
  if (verdict === 'drop') return await compareSilence(check, evaluation)
  const due = verdict === 'reject' ? 'unreachable' : 'answered'
  if (verdict === 'balance' || isOnNode(check, table))
    return [`${told(check)}: is not a claim that pings can prove`]
  const { result } = await check.origin.host.ping(check.address, {
    timeoutMs: check.testbed.timeouts.answerMs,
  })
  return result === due ? [] : [`${told(check)}: ${result}, due is ${due}`]
}

function ask({ origin, client, protocol, address, port }: Check, timeoutMs: number): Promise<ProbeResult> {
  return origin.host.probe({
    protocol,
    to: { address, port },
    timeoutMs,
    // The remote host has the addresses of many pods; every other one asks from its own.
    ...(client === 'remotePod' ? { from: { address: origin.address } } : {}),
  })
}

function isOnNode(check: Check, table: RoutingTable): boolean {
  return table.localAddresses.has(canonical(check.address))
}

function outcome(answer: ProbeResult): string {
  return answer.result === 'answered'
    ? `answered by ${answer.host} ${answer.address}|${answer.port}`
    : answer.result
}

function told({ client, protocol, address, port, ping }: Check): string {
  const to = address.includes(':') ? `[${address}]` : address
  return ping === true ? `${client} pings ${to}` : `${client} to ${to}:${port}/${protocol}`
}

function canonical(text: string): Address {
  const parsed = parseAddress(text)
  if (parsed === undefined) throw new Error(`${text} is not an address`)
  return parsed
}
