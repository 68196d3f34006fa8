import type { ConfigProblem } from '../config/config-error.ts'
import type { ConfigNote } from '../config/config-note.ts'
import type { Section } from '../config/resolve-config.ts'
import type { ProbeReport } from '../dataplane/kernel.ts'
import type { AbleNodes, NodeVersions } from './cluster-nodes.ts'
import type { Finding } from './finding.ts'
import type { ServiceDifferences } from './service-differences.ts'

/** All that `portolan check` found; what `--json` prints. */
export interface CheckReport {
  /** Portolan's. */
  readonly version: string
  /** Whether there is nothing but notes: the exit code is 0 then. */
  readonly clean: boolean
  /** Where Services were read from; `null`: nowhere. */
  readonly cluster: string | null
  /** How Services are served today, and how that is known. */
  readonly today: { readonly mode: Section; readonly by: string }
  /** This machine; `null`: it isn't a node of the cluster, so nothing of it was looked at. */
  readonly node: { readonly name: string; readonly findings: readonly Finding[] } | null
  /** What the cluster's Nodes say of themselves; `null`: they were not read. */
  readonly nodes: readonly NodeVersions[] | null
  /** One for each dataplane that was asked about. */
  readonly dataplanes: readonly DataplaneReport[]
  /** What goes wrong easily, with any of them; `null`: no Services were read. */
  readonly hazards: readonly Finding[] | null
  /** What could not be looked at. */
  readonly skipped: readonly Skipped[]
}

export interface DataplaneReport {
  readonly dataplane: string
  /** Whether this machine can run it; `null`: it wasn't asked. */
  readonly probe: ProbeReport | null
  /** On which of the cluster's nodes it can run; `null`: they were not read. */
  readonly nodes: AbleNodes | null
  readonly configuration: ConfigurationReport
  /** `null`: no Services were read, or the configuration can't be used. */
  readonly services: ServiceDifferences | null
}

export interface ConfigurationReport {
  /** `ConfigMap kube-system/kube-proxy`, a file's path, or `flags`. */
  readonly from: string
  readonly problems: readonly ConfigProblem[]
  readonly ignored: readonly ConfigNote[]
  readonly differs: readonly ConfigNote[]
}

export interface Skipped {
  readonly what: string
  readonly why: string
  readonly fix: string
}

/** Whether there is nothing that an operator has to decide: only notes, and all that was asked about can run. */
export function isClean({
  node,
  dataplanes,
  hazards,
}: Pick<CheckReport, 'node' | 'dataplanes' | 'hazards'>): boolean {
  const findings = [
    ...(node?.findings ?? []),
    ...(hazards ?? []),
    ...dataplanes.flatMap(({ services }) => services?.findings ?? []),
  ]
  return (
    findings.every(({ effect }) => effect === 'note') &&
    dataplanes.every(
      ({ probe, nodes, configuration }) =>
        probe?.usable !== false && (nodes?.tooOld.length ?? 0) === 0 && configuration.problems.length === 0,
    )
  )
}
