import type { IpFamily } from '@portolan/core'
import { iptablesProgram } from '@portolan/native/netfilter'
import { routingTable, rulePriority } from '../layout/marks.ts'
import { declarationOf, kernelName, maxElements, setTypes } from '../layout/sets.ts'
import type { IpvsProgram } from './program.ts'
import { programOf, stepText } from './step-text.ts'

/**
 * The program as what programs of the system would take: `ipset restore`, `ipvsadm --restore`, and so on, each from the
 * comment that names it to the next. Empty: nothing to do.
 */
export function print({ family, baseRules, steps }: IpvsProgram): string {
  const lines: string[] = []
  let section = ''
  const add = (program: string, ...text: readonly string[]) => {
    if (program !== section) lines.push(`# ${program}`)
    section = program
    lines.push(...text)
  }
  for (const [name, value] of baseRules.sysctls) add('sysctl', `${name}=${value}`)
  for (const name of baseRules.createSets) {
    const { kind } = declarationOf(name)
    const mark = kind === 'destination-mark' ? ' skbinfo' : ''
    const inet = family === 'IPv4' ? 'inet' : 'inet6'
    add(
      'ipset restore',
      `create ${kernelName(family, name)} ${setTypes[kind]} family ${inet} maxelem ${maxElements}${mark}`,
    )
  }
  for (const script of baseRules.rules)
    add(`${iptablesProgram(family, undefined, 'restore')} --noflush`, script.trimEnd())
  const { leftOver } = baseRules
  for (const script of leftOver?.scripts ?? [])
    add(`${iptablesProgram(family, leftOver?.variant, 'restore')} --noflush`, script.trimEnd())
  if (baseRules.routeMark !== undefined)
    add(`ip ${family === 'IPv4' ? '-4' : '-6'} -batch -`, ...routeText(family, baseRules.routeMark))
  for (const step of steps)
    add(programOf(step) === 'ipset' ? 'ipset restore' : 'ipvsadm --restore', stepText(family, step))
  return lines.length === 0 ? '' : `${lines.join('\n')}\n`
}

/** Lines of `ip -batch` by which packets with a mark are local. */
export function routeText(family: IpFamily, mark: number): string[] {
  const everything = family === 'IPv4' ? '0.0.0.0/0' : '::/0'
  const hex = `0x${mark.toString(16)}`
  return [
    `route replace local ${everything} dev lo table ${routingTable}`,
    `rule add priority ${rulePriority} fwmark ${hex}/${hex} lookup ${routingTable}`,
  ]
}
