import { join, quote } from 'shlex'
import type { BenchFlags } from './flags.ts'

/** As a person would type it for a shell, with what decides about the figures. */
export function commandLine(flags: BenchFlags): string {
  const { services, endpoints, dataplane, scenario, apiServer, recording, external } = flags
  const { changes, repeat, thorough } = flags
  const lists = { services, endpoints, dataplane, scenario }
  return [
    'portolan bench',
    ...Object.entries(lists).flatMap(([name, values]) =>
      values === undefined ? [] : [`--${name} ${quote(values.join(','))}`],
    ),
    ...(apiServer === undefined ? [] : [`--api-server ${quote(apiServer)}`]),
    ...(recording === undefined ? [] : recordingPart(recording, flags)),
    ...(external === undefined ? [] : externalPart(external, flags)),
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

function externalPart(
  external: string,
  { externalArgs = [], externalName, externalTimeout }: BenchFlags,
): string[] {
  return [
    `--external ${quote(external)}`,
    ...(externalArgs.length === 0 ? [] : [`--external-args ${quote(join(externalArgs))}`]),
    ...(externalName === undefined ? [] : [`--external-name ${quote(externalName)}`]),
    ...(externalTimeout === defaultTimeoutMinutes ? [] : [`--external-timeout ${externalTimeout}`]),
  ]
}

/** Minutes. */
export const defaultTimeoutMinutes = 20
