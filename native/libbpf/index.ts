export { BpfMap } from './bpf-map.ts'
export { BpfObject, type BpfProgram, type LoadOptions, readStructs } from './bpf-object.ts'
export type { BtfStruct } from './btf.ts'
export { attachToCgroup, type CgroupHook, cgroupHook, linkedProgramTag } from './cgroup-link.ts'
export { bpfFileSystem, mountBpfFileSystem } from './file-system.ts'
export { BpfError, LibbpfMissingError, libbpf, openPin } from './library.ts'
export { ProgramsMissingError, readClosingPrograms, readPrograms } from './programs.ts'
export {
  attachedProgramTag,
  attachToInterface,
  type Direction,
  detachFromInterface,
  removeUnusedHook,
  type TcPlace,
} from './traffic-control.ts'
