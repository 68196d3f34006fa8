import type { ProblemLog } from '../cluster/problem-log.ts'
import { localhostFamilies } from '../config/localhost-families.ts'
import { podSource } from '../config/pod-source.ts'
import type { ProxyConfig } from '../config/proxy-config.ts'
import { type Capabilities, localhostFamiliesOf } from '../dataplane/capabilities.ts'
import { type Cidr, familyOf, type IpFamily } from '../network/address.ts'
import type { HealthCheckListener } from '../table/builder/health-check-ports.ts'
import { TableBuilder } from '../table/builder/table-builder.ts'

export interface TableBuildersOptions {
  readonly config: ProxyConfig
  readonly nodeName: string
  readonly families: readonly IpFamily[]
  /** The Node's `spec.podCIDRs`; looked at in mode NodeCIDR only. */
  readonly podCidrs: readonly Cidr[]
  /** Of the dataplane that the tables are for. */
  readonly capabilities: Capabilities
  /** Milliseconds since the epoch; see `TableBuilderOptions`. */
  readonly triggersSince?: number
  /** Takes the claims that one Service loses to another. */
  readonly problems?: ProblemLog
  /** Told of each health check that changed in a family. */
  readonly onHealthCheck?: (family: IpFamily, ...check: Parameters<HealthCheckListener>) => void
}

/** A builder for each family, set up as the operator configured. */
export function tableBuilders(options: TableBuildersOptions): TableBuilder[] {
  const { config, nodeName, families, podCidrs, capabilities, triggersSince, problems, onHealthCheck } =
    options
  const { bindAddress, masqueradeAll, nodePortAddresses } = config
  const atLocalhost = localhostFamilies(config)
  const canAtLocalhost = localhostFamiliesOf(capabilities)
  return families.map((family) => {
    const told = bindAddress !== undefined && familyOf(bindAddress) === family
    return new TableBuilder({
      family,
      nodeName,
      podSource: podSource(config.podDetection, family, podCidrs),
      masqueradeAll,
      nodePortAddresses,
      localhostNodePorts: atLocalhost.includes(family) && canAtLocalhost.includes(family),
      ...(told ? { nodeAddress: bindAddress } : {}),
      ...(triggersSince === undefined ? {} : { triggersSince }),
      ...(problems === undefined ? {} : { onProblem: (problem) => problems.report(problem) }),
      ...(onHealthCheck === undefined
        ? {}
        : { onHealthCheck: (service, check) => onHealthCheck(family, service, check) }),
    })
  })
}
