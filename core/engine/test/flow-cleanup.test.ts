import test from 'ava'
import { ApplyError, contractVersion, type Dataplane } from '../../dataplane/contract.ts'
import { ipFamilies, parseAddress } from '../../network/address.ts'
import { TableBuilder } from '../../table/builder/table-builder.ts'
import {
  exampleEndpoint,
  examplePort,
  exampleService,
  exampleSlice,
} from '../../table/builder/test/example-records.ts'
import { type FlowAddress, flowAddressKey, type UdpFlows } from '../../table/udp-flows.ts'
import { Engine } from '../engine.ts'
import type { EngineObserver, FlowsFailed, FlowsForgotten } from '../observer.ts'
import { FakeTiming } from './fake-timing.ts'

/** What a dataplane was asked for, in its order, and how it does that. */
class Recorder {
  readonly calls: string[] = []
  readonly signals: AbortSignal[] = []
  onApply: () => Promise<void> = async () => {}
  onForget: () => Promise<void> = async () => {}
  readonly dataplane: Dataplane = {
    name: 'recorder',
    contractVersion,
    capabilities: { families: ipFamilies, protocols: ['TCP', 'UDP'], gaps: {} },
    probe: async () => ({ usable: true, problems: [], facts: {} }),
    start: async () => {},
    stop: async () => {},
    cleanup: async () => ({ removed: [] }),
    observe: async () => ({}),
    isUnchanged: async () => true,
    compile: ({ family }) => ({ family, operations: 1, findings: [], degraded: [] }),
    reconcile: (_, { family }) => ({ family, operations: 1, findings: [], degraded: [] }),
    print: () => '',
    trace: () => [],
    apply: async () => {
      this.calls.push('apply')
      await this.onApply()
      return { operations: 1, bytes: 0, degraded: [] }
    },
    forgetFlows: async (_, flows) => {
      this.signals.push(flows.signal)
      this.calls.push(describe(flows))
      await this.onForget()
      return { read: 10, deleted: 2 }
    },
  }
}

function describe({ serversAt, suspects }: UdpFlows): string {
  const list = (all: readonly FlowAddress[]) => all.map(flowAddressKey).join(' ')
  const may = serversAt(clusterIP, 53).map(list)
  const which =
    suspects === undefined ? 'all' : `from ${list(suspects.answeredBy)} to ${list(suspects.sentTo)}`
  return `forget ${which.trim()}: ${may.join(', ')}`
}

const clusterIP = parseAddress('10.96.0.1')!

const dns = exampleService({
  key: 'kube-system/dns',
  ports: [{ ...examplePort, protocol: 'UDP', port: 53 }],
})
const endpoints = (...list: ReturnType<typeof exampleEndpoint>[]) =>
  exampleSlice(list, {
    key: 'kube-system/dns-1',
    serviceKey: dns.key,
    ports: [{ name: '', protocol: 'UDP', port: 53 }],
  })
const [one, two] = [exampleEndpoint('10.1.0.1'), exampleEndpoint('10.1.0.2')]
const leaving = { ready: false, terminating: true }

async function bench() {
  const builder = new TableBuilder({ family: 'IPv4', nodeName: 'here', podSource: { by: 'none' } })
  const recorder = new Recorder()
  const timing = new FakeTiming()
  const forgotten: FlowsForgotten[] = []
  const failed: FlowsFailed[] = []
  const observer: EngineObserver = {
    onFlowsForgotten: (what) => void forgotten.push(what),
    onFlowsFailed: (what) => void failed.push(what),
  }
  const engine = new Engine({
    dataplane: recorder.dataplane,
    tables: { IPv4: builder },
    timing,
    observer,
  })
  /** The calls that it leads to within so many milliseconds. */
  const slice = async (milliseconds: number, ...list: Parameters<typeof endpoints>) => {
    builder.setSlice(endpoints(...list))
    engine.notify('IPv4')
    await timing.pass(milliseconds)
    return recorder.calls.splice(0)
  }
  builder.setService(dns)
  builder.setSlice(endpoints(one, two))
  engine.start()
  await timing.pass(0)
  return { builder, engine, failed, forgotten, recorder, slice, timing, first: recorder.calls.splice(0) }
}

test('the first pass comes after the first apply, and looks at all flows to any destination', async (t) => {
  const { first, forgotten } = await bench()
  t.deepEqual(first, ['apply', 'forget from  to 10.96.0.1|53: 10.1.0.1|53 10.1.0.2|53'])
  t.deepEqual(forgotten, [{ family: 'IPv4', read: 10, deleted: 2, took: 0 }])
})

test('an endpoint that goes is looked for after the apply; one that only comes is not', async (t) => {
  const { slice } = await bench()
  const three = exampleEndpoint('10.1.0.3')
  t.deepEqual(await slice(0, one, two, three), ['apply'])
  t.deepEqual(await slice(0, two, three), ['apply', 'forget from 10.1.0.1|53 to: 10.1.0.2|53 10.1.0.3|53'])
})

test('an endpoint that terminates keeps its flows for as long as it serves, though no route leads there', async (t) => {
  const { slice } = await bench()
  t.deepEqual(await slice(0, { ...one, ...leaving }, two), ['apply'])
  t.deepEqual(
    await slice(0, { ...one, ...leaving, serving: false }, two),
    ['forget from 10.1.0.1|53 to: 10.1.0.2|53'],
    'the kernel leads new flows as before, so there is nothing to apply',
  )
})

test('the last endpoint of a Service takes its flows along', async (t) => {
  const { slice } = await bench()
  t.deepEqual(await slice(0), ['apply', 'forget from 10.1.0.1|53 10.1.0.2|53 to: '])
})

test('a Service of TCP alone asks for nothing, nor does a dataplane without the method', async (t) => {
  for (const [service, dataplane] of [
    [exampleService(), {}],
    [dns, { forgetFlows: undefined }],
  ] as const) {
    const recorder = new Recorder()
    const builder = new TableBuilder({ family: 'IPv4', nodeName: 'here', podSource: { by: 'none' } })
    builder.setService(service)
    const timing = new FakeTiming()
    const engine = new Engine({
      dataplane: { ...recorder.dataplane, ...dataplane } as Dataplane,
      tables: { IPv4: builder },
      timing,
    })
    engine.start()
    await timing.pass(10_000)
    t.deepEqual(recorder.calls, ['apply'])
  }
})

test('flows wait for an apply that fails: the kernel would lead them to the same place again', async (t) => {
  const { recorder, slice, timing } = await bench()
  recorder.onApply = async () => {
    recorder.onApply = async () => {}
    throw new ApplyError('refused')
  }
  t.deepEqual(await slice(0, two), ['apply'])
  await timing.pass(1000)
  t.deepEqual(recorder.calls, ['apply', 'forget from 10.1.0.1|53 to: 10.1.0.2|53'])
})

test('a pass holds up no apply; what comes meanwhile is one pass after it, and a rest', async (t) => {
  const { recorder, slice, timing } = await bench()
  const pass = Promise.withResolvers<void>()
  recorder.onForget = () => pass.promise
  await slice(0, two)
  recorder.onForget = async () => {}
  const three = exampleEndpoint('10.1.0.3')
  t.deepEqual(await slice(50, two, three), ['apply'])
  t.deepEqual(await slice(50, three), ['apply'])
  t.deepEqual(await slice(0), ['apply'])
  pass.resolve()
  await timing.pass(399)
  t.deepEqual(recorder.calls, [], 'a pass of 100 ms rests for 400 ms')
  await timing.pass(1)
  t.deepEqual(recorder.calls, ['forget from 10.1.0.2|53 10.1.0.3|53 to: '])
})

test('a pass that fails is told, and the same flows are looked for again, later each time', async (t) => {
  const { failed, forgotten, recorder, slice, timing } = await bench()
  recorder.onForget = async () => {
    throw new Error('no memory')
  }
  await slice(0, two)
  await timing.pass(2999)
  recorder.onForget = async () => {}
  const asked = 'forget from 10.1.0.1|53 to: 10.1.0.2|53'
  t.deepEqual(recorder.calls.splice(0), [asked])
  t.deepEqual(
    failed.map(({ error, failures, retryIn }) => [String(error), failures, retryIn]),
    [
      ['Error: no memory', 1, 1000],
      ['Error: no memory', 2, 2000],
    ],
  )
  await timing.pass(1)
  t.deepEqual(recorder.calls, [asked])
  const ended = recorder.signals.slice(-3).map(({ aborted }) => aborted)
  t.deepEqual(ended, [true, true, false], 'what is given up must not go on beside the next')
  t.is(forgotten.length, 2)
  t.is(failed.length, 2)
})

test('a stop tells the pass under way, and waits for it', async (t) => {
  const { engine, recorder, slice, timing } = await bench()
  const pass = Promise.withResolvers<void>()
  recorder.onForget = () => pass.promise
  await slice(0, two)
  let isStopped = false
  const stopped = engine.stop().then(() => {
    isStopped = true
  })
  await timing.pass(100)
  t.true(recorder.signals.at(-1)?.aborted)
  t.false(isStopped)
  pass.resolve()
  await stopped
})
