import type { ConfigProblem } from './config-error.ts'
import { type Flags, flagTexts } from './config-flags.ts'
import { firstForm } from './content-types.ts'
import type { GivenValues } from './field.ts'
import type { KubeProxyValues } from './kube-proxy-fields.ts'
import type { SourceConfig } from './proxy-config.ts'

/** What the environment says that no flag does. */
export interface Environment {
  /** Whether the process runs in a pod: `KUBERNETES_SERVICE_HOST` is set. */
  readonly inCluster: boolean
}

type ConnectionValues = Pick<
  KubeProxyValues,
  'clientConnection.kubeconfig' | 'clientConnection.acceptContentTypes' | 'clientConnection.contentType'
>

/**
 * Which cluster to read. --source goes before a file's kubeconfig, for it is Portolan's own flag.
 *
 * @param problems takes what can't be used; what is returned then is never used
 */
export function readSource(
  connection: ConnectionValues,
  flags: Flags,
  { inCluster }: Environment,
  given: GivenValues,
  problems: ConfigProblem[],
): SourceConfig {
  const [source] = flagTexts(flags, 'source')
  const [speed] = flagTexts(flags, 'recording-speed')
  const wrong = (setting: string, value: string, fix: string) => problems.push({ setting, value, fix })
  const named = given.get('clientConnection.kubeconfig')
  const kubeconfig = connection['clientConnection.kubeconfig']
  if (speed !== undefined && source?.startsWith('recording:') !== true)
    wrong('--recording-speed', speed, 'needs a recording to play: --source recording:PATH')
  if (source !== undefined) {
    if (named?.setting.startsWith('--'))
      wrong('--source', source, 'conflicts with --kubeconfig: give one of the two')
    const [, from, path = ''] = /^(file|recording):(.+)$/s.exec(source) ?? []
    if (from === 'recording') return { from, path, speed: readSpeed(speed, problems) }
    if (path === '')
      wrong('--source', source, 'write it as file:PATH or recording:PATH, such as file:cluster.yaml')
    return { from: 'file', path }
  }
  const server = { ...readServer(flags, problems), ...readForm(connection) }
  if (kubeconfig !== '') return { from: 'kubeconfig', path: kubeconfig, ...server }
  if (named?.text === '' && named.at === undefined && !inCluster)
    wrong('--kubeconfig', '', 'give the path of a kubeconfig file')
  else if (!inCluster) {
    problems.push({
      setting: '--source',
      fix: 'no cluster to read: give --kubeconfig FILE or --source file:cluster.yaml (inside a pod neither is needed)',
    })
  }
  return { from: 'inCluster', ...server }
}

function readSpeed(text: string | undefined, problems: ConfigProblem[]): number {
  if (text === undefined) return 1
  const speed = /^\d+(\.\d+)?$/.test(text) ? Number(text) : Number.NaN
  if (!(speed >= 0.01 && speed <= 10_000))
    problems.push({
      setting: '--recording-speed',
      value: text,
      fix: 'a factor from 0.01 to 10000, such as 1 or 10',
    })
  return speed
}

/** As client-go and kube-apiserver have it: acceptContentTypes goes before contentType, and the first type before others. */
function readForm(connection: ConnectionValues): { readonly json?: true } {
  const accepted = connection['clientConnection.acceptContentTypes']
  const named = accepted === '' ? connection['clientConnection.contentType'] : accepted
  return firstForm(named) === 'protobuf' ? {} : { json: true }
}

function readServer(flags: Flags, problems: ConfigProblem[]): { readonly server?: string } {
  const [text = ''] = flagTexts(flags, 'master')
  if (text === '') return {}
  const isUrl = URL.canParse(text) && ['http:', 'https:'].includes(new URL(text).protocol)
  if (!isUrl)
    problems.push({ setting: '--master', value: text, fix: 'write a URL, such as https://192.0.2.10:6443' })
  return { server: text }
}
