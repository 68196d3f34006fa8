import { type Flags, flagTexts } from '../config/config-flags.ts'
import { parseSocketAddress, type SocketAddress } from '../config/socket-address.ts'
import { type Holder, holderHere } from '../node/one-at-a-time.ts'
import type { StatusReport } from '../servers/proxy-status.ts'
import { describeStatus } from './describe-status.ts'
import { exitCodes, UserError, usageError } from './user-error.ts'

export type StatusFlags = Pick<Flags, 'metricsBindAddress'> & { readonly json?: boolean }

/** Milliseconds for an answer. */
const limit = 5000

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
  let answer: Response
  try {
    answer = await fetch(url, { signal: AbortSignal.timeout(limit), redirect: 'error' })
  } catch (error) {
    throw unanswered(url, holder, error)
  }
  const body = await answer.json().catch(() => undefined)
  if (answer.status === 200 && isReport(body)) return body
  if (answer.status === 503 && holder !== 'gone' && holder !== undefined)
    throw new UserError(`Portolan (process ${holder.pid}, since ${holder.since}) is starting`, {
      fix: 'ask again in a few seconds; its log says what it waits for',
    })
  throw new UserError(`${url} is no Portolan that tells its status (HTTP ${answer.status})`, {
    fix: "see which program has the port ('ss -ltnp'); the address of Portolan's metrics is --metrics-bind-address",
  })
}

function unanswered(url: string, holder: Holder | 'gone' | undefined, error: unknown): UserError {
  const { cause } = error as { readonly cause?: unknown }
  const why = (cause as { readonly code?: unknown } | undefined)?.code ?? (error as Error).message
  if (holder === 'gone')
    return new UserError(`no Portolan runs on this node, and nothing answers at ${url} (${String(why)})`, {
      fix: "start it ('portolan run'); in a container of its own network, ask there. Rules of one that ran stay",
      cause: error,
    })
  const who =
    holder === undefined
      ? "a Portolan has this node that doesn't say which: it hangs or is stopped"
      : `Portolan runs (process ${holder.pid}, since ${holder.since}, version ${holder.version})`
  return new UserError(`${who}, but nothing answers at ${url} (${String(why)})`, {
    fix: 'its log says what it waits for; --metrics-bind-address says where it serves its metrics, if that is elsewhere',
    cause: error,
  })
}

/** Anybody may listen there. */
function isReport(body: unknown): body is StatusReport {
  const { well, families, source, drift, problems } = (body ?? {}) as Readonly<Record<string, unknown>>
  return (
    typeof well === 'boolean' &&
    Array.isArray(families) &&
    Array.isArray(problems) &&
    typeof source === 'object' &&
    typeof drift === 'object'
  )
}
