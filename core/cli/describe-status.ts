import { shownName } from '../cluster/problem-report.ts'
import type { FamilyStatus, StatusReport } from '../servers/proxy-status.ts'
import { counted } from '../table/explain/counted.ts'

/** The status for a person, line by line. */
export function describeStatus(report: StatusReport): string[] {
  const { version, pid, node, dataplane, since, now, well, families, source, problems, skipped, drift } =
    report
  const age = (time: string | null) =>
    duration(time === null ? 0 : (Date.parse(now) - Date.parse(time)) / 1000)
  const resourceWidth = Math.max(...source.read.map(({ resource }) => resource.length))
  const lines = [
    `${well ? 'well' : 'not well'}: Portolan ${version}, dataplane ${dataplane}, node ${node}`,
    `process ${pid}, since ${since} (${age(since)})`,
    '',
    ...families.map((one) => `${one.family}  ${familyText(one, age)}`),
    '',
    `reads ${source.description}`,
    ...source.read.map(
      ({ resource, resourceVersion, age: seconds }) =>
        `  ${resource.padEnd(resourceWidth)}  resourceVersion ${resourceVersion}, heard ${duration(seconds)} ago`,
    ),
  ]
  const part = (title: string, items: readonly string[]): void => {
    if (items.length > 0) lines.push('', title, ...items.map((item) => `  ${item}`))
  }
  part(
    'Problems:',
    problems.map(({ problem, ...facts }) => {
      const said = Object.entries(facts).map(([name, value]) => `${name} ${plain(value)}`)
      return said.length === 0 ? problem : `${problem}: ${said.join(', ')}`
    }),
  )
  part(
    'Left out of objects (the log names each):',
    Object.entries(skipped).map(([field, count]) => `${field}: ${count}`),
  )
  const { last } = drift
  if (last !== null)
    part(
      `Changed by others: ${counted(drift.findings, 'time')} that audits remember, ${drift.unrepaired} not repaired yet`,
      [
        `last ${age(last.found)} ago, ${last.family}, ${last.repaired === null ? 'not repaired' : `repaired ${age(last.repaired)} ago`}`,
        ...last.findings.map((finding) => `  ${plain(finding)}`),
      ],
    )
  return lines.map((line) => shownName(line, shownCharacters))
}

function familyText(
  { routes, inSync, unappliedSince, late, failures, degraded }: FamilyStatus,
  age: (time: string | null) => string,
): string {
  const parts = [counted(routes, 'route')]
  if (unappliedSince !== null) parts.push(`${late ? 'late: ' : ''}changes wait for ${age(unappliedSince)}`)
  else parts.push(inSync === null ? 'not applied yet' : 'in sync')
  if (failures > 0) parts.push(`the apply failed ${counted(failures, 'time')} in a row`)
  if (degraded > 0)
    parts.push(`${counted(degraded, 'route')} not as asked (events route-degraded in the log)`)
  return parts.join(', ')
}

/** Of a line: anybody may listen where Portolan's metrics should be, and what they say is made safe for a terminal. */
const shownCharacters = 500

/** What others have named things is kept short. */
function plain(value: unknown): string {
  return shownName(typeof value === 'string' ? value : JSON.stringify(value), 200)
}

/** `3 s`, `5 min`, `2 h`, `4 d` */
function duration(seconds: number): string {
  if (seconds < 120) return `${Math.max(0, Math.round(seconds))} s`
  if (seconds < 7200) return `${Math.round(seconds / 60)} min`
  return seconds < 172_800 ? `${Math.round(seconds / 3600)} h` : `${Math.round(seconds / 86_400)} d`
}
