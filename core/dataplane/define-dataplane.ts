import type { Capabilities } from './capabilities.ts'
import { checkParts } from './check-parts.ts'
import type { CompiledProgram } from './compiled-program.ts'
import { contractVersion, type DataplaneFactory } from './contract.ts'
import type { DataplaneContext, DataplaneParts } from './dataplane-parts.ts'
import { silentLogger } from './logger.ts'
import { parseSettings, type SettingDeclarations, type SettingValues } from './settings.ts'
import { SupervisedDataplane } from './supervised-dataplane.ts'

/** All that an author says of a dataplane. */
export interface DataplaneDefinition<
  Settings extends SettingDeclarations,
  Program extends CompiledProgram,
  Observed,
  Handle,
  Memory,
> {
  /** A word, as in `--dataplane NAME` and in every message about it. */
  readonly name: string
  readonly capabilities: Capabilities
  /** What `--dataplane-option` may say: parsed, checked and shown by `portolan help-dataplane`. Default: nothing. */
  readonly settings?: Settings
  /**
   * Makes both halves for one node. Not a promise of them: dataplanes are made just to be asked what they would do, and
   * what takes time (sockets, modules of the kernel) belongs into `open`.
   *
   * @throws {SettingError} for settings that contradict one another
   */
  create(
    context: DataplaneContext<SettingValues<Settings>>,
  ): DataplaneParts<Program, Observed, Handle, Memory>
}

/**
 * Makes a dataplane of its two halves. The core owns the life cycle: it opens once, keeps what is remembered of each
 * family, has a deadline for every call, checks every result, and names dataplane, method and family in every error.
 */
export function defineDataplane<
  Program extends CompiledProgram,
  Observed,
  Handle = void,
  Memory = void,
  const Settings extends SettingDeclarations = Readonly<Record<never, never>>,
>(
  definition: DataplaneDefinition<Settings, Program, Observed, Handle, Memory>,
): DataplaneFactory<Program, Observed> {
  const { name, capabilities, settings = {} as Settings } = definition
  return {
    name,
    contractVersion,
    capabilities,
    settings,
    create(options, supervision) {
      const stopped = new AbortController()
      const { masqueradeBit, networkNamespace, logger, onNotice, onNodeChange, onDriftSuspected } = options
      const parts = checkParts(
        name,
        definition.create({
          masqueradeBit,
          networkNamespace,
          settings: parseSettings(settings, options.settings),
          logger: logger ?? silentLogger,
          notify: onNotice ?? (() => {}),
          nodeChanged: onNodeChange ?? (() => {}),
          suspectDrift: onDriftSuspected ?? (() => {}),
          signal: stopped.signal,
        }),
      )
      return new SupervisedDataplane({ name, capabilities, parts, stopped }, supervision)
    },
  }
}
