import { defineNftables } from './nftables-dataplane.ts'

export default defineNftables()
export { defineNftables }
