import { ebpf } from './ebpf-dataplane.ts'

export default ebpf
export { ebpf }
