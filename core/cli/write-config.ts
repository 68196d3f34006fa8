import { writeFile } from 'node:fs/promises'
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
  return `${stringify(kubeProxy, { sortMapEntries: true })}---\n${stringify(own)}`
}
