import { ApplyError } from '@portolan/core'
import type { SystemCommand } from '@portolan/native/system-command'
import { noChainEdits } from './chain-edits.ts'
import { removeRules } from './cleanup.ts'
import { Ipset } from './ipset.ts'
import { routeLocalnetMarker } from './layout.ts'
import { setLines, transactions } from './print.ts'
import { routesLocalnet, setRouteLocalnet } from './proc.ts'
import type { IptablesProgram } from './program.ts'
import type { Xtables } from './xtables.ts'

/** What applying took. */
export interface Applied {
  /** Bytes that the tools got. */
  readonly bytes: number
  /** Transactions on tables. */
  readonly transactions: number
}

/**
 * Applies a program: sets, the table filter, the table nat, sets again. Only nat decides where a packet goes, and it
 * changes in one transaction; the sets around it are ordered so that no packet meets half a change (see setLines).
 * What was refused is taken back. Nothing that comes after nat is known to be refused by a sound kernel; if it is, the
 * error says so, and the next reconciliation finds what is left to do.
 *
 * @throws ApplyError
 */
export async function apply(
  program: IptablesProgram,
  command: SystemCommand,
  xtables: Xtables,
): Promise<Applied> {
  const { family } = program
  const ipset = new Ipset(command)
  const { before, after, undone } = setLines(program)
  const undo: (() => Promise<unknown>)[] = []
  let bytes = 0
  try {
    undo.push(() => ipset.restore(undone))
    bytes += await ipset.restore(before)
    bytes += await xtables.restore(family, 'filter', program.filter)
    undo.push(() => xtables.restore(family, 'filter', program.filterUndone))
    bytes += await xtables.restore(family, 'nat', program.nat)
  } catch (error) {
    throw await takenBack(error, undo)
  }
  bytes += await ipset.restore(after)
  if (program.leftOver !== undefined) await removeRules(command, program.leftOver, family)
  await ipset.destroy(program.oldSets)
  const localnet = program.needsRouteLocalnet ? await routeLocalnet(command, xtables) : 0
  return { bytes, transactions: transactions(program) + localnet }
}

/** Switches route_localnet on, and leaves a mark that it was us. Gives the number of transactions that took. */
async function routeLocalnet(command: SystemCommand, xtables: Xtables): Promise<number> {
  const { networkNamespace } = command
  if (routesLocalnet(networkNamespace)) return 0
  await xtables.restore('IPv4', 'filter', { ...noChainEdits, written: new Map([[routeLocalnetMarker, []]]) })
  try {
    setRouteLocalnet(networkNamespace, true)
  } catch (cause) {
    throw new ApplyError(
      'net.ipv4.conf.all.route_localnet can not be set to 1: set it before the start, or leave 127.0.0.0/8 out of the NodePort addresses',
      { cause },
    )
  }
  return 1
}

/** The error to throw once what was done before it is undone, latest first. */
async function takenBack(error: unknown, undo: readonly (() => Promise<unknown>)[]): Promise<unknown> {
  const left: string[] = []
  for (const step of undo.toReversed()) {
    await step().catch((again: unknown) => left.push(again instanceof Error ? again.message : String(again)))
  }
  if (left.length === 0 || !(error instanceof ApplyError)) return error
  const { operation } = error
  return new ApplyError(`${error.message}; and it could not be taken back whole: ${left.join('; ')}`, {
    cause: error,
    ...(operation === undefined ? {} : { operation }),
  })
}
