import type { DataplaneFactory, DataplaneOptions } from '@portolan/core'
import { IpvsDataplane } from './ipvs-dataplane.ts'

/** Makes the IPVS dataplane; settings.ts tells its settings. */
const ipvs: DataplaneFactory = (options: DataplaneOptions) => new IpvsDataplane(options)

export default ipvs
export { IpvsDataplane }
