import type { Environment } from '../config/flags.ts'

/** What this process's environment says. */
export function environment(): Environment {
  return { inCluster: (process.env.KUBERNETES_SERVICE_HOST ?? '') !== '' }
}
