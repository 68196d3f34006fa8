import { addAbortListener } from 'node:events'
import { setTimeout as sleep } from 'node:timers/promises'
import type { DataplaneFactory, RoutingTable } from '@portolan/core'
import { ConntrackEntries, network } from '@portolan/lab'
import { type Check, runCheck } from '../check.ts'
import { mostEndpoints, plannedDestinations, targetPorts } from '../convergence/address-plan.ts'
import { play } from '../convergence/play.ts'
import type { RealNode } from '../convergence/random-sequence.ts'
import { realSubject } from '../convergence/real-subject.ts'
import type { Sequence } from '../convergence/sequence.ts'
import { createTestbed, type Testbed } from '../testbed.ts'
import type { Timeouts } from '../timeouts.ts'
import { dueText, evaluateQuestion, type Question, sourceOf } from './question.ts'

/** Pods of the node that are endpoints. */
const localHosts = ['pod0', 'pod1'] as const

/** What a sequence has to keep to, so that packets can be sent after it. */
export const realNode: RealNode = {
  localAddresses: [
    '127.0.0.1',
    '::1',
    ...Object.values(network).flatMap(({ node, podGateway }) => [...Object.values(node), podGateway]),
  ],
  listeningPods: localHosts.length,
}

export interface PacketLabOptions {
  readonly factory: DataplaneFactory
  readonly settings: Readonly<Record<string, string>>
  readonly timeouts: Timeouts
}

/** What was wrong after a sequence, and with which question; absent: with none, but before any packet. */
export interface Wrong {
  readonly text: string
  readonly question?: number
}

/** Nodes on which sequences are played, one after the other; packets tell what came of them. */
export class PacketLab {
  readonly #options: PacketLabOptions
  /** Pods by a bridge, and each by an interface of its own. */
  readonly #testbeds = new Map<'bridge' | 'routed', Promise<Testbed>>()
  /** Trials that go on, each until the dataplane has cleaned up after it. */
  readonly #playing = new Set<Promise<unknown>>()
  readonly #closing = new AbortController()
  #answerMs: number

  constructor(options: PacketLabOptions) {
    this.#options = options
    this.#answerMs = options.timeouts.answerMs
  }

  /**
   * Plays a sequence on an empty node, and then asks.
   *
   * @param answerMs how long an answer may take; default: as the options say
   * @returns the first that is wrong; `undefined`: all is well
   */
  async play(
    sequence: Sequence,
    questions: readonly Question[],
    answerMs = this.#options.timeouts.answerMs,
  ): Promise<Wrong | undefined> {
    this.#closing.signal.throwIfAborted()
    this.#answerMs = answerMs
    const playing = this.#play(sequence, questions)
    this.#playing.add(playing)
    try {
      return await playing
    } finally {
      this.#playing.delete(playing)
    }
  }

  /**
   * Ends what is being played, without its result, so that the dataplane cleans up first: what it has outside of a node's
   * network namespace outlives that.
   */
  async close(): Promise<void> {
    this.#closing.abort()
    const over = sleep(this.#options.timeouts.callMs, undefined, { ref: false })
    await Promise.race([Promise.allSettled(this.#playing), over])
    const testbeds = await Promise.allSettled(this.#testbeds.values())
    await Promise.all(testbeds.map((one) => (one.status === 'fulfilled' ? one.value.close() : undefined)))
  }

  async #play(sequence: Sequence, questions: readonly Question[]): Promise<Wrong | undefined> {
    const { factory, settings } = this.#options
    const { signal } = this.#closing
    const testbed = await this.#testbedFor(sequence)
    let wrongQuestion: number | undefined
    const subject = realSubject(factory, settings, testbed.lab.node.networkNamespace, signal)
    try {
      const text = await play(subject, sequence, async (table) => {
        const asking = questions.map((question) => ask(testbed, question, sequence, table(question.family)))
        // Answers may take long to come, and nobody waits for them any more.
        const answers = await unlessAborted(signal, Promise.all(asking))
        const index = answers.findIndex((wrong) => wrong !== undefined)
        if (index >= 0) wrongQuestion = index
        return answers[index]
      })
      if (text === undefined) return undefined
      return { text, ...(wrongQuestion === undefined ? {} : { question: wrongQuestion }) }
    } finally {
      await subject.close?.()
      this.#forgetFlows(testbed)
    }
  }

  #testbedFor({ node: { detector } }: Sequence): Promise<Testbed> {
    const kind = detector === 'interfacePrefix' ? 'routed' : 'bridge'
    const testbed = this.#testbeds.get(kind) ?? this.#create(detector)
    this.#testbeds.set(kind, testbed)
    return testbed
  }

  async #create(detector: Sequence['node']['detector']): Promise<Testbed> {
    const { factory, settings, timeouts } = this.#options
    const answerMs = () => this.#answerMs
    const testbed = await createTestbed({
      factory,
      settings,
      families: factory.capabilities.families,
      detector,
      // One node serves for both: in a hurry, and not.
      get timeouts() {
        return { ...timeouts, answerMs: answerMs() }
      },
    })
    try {
      await serveAll(testbed)
      return testbed
    } catch (error) {
      await testbed.close()
      throw error
    }
  }

  /** What one sequence's packets have left would decide about those of the next. */
  #forgetFlows({ lab, families }: Testbed): void {
    for (const family of families) {
      const entries = new ConntrackEntries(family, lab.node.networkNamespace)
      entries.removeAll()
      entries.close()
    }
  }
}

async function unlessAborted<Value>(signal: AbortSignal, waited: Promise<Value>): Promise<Value> {
  const aborted = Promise.withResolvers<never>()
  using _ = addAbortListener(signal, () => aborted.reject(signal.reason))
  return await Promise.race([waited, aborted.promise])
}

/** All that can be an endpoint answers, and so does the internet at all that can be a Service. */
async function serveAll(testbed: Testbed): Promise<void> {
  const { lab, families } = testbed
  const hosts = [
    ...localHosts,
    ...Array.from({ length: mostEndpoints }, (_, index) => `remote${index}` as const),
  ]
  const ofNode = new Set(realNode.localAddresses)
  await Promise.all([
    ...hosts.flatMap((host) =>
      targetPorts.map(({ protocol, port }) => testbed.serve(host, port, [protocol])),
    ),
    ...families.flatMap((family) =>
      plannedDestinations(family)
        .filter(({ address, protocol }) => !ofNode.has(address) && lab.supports(protocol))
        .map(({ address, protocol, port }) => {
          const everywhere = family === 'IPv4' ? '0.0.0.0' : '::'
          return testbed.serveAt(lab.internet, protocol, protocol === 'UDP' ? address : everywhere, port)
        }),
    ),
  ])
}

async function ask(
  testbed: Testbed,
  question: Question,
  sequence: Sequence,
  table: RoutingTable,
): Promise<string | undefined> {
  const { family, from, protocol, address, port, due } = question
  const says = dueText(evaluateQuestion(question, sequence, table))
  if (says !== due) return `${from} to ${address} ${port}/${protocol}: evaluate says "${says}", not "${due}"`
  const source = sourceOf(question, sequence)
  const check: Check = {
    client: from,
    origin: { host: testbed.origin(from, family).host, ...source },
    protocol,
    family,
    testbed,
    address,
    port,
  }
  const [wrong] = await runCheck(check, table)
  return wrong === undefined ? undefined : `${family}: ${wrong}`
}
