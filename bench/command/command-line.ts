import { join, quote } from 'shlex'
import type { BenchFlags, ExternalFlags } from './flags.ts'

/** As a person would type it for a shell, with what decides about the figures. */
export function commandLine(flags: BenchFlags): string {
  const { services, endpoints, dataplane, scenario, apiServer, recording, external = [] } = flags
  const { changes, repeat, thorough } = flags
  const lists = { services, endpoints, dataplane, scenario }
  return [
    'portolan bench',
    ...Object.entries(lists).flatMap(([name, values]) =>
      values === undefined ? [] : [`--${name} ${quote(values.join(','))}`],
    ),
    ...(apiServer === undefined ? [] : [`--api-server ${quote(apiServer)}`]),
    ...(recording === undefined ? [] : recordingPart(recording, flags)),
    ...external.flatMap(externalPart),
    ...(changes === undefined ? [] : [`--changes ${changes}`]),
    ...(repeat > 1 ? [`--repeat ${repeat}`] : []),
    ...(thorough ? ['--thorough'] : []),
  ].join(' ')
}

function recordingPart(recording: string, { recordingSpeed, node }: BenchFlags): string[] {
  return [
    `--recording ${quote(recording)}`,
    ...(recordingSpeed === 1 ? [] : [`--recording-speed ${recordingSpeed}`]),
    ...(node === 'most' ? [] : [`--node ${quote(node)}`]),
  ]
}

function externalPart({ program, args, name, timeoutMinutes }: ExternalFlags): string[] {
  return [
    `--external ${quote(program)}`,
    ...(args.length === 0 ? [] : [`--external-args ${quote(join([...args]))}`]),
    ...(name === undefined ? [] : [`--external-name ${quote(name)}`]),
    ...(timeoutMinutes === defaultTimeoutMinutes ? [] : [`--external-timeout ${timeoutMinutes}`]),
  ]
}

/** Minutes. */
export const defaultTimeoutMinutes = 20
