import { defineIptables } from './iptables-dataplane.ts'

export default defineIptables()
export { defineIptables }
