import type { Heard, SocketAddress } from '@portolan/lab'
import {
  type Conversation,
  conversationOf,
  type Destination,
  describeStep,
  isOfService,
  isSamePort,
  receiverOf,
  type Script,
  type Step,
} from './conversation.ts'
import { dueOf, portOf, type Transcript, tagOf } from './play.ts'
import { serviceNames } from './services.ts'
import type { World } from './world.ts'

/** The same script in two labs, whose only difference is the proxy. */
export interface Trial {
  readonly script: Script
  readonly world: World
  readonly number: number
  readonly proxied: Transcript
  readonly bare: Transcript
  /** The dataplane declares that endpoints see the node, whoever asks. */
  readonly hidesClients?: true
  /** Leaves the ports that endpoints and strangers see open everywhere. */
  readonly ignoresPorts?: true
}

/**
 * What the proxy has done that it should not have. What is said to Services must be what the reference says; all else,
 * to the last address and port, what it is without a proxy.
 *
 * One thing is left open: the source port that an endpoint sees. No two connections may look the same to it, so a direct
 * one beside one through a Service, from the same port, is given another source port by the kernel's connection
 * tracking, of which its client is shown nothing. To the node's own connections that happens beside any connection that
 * was masqueraded and got the same port by chance.
 *
 * @returns sentences; none: all is well
 */
export function judge(trial: Trial): string[] {
  const { script, proxied, bare } = trial
  if (bare.silentAfter !== undefined) {
    const step = script.steps[bare.silentAfter] as Step
    return [`without any proxy: ${describeStep(step, conversationOf(script, step.of))}: no answer came`]
  }
  const played = proxied.silentAfter === undefined ? script.steps.length : proxied.silentAfter + 1
  const found = script.steps.slice(0, played).flatMap((step, index) => {
    const conversation = conversationOf(script, step.of)
    const wrong = judgeStep(trial, step, index, conversation)
    return wrong.map((sentence) => `${index + 1}. ${describeStep(step, conversation)}: ${sentence}`)
  })
  return [...found, ...strayed(trial, played)]
}

function judgeStep(trial: Trial, step: Step, index: number, conversation: Conversation): string[] {
  const to = receiverOf(step, conversation)
  const [seen, due] = [trial.proxied, trial.bare].map(({ outcomes }) => outcomes[index])
  if (step.do === 'end') {
    // Of what there is no other to compare with nothing is left to say: the server's record tells of the end.
    const isMixed = conversation.to !== undefined && isOfService(conversation.to)
    return isMixed || conversation.protocol === 'UDP' ? [] : differing(errorsOf(seen), errorsOf(due))
  }
  if (to === undefined) {
    return step.do === 'open' ? differing(openedOf(seen), openedOf(due)) : []
  }
  if (isOfService(to)) return judgeService(trial, step, index, conversation, to)
  if (step.do === 'open') return differing(openedOf(seen), openedOf(due))
  if (step.do === 'ping') return differing(pingOf(seen), pingOf(due))
  return judgeDirect(trial, index, conversation, to)
}

/** What a tag's question and answer looked like to each host. */
function viewOf(
  trial: Trial,
  transcript: Transcript,
  index: number,
  portSeen: (from: SocketAddress) => string,
): string[] {
  const tag = tagOf(trial, index)
  const answers = answersOf(transcript, tag).map(
    ({ from, bytes, intact, by }) =>
      `heard ${bytes} ${intact ? '' : 'damaged '}bytes from ${told(from)}${by === undefined ? '' : `, by ${by.host}`}`,
  )
  const records = transcript.overheard
    .filter((one) => one.tag === tag || one.tag === `the answer to ${tag}`)
    .map((one) => {
      const at = `${one.host} ${told(one.at)}`
      const from = `${one.from.address} ${portSeen(one.from)}`
      if (one.ended !== undefined) return `${at} saw the end of it: ${one.ended}`
      const what = one.tag === tag ? '' : 'the answer, '
      return `${at} saw ${what}${one.bytes} ${one.intact === false ? 'damaged ' : ''}bytes from ${from}`
    })
  const errors = errorsOf(transcript.outcomes[index])
  return [...answers, ...records, ...(errors === '' ? [] : [errors])]
}

function judgeDirect(trial: Trial, index: number, conversation: Conversation, to: Destination): string[] {
  const own = portOf(conversation.port, trial.number)
  const portSeen = ({ port }: SocketAddress) => (port === own ? 'at its port' : 'at another port')
  const anyPort = () => 'at any port'
  const exactly = viewOf(trial, trial.bare, index, portSeen)
  const isOpen =
    trial.ignoresPorts === true ||
    exactly.some((line) => line.includes('at another port')) ||
    hasTwin(trial, index, conversation, to)
  const due = isOpen ? viewOf(trial, trial.bare, index, anyPort) : exactly
  const seen = viewOf(trial, trial.proxied, index, isOpen ? anyPort : portSeen)
  return differing(seen.toSorted().join('; '), due.toSorted().join('; '))
}

/** Whether a connection through a Service may look the same to an endpoint. */
function hasTwin(trial: Trial, index: number, conversation: Conversation, to: Destination): boolean {
  const { script, world } = trial
  const address = world.addressOf(to)
  const isEndpoint = serviceNames.some((name) => world.endpointsOf(name).some((one) => isSame(one, address)))
  if (conversation.from === 'node' && isEndpoint) return true
  return script.steps.slice(0, index).some((step) => {
    const other = conversationOf(script, step.of)
    const run = receiverOf(step, other)
    if (run === undefined || !isOfService(run) || !isSamePort(conversation, other)) return false
    return world.endpointsOf(run.service).some((one) => isSame(one, address))
  })
}

function judgeService(
  trial: Trial,
  step: Step,
  index: number,
  conversation: Conversation,
  to: Destination,
): string[] {
  const { world, proxied } = trial
  const { from, protocol } = conversation
  if (protocol === 'ICMP' || step.do === 'ping') return []
  const evaluation = world.evaluate(from, to, protocol)
  const tag = tagOf(trial, index)
  const outcome = proxied.outcomes[index]
  const records = proxied.overheard.filter((one) => one.ended === undefined && one.tag === tag)
  const answers = answersOf(proxied, tag)
  // That the server closes was asked for.
  const errors = errorsOf(outcome).replace(/^end$/, '')
  if (evaluation.verdict !== 'balance') {
    const wrong = records.map((one) => `${one.host} ${told(one.at)} got it; due is ${evaluation.verdict}`)
    if (proxied.unmarked.includes(index))
      wrong.push('what was sent to its endpoints directly after it was lost')
    const isRefused = [openedOf(outcome), errors].some(isRefusal)
    const isLast = step.do === 'say' || protocol === 'TCP'
    if (
      dueOf(world, conversation, to) === 'refusal' &&
      isLast &&
      !isRefused &&
      !wasRefusedBefore(trial, index, step.of)
    )
      wrong.push(`${openedOf(outcome) || errors || 'nothing heard'}; due is a refusal`)
    return wrong
  }
  if (step.do === 'open') return differing(openedOf(outcome), 'open')
  if (outcome === undefined) return ['it could not be said; see above']
  const frontend = world.addressOf(to)
  const due = `one answer from ${told(frontend)}`
  const [answer] = answers
  if (answer === undefined || answers.length > 1 || errors !== '')
    return [
      `${answers.map((one) => `an answer from ${told(one.from)}`).join(', ') || 'no answer'} ${errors}; due is ${due}`,
    ]
  const wrong: string[] = []
  if (!isSame(answer.from, frontend))
    wrong.push(`the answer seems to come from ${told(answer.from)}; due is ${due}`)
  if (!answer.intact) wrong.push('the answer is damaged')
  const { by } = answer
  const isMember = evaluation.endpoints.some(
    ({ address, port }) => by !== undefined && isSame({ address, port }, by.at),
  )
  if (!isMember)
    wrong.push(`answered by ${by?.host} ${by === undefined ? '' : told(by.at)}, which is no endpoint of it`)
  if (by !== undefined) {
    const origin = world.origin(from).address
    const isHidden = evaluation.masquerade || trial.hidesClients === true
    const nodes = isHidden || from === 'node' || by.at.address === origin
    if (nodes ? !world.isLocal(by.saw.address) : by.saw.address !== origin)
      wrong.push(`the endpoint saw ${told(by.saw)}; due is ${nodes ? 'an address of the node' : origin}`)
  }
  if (records.length !== 1 || records[0]?.intact === false)
    wrong.push(
      `the endpoints saw it ${records.length} times${records[0]?.intact === false ? ', damaged' : ''}`,
    )
  return wrong
}

/** The second: by the sender's own rules, before the datagram was a packet. */
function isRefusal(text: string): boolean {
  return text.includes('ECONNREFUSED') || text.includes('EPERM')
}

/** A connected UDP socket may be told at once, when it connects, or by its first message. */
function wasRefusedBefore({ proxied, script }: Trial, index: number, id: number): boolean {
  return script.steps.slice(0, index).some((step, at) => {
    const outcome = proxied.outcomes[at]
    return step.of === id && [openedOf(outcome), errorsOf(outcome)].some(isRefusal)
  })
}

/** Messages that reached a host for which they were not meant. */
function strayed({ script, world, number, proxied }: Trial, played: number): string[] {
  const tags = new Set(script.steps.map((_, index) => tagOf({ world, number }, index)))
  const lost: string[] = []
  for (const [index, outcome] of proxied.outcomes.slice(0, played).entries()) {
    if (outcome === undefined || !('heard' in outcome)) continue
    const step = script.steps[index] as Step
    for (const one of outcome.heard) {
      if (one.what !== 'message') continue
      const asked = [...tags].indexOf(one.tag)
      const isOwn = asked >= 0 && script.steps[asked]?.of === step.of
      if (!isOwn)
        lost.push(`socket ${step.of} heard "${one.tag}" from ${told(one.from)}, which it had not asked`)
    }
  }
  return [
    ...lost,
    ...proxied.overheard
      .filter(({ tag }) => tag.startsWith('the answer to '))
      .map((one) => `${one.host} ${told(one.at)} got ${one.tag} from ${told(one.from)}`),
  ]
}

function answersOf(transcript: Transcript, tag: string): (Heard & { what: 'message' })[] {
  return transcript.outcomes.flatMap((outcome) =>
    outcome !== undefined && 'heard' in outcome
      ? outcome.heard.filter((one) => one.what === 'message').filter((one) => one.tag === tag)
      : [],
  )
}

function openedOf(outcome: Transcript['outcomes'][number]): string {
  return outcome !== undefined && 'opened' in outcome ? outcome.opened : ''
}

function pingOf(outcome: Transcript['outcomes'][number]): string {
  return outcome !== undefined && 'ping' in outcome ? outcome.ping : ''
}

function errorsOf(outcome: Transcript['outcomes'][number]): string {
  if (outcome === undefined || !('heard' in outcome)) return ''
  return outcome.heard
    .map((one) => (one.what === 'error' ? one.code : one.what === 'message' ? '' : one.what))
    .filter((text) => text !== '')
    .join(', ')
}

function differing(seen: string, due: string): string[] {
  return seen === due ? [] : [`${seen || 'nothing'}; without a proxy: ${due || 'nothing'}`]
}

function isSame(one: SocketAddress, other: SocketAddress): boolean {
  return one.address === other.address && one.port === other.port
}

function told({ address, port }: SocketAddress): string {
  return address.includes(':') ? `[${address}]:${port}` : `${address}:${port}`
}
