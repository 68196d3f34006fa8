import { connect, createServer, type Socket } from 'node:net'
import { shownName } from '../cluster/problem-report.ts'
import { NodeError } from './node-error.ts'

/**
 * Where the one that works on a node listens. An abstract socket belongs to a network namespace, as the rules do: it is
 * the same for two containers with the node's network, whatever their files and process numbers are. The kernel takes it
 * back however its holder ends.
 */
const socketName = '\0portolan'

/** Milliseconds that the holder has to say who it is; a stopped one never does. */
const answerLimit = 10_000

/** Bytes of an answer: anybody may listen there. */
const answerBytes = 4096

/** Milliseconds that one who asks may take to read the answer. */
const askerLimit = 5000

/** Attempts to listen while the one before is just going. */
const attempts = 5

/** Who works on a node, as it tells others. */
export interface Holder {
  readonly command: 'run' | 'cleanup'
  /** In its own PID namespace. */
  readonly pid: number
  /** When it began, as an ISO 8601 time. */
  readonly since: string
  /** Absent: all of them. */
  readonly dataplane?: string
  readonly version: string
  /** Where it serves its metrics: `127.0.0.1:10249`, or `none`. Absent: it doesn't say. */
  readonly metrics?: string
}

/**
 * Makes this process the one that works on the node (this network namespace), until it ends.
 *
 * @throws {NodeError} `PORTOLAN_RUNS`, which names who does already
 */
export async function oneAtATime(self: Holder): Promise<void> {
  for (let attempt = 1; ; attempt++) {
    if (await listens(self)) return
    const holder = await holderHere()
    if (holder !== 'gone' || attempt === attempts) throw taken(holder === 'gone' ? undefined : holder)
  }
}

/** Whether it could; another may. */
function listens(self: Holder): Promise<boolean> {
  const server = createServer((socket) => answer(socket, self))
  server.maxConnections = 16
  // It is no reason for the process to live.
  server.unref()
  return new Promise((resolve, reject) => {
    // Later ones are of a connection that can't be accepted: its client's loss alone.
    server.on('error', (error: NodeJS.ErrnoException) => {
      if (error.code === 'EADDRINUSE') resolve(false)
      else reject(error)
    })
    server.listen(socketName, () => resolve(true))
  })
}

function answer(socket: Socket, self: Holder): void {
  socket.on('error', () => {})
  socket.unref()
  socket.setTimeout(askerLimit, () => socket.destroy())
  socket.end(JSON.stringify(self))
}

/** Who works on this node: `gone` if nobody does, `undefined` if it doesn't say. */
export function holderHere(): Promise<Holder | 'gone' | undefined> {
  return new Promise((resolve) => {
    let text = ''
    const socket = connect(socketName)
    const end = (result: Holder | 'gone' | undefined): void => {
      clearTimeout(timer)
      socket.destroy()
      resolve(result)
    }
    const timer = setTimeout(() => end(undefined), answerLimit)
    socket.once('error', (error: NodeJS.ErrnoException) =>
      end(error.code === 'ECONNREFUSED' ? 'gone' : readHolder(text)),
    )
    socket.setEncoding('utf8')
    socket.on('data', (part: string) => {
      text += part
      if (text.length > answerBytes) end(undefined)
    })
    socket.once('end', () => end(readHolder(text)))
  })
}

/** What says this may be anything. */
function readHolder(text: string): Holder | undefined {
  let said: unknown
  try {
    said = JSON.parse(text)
  } catch {
    return undefined
  }
  if (typeof said !== 'object' || said === null) return undefined
  const { command, pid, since, dataplane, version, metrics } = said as Readonly<Record<string, unknown>>
  if (command !== 'run' && command !== 'cleanup') return undefined
  if (!Number.isSafeInteger(pid) || typeof since !== 'string' || typeof version !== 'string') return undefined
  return {
    command,
    pid: Number(pid),
    since: shownName(since, 40),
    version: shownName(version, 40),
    ...(typeof dataplane === 'string' ? { dataplane: shownName(dataplane) } : {}),
    ...(typeof metrics === 'string' ? { metrics: shownName(metrics, 60) } : {}),
  }
}

function taken(holder: Holder | undefined): NodeError {
  if (holder === undefined) {
    return new NodeError(
      'PORTOLAN_RUNS',
      "another Portolan has this node, and it doesn't say which: it hangs or is stopped",
      'end the process that listens at the abstract socket @portolan; ss -xlp src unix:@portolan names it',
    )
  }
  const { command, pid, since, dataplane, version } = holder
  const which = dataplane === undefined ? '' : `, dataplane ${dataplane}`
  const who = `process ${pid}, since ${since}${which}, version ${version}`
  return command === 'run'
    ? new NodeError(
        'PORTOLAN_RUNS',
        `another Portolan serves this node: ${who}`,
        `end it first (kill ${pid}, or stop the service or delete the pod that runs it); its number is that of its own container`,
      )
    : new NodeError(
        'PORTOLAN_RUNS',
        `portolan cleanup is at work on this node: ${who}`,
        'start again when it is done, as a supervisor does by itself',
      )
}
