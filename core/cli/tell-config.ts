import { type ConfigNote, describeNote } from '../config/config-note.ts'
import type { ResolvedConfig } from '../config/resolve-config.ts'
import type { Logger } from '../log/logger.ts'

/** Lines about settings, at most. */
const maxTold = 20

/** Logs what the author of a configuration may not expect. `portolan config check` says more. */
export function tellConfig(
  { notes, kubeProxy, portolan, section, config }: ResolvedConfig,
  logger: Logger,
): void {
  tellNotes(notes, logger)
  if (kubeProxy.mode !== '' || portolan.dataplane !== '' || section !== 'iptables') return
  logger.warn(
    { event: 'mode-not-set', dataplane: config.dataplane },
    'the KubeProxyConfiguration has no mode: iptables is taken, as kube-proxy does until a later version takes nftables; ' +
      'write mode: iptables to keep it, or mode: nftables or ebpf',
  )
}

/** Logs what is said and not read. */
export function tellNotes(notes: readonly ConfigNote[], logger: Logger): void {
  for (const note of notes.slice(0, maxTold)) {
    const { setting, at } = note
    logger.warn(
      { event: 'setting-not-read', setting, ...(at === undefined ? {} : { at }) },
      describeNote(note),
    )
  }
  if (notes.length > maxTold)
    logger.warn(
      { event: 'setting-not-read', settings: notes.length - maxTold },
      `and ${notes.length - maxTold} more settings: 'portolan config check' names all`,
    )
}
