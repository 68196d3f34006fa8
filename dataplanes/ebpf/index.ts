import type { DataplaneFactory, DataplaneOptions } from '@portolan/core'
import { EbpfDataplane } from './ebpf-dataplane.ts'

/** Makes the eBPF dataplane. Its settings are in layout/settings.ts. */
const ebpf: DataplaneFactory = (options: DataplaneOptions) => new EbpfDataplane(options)

export default ebpf
export { EbpfDataplane }
