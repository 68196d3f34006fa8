import { writeFile } from 'node:fs/promises'
import { type Flags, flagTexts } from '../config/config-flags.ts'
import { toDocument } from '../config/field.ts'
import { portolanFields } from '../config/portolan-fields.ts'
import type { ResolvedConfig } from '../config/resolve-config.ts'
import { UserError } from './user-error.ts'

/** Writes the configuration in force to a file that --config reads. A file that is there is written over. */
export async function writeConfig(path: string, resolved: ResolvedConfig): Promise<void> {
  const text = await configText(resolved)
  await writeFile(path, text).catch((cause: NodeJS.ErrnoException) => {
    throw new UserError(`can't write ${path}: ${cause.message.split(',')[0]}`, {
      fix: 'name a file in a folder that is there and that you may write to',
      cause,
    })
  })
}

/** A line for each flag that no field stands for, so that the file doesn't mean the same without it. */
export function unwrittenFlags(flags: Flags, { config }: ResolvedConfig): string[] {
  const { healthz, metrics } = config.servers
  return [
    ...(['master', 'source', 'recording-speed'] as const).flatMap((name) =>
      flagTexts(flags, name).length > 0 ? [`--${name} is no part of it: give it beside --config`] : [],
    ),
    ...(healthz === undefined
      ? ['--healthz-port 0 is no part of it: by a file /healthz is always served']
      : []),
    ...(metrics === undefined
      ? ['--metrics-port 0 is no part of it: by a file /metrics is always served']
      : []),
  ]
}

/** KubeProxyConfiguration with all its fields; behind it, where kube-proxy doesn't read, Portolan's own settings. */
export async function configText({ config, portolan, section }: ResolvedConfig): Promise<string> {
  const { stringify } = await import('yaml')
  const own = {
    apiVersion: 'portolan.dev/v1alpha1',
    kind: 'PortolanConfiguration',
    // Only where it isn't the mode itself, which may be changed in the file later.
    ...toDocument(portolanFields, {
      ...portolan,
      dataplane: config.dataplane === section ? '' : config.dataplane,
    }),
  }
  // A mode that kube-proxy knows as well, so that it can read the file in Portolan's place.
  const kubeProxy = { ...config.kubeProxyConfiguration, mode: section }
  // In YAML 1.1, by which kube-proxy reads it.
  const version = '1.1'
  return `${stringify(kubeProxy, { sortMapEntries: true, version })}---\n${stringify(own, { version })}`
}
