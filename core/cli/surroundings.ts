import type { Surroundings } from '../config/flags.ts'

/** What this process's environment says. */
export function surroundings(): Surroundings {
  return { inCluster: (process.env.KUBERNETES_SERVICE_HOST ?? '') !== '' }
}
