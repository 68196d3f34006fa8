import { ApplyError } from '@portolan/core'
import { Ipset, RefusedLineError, type Xtables } from '@portolan/native/netfilter'
import type { SystemCommand } from '@portolan/native/system-command'
import { type ChainEdits, restoreLines } from '../compile/chain-edits.ts'
import { setLines, transactions } from '../compile/print.ts'
import type { IptablesProgram } from '../compile/program.ts'
import type { TableName } from '../layout/base-chains.ts'
import { routeLocalnetNotice } from '../layout/route-localnet.ts'
import { routeLocalnetMarker } from '../layout/sets.ts'
import { removeRules } from './cleanup.ts'
import { readRouteLocalnet, setRouteLocalnet } from './sysctls.ts'

/** What applying took. */
export interface Applied {
  /** Bytes that the tools got. */
  readonly bytes: number
  /** Transactions on tables. */
  readonly transactions: number
  readonly notices: readonly string[]
}

type Undo = (() => Promise<unknown>)[]

/**
 * Applies a program: sets, the table filter, route_localnet, the table nat, sets again. Only nat decides where a packet
 * goes, and it changes in one transaction; the sets around it are ordered so that no packet meets half a change (see
 * setLines). What was refused is taken back. Nothing that comes after nat is known to be refused by a sound kernel; if it
 * is, the error says so, and the next reconciliation finds what is left to do.
 *
 * @throws ApplyError
 */
export async function apply(
  program: IptablesProgram,
  command: SystemCommand,
  xtables: Xtables,
): Promise<Applied> {
  try {
    return await applyInOrder(program, command, xtables)
  } catch (error) {
    throw asApplyError(error)
  }
}

async function applyInOrder(
  program: IptablesProgram,
  command: SystemCommand,
  xtables: Xtables,
): Promise<Applied> {
  const { family } = program
  const restore = (table: TableName, edits: ChainEdits) => xtables.restore(family, restoreLines(table, edits))
  const ipset = new Ipset(command)
  const { before, swaps, after, undone } = setLines(program)
  const undo: Undo = []
  let notices: readonly string[] = []
  let bytes = 0
  try {
    undo.push(() => ipset.restore(undone))
    bytes += await ipset.restore(before)
    bytes += await restore('filter', program.filter)
    undo.push(() => restore('filter', program.filterUndone))
    // After the table filter, which keeps neighbours away from what listens at loopback.
    if (program.needsRouteLocalnet) notices = await routeLocalnet(command, ipset, undo)
    for (const swap of swaps) {
      bytes += await ipset.restore([swap])
      undo.push(() => ipset.restore([swap]))
    }
    bytes += await restore('nat', program.nat)
  } catch (error) {
    throw await takenBack(error, undo)
  }
  bytes += await ipset.restore(after)
  if (program.leftOver !== undefined) await removeRules(command, program.leftOver, family)
  const left = await ipset.destroy(program.oldSets)
  // Otherwise the next audit would find them and report them as drift.
  if (left.length > 0)
    throw new ApplyError(
      `the rules are applied, but sets that no rule names can't be destroyed: ${left.join(', ')}`,
    )
  return { bytes, transactions: transactions(program), notices }
}

/** Switches route_localnet on, and leaves a mark that it was us. Where it can't be changed all else goes on without. */
async function routeLocalnet(command: SystemCommand, ipset: Ipset, undo: Undo): Promise<readonly string[]> {
  const { networkNamespace } = command
  if (readRouteLocalnet(networkNamespace) === 'on') return []
  try {
    setRouteLocalnet(networkNamespace, true)
  } catch {
    return [routeLocalnetNotice]
  }
  undo.push(async () => setRouteLocalnet(networkNamespace, false))
  const { name, type } = routeLocalnetMarker
  await ipset.restore([`create ${name} ${type}`])
  undo.push(() => ipset.restore([`destroy ${name}`]))
  return []
}

/** The error to throw once what was done before it is undone, latest first. */
async function takenBack(error: unknown, undo: Undo): Promise<unknown> {
  const left: string[] = []
  for (const step of undo.toReversed()) {
    await step().catch((again: unknown) => left.push(again instanceof Error ? again.message : String(again)))
  }
  if (left.length === 0) return error
  const operation = error instanceof RefusedLineError ? error.line : undefined
  const message = error instanceof Error ? error.message : String(error)
  return new ApplyError(`${message}; and it could not be undone completely: ${left.join('; ')}`, {
    cause: error,
    ...(operation === undefined ? {} : { operation }),
  })
}

/** A refusal as the contract has it; any other error as it is. */
function asApplyError(error: unknown): unknown {
  if (!(error instanceof RefusedLineError)) return error
  const { message, line } = error
  return new ApplyError(message, { cause: error, ...(line === undefined ? {} : { operation: line }) })
}
