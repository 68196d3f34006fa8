import { shownName } from '../cluster/problem-report.ts'
import type { Dataplane } from '../dataplane/contract.ts'
import type { Holder } from '../node/one-at-a-time.ts'
import { losses, shareConnections } from '../succession/losses.ts'

type Side = Pick<Dataplane, 'name' | 'capabilities' | 'drain'>

export interface Switch {
  readonly to: Side
  /** What its probe has found. */
  readonly facts: Readonly<Record<string, string>>
  /** Who serves the node; absent: nobody. */
  readonly holder?: Holder
  /** Its dataplane, where that can be loaded here. */
  readonly from?: Side | undefined
  /** After `portolan run`; `undefined`: they can't be seen from here. */
  readonly args: readonly string[] | undefined
}

/** The way from one dataplane to another, line by line. */
export function describeSwitch({ to, facts, holder, from, args }: Switch): string[] {
  const found = Object.entries(facts).map(([name, value]) => `${name} ${shownName(value)}`)
  const lines = [`${to.name} can run on this node${found.length === 0 ? '' : ` (${found.join(', ')})`}.`]
  if (holder === undefined)
    return [
      ...lines,
      'No Portolan serves this node now. Start one:',
      `  portolan run --dataplane ${to.name} ...`,
      'It takes over from rules that another dataplane of Portolan has left here, without a gap.',
    ]
  const { pid, since, dataplane = 'unknown' } = holder
  if (dataplane === to.name || from?.name === to.name)
    return [...lines, `It serves the node already: process ${pid}, since ${since}.`]
  lines.push(`${dataplane} serves the node now: process ${pid}, since ${since}. To change without a gap:`)
  const config = args === undefined ? undefined : flagValue(args, 'config')
  if (config !== undefined && flagValue(args ?? [], 'dataplane') === undefined)
    lines.push(
      `  write 'dataplane: ${to.name}' into the PortolanConfiguration of ${shownName(config)}: the process ends when it has seen that,`,
      '  and its supervisor starts it again',
    )
  else
    lines.push(
      // A process that isn't seen as a Portolan from here has its number in another PID namespace: another's, here.
      args === undefined
        ? `  1. end the process: stop the service or delete the pod that runs it (${pid} is its number in its own container); the rules stay`
        : `  1. end the process: kill ${pid}, or stop the service or delete the pod that runs it; the rules stay`,
      `  2. portolan run ${args === undefined ? `--dataplane ${to.name}, and all other flags as before` : commandLine(args, to.name)}`,
    )
  lines.push(
    `The new process finds the rules of ${dataplane}, builds its own beside them, compares, and removes them; its log tells each step.`,
  )
  if (from === undefined) return lines
  const sides = [from, to].map(({ name, capabilities, drain }) => ({
    name,
    capabilities,
    drains: drain !== undefined,
  }))
  const [one, other] = sides
  if (one === undefined || other === undefined) return lines
  if (from.drain !== undefined && !shareConnections(from.capabilities, to.capabilities))
    lines.push(`Established connections stay with ${from.name} until they end, or --drain-timeout is over.`)
  return [...lines, ...losses(undefined, one, other).map((line) => `Mind: ${line}.`)]
}

/** The value of a flag, `--name value` or `--name=value`. */
function flagValue(args: readonly string[], name: string): string | undefined {
  const at = args.findLastIndex((word) => word === `--${name}` || word.startsWith(`--${name}=`))
  const word = args[at]
  return word?.includes('=') ? word.slice(word.indexOf('=') + 1) : args[at + 1 || args.length]
}

/** With another dataplane; options were those of the old one. */
function commandLine(args: readonly string[], dataplane: string): string {
  const kept: string[] = []
  for (let index = 0; index < args.length; index++) {
    const word = args[index] ?? ''
    const [, name, value] = /^--(dataplane|dataplane-option|proxy-mode)(=.*)?$/.exec(word) ?? []
    if (name === undefined) kept.push(word)
    else if (value === undefined) index++
  }
  return ['--dataplane', dataplane, ...kept].map(quoted).join(' ')
}

/** As a shell reads it back. */
function quoted(word: string): string {
  return /^[\w@%+=:,./-]+$/.test(word) ? word : `'${word.replaceAll("'", "'\\''")}'`
}
