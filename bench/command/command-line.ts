import type { BenchFlags } from './flags.ts'

/** As a person would type it for a shell, with what decides about the figures. */
export function commandLine(flags: BenchFlags): string {
  const { services, endpoints, dataplane, scenario, apiServer, recording, against, repeat, thorough } = flags
  const lists = { services, endpoints, dataplane, scenario }
  return [
    'portolan bench',
    ...Object.entries(lists).flatMap(([name, values]) =>
      values === undefined ? [] : [`--${name} ${quoted(values.join(','))}`],
    ),
    ...(apiServer === undefined ? [] : [`--api-server ${quoted(apiServer)}`]),
    ...(recording === undefined ? [] : recordingPart(recording, flags)),
    ...(against === undefined ? [] : againstPart(against, flags)),
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

function againstPart(
  against: string,
  { againstArgs = [], againstName, againstPatience }: BenchFlags,
): string[] {
  return [
    `--against ${quoted(against)}`,
    ...(againstArgs.length === 0 ? [] : [`--against-args ${quoted(againstArgs.map(joinable).join(' '))}`]),
    ...(againstName === undefined ? [] : [`--against-name ${quoted(againstName)}`]),
    ...(againstPatience === usualPatience ? [] : [`--against-patience ${againstPatience}`]),
  ]
}

/** Minutes. */
export const usualPatience = 20

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
