import { Session } from 'node:inspector/promises'
import { invalid } from '../explain/question-error.ts'
import { type Clock, pause } from '../time/clock.ts'
import { answering, asked } from './asked.ts'
import { type HttpAnswer, type HttpHandler, textAnswer } from './http-answer.ts'

const standardSeconds = 10
/** Less than what a connection may be silent. */
const maxSeconds = 30

/** Bytes between two samples of the heap, on average. */
const heapInterval = 512 * 1024

const index = `/debug/pprof/profile?seconds=10   what the CPU does, as V8's .cpuprofile
/debug/pprof/heap?seconds=10      who allocates what isn't freed, as V8's .heapprofile
Open them in the developer tools of a Chromium or in https://www.speedscope.app; they aren't in pprof's format.
`

/**
 * What `enableProfiling` opens: profiles of this process by V8's own profilers. No heap snapshot: it holds the process up
 * for seconds, and has every token in it.
 */
export function profilingPages(clock: Clock): Readonly<Record<string, HttpHandler>> {
  const profiler = new Profiler(clock)
  return {
    '/debug/pprof/': () => textAnswer(200, index),
    '/debug/pprof/profile': profiler.page('cpuprofile', cpuProfile),
    '/debug/pprof/heap': profiler.page('heapprofile', heapProfile),
  }
}

/** Takes a profile, for as long as `recorded` lasts. */
type TakeProfile = (session: Session, recorded: () => Promise<void>) => Promise<object>

/** One profile at a time: two would measure each other. */
class Profiler {
  readonly #clock: Clock
  #busy = false

  constructor(clock: Clock) {
    this.#clock = clock
  }

  page(extension: string, take: TakeProfile): HttpHandler {
    return answering(async (request) => {
      const seconds = readSeconds(asked(request, ['seconds']).seconds)
      if (this.#busy) return textAnswer(409, 'another profile is being taken; ask again when it is done\n')
      this.#busy = true
      try {
        return attached(await this.#take(take, seconds), extension)
      } finally {
        this.#busy = false
      }
    })
  }

  async #take(take: TakeProfile, seconds: number): Promise<object> {
    const session = new Session()
    session.connect()
    try {
      return await take(session, () => pause(this.#clock, seconds * 1000, new AbortController().signal))
    } finally {
      session.disconnect()
    }
  }
}

const cpuProfile: TakeProfile = async (session, recorded) => {
  await session.post('Profiler.enable')
  await session.post('Profiler.start')
  await recorded()
  return (await session.post('Profiler.stop')).profile
}

const heapProfile: TakeProfile = async (session, recorded) => {
  await session.post('HeapProfiler.enable')
  await session.post('HeapProfiler.startSampling', { samplingInterval: heapInterval })
  await recorded()
  return (await session.post('HeapProfiler.stopSampling')).profile
}

function attached(profile: object, extension: string): HttpAnswer {
  return {
    status: 200,
    headers: {
      'Content-Type': 'application/json',
      'Content-Disposition': `attachment; filename="portolan.${extension}"`,
    },
    body: JSON.stringify(profile),
  }
}

function readSeconds(text: string | undefined): number {
  if (text === undefined) return standardSeconds
  const seconds = /^\d{1,2}$/.test(text) ? Number(text) : Number.NaN
  if (!(seconds >= 1 && seconds <= maxSeconds)) throw invalid('seconds: not a duration', `1 to ${maxSeconds}`)
  return seconds
}
