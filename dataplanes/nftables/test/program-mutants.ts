import type { FaultyParts } from '@portolan/conformance/convergence'
import type { Dataplane } from '@portolan/core'
import type { NftProgram } from '../compile/program.ts'
import { ElementChanges, type SetChanges } from '../layout/elements.ts'
import type { ObservedState } from '../layout/observed-state.ts'

interface ProgramMutant {
  readonly does: string
  plant(sound: Sound): FaultyParts<NftProgram, ObservedState>
}

type Sound = Dataplane<NftProgram, ObservedState>

/** The program without some of its element changes. */
function without(
  program: NftProgram,
  left: (set: string, what: 'removals' | 'additions') => boolean,
): NftProgram {
  const elements = new ElementChanges()
  const each = (what: 'removals' | 'additions', changes: SetChanges) =>
    left(changes.set.name, what) ? [] : changes[what]
  for (const changes of program.elements) {
    for (const { key, value } of each('removals', changes)) elements.remove(changes.set, key, value)
    for (const { key, value } of each('additions', changes)) elements.add(changes.set, key, value)
  }
  const operations = program.operations - program.elements.count + elements.count
  return { ...program, elements, operations }
}

/** The declarations without the elements that lead to chains which are a part of a filtered one. */
function withoutInnerEntries(program: NftProgram): NftProgram {
  const inner = program.declarations.flatMap(
    (text) => /add chain \S+ \S+ (\S+)-filtered /.exec(text)?.[1] ?? [],
  )
  const declarations = program.declarations.filter(
    (text) => !inner.some((chain) => text.startsWith('add element') && text.endsWith(`goto ${chain} }`)),
  )
  const operations = program.operations - program.declarations.length + declarations.length
  return { ...program, declarations, operations }
}

/** What this dataplane could do wrong in its own programs, by name. */
export const programMutants = {
  leavesOutInnerEntries: {
    does: 'leaves out the element of a chain that another chain brought along',
    plant: (sound) => ({
      compile: (change) => withoutInnerEntries(sound.compile(change)),
      reconcile: (observedState, table) =>
        observedState?.chains.size === 0
          ? withoutInnerEntries(sound.reconcile(observedState, table))
          : sound.reconcile(observedState, table),
    }),
  },
  forgetsToTakeOutRanges: {
    does: 'forgets to take out source ranges',
    plant: (sound) => ({
      compile: (change) =>
        without(sound.compile(change), (set, what) => set === 'allowed-sources' && what === 'removals'),
    }),
  },
  takesRefusedForApplied: {
    does: 'takes a refused program for an applied one',
    plant: (sound) => ({
      apply: (program) => sound.apply(program).catch(() => ({ operations: 1, bytes: 0, degraded: [] })),
    }),
  },
  reconcilesNoNumbersOfLocalEndpoints: {
    does: 'reconciles everything but the numbers of local endpoints',
    plant: (sound) => ({
      reconcile: (observedState, table) =>
        without(sound.reconcile(observedState, table), (set) => set === 'counts-vip-local'),
    }),
  },
} as const satisfies Record<string, ProgramMutant>
