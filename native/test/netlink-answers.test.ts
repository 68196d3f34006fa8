import test from 'ava'
import fc from 'fast-check'
import {
  messageFlag,
  messageType,
  type NetlinkAck,
  NetlinkProtocolError,
  NetlinkSocket,
  NetlinkWriter,
  readMessages,
  readWhole,
  SystemCallError,
} from '../index.ts'
import {
  errno,
  errorMessage,
  FakeNetlinkKernel,
  type Mischief,
  message,
  type Received,
  request,
} from './fake-netlink-kernel.ts'

/** What spoils the answers to one question. All numbers are taken modulo what there is. */
interface Spoilt {
  readonly by: keyof typeof mischiefs
  readonly at: number
  readonly size: number
}

const datagram = (bytes: Buffer): Received => ({ bytes })
const bytesOf = (one: Received | undefined): Buffer =>
  one !== undefined && 'bytes' in one ? one.bytes : Buffer.alloc(0)

/** Every answer again, with its messages' headers changed: as another socket's, or another question's. */
function forged(answers: readonly Received[], change: (bytes: Buffer, offset: number) => void): Received[] {
  return answers.map((one) => {
    const bytes = Buffer.from(bytesOf(one))
    let offset = 0
    for (const { payload } of readMessages(bytes)) {
      change(bytes, offset)
      offset += 16 + payload.length
    }
    return datagram(bytes)
  })
}

/** An acknowledgement for every message of the last few questions, but for none of the present one. */
function stale(answers: readonly Received[]): Received[] {
  const [first] = readMessages(bytesOf(answers[0]))
  if (first === undefined) return []
  const numbers = Array.from({ length: 8 }, (_, index) => first.sequence - 4 - index)
  return numbers
    .filter((number) => number > 0)
    .map((number) => datagram(errorMessage(number, first.portId, 0)))
}

/** `passes`: a question must be answered rightly in spite of it. Otherwise it may also fail, but never be wrong. */
const mischiefs = {
  nothing: { passes: true, of: () => (queued, answers) => [...queued, ...answers] },
  leftoversFirst: { passes: true, of: () => (queued, answers) => [...stale(answers), ...queued, ...answers] },
  othersPortFirst: {
    passes: true,
    of: () => (queued, answers) => {
      const acknowledged = forged(answers, (bytes, offset) => bytes.writeUInt32LE(77, offset + 12))
      return [...queued, ...acknowledged, ...answers]
    },
  },
  endAgain: { passes: true, of: () => (queued, answers) => [...queued, ...answers, ...answers.slice(-1)] },
  betweenOthers: {
    passes: true,
    of: () => (queued, answers) => [...queued, ...answers.flatMap((one) => [...stale([one]), one])],
  },
  otherOrderBefore: { passes: true, of: () => (queued, answers) => [...queued.toReversed(), ...answers] },
  silence: { passes: false, of: () => (queued) => queued },
  onlyLeftovers: { passes: false, of: () => (queued, answers) => [...queued, ...stale(answers)] },
  endLost: { passes: false, of: () => (queued, answers) => [...queued, ...answers.slice(0, -1)] },
  /** The kernel tells of the loss first, and then gives what it has kept. */
  overrun: {
    passes: false,
    of:
      ({ at }) =>
      (queued, answers) => [
        { errno: errno.noBufferSpace },
        ...queued,
        ...answers.filter((_, index) => index !== at % answers.length),
      ],
  },
  failedReceive: {
    passes: false,
    of:
      ({ at }) =>
      (queued, answers) => [...queued, ...answers.toSpliced(at % answers.length, 0, { errno: 4097 })],
  },
  cutShort: {
    passes: false,
    of:
      ({ at, size }) =>
      (queued, answers) => [
        ...queued,
        ...answers.map((one, index) => {
          const bytes = bytesOf(one)
          return index === at % answers.length
            ? datagram(bytes.subarray(0, bytes.length - 1 - (size % 15)))
            : one
        }),
      ],
  },
  /** Longer than the buffer at first. */
  tooLong: {
    passes: false,
    of: ({ at, size }) => {
      const padding = message(messageType.nothing, 0, 0, 0, Buffer.alloc(256 * 1024 + size))
      return (queued, answers) => [
        ...queued,
        ...answers.map((one, index) =>
          index === at % answers.length ? datagram(Buffer.concat([bytesOf(one), padding])) : one,
        ),
      ]
    },
  },
  noise: {
    passes: false,
    of:
      ({ at, size }) =>
      (queued, answers) => {
        const bytes = Buffer.from(
          Array.from({ length: size % 64 }, (_, index) => (at * 31 + index * 7) & 255),
        )
        return [...queued, ...answers.toSpliced(at % answers.length, 0, datagram(bytes))]
      },
  },
  errorAmidst: {
    passes: false,
    of:
      ({ at }) =>
      (queued, answers) => {
        const [first] = readMessages(bytesOf(answers[0]))
        const error = datagram(errorMessage(first?.sequence ?? 0, first?.portId ?? 0, errno.invalid))
        return [...queued, ...answers.toSpliced(at % answers.length, answers.length, error)]
      },
  },
} as const satisfies Record<string, { passes: boolean; of: (spoilt: Spoilt) => Mischief }>

const questions = ['change', 'refusedChange', 'get', 'dump', 'abandonedDump'] as const

interface Turn {
  readonly ask: (typeof questions)[number]
  readonly messages: number
  readonly spoilt: Spoilt
}

const turns: fc.Arbitrary<Turn[]> = fc.array(
  fc.record({
    ask: fc.constantFrom(...questions),
    messages: fc.integer({ min: 1, max: 5 }),
    spoilt: fc.record({
      by: fc.constantFrom(...(Object.keys(mischiefs) as (keyof typeof mischiefs)[])),
      at: fc.nat(20),
      size: fc.nat(100),
    }),
  }),
  { minLength: 1, maxLength: 12 },
)

class Refused extends Error {}

function ofNumbers(type: number, numbers: readonly number[], flags = 0): NetlinkWriter {
  const writer = new NetlinkWriter()
  let start = 0
  for (const number of numbers) {
    start = writer.beginMessage(type, messageFlag.request | flags)
    writer.uint32(number)
    writer.endMessage(start)
  }
  writer.addMessageFlags(start, messageFlag.ack)
  return writer
}

const refused = ({ errno: number }: NetlinkAck) => new Refused(String(number))

/** What one question came to; that of a kernel whose answers nothing spoils is the one that is right. */
function outcome(socket: NetlinkSocket, kernel: FakeNetlinkKernel, turn: Turn, first: number): unknown {
  const numbers = Array.from({ length: turn.messages }, (_, index) => first + index)
  switch (turn.ask) {
    case 'change':
    case 'refusedChange': {
      const batch = ofNumbers(request[turn.ask], numbers)
      const errors = socket.transact(batch.bytes, batch.sequence)
      const applied = numbers.every((number) => kernel.applied.has(number))
      return { applied, said: errors.length === 0, places: errors.map(({ sequence }) => sequence) }
    }
    case 'get':
      return socket.ask(ofNumbers(request.get, [first]).bytes, refused).payload.readUInt32LE(0)
    case 'dump':
    case 'abandonedDump': {
      const { bytes } = ofNumbers(request.dump, [first], messageFlag.dump)
      const steps = turn.ask === 'dump' ? Number.POSITIVE_INFINITY : turn.messages
      const read = () => {
        const found: number[] = []
        if (steps === 0) return found
        for (const { payload } of socket.dump(bytes, refused)) {
          found.push(payload.readUInt32LE(0))
          if (found.length === steps) break
        }
        return found
      }
      return turn.spoilt.by === 'tooLong' ? readWhole(read) : read()
    }
  }
}

function expected(kernel: FakeNetlinkKernel, turn: Turn, first: number): unknown {
  switch (turn.ask) {
    case 'change':
      return { applied: true, said: true, places: [] }
    case 'refusedChange':
      return {
        applied: false,
        said: false,
        places: Array.from({ length: turn.messages }, (_, index) => index + 1),
      }
    case 'get':
      return first + kernel.held.length
    case 'dump':
      return kernel.held
    case 'abandonedDump':
      return kernel.held.slice(0, turn.messages)
  }
}

test('whatever becomes of answers on their way, none is taken for another question, and none spoilt for whole', (t) => {
  let [asked, failed] = [0, 0]
  fc.assert(
    fc.property(turns, fc.nat(40), fc.integer({ min: 1, max: 8 }), (sequence, count, perDatagram) => {
      const kernel = new FakeNetlinkKernel(
        Array.from({ length: count }, (_, index) => 7 * index + 1),
        perDatagram,
      )
      const socket = new NetlinkSocket({ protocol: 0, sendBufferBytes: 0 }, kernel.open)
      const undisturbed = { by: 'nothing', at: 0, size: 0 } as const
      for (const [index, turn] of sequence.entries()) {
        // Each is asked once more with nothing in its way: whatever has happened, the next one is answered.
        for (const one of [turn, { ...turn, spoilt: undisturbed }]) {
          const first = 1000 * (index + 1) + (one === turn ? 0 : 500)
          const { passes, of } = mischiefs[one.spoilt.by]
          kernel.mischief = of(one.spoilt)
          asked++
          let got: unknown
          try {
            got = outcome(socket, kernel, one, first)
          } catch (error) {
            failed++
            const told = error instanceof NetlinkProtocolError || error instanceof SystemCallError
            const isRefusal = one.spoilt.by === 'errorAmidst' && error instanceof Refused
            if (passes || !(told || isRefusal)) throw error
            continue
          }
          // An error in place of what followed is what the kernel says, of changes as well.
          if (one.spoilt.by === 'errorAmidst' && one.ask.endsWith('hange')) continue
          const right = expected(kernel, one, first)
          // A refusal whose last words are lost is one still.
          if (one.ask === 'refusedChange' && one.spoilt.by === 'endLost')
            t.like(got, { applied: false, said: false })
          else t.deepEqual(got, right, `${one.ask}, ${one.spoilt.by}`)
        }
      }
      socket.close()
    }),
    { numRuns: 3000 },
  )
  t.log(`${asked} questions, of which ${failed} ended with an error as they had to`)
  t.true(failed > asked / 20)
})

test('numbers go on over many questions, and at the end of their range with a fresh socket', (t) => {
  const seen: { readonly port: number; readonly number: number }[] = []
  const kernel = new FakeNetlinkKernel([], 1)
  const open = () => {
    const channel = kernel.open()
    return {
      ...channel,
      send: (batch: Buffer) => {
        for (const { sequence } of readMessages(batch)) seen.push({ port: channel.portId, number: sequence })
        channel.send(batch)
      },
    }
  }
  const last = 0xffff_ffff
  const socket = new NetlinkSocket({ protocol: 0, sendBufferBytes: 0 }, open, last - 300)
  for (let turn = 0; turn < 110; turn++) {
    const batch = ofNumbers(request.change, [1, 2, 3])
    t.deepEqual(socket.transact(batch.bytes, 3), [])
  }
  const ports = [...new Set(seen.map(({ port }) => port))]
  const numbers = ports.map((port) => seen.filter((one) => one.port === port).map(({ number }) => number))
  t.is(numbers.length, 2)
  for (const [index, begin] of [last - 299, 1].entries()) {
    t.deepEqual(
      numbers[index],
      numbers[index]!.map((_, place) => begin + place),
    )
  }
  t.is(numbers.flat().length, 330)
})

test('a dump between whose steps something else is asked says that it was given up', (t) => {
  const kernel = new FakeNetlinkKernel([1, 2, 3], 1)
  const socket = new NetlinkSocket({ protocol: 0, sendBufferBytes: 0 }, kernel.open)
  const dump = socket.dump(ofNumbers(request.dump, [0], messageFlag.dump).bytes, refused)
  t.is(dump.next().value?.payload.readUInt32LE(0), 1)
  t.is(socket.ask(ofNumbers(request.get, [5]).bytes, refused).payload.readUInt32LE(0), 8)
  t.throws(() => dump.next(), { code: 'NETLINK_ABANDONED' })
  t.is(socket.ask(ofNumbers(request.get, [5]).bytes, refused).payload.readUInt32LE(0), 8)
})
