import { defineIpvs } from './ipvs-dataplane.ts'

export default defineIpvs()
export { defineIpvs }
