import type { Endpoint } from '@portolan/core'
import { ApplyError } from '@portolan/core'
import test from 'ava'
import type { Step } from '../compile/step.ts'
import { applySteps, type SendBatch } from '../kernel/netlink-steps.ts'
import type { SetElement } from '../layout/element.ts'
import { KernelModel } from './kernel-model.ts'

const place = { address: '10.96.0.1', protocol: 'TCP', port: 80 } as never
const terms = { scheduler: 'rr', flags: 0x20, timeoutSeconds: 0 }
const endpoint = (address: string) => ({ address, port: 8080, local: false }) as Endpoint
const server: Step = { do: 'add-server', place, terms }
const add = (address: string): Step => ({ do: 'add-destination', place, endpoint: endpoint(address) })
const element: SetElement = { set: 'SERVED', element: { destination: place } }
/** There is no such set, so the kernel refuses it. */
const refused: Step = { do: 'add-element', ...element }

/** A kernel in which some steps have been done. */
function kernelWith(...steps: readonly Step[]): { kernel: KernelModel; send: SendBatch } {
  const kernel = new KernelModel()
  const send: SendBatch = (batch) => kernel.send('IPv4', batch)
  applySteps('IPv4', steps, send)
  return { kernel, send }
}

const weights = (kernel: KernelModel) =>
  [...kernel.servers('IPv4').values()].flatMap(({ destinations }) =>
    [...destinations].map(([key, { weight }]) => `${key} ${weight}`),
  )

test('what was done before a refused step is taken back, and the error names the step', (t) => {
  const { kernel, send } = kernelWith()
  const error = t.throws(() => applySteps('IPv4', [server, add('10.1.0.2'), refused], send), {
    instanceOf: ApplyError,
  })
  t.regex(error?.message ?? '', /refused "add PORTOLAN-IPVS-SERVED 10\.96\.0\.1,tcp:80": .*\(ENOENT\)$/)
  t.is(kernel.servers('IPv4').size, 0)
})

test('a destination that was draining and was only weighed anew drains again when the program is taken back', (t) => {
  const { kernel, send } = kernelWith(server, add('10.1.0.2'), {
    do: 'weigh-destination',
    place,
    endpoint: endpoint('10.1.0.2'),
    weight: 0,
  })
  t.throws(() => applySteps('IPv4', [add('10.1.0.2'), refused], send))
  t.deepEqual(weights(kernel), ['10.1.0.2|8080 0'])
})

test('a destination that had gone by itself does not come back when the program is taken back', (t) => {
  const { kernel, send } = kernelWith(server, add('10.1.0.2'))
  const gone: Step = { do: 'delete-destination', place, endpoint: endpoint('10.1.0.3') }
  t.throws(() => applySteps('IPv4', [gone, refused], send))
  t.deepEqual(weights(kernel), ['10.1.0.2|8080 1'])
})

test('a draining destination that was deleted drains again when the program is taken back', (t) => {
  const drained: Step = { do: 'delete-destination', place, endpoint: endpoint('10.1.0.2'), weight: 0 }
  const draining: Step = { ...drained, do: 'weigh-destination', weight: 0 }
  const { kernel, send } = kernelWith(server, add('10.1.0.2'), draining)
  t.throws(() => applySteps('IPv4', [drained, refused], send))
  t.deepEqual(weights(kernel), ['10.1.0.2|8080 0'])
})

test('what the kernel refuses to take back is told', (t) => {
  const { kernel, send } = kernelWith()
  const failing: SendBatch = (batch) => {
    const [first] = batch
    if (first?.do === 'delete-destination') return { bytes: 0, refused: new Map([[0, 16]]) }
    return send(batch)
  }
  const error = t.throws(() => applySteps('IPv4', [server, add('10.1.0.2'), refused], failing), {
    instanceOf: ApplyError,
  })
  t.regex(error?.message ?? '', /; and it could not be undone completely: "-d .*10\.1\.0\.2:8080.*": /)
  t.is(kernel.servers('IPv4').size, 0)
})
