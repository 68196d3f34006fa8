import type { DataplaneName, Scene } from './scene.ts'

/** One time that a fault happens. */
export interface Round {
  /**
   * Makes the fault, changes the cluster, and ends the fault, as far as that isn't for the proxy to do.
   *
   * @returns from when on the node could do right, by `performance.now()`; nothing: from now on
   */
  inject(scene: Scene): Promise<number | undefined>
  /** Whether the process may end by this, to be started again by its supervisor. */
  readonly mayEnd?: true
  /** What stays to be undone when the node does right again. */
  after?(scene: Scene): Promise<void>
}

/** How often a fault is made, and how long it lasts: seconds, or with `long` minutes. */
export type Extent = 'short' | 'usual' | 'long'

export interface Fault {
  readonly name: string
  readonly group: string
  /** Absent: all. */
  readonly dataplanes?: readonly DataplaneName[]
  /** It is one of single answers, which only the embedded API server gives on demand. */
  readonly needsAnswers?: true
  /** Why packets are lost with any proxy; absent: none may be. */
  readonly losesPackets?: string
  rounds(options: { readonly extent: Extent; readonly dataplane: DataplaneName }): readonly Round[]
}

/** One round, of what needn't say from when on the node could do right. */
export function once(inject: (scene: Scene) => Promise<unknown>, more: Omit<Round, 'inject'> = {}): Round {
  const since = (given: unknown) => (typeof given === 'number' ? given : undefined)
  return { inject: async (scene) => since(await inject(scene)), ...more }
}
