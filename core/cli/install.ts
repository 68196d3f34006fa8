import { basename } from 'node:path'
import { readConfigText } from '../config/config-file.ts'
import { loadDataplane } from '../dataplane/load-dataplane.ts'
import { apiServerDoubt } from '../install/api-server-url.ts'
import type { InstallFlags } from '../install/install-options.ts'
import type { Installation } from '../install/installation.ts'
import { printManifests } from '../install/manifest.ts'
import { manifestsOf } from '../install/manifests.ts'
import { readInstallation } from '../install/read-installation.ts'
import { usageError } from './user-error.ts'
import { readVersion } from './version.ts'

/**
 * Prints the YAML that installs Portolan in a cluster. It asks no cluster and changes nothing.
 *
 * @throws {UserError} without --print
 * @throws {ConfigError | ConfigFileError | DataplaneLoadError}
 */
export async function install({
  print,
  ...flags
}: InstallFlags & { readonly print?: boolean }): Promise<void> {
  if (print !== true)
    throw usageError(
      'install applies nothing by itself: it prints what is to be applied',
      'add --print, read it, and apply it: portolan install --print ... | kubectl apply -f -',
    )
  const path = typeof flags.config === 'string' && flags.config !== '' ? flags.config : undefined
  const file = path === undefined ? undefined : { name: basename(path), text: await readConfigText(path) }
  const installation = readInstallation(flags, file, readVersion())
  // The dataplane itself knows its options.
  const { dataplane, dataplaneOptions: settings } = installation
  await loadDataplane(dataplane, { masqueradeBit: 14, settings })
  process.stdout.write(printManifests(manifestsOf(installation)))
  for (const line of notes(installation)) console.error(`portolan: ${line}`)
}

function notes({
  configuration,
  dataplane,
  healthz,
  namespace,
  startupTaint,
}: Installation): readonly string[] {
  const doubt =
    configuration.from === 'configMap' ? undefined : apiServerDoubt(new URL(configuration.apiServer))
  return [
    ...(startupTaint
      ? [
          '--startup-taint takes Kubernetes 1.32 or newer (kubectl version). Before 1.30 there are no admission policies, and ' +
            'the right to patch Nodes would be without one',
        ]
      : []),
    ...(namespace === 'kube-system'
      ? []
      : [
          `the Namespace ${namespace} is among what is printed, and kubectl delete -f would delete it with all that is in it: take it out where others have something there`,
        ]),
    ...(doubt === undefined ? [] : [`--api-server: ${doubt}`]),
    ...(configuration.from === 'configMap'
      ? [
          `the DaemonSet reads the ConfigMap ${configuration.name} of its namespace, with dataplane ${dataplane} whatever its mode`,
          `its probes ask port ${healthz.port}: where that ConfigMap sets healthzBindAddress otherwise, give it as a file, by --config`,
        ]
      : []),
  ]
}
