import type { ProxyConfig } from '../config/proxy-config.ts'
import { NodeError, nodeErrorCodes } from '../node/node-error.ts'
import { prepareNode } from '../node/prepare-node.ts'
import { createLogger } from './log.ts'

/**
 * kube-proxy's `--init-only`: does what needs more rights than CAP_NET_ADMIN, and ends (SEMANTICS 16).
 *
 * @throws {NodeError} when a sysctl can't be set: what runs after it counts on them
 */
export async function initOnly(config: ProxyConfig): Promise<void> {
  const logger = await createLogger(config.logLevel)
  const failed = await prepareNode({ config, logger })
  if (failed.length === 0) return
  const message = `could not set ${failed.join(', ')}`
  throw new NodeError('SYSCTLS_NOT_SET', message, nodeErrorCodes.SYSCTLS_NOT_SET.fix)
}
