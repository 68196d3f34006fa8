import { describeProblem } from '../config/config-error.ts'
import { describeNote } from '../config/config-note.ts'
import { counted } from '../table/explain/counted.ts'
import { type AbleNodes, groupNodes, type NodeGroup, some } from './cluster-nodes.ts'
import type { Finding } from './finding.ts'
import type { CheckReport, DataplaneReport } from './report.ts'

/** Columns of a line where nothing says how many there are, and at most: longer lines are hard to read. */
const widest = 110

/** Narrower terminals break lines by themselves, where this would come to a word a line. */
const narrowest = 40

/** A line that goes on below its own text, and not below what stands before it. */
interface Line {
  readonly before: string
  readonly text: string
}

/**
 * The report for a person, line by line.
 *
 * @param columns of a line, but for words that are longer; `undefined` or 0: nobody knows, as in a file or at a serial console
 */
export function describeReport(report: CheckReport, columns?: number): string[] {
  const { cluster, today, node, nodes, dataplanes, hazards, skipped } = report
  const lines = [
    `Today: kube-proxy in mode ${today.mode} (${today.by})`,
    `Services: ${cluster ?? 'none were read'}`,
  ]
  const width = Math.max(narrowest, Math.min(columns || widest, widest))
  const part = (title: string, items: readonly Line[]): void => {
    if (items.length > 0) lines.push('', title, ...items.flatMap((line) => wrap(line, width)))
  }
  part('Nodes', groupNodes(nodes ?? []).flatMap(describeNodes))
  if (node !== null) {
    const items = node.findings.flatMap(describeFinding)
    const nothing = { before: '  ', text: 'nothing else here gets in the way' }
    part(`This node (${node.name})`, items.length > 0 ? items : [nothing])
  }
  for (const one of dataplanes)
    part(one.dataplane === '' ? 'Configuration' : `Dataplane ${one.dataplane}`, describeDataplane(one))
  part('With any dataplane', (hazards ?? []).flatMap(describeFinding))
  part(
    'Not looked at',
    skipped.flatMap(({ what, why, fix }) => entry('skipped', `${what}: ${why}`, [['fix', fix]])),
  )
  return lines
}

function describeNodes(group: NodeGroup): Line[] {
  const { names, os, kernel, architecture, osImage, kubelet, kubeProxy, runtime } = group
  const system = `${os === 'linux' ? 'Linux' : os} ${kernel}`.trim()
  const said = [system, architecture, osImage].filter((text) => text !== '')
  const versions = [
    kubelet === '' ? '' : `kubelet ${kubelet}`,
    kubeProxy === '' || kubeProxy === kubelet ? '' : `kube-proxy ${kubeProxy}`,
    runtime,
  ].filter((text) => text !== '')
  return entry(String(names.length), said.length === 0 ? 'tell no versions' : said.join(', '), [
    ['who', some(names)],
    ...(versions.length === 0 ? [] : [['with', versions.join(', ')] as const]),
  ])
}

function describeAbleNodes({ kernel, nodes, tooOld }: AbleNodes): Line[] {
  if (kernel === null || nodes === 0) return []
  if (tooOld.length === 0)
    return entry('ok', `${counted(nodes, 'node')} of Linux ${kernel} or newer, as it needs`)
  const what = `${tooOld.length} of ${counted(nodes, 'node')} older than Linux ${kernel}, which it needs: ${some(tooOld)}`
  const fix = 'a newer kernel there, or another dataplane on them (portolan install --node-selector)'
  return entry('blocked', what, [['fix', fix]])
}

function describeDataplane({ probe, nodes, configuration, services }: DataplaneReport): Line[] {
  const lines = nodes === null ? [] : describeAbleNodes(nodes)
  if (probe !== null) {
    const facts = Object.entries(probe.facts).map(([name, value]) => `${name} ${value}`)
    if (probe.usable) lines.push(...entry('ok', `this node can run it: ${facts.join(', ')}`))
    for (const { what, fix } of probe.problems) lines.push(...entry('blocked', what, [['fix', fix]]))
  }
  const { from, problems, ignored, differs } = configuration
  for (const problem of problems) {
    const place = problem.at === undefined ? `${from}: ` : ''
    lines.push(...entry('blocked', `${place}${describeProblem(problem)}`))
  }
  // What is so by default is no news in a configuration that nobody has written.
  const written = [...differs, ...ignored].filter(({ at }) => at !== undefined)
  for (const note of written) lines.push(...entry('setting', describeNote(note)))
  if (services === null) return lines
  const { services: all, differing, findings } = services
  lines.push(
    ...(differing.length === 0
      ? entry('ok', `${counted(all, 'Service')}, all served as today`)
      : entry('differ', `${differing.length} of ${counted(all, 'Service')} would be served otherwise`)),
  )
  return [...lines, ...findings.flatMap(describeFinding)]
}

function describeFinding({ effect, what, why, fix, services, examples }: Finding): Line[] {
  const rest = services === undefined ? 0 : services - examples.length
  const named = `${examples.join(', ')}${rest > 0 ? ` and ${rest} more` : ''}`
  return entry(effect, what, [
    ...(services === undefined ? [] : [['who', `${counted(services, 'Service')}: ${named}`] as const]),
    ['why', why],
    ['fix', fix],
  ])
}

/** A word in front, then text, then more lines below it. */
function entry(
  word: string,
  text: string,
  below: readonly (readonly [name: string, text: string])[] = [],
): Line[] {
  const indent = ' '.repeat(11)
  return [
    { before: `  ${word.padEnd(9)}`, text },
    ...below.map(([name, line]) => ({ before: `${indent}${name}: `, text: line })),
  ]
}

function wrap({ before, text }: Line, width: number): string[] {
  const lines: string[] = []
  let line = before
  let isEmpty = true
  for (const word of text.split(' ')) {
    if (!isEmpty && line.length + 1 + word.length > width) {
      lines.push(line)
      line = ' '.repeat(before.length)
      isEmpty = true
    }
    line += isEmpty ? word : ` ${word}`
    isEmpty = false
  }
  return [...lines, line]
}
