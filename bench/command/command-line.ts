import type { BenchFlags } from './flags.ts'

/** As a person would type it for a shell, with what decides about the figures. */
export function commandLine(flags: BenchFlags): string {
  const { services, endpoints, dataplane, scenario, apiServer, recording, external, repeat, thorough } = flags
  const lists = { services, endpoints, dataplane, scenario }
  return [
    'portolan bench',
    ...Object.entries(lists).flatMap(([name, values]) =>
      values === undefined ? [] : [`--${name} ${quoted(values.join(','))}`],
    ),
    ...(apiServer === undefined ? [] : [`--api-server ${quoted(apiServer)}`]),
    ...(recording === undefined ? [] : recordingPart(recording, flags)),
    ...(external === undefined ? [] : externalPart(external, flags)),
    ...(repeat > 1 ? [`--repeat ${repeat}`] : []),
    ...(thorough ? ['--thorough'] : []),
  ].join(' ')
}

function recordingPart(recording: string, { recordingSpeed, node }: BenchFlags): string[] {
  return [
    `--recording ${quoted(recording)}`,
    ...(recordingSpeed === 1 ? [] : [`--recording-speed ${recordingSpeed}`]),
    ...(node === 'most' ? [] : [`--node ${quoted(node)}`]),
  ]
}

function externalPart(
  external: string,
  { externalArgs = [], externalName, externalTimeout }: BenchFlags,
): string[] {
  return [
    `--external ${quoted(external)}`,
    ...(externalArgs.length === 0 ? [] : [`--external-args ${quoted(externalArgs.map(joinable).join(' '))}`]),
    ...(externalName === undefined ? [] : [`--external-name ${quoted(externalName)}`]),
    ...(externalTimeout === defaultTimeoutMinutes ? [] : [`--external-timeout ${externalTimeout}`]),
  ]
}

/** Minutes. */
export const defaultTimeoutMinutes = 20

/** For a shell: what has a letter that means something to one stands in single quotes. */
function quoted(word: string): string {
  return /^[\w@%+=:,./-]+$/.test(word) ? word : `'${word.replaceAll("'", `'\\''`)}'`
}

/** For `splitArguments`, which knows two kinds of quotes and no other way to hide a letter. */
function joinable(argument: string): string {
  if (argument !== '' && !/[\s"']/.test(argument)) return argument
  const parts = argument.match(/[^"]+|"+/g) ?? ['']
  return parts.map((part) => (part.startsWith('"') ? `'${part}'` : `"${part}"`)).join('')
}
