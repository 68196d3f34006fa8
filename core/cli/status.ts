import { type IncomingMessage, request } from 'node:http'
import { shownName, shownValue } from '../cluster/problem-report.ts'
import { type Flags, flagTexts } from '../config/config-flags.ts'
import { parseSocketAddress, type SocketAddress } from '../config/socket-address.ts'
import { type Holder, holderHere } from '../node/one-at-a-time.ts'
import type { StatusReport } from '../servers/proxy-status.ts'
import { statusFault } from '../servers/status-shape.ts'
import { describeStatus } from './describe-status.ts'
import { exitCodes, UserError, usageError } from './user-error.ts'
import { readVersion } from './version.ts'

export type StatusFlags = Pick<Flags, 'metricsBindAddress'> & { readonly json?: boolean }

/** Milliseconds for an answer. */
const limit = 5000

/** Bytes of an answer: a report has a few lines for each kind of object, and some of an audit's. */
const answerBytes = 4 << 20

const standardPort = 10_249

/** Tells how the Portolan of this node does. Its exit code says whether that is well. */
export async function status(flags: StatusFlags): Promise<void> {
  const holder = await holderHere()
  if (holder !== 'gone' && holder?.command === 'cleanup')
    throw new UserError(`portolan cleanup is at work on this node (process ${holder.pid})`, {
      fix: 'ask again when it is done',
    })
  const address = addressOf(flags, holder)
  const report = await ask(address, holder)
  if (flags.json === true) console.log(JSON.stringify(report, null, 2))
  else for (const line of describeStatus(report)) console.log(line)
  if (!report.well) process.exitCode = exitCodes.failure
}

/** Where the operator says, else where the process itself says that it serves its metrics, else the standard address. */
function addressOf(flags: StatusFlags, holder: Awaited<ReturnType<typeof holderHere>>): string {
  const [said] = flagTexts(flags, 'metrics-bind-address')
  const told = holder === 'gone' ? undefined : holder?.metrics
  const text = said ?? told ?? `127.0.0.1:${standardPort}`
  if (text === 'none')
    throw new UserError('Portolan runs on this node, but serves no metrics, nor its status with them', {
      fix: 'give it a metricsBindAddress (without a file, no --metrics-port 0)',
    })
  const address = parseSocketAddress(text, standardPort)
  if (address === undefined)
    throw usageError(
      `--metrics-bind-address '${text}': no address`,
      'write it as 127.0.0.1:10249 or [::1]:10249',
    )
  return urlOf(address)
}

/** A server at all addresses is asked at that of this machine. */
function urlOf({ address, port }: SocketAddress): string {
  const host = address.includes(':') ? `[${address === '::' ? '::1' : address}]` : address
  return `http://${host === '0.0.0.0' ? '127.0.0.1' : host}:${port}/status`
}

async function ask(url: string, holder: Holder | 'gone' | undefined): Promise<StatusReport> {
  const answer = await get(url).catch((error: unknown) => {
    throw unanswered(url, holder, error)
  })
  if (answer.statusCode !== 200) answer.destroy()
  if (answer.statusCode === 503 && holder !== 'gone' && holder !== undefined)
    throw new UserError(`Portolan (process ${holder.pid}, since ${holder.since}) is starting`, {
      fix: 'ask again in a few seconds; its log says what it waits for',
    })
  if (answer.statusCode !== 200) throw notOurs(url, `HTTP ${answer.statusCode}`)
  const said = await readJson(answer)
  if ('fault' in said) throw notOurs(url, said.fault)
  const fault = statusFault(said.body)
  if (fault === undefined) return said.body as StatusReport
  throw notOurs(url, fault, (said.body as { readonly version?: unknown } | null)?.version)
}

/** Not by fetch, to which some ports are bad ones, such as 10080. */
function get(url: string): Promise<IncomingMessage> {
  return new Promise((resolve, reject) => {
    request(url, { signal: AbortSignal.timeout(limit), agent: false }, resolve)
      .once('error', reject)
      .end()
  })
}

/** Anybody may listen there, and say anything, without an end. */
async function readJson(
  answer: IncomingMessage,
): Promise<{ readonly body: unknown } | { readonly fault: string }> {
  const parts: Uint8Array[] = []
  let bytes = 0
  try {
    for await (const part of answer as AsyncIterable<Buffer>) {
      parts.push(part)
      bytes += part.byteLength
      if (bytes > answerBytes) return { fault: `an answer of more than ${answerBytes >> 20} MiB` }
    }
  } catch {
    return { fault: 'an answer that does not end' }
  }
  const text = Buffer.concat(parts).toString()
  try {
    return { body: JSON.parse(text) }
  } catch {
    return { fault: text === '' ? 'an empty answer' : `not JSON: ${shownValue(text)}` }
  }
}

/** @param version what it says itself, if anything: another Portolan's report has other fields */
function notOurs(url: string, fault: string, version?: unknown): UserError {
  const own = readVersion()
  if (typeof version === 'string' && version !== own)
    return new UserError(`${url} tells no status that Portolan ${own} can read (${fault})`, {
      fix: `it says that it is version ${shownName(version, 40)}: use the command of that version`,
    })
  return new UserError(`${url} is no Portolan that tells its status (${fault})`, {
    fix: "see which program has the port ('ss -ltnp'); the address of Portolan's metrics is --metrics-bind-address",
  })
}

function unanswered(url: string, holder: Holder | 'gone' | undefined, error: unknown): UserError {
  const { name, code, message } = error as NodeJS.ErrnoException
  const why = name === 'AbortError' ? `not within ${limit / 1000} s` : (code ?? message)
  if (holder === 'gone')
    return new UserError(`no Portolan runs on this node, and nothing answers at ${url} (${why})`, {
      fix: "start it ('portolan run'); in a container of its own network, ask there. Rules of one that ran stay",
      cause: error,
    })
  const who =
    holder === undefined
      ? "a Portolan has this node that doesn't say which: it hangs or is stopped"
      : `Portolan runs (process ${holder.pid}, since ${holder.since}, version ${holder.version})`
  return new UserError(`${who}, but nothing answers at ${url} (${why})`, {
    fix: 'its log says what it waits for; --metrics-bind-address says where it serves its metrics, if that is elsewhere',
    cause: error,
  })
}
