import type { SourceConfig } from '../config/proxy-config.ts'
import type { Logger } from '../log/logger.ts'
import type { ClusterSource } from '../source/cluster-source.ts'
import type { ApiObserver } from '../source/kubernetes/api-observer.ts'

/**
 * The source that the operator named. Only that kind's code is loaded, so that a file is read at once.
 *
 * @param observer told of what an API server answers
 * @param nodeName whose Node object is delivered by an API server; absent: all of them. Other sources deliver all.
 */
export async function openSource(
  config: SourceConfig,
  nodeName: string | undefined,
  logger: Logger,
  observer?: ApiObserver,
): Promise<ClusterSource> {
  if (config.from === 'file') {
    const { fileSource } = await import('../source/file/index.ts')
    return fileSource({ path: config.path, logger })
  }
  if (config.from === 'recording') {
    const { recordingSource } = await import('../source/recording/index.ts')
    return recordingSource({ path: config.path, speed: config.speed, logger })
  }
  const { kubernetesSource } = await import('../source/kubernetes/index.ts')
  return kubernetesSource({
    ...(nodeName === undefined ? {} : { nodeName }),
    logger,
    ...(observer === undefined ? {} : { observer }),
    ...(config.from === 'kubeconfig' ? { kubeconfig: config.path } : {}),
    ...(config.server === undefined ? {} : { server: config.server }),
    ...(config.json ? { forms: 'json' } : {}),
  })
}
