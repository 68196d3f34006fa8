import type { SourceConfig } from '../config/proxy-config.ts'
import type { ClusterSource } from '../source/cluster-source.ts'
import type { Logger } from '../source/logger.ts'

/** The source that the operator named. Only that kind's code is loaded, so that a file is read at once. */
export async function openSource(
  config: SourceConfig,
  nodeName: string,
  logger: Logger,
): Promise<ClusterSource> {
  if (config.from === 'file') {
    const { fileSource } = await import('../source/file/index.ts')
    return fileSource({ path: config.path, logger })
  }
  const { kubernetesSource } = await import('../source/kubernetes/index.ts')
  return kubernetesSource({
    nodeName,
    logger,
    ...(config.from === 'kubeconfig' ? { kubeconfig: config.path } : {}),
  })
}
