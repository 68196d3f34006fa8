import { quote } from 'shlex'
import { standardShrink } from './command.ts'
import type { FuzzFlags } from './fuzz.ts'

/**
 * As a person would type it for a shell, with what decides about what is tried.
 *
 * @param path to try that alone; absent: to search
 */
export function commandLine(
  dataplane: string,
  { seed, minutes, rounds, only, underTest, deadline, slowness, shrink }: FuzzFlags,
  path?: string,
): string {
  return [
    'portolan fuzz',
    quote(dataplane),
    `--seed ${seed}`,
    ...(path === undefined
      ? [
          ...(minutes === undefined ? [] : [`--minutes ${minutes}`]),
          ...(rounds === undefined ? [] : [`--rounds ${rounds}`]),
          ...(only === undefined ? [] : [`--only ${only.join()}`]),
          ...(shrink === standardShrink ? [] : [`--shrink ${shrink}`]),
        ]
      : [`--path ${path}`]),
    ...(underTest === undefined ? [] : [`--under-test ${quote(underTest)}`]),
    ...(deadline === undefined ? [] : [`--deadline ${deadline}`]),
    ...(slowness === 1 ? [] : [`--slowness ${slowness}`]),
  ].join(' ')
}
